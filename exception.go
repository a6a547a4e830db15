package routewatch

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"runtime"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// AlertOption adds to an alert that is raised by hand.
type AlertOption func(*raised)

// raised is what the options say.
type raised struct {
	fn       string
	request  *http.Request
	route    string
	details  map[string]string
	priority opsgenie.Priority
}

// WithFunc marks the error as one that was handled, in the function of that
// name: the alert says so, and has an alias with the name in it. Use a name from
// the source, not one that is made up for each call.
func WithFunc(name string) AlertOption { return func(r *raised) { r.fn = name } }

// WithDetail puts a detail over those that the alert has anyway.
func WithDetail(key, value string) AlertOption {
	return func(r *raised) {
		if r.details == nil {
			r.details = map[string]string{}
		}
		r.details[key] = value
	}
}

// WithPriority raises the alert with another priority than Config.Priority. One
// that is not P1 to P5 is not taken.
func WithPriority(p opsgenie.Priority) AlertOption {
	return func(r *raised) {
		if p.Valid() {
			r.priority = p
		}
	}
}

// WithRequest says in the alert which request the error came up in. Where the
// request knows its route (by http.ServeMux or chi, in Request.Pattern; for others
// see [WithRoute]), a good answer there closes the alert again (see
// Config.ResolveAfter). The request is asked for, and not taken from the context, because carrying it
// there would cost every request two allocations.
func WithRequest(req *http.Request) AlertOption { return func(r *raised) { r.request = req } }

// WithRoute names the route of [WithRequest] by its router's template, where the
// request does not know it: gin's c.FullPath(), echo's c.Path(). It must be the
// one that the adapter tells, or no good answer closes the alert; and never the
// path of one request.
func WithRoute(template string) AlertOption { return func(r *raised) { r.route = template } }

// RaiseExceptionAlert raises an alert for an error, from inside a request or
// anywhere else. A nil error raises nothing, nor does http.ErrAbortHandler. It
// never blocks. That ctx is cancelled does not keep the alert back: the error is
// often the reason.
func (w *Watcher) RaiseExceptionAlert(ctx context.Context, err error, opts ...AlertOption) {
	if err == nil || err == http.ErrAbortHandler {
		return
	}
	var r raised
	for _, opt := range opts {
		if opt != nil {
			opt(&r)
		}
	}
	var room stack
	h := hit{
		kind: exceptionKind, request: r.request, err: err, fn: r.fn,
		details: r.details, priority: r.priority, pcs: room.take(1), byHand: r.request != nil,
	}
	if r.fn != "" {
		h.kind = handledKind
	}
	if h.route = routeOf(&Observation{Request: r.request, Route: r.route}, ""); h.route == unmatched {
		h.route = "" // what other requests without a name answer says nothing of this one
	}
	w.raise(&h)
}

// Go runs fn in a goroutine of its own and raises an alert when it fails: for
// what a service does outside its requests. An error that fn returns is an alert
// under the given name, unless it is that of ctx having been cancelled. A panic
// is an alert too; it is delivered, for up to [PanicDeadline], and goes on as the
// panic that it is. With Config.ResolveAfter, a later run of the same name that
// returns nil closes the alert.
//
// Go does not limit, restart or wait for goroutines.
func (w *Watcher) Go(ctx context.Context, name string, fn func(context.Context) error) {
	go func() {
		returned := false
		defer func() {
			if returned {
				return
			}
			if v := recover(); v != nil {
				var room stack
				w.raise(&hit{kind: handledKind, route: goRoute(name), fn: name, panicked: v, pcs: room.take(0)})
				deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), PanicDeadline)
				defer cancel()
				_ = w.Flush(deadline) // the panic says what there is to say
				panic(v)
			}
		}()
		err := fn(ctx)
		returned = true
		switch {
		case err == nil:
			w.trigger.good(handledKind, goRoute(name))
		case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)) && ctx.Err() == context.Canceled):
		default:
			w.raise(&hit{kind: handledKind, route: goRoute(name), fn: name, err: err})
		}
	}()
}

// PanicDeadline bounds how long a panic in a goroutine of [Watcher.Go] is held
// up for its alert to be delivered: the panic ends the process.
const PanicDeadline = 3 * time.Second

// goRoute stands in for the route of what runs outside requests. No router's
// template begins like this.
func goRoute(name string) string { return "go " + name }

// exceptionName is the most telling type in an error's chain, from the outside
// in; "" where there are only wrappers and plain texts.
func exceptionName(err error) string {
	if err == nil {
		return ""
	}
	if name := tellingType(err); name != "" {
		return name
	}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return exceptionName(x.Unwrap())
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			if name := exceptionName(e); name != "" {
				return name
			}
		}
	}
	return ""
}

// tellingType is the name of v's type, unless every other error has that type
// too. A runtime.Error tells less than the function that it came up in.
func tellingType(v any) string {
	if _, ok := v.(runtime.Error); ok {
		return ""
	}
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.PkgPath() {
	case "", "errors", "fmt", "github.com/pkg/errors", "golang.org/x/xerrors":
		return "" // a plain text, a wrapper, or a type without a name
	}
	return t.String()
}

// exception is the {exception} of a hit: a name that stays the same when the
// same thing happens again.
func (h *hit) exception() string {
	if name := h.typeName(); name != "" {
		return name
	}
	if name := h.culprit(); name != "" {
		return name
	}
	return "error"
}

// typeName is the telling type of a hit's error or panic, or "".
func (h *hit) typeName() string {
	switch v := h.value().(type) {
	case nil:
		return ""
	case error:
		return exceptionName(v)
	default:
		return tellingType(v)
	}
}

// value is what was panicked with, or the error that was raised.
func (h *hit) value() any {
	if h.panicked != nil {
		return h.panicked
	}
	if h.err != nil {
		return h.err
	}
	return nil
}
