package routewatch_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// answer is a way to answer a request, and the status that the client gets.
type answer struct {
	name string
	want int
	h    http.HandlerFunc
}

// path is where the answer is to be had.
func (a answer) path() string { return "/" + strings.ReplaceAll(a.name, " ", "_") }

func answers(t *testing.T) []answer {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("file "), 1<<12), 0o600))
	broken := io.MultiReader(errReader{})
	return []answer{
		{"404, then 200", 404, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }},
		{"200, then http.Error", 200, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			http.Error(w, "too late", 500)
		}},
		{"Write, then 500", 200, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")); w.WriteHeader(500) }},
		{"Write of nothing, then 500", 200, func(w http.ResponseWriter, _ *http.Request) { w.Write(nil); w.WriteHeader(500) }},
		{"WriteString, then 500", 200, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x"); w.WriteHeader(500) }},
		{"WriteString of nothing, then 500", 200, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, ""); w.WriteHeader(500) }},
		{"Flush, then 500", 200, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.WriteHeader(500) }},
		{"ResponseController.Flush, then 500", 200, func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			w.WriteHeader(500)
		}},
		{"io.Copy, then 500", 200, func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("x")); w.WriteHeader(500) }},
		{"io.Copy of a plain reader, then 500", 200, func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, io.LimitReader(strings.NewReader("x"), 1))
			w.WriteHeader(500)
		}},
		{"io.Copy of nothing, then 500", 500, func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, io.MultiReader())
			w.WriteHeader(500)
		}},
		{"io.Copy of a broken reader, then 500", 500, func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(w, broken); err != nil {
				w.WriteHeader(500)
			}
		}},
		{"io.Copy, the reader broken midway, then 500", 200, func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(w, io.MultiReader(strings.NewReader("x"), broken)); err != nil {
				w.WriteHeader(500)
			}
		}},
		{"103, then 503", 503, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(503)
		}},
		{"100 and 102, then Write", 200, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(100)
			w.WriteHeader(102)
			w.Write([]byte("x"))
		}},
		{"103, then nothing", 200, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }},
		{"a code that is none, then 503", 503, func(w http.ResponseWriter, _ *http.Request) {
			for _, code := range []int{0, 99, 1000, -1} {
				func() {
					defer func() { recover() }()
					w.WriteHeader(code)
				}()
			}
			w.WriteHeader(503)
		}},
		{"Push, then 503", 503, func(w http.ResponseWriter, _ *http.Request) {
			if p, ok := w.(http.Pusher); ok {
				p.Push("/style.css", nil)
			}
			w.WriteHeader(503)
		}},
		{"nothing written", 200, func(http.ResponseWriter, *http.Request) {}},
		{"headers alone", 200, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Shop", "open") }},
		{"503", 503, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }},
		{"599", 599, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) }},
		{"204", 204, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
		{"304", 304, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }},
		{"http.Redirect", 302, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }},
		{"http.ServeFile", 200, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }},
		{"http.ServeFile, a part", 206, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=5-9")
			http.ServeFile(w, r, file)
		}},
		{"http.ServeFile, beyond the end", 416, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=99999999-")
			http.ServeFile(w, r, file)
		}},
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

// The status that a Watcher records is the one that the client gets.
func TestStatus(t *testing.T) {
	rows := answers(t)
	between := map[string]func(http.Handler) http.Handler{
		"": func(h http.Handler) http.Handler { return h },
		// Middleware of a common kind: a wrapper with nothing but Unwrap.
		", behind a writer with Unwrap alone": unwrapping,
	}
	for _, p := range protocols {
		for name, wrapped := range between {
			t.Run(p.name+name, func(t *testing.T) {
				mux := http.NewServeMux()
				recs := make([]*recorder, len(rows))
				ws := make([]*routewatch.Watcher, len(rows))
				for i, row := range rows {
					recs[i] = &recorder{}
					ws[i] = newWatcher(t, allStatuses(recs[i]))
					mux.Handle(row.path(), wrapped(ws[i].Handler(row.h)))
				}
				s := newServer(t, mux, p.start)
				s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				client := make([]int, len(rows))
				for i, row := range rows {
					if name != "" && strings.HasPrefix(row.name, "Flush,") {
						continue // there is no Flusher
					}
					client[i], _ = s.get(t, row.path())
				}
				s.stop()
				for i, row := range rows {
					if client[i] == 0 && name != "" {
						continue
					}
					assert.Equal(t, row.want, client[i], "%s: what the client got", row.name)
					assert.Equal(t, row.want, recorded(t, ws[i], recs[i]), "%s: what was recorded", row.name)
				}
			})
		}
	}
}
