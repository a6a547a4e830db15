package routewatch_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

type (
	flushErrorer  interface{ FlushError() error }
	closeNotifier interface{ CloseNotify() <-chan bool }
)

// optionals are the names of the optional interfaces that w has.
func optionals(w http.ResponseWriter) []string {
	var names []string
	for name, has := range map[string]bool{
		"Flusher":       is[http.Flusher](w),
		"FlushError":    is[flushErrorer](w),
		"Hijacker":      is[http.Hijacker](w),
		"ReaderFrom":    is[io.ReaderFrom](w),
		"StringWriter":  is[io.StringWriter](w),
		"Pusher":        is[http.Pusher](w),
		"CloseNotifier": is[closeNotifier](w),
	} {
		if has {
			names = append(names, name)
		}
	}
	return names
}

func is[T any](w http.ResponseWriter) bool {
	_, ok := w.(T)
	return ok
}

// everything is a writer with all optional interfaces, that keeps what it was
// called with.
type everything struct {
	*httptest.ResponseRecorder
	calls  []string
	notify chan bool
}

var errBelow = errors.New("from below")

func (w *everything) call(format string, args ...any) {
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

func (w *everything) Write(p []byte) (int, error) { w.call("Write %s", p); return len(p), errBelow }
func (w *everything) WriteHeader(code int)        { w.call("WriteHeader %d", code) }
func (w *everything) Flush()                      { w.call("Flush") }
func (w *everything) FlushError() error           { w.call("FlushError"); return errBelow }
func (w *everything) WriteString(s string) (int, error) {
	w.call("WriteString %s", s)
	return 7, errBelow
}
func (w *everything) CloseNotify() <-chan bool { w.call("CloseNotify"); return w.notify }

func (w *everything) Push(target string, opts *http.PushOptions) error {
	w.call("Push %s %s", target, opts.Method)
	return errBelow
}

func (w *everything) ReadFrom(r io.Reader) (int64, error) {
	b, _ := io.ReadAll(r)
	w.call("ReadFrom %s", b)
	return int64(len(b)), errBelow
}

func (w *everything) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.call("Hijack")
	return nil, nil, nil
}

// uses is what a handler may do with a writer. do says false where the writer
// cannot, and status is what a WriteHeader(500) thereafter makes of the answer.
var uses = []struct {
	call   string
	status int
	do     func(t *testing.T, w http.ResponseWriter) bool
}{
	{"Write x", 200, func(t *testing.T, w http.ResponseWriter) bool {
		n, err := w.Write([]byte("x"))
		assert.Equal(t, 1, n)
		assert.Equal(t, errBelow, err)
		return true
	}},
	{"WriteHeader 404", 404, func(_ *testing.T, w http.ResponseWriter) bool {
		w.WriteHeader(404)
		return true
	}},
	{"Flush", 200, func(_ *testing.T, w http.ResponseWriter) bool {
		f, ok := w.(http.Flusher)
		if ok {
			f.Flush()
		}
		return ok
	}},
	{"FlushError", 200, func(t *testing.T, w http.ResponseWriter) bool {
		f, ok := w.(flushErrorer)
		if ok {
			assert.Equal(t, errBelow, f.FlushError())
			assert.Equal(t, errBelow, http.NewResponseController(w).Flush())
		}
		return ok
	}},
	{"Hijack", 101, func(t *testing.T, w http.ResponseWriter) bool {
		h, ok := w.(http.Hijacker)
		if ok {
			_, _, err := h.Hijack()
			assert.NoError(t, err)
		}
		return ok
	}},
	{"ReadFrom body", 200, func(t *testing.T, w http.ResponseWriter) bool {
		rf, ok := w.(io.ReaderFrom)
		if ok {
			n, err := rf.ReadFrom(strings.NewReader("body"))
			assert.Equal(t, int64(4), n)
			assert.Equal(t, errBelow, err)
		}
		return ok
	}},
	{"WriteString s", 200, func(t *testing.T, w http.ResponseWriter) bool {
		sw, ok := w.(io.StringWriter)
		if ok {
			n, err := sw.WriteString("s")
			assert.Equal(t, 7, n)
			assert.Equal(t, errBelow, err)
		}
		return ok
	}},
	{"Push /style.css HEAD", 500, func(t *testing.T, w http.ResponseWriter) bool {
		p, ok := w.(http.Pusher)
		if ok {
			assert.Equal(t, errBelow, p.Push("/style.css", &http.PushOptions{Method: "HEAD"}))
		}
		return ok
	}},
	{"CloseNotify", 500, func(t *testing.T, w http.ResponseWriter) bool {
		cn, ok := w.(closeNotifier)
		if ok {
			c := cn.CloseNotify()
			assert.True(t, <-c)
		}
		return ok
	}},
}

// A writer may have any of 128 sets of optional interfaces; the handler's has the
// same set, and each of them works.
func TestEverySetOfOptionalInterfaces(t *testing.T) {
	seen := map[string]bool{}
	for set := range routewatch.NumSets {
		below := routewatch.Narrow(&everything{}, set)
		want := optionals(below)
		slices.Sort(want)
		key := strings.Join(want, " ")
		require.False(t, seen[key], "two sets are %q", key)
		seen[key] = true

		t.Run(fmt.Sprintf("%03d %s", set, key), func(t *testing.T) {
			for _, use := range uses {
				all := &everything{notify: make(chan bool, 1)}
				all.notify <- true
				did := false
				got := statusOf(t, routewatch.Narrow(all, set), func(w http.ResponseWriter, _ *http.Request) {
					assert.ElementsMatch(t, want, optionals(w))
					if did = use.do(t, w); did {
						w.WriteHeader(500)
					}
				})
				if !did {
					continue
				}
				assert.Equal(t, use.status, got, "status after %s", use.call)
				assert.Contains(t, all.calls, use.call)
				assert.Equal(t, "WriteHeader 500", all.calls[len(all.calls)-1], "the last call is passed on as well")
			}
		})
	}
	assert.Len(t, seen, 128)
}

// statusOf is the status that a Watcher takes an answer for.
func statusOf(t *testing.T, w http.ResponseWriter, h http.HandlerFunc) int {
	t.Helper()
	rec := &recorder{}
	watcher := newWatcher(t, allStatuses(rec))
	watcher.Handler(h).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return recorded(t, watcher, rec)
}

// allStatuses raises an alert for every answer, with its status for an alias.
func allStatuses(rec *recorder) routewatch.Config {
	return routewatch.Config{
		Notifier: rec, StatusClasses: []string{"1XX", "2XX", "3XX", "4XX", "5XX"}, StatusAlias: "{status}",
	}
}

// recorded is the one status that a Watcher of allStatuses saw.
func recorded(t *testing.T, w *routewatch.Watcher, rec *recorder) (status int) {
	t.Helper()
	require.NoError(t, w.Flush(t.Context()))
	aliases := aliasesOf(rec.alerts())
	require.Len(t, aliases, 1)
	_, err := fmt.Sscan(aliases[0], &status)
	require.NoError(t, err)
	return status
}
