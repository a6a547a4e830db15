package routewatch

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Observation is what an adapter saw of one request. [Watcher.Handler] makes its
// own; the adapters for other frameworks, and code that serves requests by other
// means, hand theirs to [Watcher.Observe].
type Observation struct {
	// Request is the request, as the handler saw it. Nothing of it is kept
	// after Observe has returned.
	Request *http.Request

	// Route is the router's template for the request, such as
	// "/users/{id}", when it has one. Left empty, it is taken from
	// Request.Pattern.
	Route string

	// Status is the code of the answer. Zero stands for 500 where Err or Panic
	// is set, and for 200 where not.
	Status int

	// Duration is how long the answer took. Zero or less is not judged: leave
	// it so for streams and hijacked connections.
	Duration time.Duration

	// Err is the error that a framework's handler returned. It is told in the
	// alert that Status raises, and raises none by itself.
	Err error

	// Panic is the value that the handler panicked with. It makes the
	// observation an exception, whatever the Status. Call Observe from the
	// deferred function that recovered it: the stack is still there, and is
	// taken at a hundredth of what debug.Stack costs.
	Panic any

	// Stack is the stack of Panic as text, for where it was caught elsewhere.
	// Leave it nil to have Observe take it.
	Stack []byte
}

// Observe judges one observation and raises the alerts that it calls for. It is
// the one door that every adapter uses. It never blocks, returns no error and is
// safe for concurrent use; after Close it only counts what it was given.
func (w *Watcher) Observe(o Observation) {
	if o.Status == 0 {
		o.Status = http.StatusOK
		if o.Err != nil || o.Panic != nil {
			o.Status = http.StatusInternalServerError
		}
	}
	if o.Panic == nil && w.quiet.is(o.Status, o.Duration) {
		return
	}
	w.observe(&o)
}

// RecoversPanics reports Config.RecoverPanics, for adapters: they answer 500 in
// their framework's own way.
func (w *Watcher) RecoversPanics() bool { return w.set.RecoverPanics }

// Clock is the time on the Watcher's own clock, for adapters to hand to Took when
// the answer is there. It only means something to the Watcher that it came from.
// Without a Config.LatencyThreshold it is zero, and no clock was read.
func (w *Watcher) Clock() time.Duration {
	if w.set.rules.threshold == 0 {
		return 0
	}
	return w.now()
}

// Took is the Duration of an Observation, for adapters: the time since start,
// which is what Clock said when the request came. It is zero, which is not
// judged, without a Config.LatencyThreshold and where the duration is the
// client's doing: a hijacked connection (status 101) or a stream of events. The
// header of rw is looked at only when the answer is slow.
func (w *Watcher) Took(start time.Duration, status int, rw http.ResponseWriter) time.Duration {
	if w.set.rules.threshold == 0 {
		return 0
	}
	took := w.now() - start
	if w.set.rules.slow(took) && (status == hijacked || isStream(rw.Header())) {
		return 0
	}
	return took
}

// Quiet reports whether there is nothing to observe in an answer with this status
// that took so long (see Took): adapters need not make an Observation of it. It
// looks at two numbers, and meets no regexp.
func (w *Watcher) Quiet(status int, took time.Duration) bool { return w.quiet.is(status, took) }

// quiet is what nearly every request is judged by: a copy of the rules in one
// place, so that the request path need not look for them.
type quiet struct {
	bad       statusSet
	threshold time.Duration
	awaiting  *atomic.Int32 // lanes of open alerts that wait for a good answer
}

// is says whether an answer raises nothing and is of no interest to an open
// alert.
func (q *quiet) is(status int, took time.Duration) bool {
	return !q.bad.has(status) && (took <= q.threshold || q.threshold == 0) && q.awaiting.Load() == 0
}

