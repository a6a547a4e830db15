package routewatch_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// How long, and how often, a test asks for what happens soon.
const (
	wait = 10 * time.Second
	tick = time.Millisecond
)

// impatient takes everything for slow, and records each status.
func impatient(rec *recorder) routewatch.Config {
	cfg := allStatuses(rec)
	cfg.LatencyThreshold, cfg.LatencyRoutes, cfg.LatencyAlias = 1, []string{"/"}, "slow"
	return cfg
}

// chat answers each message of a WebSocket with its own.
func chat(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		defer c.CloseNow()
		for {
			kind, msg, err := c.Read(r.Context())
			if err != nil {
				return
			}
			assert.NoError(t, c.Write(r.Context(), kind, append([]byte("echo "), msg...)))
		}
	}
}

// proxy is a reverse proxy to backend, which is for t.
func proxy(t *testing.T, backend string) *httputil.ReverseProxy {
	u, err := url.Parse(backend)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

// unwrapping is middleware whose writer has nothing but Unwrap.
func unwrapping(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(unwrapper{w}, r) })
}

func TestWebSocket(t *testing.T) {
	for name, wrap := range map[string]func(w *routewatch.Watcher) http.Handler{
		"alone":                          func(w *routewatch.Watcher) http.Handler { return w.Handler(chat(t)) },
		"in middleware with Unwrap":      func(w *routewatch.Watcher) http.Handler { return unwrapping(w.Handler(chat(t))) },
		"with middleware within":         func(w *routewatch.Watcher) http.Handler { return w.Handler(unwrapping(chat(t))) },
		"behind a watched reverse proxy": func(w *routewatch.Watcher) http.Handler { return w.Handler(proxy(t, newServer(t, chat(t), http1).URL)) },
		"in front of it":                 func(w *routewatch.Watcher) http.Handler { return proxy(t, newServer(t, w.Handler(chat(t)), http1).URL) },
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{}
			w := newWatcher(t, impatient(rec))
			s := newServer(t, wrap(w), http1)
			c, res, err := websocket.Dial(t.Context(), s.URL, &websocket.DialOptions{HTTPClient: s.client})
			require.NoError(t, err)
			assert.Equal(t, 101, res.StatusCode)
			for i := range 3 {
				require.NoError(t, c.Write(t.Context(), websocket.MessageText, fmt.Append(nil, i)))
				_, msg, err := c.Read(t.Context())
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprint("echo ", i), string(msg))
			}
			require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
			s.stop()
			assert.Eventually(t, func() bool { return w.Stats().Hits.Status == 1 }, wait, tick)
			assert.Equal(t, 101, recorded(t, w, rec), "and no latency alert")
		})
	}
}

// Each event of a slow stream arrives before the next is sent.
func TestServerSentEvents(t *testing.T) {
	const events = 5
	for name, wrap := range map[string]func(t *testing.T, h http.Handler) http.Handler{
		"alone":                   func(_ *testing.T, h http.Handler) http.Handler { return h },
		"behind a reverse proxy":  func(t *testing.T, h http.Handler) http.Handler { return proxy(t, newServer(t, h, http1).URL) },
		"in Unwrap alone":         func(_ *testing.T, h http.Handler) http.Handler { return unwrapping(h) },
		"in another Watcher also": func(t *testing.T, h http.Handler) http.Handler { return newWatcher(t, routewatch.Config{}).Handler(h) },
	} {
		for _, p := range protocols {
			t.Run(name+", "+p.name, func(t *testing.T) {
				arrived := make(chan struct{})
				rec := &recorder{}
				w := newWatcher(t, impatient(rec))
				s := newServer(t, wrap(t, w.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					rc := http.NewResponseController(w)
					w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
					for i := range events {
						fmt.Fprintf(w, "data: %d\n\n", i)
						if !assert.NoError(t, rc.Flush()) {
							return
						}
						select {
						case <-arrived:
						case <-r.Context().Done():
							return
						}
					}
				}))), p.start)
				res, err := s.client.Get(s.URL)
				require.NoError(t, err)
				defer res.Body.Close()
				lines := bufio.NewScanner(res.Body)
				for i := range events {
					require.True(t, lines.Scan())
					assert.Equal(t, fmt.Sprint("data: ", i), lines.Text())
					require.True(t, lines.Scan())
					arrived <- struct{}{}
				}
				assert.False(t, lines.Scan())
				s.stop()
				assert.Eventually(t, func() bool { return w.Stats().Hits.Status == 1 }, wait, tick)
				assert.Equal(t, 200, recorded(t, w, rec), "and no latency alert")
			})
		}
	}
}

// backend has an answer of each kind that a proxy must carry.
func backend() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(103)
		w.WriteHeader(503)
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "sum")
		w.Header().Set("X-Sum", "42")
		w.Header().Set(http.TrailerPrefix+"X-More", "43")
	})
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "8")
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/none", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	return mux
}

// A reverse proxy carries the same, and a Watcher before or behind it sees what
// there is to be seen from its place.
func TestReverseProxy(t *testing.T) {
	rows := []struct {
		path           string
		before, behind []string // aliases raised: around the proxy, in the backend
	}{
		{"/hints", []string{"503"}, []string{"503"}},
		{"/trailers", []string{"200"}, []string{"200"}},
		{"/half", nil, nil}, // the proxy panics with http.ErrAbortHandler in its turn
		{"/none", []string{"502"}, nil},
		{"/unknown", []string{"404"}, []string{"404"}},
	}
	for _, p := range protocols {
		for _, row := range rows {
			t.Run(row.path+", "+p.name, func(t *testing.T) {
				before, behind := &recorder{}, &recorder{}
				wBefore, wBehind := newWatcher(t, allStatuses(before)), newWatcher(t, allStatuses(behind))
				bare := newServer(t, proxy(t, newServer(t, backend(), http1).URL), p.start)
				back := newServer(t, wBehind.Handler(backend()), http1)
				front := newServer(t, wBefore.Handler(proxy(t, back.URL)), p.start)
				assert.Equal(t, told(t, bare, "GET", row.path), told(t, front, "GET", row.path))
				front.stop()
				back.stop()
				require.NoError(t, wBefore.Flush(t.Context()))
				require.NoError(t, wBehind.Flush(t.Context()))
				assert.Equal(t, row.before, aliasesOf(before.alerts()), "around the proxy")
				assert.Equal(t, row.behind, aliasesOf(behind.alerts()), "in the backend")
			})
		}
	}
}

// A client that goes away while the proxy waits makes it answer 502, to nobody.
func TestReverseProxyClientGone(t *testing.T) {
	reached, done := make(chan struct{}), make(chan struct{})
	back := newServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done()
	}), http1)
	w := newWatcher(t, routewatch.Config{StatusClasses: []string{"5XX"}})
	watched := w.Handler(proxy(t, back.URL))
	status := &statusKeeper{}
	front := newServer(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer close(done)
		status.ResponseWriter = rw
		watched.ServeHTTP(status, r)
	}), http1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	r, err := http.NewRequestWithContext(ctx, "GET", front.URL, nil)
	require.NoError(t, err)
	_, err = front.client.Do(r)
	require.ErrorIs(t, err, context.Canceled)
	<-done
	assert.Equal(t, 502, status.code)
	assert.Zero(t, w.Stats().Hits.Status)
}

type statusKeeper struct {
	http.ResponseWriter
	code int
}

func (w *statusKeeper) WriteHeader(code int) { w.code = code; w.ResponseWriter.WriteHeader(code) }
