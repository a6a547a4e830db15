package routewatch

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Notifier delivers alerts. *opsgenie.Client is one; tests and other services
// bring their own.
//
// Each method makes one attempt and keeps no time of its own: routewatch repeats
// what may succeed later. It calls from several goroutines, for one alias never
// from two at once. The context of an attempt ends after 15 seconds at the most.
//
// Of an error that is an *opsgenie.Error or has a method Temporary() bool,
// routewatch asks whether to repeat the attempt; any other error it takes for
// temporary. A panic counts as an error that is not.
type Notifier interface {
	// Create raises the alert. To raise it again while it is open must count
	// towards it, by its alias.
	Create(ctx context.Context, a opsgenie.NewAlert) (requestID string, err error)
	// Close closes the open alert of an alias. That there is none is success.
	Close(ctx context.Context, ref opsgenie.Ref, act opsgenie.Action) (requestID string, err error)
}

const attemptTimeout = 15 * time.Second

// failure is what became of an attempt that did not succeed.
type failure struct {
	err       error
	temporary bool
	throttled bool // it was one call too many
	// wait is how long the service asks to be left alone, by everybody.
	wait   time.Duration
	reason string // for Stats, where it is not temporary
}

// classify says what a failed attempt means; nil where it did not fail. It calls
// methods of the Notifier's errors.
func classify(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{err: err, temporary: true, reason: dropRejected}
	var e *opsgenie.Error
	if errors.As(err, &e) {
		f.temporary, f.throttled = e.Temporary(), e.Status == http.StatusTooManyRequests
		switch {
		case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
			f.reason = dropUnauthorized
		case f.temporary:
			f.wait = min(e.RetryAfter, maxWait)
		}
		return f
	}
	var t interface{ Temporary() bool }
	if errors.As(err, &t) {
		f.temporary = t.Temporary()
	}
	return f
}

// errPanicked stands for an attempt from which the Notifier did not return.
var errPanicked = errors.New("the Notifier panicked")
