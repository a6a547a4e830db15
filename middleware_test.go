package routewatch_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// chi's Use and alice take this form.
var _ func(http.Handler) http.Handler = (*routewatch.Watcher)(nil).Handler

func TestClientGone(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	caused, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(errors.New("the client hung up"))
	late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelLate()

	for _, row := range []struct {
		name string
		ctx  context.Context
		want []string
	}{
		{"cancelled", cancelled, nil},
		{"cancelled for a reason", caused, nil},
		{"beyond the deadline", late, []string{"503", "slow"}},
		{"there", t.Context(), []string{"503", "slow"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			rec := &recorder{}
			w := newWatcher(t, impatient(rec))
			w.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })).
				ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(row.ctx, "GET", "/", nil))
			require.NoError(t, w.Flush(t.Context()))
			assert.ElementsMatch(t, row.want, aliasesOf(rec.alerts()))
		})
	}

	t.Run("a panic is one with no client, too", func(t *testing.T) {
		w := newWatcher(t, routewatch.Config{})
		_, _ = rescue(func() {
			w.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("lost") })).
				ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(cancelled, "GET", "/", nil))
		})
		assert.Equal(t, uint64(1), w.Stats().Hits.Exception)
	})
}

func TestNested(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"panic":  func(http.ResponseWriter, *http.Request) { panic("lost") },
	} {
		t.Run(name, func(t *testing.T) {
			serve := func(h http.Handler) {
				_, _ = rescue(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
			}
			cfg := routewatch.Config{StatusClasses: []string{"5XX"}}
			hits := func(w *routewatch.Watcher) int {
				s := w.Stats()
				return int(s.Hits.Status + s.Hits.Exception)
			}

			twice := newWatcher(t, cfg)
			serve(twice.Handler(twice.Handler(h)))
			assert.Equal(t, 1, hits(twice), "the same Watcher twice sees one request")

			outer, inner := newWatcher(t, cfg), newWatcher(t, cfg)
			serve(outer.Handler(inner.Handler(h)))
			assert.Equal(t, 1, hits(outer), "the outer of two")
			assert.Equal(t, 1, hits(inner), "the inner of two")

			rec := &recorder{}
			cfg.Notifier = rec
			apart := newWatcher(t, cfg)
			serve(apart.Handler(unwrapping(apart.Handler(h))))
			require.NoError(t, apart.Flush(t.Context()))
			assert.Len(t, rec.alerts(), 1, "one alert, with other middleware in between")
		})
	}
}

// The request is not copied, so that what a router leaves on it is seen outside.
func TestSameRequest(t *testing.T) {
	var inside *http.Request
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(_ http.ResponseWriter, r *http.Request) { inside = r })
	r := httptest.NewRequest("GET", "/users/7", nil)
	newWatcher(t, routewatch.Config{}).Handler(mux).ServeHTTP(httptest.NewRecorder(), r)
	assert.Same(t, r, inside)
	assert.Equal(t, "GET /users/{id}", r.Pattern)
	assert.Equal(t, "7", r.PathValue("id"))
}

func TestLatency(t *testing.T) {
	const threshold = 3 * time.Second
	stream := func(contentType string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(200)
			time.Sleep(time.Hour)
		}
	}
	for _, row := range []struct {
		name string
		path string
		h    http.HandlerFunc
		want int
	}{
		{"equal", "/shop/x", func(http.ResponseWriter, *http.Request) { time.Sleep(threshold) }, 0},
		{"longer by the least", "/shop/x", func(http.ResponseWriter, *http.Request) { time.Sleep(threshold + 1) }, 1},
		{"longer, after the answer", "/shop/x", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "all of it")
			time.Sleep(threshold + 1)
		}, 1},
		{"longer, on a path that is not judged", "/else", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }, 0},
		{"longer, and a panic", "/shop/x", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour); panic("lost") }, 0},
		{"longer, to a client that is gone", "/shop/gone", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 0},
		{"server-sent events", "/shop/x", stream("text/event-stream"), 0},
		{"server-sent events, with a charset", "/shop/x", stream("text/event-stream; charset=utf-8"), 0},
		{"server-sent events, in capitals", "/shop/x", stream("Text/Event-Stream"), 0},
		{"what only begins so", "/shop/x", stream("text/event-streaming"), 1},
		{"a stream of another kind", "/shop/x", stream("application/json"), 1},
		{"hijacked", "/shop/x", func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				time.Sleep(time.Hour)
				c.Close()
			}
		}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatcher(t, routewatch.Config{LatencyThreshold: threshold, LatencyRoutes: []string{"/shop"}})
				ctx := t.Context()
				if strings.HasSuffix(row.path, "gone") {
					var cancel context.CancelFunc
					ctx, cancel = context.WithCancel(ctx)
					time.AfterFunc(time.Hour, cancel)
				}
				_, _ = rescue(func() {
					w.Handler(row.h).ServeHTTP(&hijackable{ResponseRecorder: httptest.NewRecorder()},
						httptest.NewRequestWithContext(ctx, "GET", row.path, nil))
				})
				assert.Equal(t, row.want, int(w.Stats().Hits.Latency))
			})
		})
	}
}