// observe is Observe for what is not quiet.
func (w *Watcher) observe(o *Observation) {
	if o.Panic != nil {
		// By ==, as net/http does. It is a normal way out, and no answer.
		if o.Panic != http.ErrAbortHandler {
			w.observePanic(o)
		}
		return // one alert: neither its 500 nor its duration is another
	}
	if clientGone(o.Request) {
		return
	}
	path := pathOf(o.Request)
	bad, slow := w.set.rules.bad.has(o.Status), w.set.rules.slow(o.Duration)
	if bad {
		if pattern, ok := w.set.rules.statusRoute(path); ok {
			h := o.hit(statusKind, pattern)
			w.raise(&h)
		}
	}
	if slow {
		if pattern, ok := w.set.rules.latencyRoute(path); ok {
			h := o.hit(latencyKind, pattern)
			w.raise(&h)
		}
	}
	if w.trigger.awaiting.Load() > 0 {
		w.answeredWell(o, path, bad, slow)
	}
}

// observePanic stands alone so that other observations need no room for a stack.
func (w *Watcher) observePanic(o *Observation) {
	h := o.hit(exceptionKind, "")
	if w.wantsStack(&h) {
		var room stack
		h.pcs = room.take(1)
	}
	w.raise(&h)
}

// hit is one observation, or one error raised by hand, that breaks a rule. It
// lives on the stack of the request.
type hit struct {
	kind     kind
	request  *http.Request // or nil
	route    string        // bounded: see routeOf; "" is none, which no answer can clear
	status   int
	took     time.Duration
	err      error
	panicked any
	pcs      []uintptr // where it came up, for exceptions
	stack    []byte    // the same, where somebody else took it
	fn       string
	details  map[string]string
	priority opsgenie.Priority
	byHand   bool // inside a request, whose own answer is still to come
}

func (o *Observation) hit(k kind, pattern string) hit {
	return hit{
		kind: k, request: o.Request, route: routeOf(o, pattern), status: o.Status, took: o.Duration,
		err: o.Err, panicked: o.Panic, stack: o.Stack,
	}
}

// answeredWell tells the open alerts of the request's route that it is fine
// again, each in its own respect.
func (w *Watcher) answeredWell(o *Observation, path string, bad, slow bool) {
	if !bad {
		pattern, _ := w.set.rules.statusRoute(path)
		route := routeOf(o, pattern)
		w.trigger.good(statusKind, route)
		if o.Status < http.StatusInternalServerError {
			w.trigger.good(exceptionKind, routeOf(o, ""))
			w.trigger.good(handledKind, routeOf(o, ""))
		}
	}
	if w.set.rules.threshold > 0 && o.Duration > 0 && !slow {
		if pattern, ok := w.set.rules.latencyRoute(path); ok {
			w.trigger.good(latencyKind, routeOf(o, pattern))
		}
	}
}

// clientGone says whether the answer is that of a request whose client went away
// before it was there. Only a cancelled context says so: a deadline that passed
// was the server's own. It must be asked before the handler returns to net/http,
// which cancels every context.
func clientGone(r *http.Request) bool {
	return r != nil && r.Context().Err() == context.Canceled
}

func pathOf(r *http.Request) string {
	if r == nil || r.URL == nil {
		return ""
	}
	return r.URL.Path
}

// unmatched is the one name of all requests for which there is neither a
// template nor a pattern. Their raw paths would be without number.
const unmatched = "unmatched"

// routeOf names the route of an observation by what is bounded: the router's
// template, else the pattern that chose the path. Never by the path.
func routeOf(o *Observation, pattern string) string {
	switch {
	case o.Route != "":
		return o.Route
	case o.Request != nil && o.Request.Pattern != "" && o.Request.Method != http.MethodConnect:
		// A redirected CONNECT leaves its raw path in Pattern.
		return template(o.Request.Pattern)
	case pattern != "":
		return pattern
	case o.Request == nil:
		return "" // it did not come up in a request
	}
	return unmatched
}

// template is the path of a ServeMux pattern, which may begin with a method and
// a host. chi leaves the path alone.
func template(pattern string) string {
	if i := strings.IndexByte(pattern, ' '); i >= 0 {
		pattern = strings.TrimLeft(pattern[i+1:], " \t")
	}
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return pattern[i:]
	}
	return pattern
}

// methodOf is the request's method, with those that nobody registered as one:
// clients can make up as many as they like.
func methodOf(r *http.Request) string {
	if r == nil {
		return ""
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	case "":
		return http.MethodGet
	}
	return "OTHER"
}
