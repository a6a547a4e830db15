package adaptertest

import (
	"errors"
	"fmt"
	"net/http"
)

// panics are the rows in which a handler panics.
var panics = []row{
	{name: "a panic with an error", handle: exploding(errStock), want: want{panic: "no stock"}},
	{name: "a panic with a text", handle: exploding("boom"), want: want{panic: "boom"}},
	{name: "a panic with a struct", handle: exploding(struct{ Code int }{7}), want: want{panic: "{7}"}},
	{name: "a nil dereference", handle: exploding(nil), want: want{panic: "nil pointer dereference"}},
	{name: "a panic after the body", handle: late("boom"), want: want{panic: "boom"}},

	{name: "http.ErrAbortHandler", handle: exploding(http.ErrAbortHandler), want: want{silent: true}},
	{name: "http.ErrAbortHandler after the body", handle: late(http.ErrAbortHandler), want: want{silent: true}},
	// net/http compares by ==, so that this is a panic like any other.
	{name: "http.ErrAbortHandler in an error", handle: exploding(errWrappedAbort), want: want{panic: "gone: net/http: abort Handler"}},

	{name: "a panic within Recovery", recovery: RecoveryOutside, handle: exploding("boom"), want: want{status: 500, panic: "boom"}},
	{name: "a panic after the body within Recovery", recovery: RecoveryOutside, handle: late("boom"), want: want{status: 200, panic: "boom"}},
	{name: "a panic outside Recovery", recovery: RecoveryInside, handle: exploding("boom"), want: want{status: 500}},
	{name: "a panic after the body outside Recovery", recovery: RecoveryInside, handle: late("boom"), want: want{status: 200}},
	{name: "a good answer within Recovery", recovery: RecoveryOutside, want: want{status: 200}},

	{name: "RecoverPanics", recoverPanics: true, handle: exploding("boom"), want: want{status: 500, panic: "boom"}},
	{name: "RecoverPanics with an error", recoverPanics: true, handle: exploding(errStock), want: want{status: 500, panic: "no stock"}},
	{name: "RecoverPanics after the body", recoverPanics: true, handle: late("boom"), want: want{panic: "boom"}},
	{name: "RecoverPanics and http.ErrAbortHandler in an error", recoverPanics: true, handle: exploding(errWrappedAbort), want: want{status: 500, panic: "gone: net/http: abort Handler"}},
	{name: "RecoverPanics and http.ErrAbortHandler", recoverPanics: true, handle: exploding(http.ErrAbortHandler), want: want{silent: true}},
}

var errWrappedAbort = fmt.Errorf("gone: %w", http.ErrAbortHandler)

// culpritName is the function that panics: stacks must lead to it.
const culpritName = "explode"

// explode panics with v, and by a nil dereference where v is nil.
func explode(v any) error {
	if v == nil {
		var r *row
		r.name = ""
	}
	panic(v)
}

func exploding(v any) func(*exchange, http.ResponseWriter, *http.Request) error {
	return func(*exchange, http.ResponseWriter, *http.Request) error { return explode(v) }
}

// late panics when the client has some of the body.
func late(v any) func(*exchange, http.ResponseWriter, *http.Request) error {
	return func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		if err := errors.Join(say(w, "ok"), flush(w)); err != nil {
			return err
		}
		return explode(v)
	}
}