// hijackable is a recorder whose connection is a pipe.
type hijackable struct{ *httptest.ResponseRecorder }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	here, there := net.Pipe()
	there.Close()
	return here, bufio.NewReadWriter(bufio.NewReader(here), bufio.NewWriter(here)), nil
}

// A goroutine that a handler left behind, and that still writes, races with
// nothing of ours and reaches its own answer alone. Run with -race.
func TestStrayGoroutine(t *testing.T) {
	w := newWatcher(t, routewatch.Config{StatusClasses: []string{"5XX"}})
	var strays sync.WaitGroup
	h := w.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := make(chan struct{})
		strays.Go(func() {
			for n := range 100 {
				fmt.Fprint(w, r.URL.Path)
				io.WriteString(w, r.URL.Path)
				http.NewResponseController(w).Flush()
				w.WriteHeader(500)
				if n == 0 {
					close(started)
				}
			}
		})
		if strings.HasSuffix(r.URL.Path, "0") {
			<-started // else it may come too late for anything
		}
	}))
	const requests = 20
	answers := make([]*locked, requests)
	for i := range answers {
		answers[i] = &locked{header: http.Header{}}
		h.ServeHTTP(answers[i], httptest.NewRequest("GET", fmt.Sprintf("/%d", i), nil))
	}
	strays.Wait()
	for i, answer := range answers {
		got := answer.body.String()
		assert.NotEmpty(t, got)
		for part := range strings.SplitSeq(strings.TrimPrefix(got, "/"), "/") {
			if part != fmt.Sprint(i) {
				t.Fatalf("answer %d has %q of another", i, part)
			}
		}
	}
	assert.Zero(t, w.Stats().Hits.Status, "a status that comes too late counts for nothing")
}

// locked is a writer that several goroutines may use, which the server's is not.
type locked struct {
	mu     sync.Mutex
	header http.Header
	body   strings.Builder
}

func (w *locked) Header() http.Header { return w.header }
func (w *locked) WriteHeader(int)     {}
func (w *locked) Flush()              {}

func (w *locked) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.body.Write(p)
}

// A handler that http.TimeoutHandler gave up writes into nothing, while the next
// request of the connection is being answered.
func TestStrayHandlerInTimeoutHandler(t *testing.T) {
	second, wrote := make(chan struct{}), make(chan error, 1)
	w := newWatcher(t, routewatch.Config{})
	slow := http.TimeoutHandler(w.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-second
		_, err := io.WriteString(w, "of Alice")
		wrote <- err
	})), time.Millisecond, "too slow")
	mux := http.NewServeMux()
	mux.Handle("/alice", slow)
	mux.Handle("/bob", w.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(second)
		assert.ErrorIs(t, <-wrote, http.ErrHandlerTimeout)
		_, _ = io.WriteString(w, "of Bob")
	})))
	s := newServer(t, mux, http1)
	status, body := s.get(t, "/alice")
	assert.Equal(t, 503, status)
	assert.Equal(t, "too slow", body)
	status, body = s.get(t, "/bob")
	assert.Equal(t, 200, status)
	assert.Equal(t, "of Bob", body)
}

// Many requests at once, each with its own fate and writer, are counted exactly.
func TestConcurrentRequests(t *testing.T) {
	w := newWatcher(t, routewatch.Config{
		StatusClasses: []string{"5XX"}, ResolveAfter: time.Hour, StatusAlias: "{route}",
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/good/{id}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "good") })
	mux.HandleFunc("/bad/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("/panic/{id}", func(http.ResponseWriter, *http.Request) { panic("lost") })
	h := w.Handler(mux)
	const workers, rounds = 16, 50
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := range rounds {
				for _, path := range []string{"good", "bad", "panic"} {
					out := httptest.NewRecorder()
					rw := routewatch.Narrow(&everything{ResponseRecorder: out}, (worker+i)%routewatch.NumSets)
					v, _ := rescue(func() {
						h.ServeHTTP(rw, httptest.NewRequest("GET", fmt.Sprintf("/%s/%d", path, i), nil))
					})
					assert.Equal(t, path == "panic", v != nil)
				}
			}
		})
	}
	group.Wait()
	stats := w.Stats()
	assert.Equal(t, uint64(workers*rounds), stats.Hits.Status)
	assert.Equal(t, uint64(workers*rounds), stats.Hits.Exception)
	assert.Zero(t, stats.Hits.Latency)
}

// A healthy request costs one allocation: its writer.
func TestHealthyRequestAllocates(t *testing.T) {
	w := newWatcher(t, routewatch.Config{
		StatusClasses: []string{"5XX"}, LatencyThreshold: time.Hour, LatencyRoutes: []string{"/"},
	})
	h := w.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	out, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { h.ServeHTTP(out, r) }), 1.0)
}
