package peerbench

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The floors are the least code that can do a given part of the job. They are
// the limit that a middleware of this kind can approach but not pass.

var (
	epoch    = time.Now()
	slowSeen atomic.Uint64 // so that the clock reads are not optimised away
)

// mono is one monotonic clock read: time.Since a fixed instant needs no wall
// clock, so it costs about half of time.Now.
func mono() time.Duration { return time.Since(epoch) }

const slowAfter = time.Hour

// minWriter captures the status and nothing else.
type minWriter struct {
	http.ResponseWriter
	code int
}

func (w *minWriter) WriteHeader(code int) {
	if w.code == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *minWriter) Write(p []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

func (w *minWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

var minPool = sync.Pool{New: func() any { return new(minWriter) }}

// h1Writer keeps every optional method of an HTTP/1.1 writer. The targets are
// resolved on use, by http.ResponseController's rule, so that wrapping costs
// no type assertion: a caller chooses h1Writer when the writer below is known
// to have them all.
type h1Writer struct{ minWriter }

func (w *h1Writer) Flush() {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	w.ResponseWriter.(http.Flusher).Flush()
}

func (w *h1Writer) FlushError() error {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.(interface{ FlushError() error }).FlushError()
}

func (w *h1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.ResponseWriter.(http.Hijacker).Hijack()
}

func (w *h1Writer) ReadFrom(r io.Reader) (int64, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

func (w *h1Writer) WriteString(s string) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.(io.StringWriter).WriteString(s)
}

// h2Writer is the same for an HTTP/2 writer.
type h2Writer struct{ minWriter }

func (w *h2Writer) Flush() {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	w.ResponseWriter.(http.Flusher).Flush()
}

func (w *h2Writer) Push(target string, o *http.PushOptions) error {
	return w.ResponseWriter.(http.Pusher).Push(target, o)
}

// frame is all that one request needs, so that one pool get serves it all.
type frame struct {
	h1    h1Writer
	h2    h2Writer
	bare  minWriter
	start time.Duration
}

var framePool = sync.Pool{New: func() any { return new(frame) }}

// statusSet is a set of status codes: the alert rule of a route.
type statusSet [16]uint64

func (s *statusSet) add(code int)      { s[(code>>6)&15] |= 1 << (code & 63) }
func (s *statusSet) has(code int) bool { return s[(code>>6)&15]&(1<<(code&63)) != 0 }

var floorRule = func() (s statusSet) {
	for c := 500; c < 600; c++ {
		s.add(c)
	}
	return
}()

// floorFull: pooled writer with the exact optional methods of the writer
// below, panic seen and passed on, status rule, latency rule, and an event put
// on a bounded queue without blocking.
type floorEvent struct {
	route string
	code  int
	took  time.Duration
	val   any
}

type floorFull struct {
	next   http.Handler
	queue  chan floorEvent
	clock  int8          // noClock, exactClock or coarseClock
	coarse *atomic.Int64 // for coarseClock
	drops  atomic.Uint64
	hits   atomic.Uint64
}

const (
	exactClock  = iota
	noClock     // no latency rule is set, so nothing asks for the time
	coarseClock // a goroutine keeps the time, to the millisecond
)

func (f *floorFull) now() time.Duration {
	switch f.clock {
	case noClock:
		return 0
	case coarseClock:
		return time.Duration(f.coarse.Load())
	}
	return mono()
}

func (f *floorFull) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fr := framePool.Get().(*frame)
	var m *minWriter
	var out http.ResponseWriter
	if _, ok := w.(io.ReaderFrom); ok {
		if _, ok := w.(http.Hijacker); ok {
			m, out = &fr.h1.minWriter, &fr.h1
		}
	}
	if out == nil {
		if _, ok := w.(http.Pusher); ok {
			m, out = &fr.h2.minWriter, &fr.h2
		} else {
			m, out = &fr.bare, &fr.bare
		}
	}
	m.ResponseWriter, m.code = w, 0
	fr.start = f.now()
	done := false
	defer func() {
		took := f.now() - fr.start
		code := m.code
		m.ResponseWriter = nil
		framePool.Put(fr)
		if done {
			if floorRule.has(code) || took > slowAfter {
				f.emit(floorEvent{r.Pattern, code, took, nil})
			}
			return
		}
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				f.emit(floorEvent{r.Pattern, code, took, v})
			}
			panic(v)
		}
	}()
	f.next.ServeHTTP(out, r)
	done = true
}

func (f *floorFull) emit(e floorEvent) {
	f.hits.Add(1)
	select {
	case f.queue <- e:
	default:
		f.drops.Add(1)
	}
}

func newFloorFull(tb testing.TB, next http.Handler) *floorFull {
	f := &floorFull{next: next, queue: make(chan floorEvent, 1024)}
	stop := make(chan struct{})
	go func() { // a sender that has been told to collapse duplicates
		for {
			select {
			case <-f.queue:
			case <-stop:
				return
			}
		}
	}()
	tb.Cleanup(func() { close(stop) })
	return f
}

