package routewatch_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// stockError is an error type of a service.
type stockError struct{ item string }

func (e *stockError) Error() string { return "out of " + e.item }

// explode is looked for in stacks.
//
//go:noinline
func explode(v any) { panic(v) }

// rescue calls f and returns what it panicked with, and the stack at that time.
func rescue(f func()) (v any, stack string) {
	defer func() {
		v = recover()
		stack = string(debug.Stack())
	}()
	f()
	return nil, ""
}

// identical says of a value whether it is want: no copy, and not wrapped.
func identical(want any) func(any) bool {
	return func(v any) bool { return v == want }
}

func panicConfig(rec *recorder) routewatch.Config {
	return routewatch.Config{
		Notifier: rec, StatusClasses: []string{"5XX"},
		LatencyThreshold: time.Nanosecond, LatencyRoutes: []string{"/"},
	}
}

func TestPanicGoesOn(t *testing.T) {
	errLost, errStock := errors.New("lost"), &stockError{"tea"}
	wrapped := fmt.Errorf("proxy: %w", http.ErrAbortHandler)
	list := []int{1}
	var missing *stockError
	for _, row := range []struct {
		name   string
		panic  func(w http.ResponseWriter)
		same   func(v any) bool
		alerts int
	}{
		{
			"http.ErrAbortHandler raises nothing", func(http.ResponseWriter) { explode(http.ErrAbortHandler) },
			identical(http.ErrAbortHandler), 0,
		},
		{
			"http.ErrAbortHandler wrapped is as any other", func(http.ResponseWriter) { explode(wrapped) },
			identical(wrapped), 1,
		},
		{
			"nil", func(http.ResponseWriter) { explode(nil) },
			func(v any) bool { _, ok := v.(*runtime.PanicNilError); return ok }, 1,
		},
		{
			"a nil pointer", func(http.ResponseWriter) { explode(missing.item) },
			func(v any) bool { _, ok := v.(runtime.Error); return ok }, 1,
		},
		{"an error", func(http.ResponseWriter) { explode(errLost) }, identical(errLost), 1},
		{"an error of a type", func(http.ResponseWriter) { explode(errStock) }, identical(errStock), 1},
		{"a text", func(http.ResponseWriter) { explode("lost") }, identical("lost"), 1},
		{
			"what cannot be compared", func(http.ResponseWriter) { explode(list) },
			func(v any) bool { l, ok := v.([]int); return ok && &l[0] == &list[0] }, 1,
		},
		{
			"after the first byte", func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")); explode(errLost) },
			identical(errLost), 1,
		},
		{
			"after a bad status", func(w http.ResponseWriter) { w.WriteHeader(503); explode(errLost) },
			identical(errLost), 1,
		},
		{
			"a second one", func(http.ResponseWriter) { defer explode(errLost); explode("first") },
			identical(errLost), 1,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			rec := &recorder{}
			w := newWatcher(t, panicConfig(rec))
			h := w.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { row.panic(w) }))
			v, stack := rescue(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
			assert.True(t, row.same(v), "went on as %#v", v)
			assert.Contains(t, stack, "TestPanicGoesOn.func", "the frames of the panic are still there")

			require.NoError(t, w.Flush(t.Context()))
			alerts := rec.alerts()
			require.Len(t, alerts, row.alerts, "one alert: neither a status nor a latency besides")
			if row.alerts > 0 {
				assert.Contains(t, alerts[0].Message, "panic")
				assert.Contains(t, alerts[0].Description, "TestPanicGoesOn.func", "the stack")
			}
			stats := w.Stats()
			assert.Equal(t, uint64(row.alerts), stats.Hits.Exception)
			assert.Zero(t, stats.Hits.Status)
			assert.Zero(t, stats.Hits.Latency)
		})
	}
}

// A goroutine that ends by runtime.Goexit, as testing's FailNow does, has neither
// panicked nor answered.
func TestGoexit(t *testing.T) {
	for _, recovers := range []bool{false, true} {
		rec := &recorder{}
		cfg := allStatuses(rec)
		cfg.RecoverPanics = recovers
		w := newWatcher(t, cfg)
		out := httptest.NewRecorder()
		ended, returned := make(chan struct{}), false
		go func() {
			defer close(ended)
			w.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })).
				ServeHTTP(out, httptest.NewRequest("GET", "/", nil))
			returned = true
		}()
		<-ended
		assert.False(t, returned)
		assert.Empty(t, out.Body.String())
		require.NoError(t, w.Flush(t.Context()))
		assert.Empty(t, rec.alerts())
	}
}

