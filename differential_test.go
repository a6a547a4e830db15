package routewatch_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// moreAnswers are those whose status is not the whole of it.
func moreAnswers() []answer {
	return []answer{
		{"panic", 0, func(http.ResponseWriter, *http.Request) { panic("lost") }},
		{"panic after Write", 0, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("half")); panic("lost") }},
		{"panic after Flush", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("half"))
			w.(http.Flusher).Flush()
			panic("lost")
		}},
		{"http.ErrAbortHandler", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}},
		{"trailers", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			w.Write([]byte("sum"))
			w.Header().Set("X-Sum", "42")
			w.Header().Set(http.TrailerPrefix+"X-More", "43")
		}},
		{"headers too late", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			w.Header().Set("X-Late", "1")
		}},
		{"a large body", 0, func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				fmt.Fprint(w, strings.Repeat("x", 1000))
			}
		}},
		{"a body of a length", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			w.Write([]byte("abc"))
		}},
		{"more than its length", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			_, err := w.Write([]byte("abcd"))
			fmt.Fprint(w, err)
		}},
		{"less than its length", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "30")
			w.Write([]byte("abc"))
		}},
		{"a body where none may be", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			_, err := w.Write([]byte("abc"))
			w.Header().Set("X-Error", fmt.Sprint(err))
		}},
		{"an echo", 0, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }},
		{"a body that is not read", 0, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusRequestEntityTooLarge) }},
		{"http.TimeoutHandler", 0, http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Shop", "open")
			fmt.Fprint(w, "in time")
		}), time.Minute, "").ServeHTTP},
		{"Connection: close", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "bye")
		}},
		{"no Date, no Content-Type", 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"], w.Header()["Content-Type"] = nil, nil
			fmt.Fprint(w, "<html>")
		}},
		{"hijacked", 0, func(w http.ResponseWriter, _ *http.Request) {
			if h, ok := w.(http.Hijacker); ok {
				if c, _, err := h.Hijack(); err == nil {
					fmt.Fprint(c, "anything at all")
					c.Close()
				}
			}
		}},
	}
}

var date = regexp.MustCompile(`(?m)^(Date|Last-Modified): .*\r\n`)

// Over a table of handlers and requests, a client gets the same bytes with a
// Watcher as without.
func TestSameBytes(t *testing.T) {
	requests := map[string]string{
		"GET":         "GET %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
		"HEAD":        "HEAD %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
		"HTTP/1.0":    "GET %s HTTP/1.0\r\n\r\n",
		"two at once": "GET %[1]s HTTP/1.1\r\nHost: shop\r\n\r\nGET %[1]s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
		"POST":        "POST %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
		"chunks":      "POST %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"Expect":      "POST %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
		"TE trailers": "GET %s HTTP/1.1\r\nHost: shop\r\nTE: trailers\r\nConnection: close\r\n\r\n",
	}
	rows := append(answers(t), moreAnswers()...)
	bare, watched := muxes(t, rows, routewatch.Config{StatusClasses: []string{"4XX", "5XX"}})
	b, w := newServer(t, bare, http1), newServer(t, watched, http1)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			for name, request := range requests {
				request = fmt.Sprintf(request, row.path())
				assert.Equal(t, exchange(t, b, request), exchange(t, w, request), name)
			}
		})
	}
}

// muxes serve the same answers, without a Watcher and with one.
func muxes(t *testing.T, rows []answer, cfg routewatch.Config) (bare, watched http.Handler) {
	w := newWatcher(t, cfg)
	plain, inner := http.NewServeMux(), http.NewServeMux()
	for _, row := range rows {
		plain.HandleFunc(row.path(), row.h)
		inner.HandleFunc(row.path(), row.h)
	}
	return plain, w.Handler(inner)
}

// exchange sends what is given and returns all that comes back.
func exchange(t *testing.T, s server, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	b, err := io.ReadAll(c)
	if err != nil {
		// That the connection was reset may overtake the bytes before it.
		var timeout net.Error
		require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "%s: %v", request, err)
	}
	return date.ReplaceAllString(string(b), "")
}

// The one exception: http.MaxBytesReader tells the server's writer to close the
// connection, by a method that no type outside of net/http can have. Around the
// Watcher, http.MaxBytesHandler still does.
func TestMaxBytesReader(t *testing.T) {
	const request = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\nhello" +
		"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	within := http.MaxBytesHandler(read, 2)
	w := newWatcher(t, routewatch.Config{})
	bare := exchange(t, newServer(t, within, http1), request)
	assert.Equal(t, bare, exchange(t, newServer(t, http.MaxBytesHandler(w.Handler(read), 2), http1), request))

	got := exchange(t, newServer(t, w.Handler(within), http1), request)
	got, next, _ := strings.Cut(got, "too large\n")
	assert.Equal(t, strings.ReplaceAll(bare, "Connection: close\r\n", ""), got+"too large\n")
	assert.Contains(t, next, "200 OK", "the connection goes on")
}

func TestSameAnswersOverHTTP2(t *testing.T) {
	rows := append(answers(t), moreAnswers()...)
	bare, watched := muxes(t, rows, routewatch.Config{StatusClasses: []string{"4XX", "5XX"}})
	b, w := newServer(t, bare, http2), newServer(t, watched, http2)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				assert.Equal(t, told(t, b, method, row.path()), told(t, w, method, row.path()), method)
			}
		})
	}
}

// told is everything that a client of HTTP/2 is told.
func told(t *testing.T, s server, method, path string) string {
	t.Helper()
	var b strings.Builder
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			fmt.Fprintln(&b, code, header)
			return nil
		},
	})
	var body io.Reader
	if method == "POST" {
		body = strings.NewReader("hello")
	}
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	require.NoError(t, err)
	res, err := s.client.Transport.RoundTrip(r)
	if err != nil {
		return b.String() + "cut"
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	for _, name := range []string{"Date", "Last-Modified"} {
		if len(res.Header[name]) > 0 {
			res.Header[name] = []string{"some"}
		}
	}
	fmt.Fprintln(&b, res.Status, res.ContentLength, res.Header, string(content), err != nil, res.Trailer)
	return b.String()
}