// coarseTime is a clock that a goroutine advances each millisecond: enough for
// a threshold of hundreds of them, and reading it costs one load.
func coarseTime(tb testing.TB) *atomic.Int64 {
	now := new(atomic.Int64)
	stop := make(chan struct{})
	tick := time.NewTicker(time.Millisecond)
	go func() {
		for {
			select {
			case <-tick.C:
				now.Store(int64(mono()))
			case <-stop:
				return
			}
		}
	}()
	tb.Cleanup(func() { tick.Stop(); close(stop) })
	return now
}

// floorDedup is floorFull for a failing route: the first event in a window is
// queued, the rest only count, which is what keeps an outage cheap.
type floorDedup struct {
	floorFull
	window atomic.Int64
}

func (f *floorDedup) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fr := framePool.Get().(*frame)
	m := &fr.h1.minWriter
	m.ResponseWriter, m.code = w, 0
	start := mono()
	done := false
	defer func() {
		now := mono()
		code := m.code
		m.ResponseWriter = nil
		framePool.Put(fr)
		if done {
			if floorRule.has(code) || now-start > slowAfter {
				f.count(now, r, code, nil)
			}
			return
		}
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				f.count(now, r, code, v)
			}
			panic(v)
		}
	}()
	f.next.ServeHTTP(&fr.h1, r)
	done = true
}

func (f *floorDedup) count(now time.Duration, r *http.Request, code int, v any) {
	open := f.window.Load()
	if int64(now) < open || !f.window.CompareAndSwap(open, int64(now+time.Minute)) {
		f.hits.Add(1)
		return
	}
	f.emit(floorEvent{r.Pattern, code, 0, v})
}

var (
	_ = std("bare", func(_ testing.TB, next http.Handler) http.Handler { return next })

	_ = std("floor-clock", func(_ testing.TB, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := mono()
			next.ServeHTTP(w, r)
			if mono()-start > slowAfter {
				slowSeen.Add(1)
			}
		})
	})

	_ = std("floor-min", func(_ testing.TB, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m := minPool.Get().(*minWriter)
			m.ResponseWriter, m.code = w, 0
			start := time.Now()
			next.ServeHTTP(m, r)
			if m.code >= 600 || time.Since(start) > slowAfter {
				slowSeen.Add(1)
			}
			m.ResponseWriter = nil
			minPool.Put(m)
		})
	})

	_ = std("floor-min-mono", func(_ testing.TB, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m := minPool.Get().(*minWriter)
			m.ResponseWriter, m.code = w, 0
			start := mono()
			next.ServeHTTP(m, r)
			if m.code >= 600 || mono()-start > slowAfter {
				slowSeen.Add(1)
			}
			m.ResponseWriter = nil
			minPool.Put(m)
		})
	})

	_ = std("floor-noclock", func(_ testing.TB, next http.Handler) http.Handler {
		// What is left when no latency rule is set: the status alone.
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m := minPool.Get().(*minWriter)
			m.ResponseWriter, m.code = w, 0
			next.ServeHTTP(m, r)
			if m.code >= 600 {
				slowSeen.Add(1)
			}
			m.ResponseWriter = nil
			minPool.Put(m)
		})
	})

	_ = std("floor-coarse", func(tb testing.TB, next http.Handler) http.Handler {
		now := coarseTime(tb)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m := minPool.Get().(*minWriter)
			m.ResponseWriter, m.code = w, 0
			start := now.Load()
			next.ServeHTTP(m, r)
			if m.code >= 600 || now.Load()-start > int64(slowAfter) {
				slowSeen.Add(1)
			}
			m.ResponseWriter = nil
			minPool.Put(m)
		})
	})

	_ = std("floor-min-alloc", func(_ testing.TB, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m := &minWriter{ResponseWriter: w}
			start := mono()
			next.ServeHTTP(m, r)
			if m.code >= 600 || mono()-start > slowAfter {
				slowSeen.Add(1)
			}
		})
	})

	_ = std("floor-full", func(tb testing.TB, next http.Handler) http.Handler {
		return newFloorFull(tb, next)
	})

	_ = std("floor-full-noclock", func(tb testing.TB, next http.Handler) http.Handler {
		f := newFloorFull(tb, next)
		f.clock = noClock
		return f
	})

	_ = std("floor-full-coarse", func(tb testing.TB, next http.Handler) http.Handler {
		f := newFloorFull(tb, next)
		f.clock, f.coarse = coarseClock, coarseTime(tb)
		return f
	})

	_ = std("floor-dedup", func(tb testing.TB, next http.Handler) http.Handler {
		f := newFloorFull(tb, next)
		return &floorDedup{floorFull: floorFull{next: next, queue: f.queue}}
	})
)