// What net/http's client and its log see of a panic.
func TestPanicThroughServer(t *testing.T) {
	const cut = 0
	for _, row := range []struct {
		name    string
		h       http.HandlerFunc
		status  int // with RecoverPanics
		alerts  int
		http1   bool
		unheard bool // net/http says nothing of it
	}{
		{name: "nothing written", h: func(http.ResponseWriter, *http.Request) { explode("lost") }, status: 500, alerts: 1},
		{name: "headers set", h: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4711")
			w.Header().Set("Content-Type", "application/json")
			explode("lost")
		}, status: 500, alerts: 1},
		{name: "after 103", h: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); explode("lost") }, status: 500, alerts: 1},
		{name: "a code that is none", h: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) }, status: 500, alerts: 1},
		{name: "nothing copied", h: func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, io.MultiReader())
			explode("lost")
		}, status: 500, alerts: 1},
		{name: "after WriteHeader", h: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); explode("lost") }, status: cut, alerts: 1},
		{name: "after Write", h: func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")); explode("lost") }, status: cut, alerts: 1},
		{name: "after Flush", h: func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); explode("lost") }, status: cut, alerts: 1},
		{name: "within io.Copy", h: func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, io.MultiReader(strings.NewReader("x"), panicReader{}))
		}, status: cut, alerts: 1},
		{name: "http.ErrAbortHandler", h: func(http.ResponseWriter, *http.Request) { explode(http.ErrAbortHandler) }, status: cut, unheard: true},
		{name: "after Hijack", h: func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
			explode("lost")
		}, status: cut, alerts: 1, http1: true},
	} {
		for _, p := range protocols {
			if row.http1 && p.proto != "HTTP/1.1" {
				continue
			}
			t.Run(row.name+", "+p.name, func(t *testing.T) {
				for _, recovers := range []bool{false, true} {
					rec := &recorder{}
					cfg := panicConfig(rec)
					cfg.RecoverPanics = recovers
					w := newWatcher(t, cfg)
					s := newServer(t, w.Handler(row.h), p.start)
					status, body := s.get(t, "/")
					s.stop()
					require.NoError(t, w.Flush(t.Context()))
					assert.Len(t, rec.alerts(), row.alerts)
					if recovers && row.status == 500 {
						assert.Equal(t, 500, status)
						assert.Equal(t, "Internal Server Error\n", body)
						assert.Empty(t, s.log.String())
						continue
					}
					assert.Equal(t, cut, status, "RecoverPanics %t", recovers)
					if row.unheard {
						assert.Empty(t, s.log.String())
					} else {
						// HTTP/2 ends the stream first and logs then.
						assert.Eventually(t, func() bool { return strings.Contains(s.log.String(), "TestPanicThroughServer.func") },
							wait, tick, "net/http's own log of the panic")
					}
				}
			})
		}
	}
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("lost") }

// http.TimeoutHandler brings a panic from its goroutine to the one outside. The
// alert has the stack when the Watcher is within; outside it has the panic.
func TestPanicInTimeoutHandler(t *testing.T) {
	boom := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { explode("lost") })
	for _, inside := range []bool{true, false} {
		rec := &recorder{}
		w := newWatcher(t, panicConfig(rec))
		h := w.Handler(http.TimeoutHandler(boom, time.Minute, ""))
		if inside {
			h = http.TimeoutHandler(w.Handler(boom), time.Minute, "")
		}
		v, _ := rescue(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
		assert.Equal(t, "lost", v)
		require.NoError(t, w.Flush(t.Context()))
		alerts := rec.alerts()
		require.Len(t, alerts, 1)
		assert.Equal(t, inside, strings.Contains(alerts[0].Description, "routewatch_test.explode"))
	}
}

// Outside of a recoverer a Watcher sees what the client gets: a plain 500.
func TestPanicSwallowedBelow(t *testing.T) {
	rec := &recorder{}
	w := newWatcher(t, panicConfig(rec))
	h := w.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if v, _ := rescue(func() { explode("lost") }); v != nil {
			http.Error(w, "sorry", 500)
		}
	}))
	out := httptest.NewRecorder()
	h.ServeHTTP(out, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, "sorry\n", out.Body.String())
	stats := w.Stats()
	assert.Equal(t, uint64(1), stats.Hits.Status)
	assert.Zero(t, stats.Hits.Exception)
}
