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
// temporary.
type Notifier interface {
	// Create raises the alert. To raise it again while it is open must count
	// towards it, by its alias.
	Create(ctx context.Context, a opsgenie.NewAlert) (requestID string, err error)
	// Close closes the open alert of an alias. That there is none is success.
	Close(ctx context.Context, ref opsgenie.Ref, act opsgenie.Action) (requestID string, err error)
}

const attemptTimeout = 15 * time.Second

// verdict on a failed attempt.
type failure struct {
	temporary bool
	// wait is how long the service asks to be left alone, by everybody.
	wait   time.Duration
	reason string // for Stats, where it is not temporary
}

// classify says what a failed attempt means.
func classify(err error) failure {
	var e *opsgenie.Error
	if errors.As(err, &e) {
		f := failure{temporary: e.Temporary(), reason: dropRejected}
		switch e.Status {
		case http.StatusTooManyRequests:
			f.wait = min(e.RetryAfter, maxWait)
		case http.StatusUnauthorized, http.StatusForbidden:
			f.reason = dropUnauthorized
		default:
			if f.temporary {
				f.wait = min(e.RetryAfter, maxWait)
			}
		}
		return f
	}
	var p *notifierPanic
	if errors.As(err, &p) {
		return failure{reason: dropPanicked}
	}
	var t interface{ Temporary() bool }
	if errors.As(err, &t) {
		return failure{temporary: t.Temporary(), reason: dropRejected}
	}
	return failure{temporary: true}
}

// notifierPanic is the error of an attempt in which the Notifier panicked.
type notifierPanic struct{ value any }

func (*notifierPanic) Error() string { return "the Notifier panicked" }
