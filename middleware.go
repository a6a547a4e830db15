package routewatch

import (
	"net/http"
	"strings"
	"time"
)

// Handler returns a handler that watches next: what it answers, how long it
// takes, and whether it panics. It has the form that chi's Use and alice take.
//
// The answer is what it would be without routewatch: the ResponseWriter that
// next gets has the optional interfaces of the server's own, and a panic goes on
// as the same panic (but see Config.RecoverPanics). One thing is beyond any
// wrapper: when the limit of an http.MaxBytesReader is passed, net/http closes the
// connection only if it is given the server's own writer. To have that, put
// http.MaxBytesHandler around this handler.
//
// Install it once, directly around the router: there it sees panics before
// whatever recovers them, and the route's template. What handlers further out
// answer (a 401, a 429, a time-out's 503) it does not see; outermost it would,
// and take a panic that was recovered below for a plain 500.
func (w *Watcher) Handler(next http.Handler) http.Handler {
	return &handler{w: w, next: next, quiet: w.quiet, clock: w.quiet.threshold > 0}
}

type handler struct {
	w     *Watcher
	next  http.Handler
	quiet quiet
	clock bool // a rule asks for the time
	types writerTypes
}

func (h *handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	set := h.types.optionalsOf(rw)
	if set&isOurs != 0 && rw.(ours).watched().by == h.w.id {
		h.next.ServeHTTP(rw, r) // this Watcher is watching already
		return
	}
	resp, out := wrap(h.w.id, rw, set&^isOurs)
	var start time.Duration
	if h.clock {
		start = h.w.now()
	}
	returned := false
	defer func() {
		if returned {
			var took time.Duration
			if h.clock {
				took = h.w.now() - start
			}
			h.done(resp, r, took)
			return
		}
		// Not returned and nothing to recover is runtime.Goexit: neither a
		// panic nor an answer.
		if v := recover(); v != nil {
			h.panicked(resp, r, v)
		}
	}()
	h.next.ServeHTTP(out, r)
	returned = true
}

// done judges an answer. Nearly every one ends at the first line.
func (h *handler) done(resp *response, r *http.Request, took time.Duration) {
	code := resp.code()
	if h.quiet.is(code, took) {
		return
	}
	if code == hijacked || h.w.set.rules.slow(took) && isStream(resp.Header()) {
		took = 0
	}
	h.w.observe(&Observation{Request: r, Status: code, Duration: took})
}

// panicked reports the panic and lets it go on. It runs in the deferred call, so
// that the frames of the panic are still on the stack: for the report, and for
// whoever recovers next.
func (h *handler) panicked(resp *response, r *http.Request, v any) {
	written := resp.status.Load() != 0
	h.w.observe(&Observation{Request: r, Status: http.StatusInternalServerError, Panic: v})
	if written || v == http.ErrAbortHandler || !h.w.set.RecoverPanics {
		panic(v)
	}
	http.Error(resp.ResponseWriter, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// isStream says whether an answer is a stream of events, whose duration is that
// of the client's interest.
func isStream(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}
