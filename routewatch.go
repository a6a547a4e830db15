package routewatch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Watcher watches requests and raises alerts. Make it with [New]; the zero value
// is of no use, and it must not be copied. All its methods are safe for
// concurrent use.
//
// One goroutine works for it, from New until Close, beside one for each attempt
// at delivering an alert, of which there are at most four at a time.
type Watcher struct {
	id      watcherID
	set     *settings
	epoch   time.Time // all durations on the request path are since then
	quiet   quiet
	trigger *perRequest
	out     outbox
	stats   counters

	notify  chan struct{}  // the loop has something to do; one is enough
	flushes chan *flushing // somebody waits for the outbox to be empty
	closed  atomic.Bool    // nothing is taken any more
	stop    context.CancelFunc
	done    chan struct{} // the loop has ended
	ended   chan struct{} // Close has, and left stands
	left    error         // what Close left
}

// watcherID tells Watchers apart in half the bytes of a pointer.
type watcherID uint32

var watchers atomic.Uint32

// New makes a Watcher, or tells every mistake in cfg at once: the error joins a
// *[ConfigError] for each. cfg is copied; what it points to may be changed
// afterwards. New connects to nothing.
func New(cfg Config) (*Watcher, error) {
	set, err := compile(cfg)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Watcher{
		id: watcherID(watchers.Add(1)), set: set, epoch: time.Now(), stop: stop,
		done: make(chan struct{}), ended: make(chan struct{}),
		notify: make(chan struct{}, 1), flushes: make(chan *flushing),
	}
	w.out = newMemoryOutbox(ctx, set, &w.stats, w.wake)
	w.trigger = newPerRequest(set, w.out, w.wake)
	w.quiet = quiet{bad: set.rules.bad, threshold: set.rules.threshold, awaiting: &w.trigger.awaiting}
	go w.loop(ctx)
	return w, nil
}

// now is the time on the Watcher's clock: monotonic, and half the price of
// time.Now.
func (w *Watcher) now() time.Duration { return time.Since(w.epoch) }

// wake has the loop look around. It never blocks.
func (w *Watcher) wake() {
	select {
	case w.notify <- struct{}{}:
	default: // it will anyway
	}
}

// flushing is somebody who waits until everything is delivered.
type flushing struct {
	ctx  context.Context // of the waiting
	done chan struct{}
}

// loop is the one goroutine of a Watcher: it moves what is due from the trigger
// to the outbox, has the outbox deliver, and sleeps in between.
func (w *Watcher) loop(ctx context.Context) {
	defer close(w.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var flushes []*flushing
	for {
		// The outbox after the trigger, so that it sees what that wants.
		t := w.trigger.tick(w.now())
		now := time.Now()
		next := w.out.tick(now)
		if t > 0 {
			next = earlier(next, w.epoch.Add(t))
		}
		if len(flushes) > 0 && len(w.waiting()) == 0 {
			for _, f := range flushes {
				close(f.done)
			}
			flushes = nil
		}
		wait := time.Hour
		if !next.IsZero() {
			wait = max(next.Sub(now), 0)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case f := <-w.flushes:
			// Those who gave up are not kept until an outage is over.
			gone := func(f *flushing) bool { return f.ctx.Err() != nil }
			flushes = append(slices.DeleteFunc(flushes, gone), f)
			w.out.hurry()
		case <-w.notify:
		case <-timer.C:
		}
	}
}

// waiting lists the aliases of which something is still to be delivered.
func (w *Watcher) waiting() []string {
	waiting := append(w.out.waiting(), w.trigger.pending()...)
	slices.Sort(waiting)
	return slices.Compact(waiting)
}

// UndeliveredError is what [Watcher.Flush] and [Watcher.Close] return when their
// context ends before everything is delivered.
type UndeliveredError struct {
	Aliases []string // of the alerts that still wait
	Cause   error    // why the waiting ended
}

func (e *UndeliveredError) Error() string {
	const shown = 5
	names := strings.Join(e.Aliases[:min(len(e.Aliases), shown)], ", ")
	if more := len(e.Aliases) - shown; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("routewatch: %d not delivered: %s: %v", len(e.Aliases), names, e.Cause)
}

func (e *UndeliveredError) Unwrap() error { return e.Cause }

// Flush waits until everything that waits has been delivered or dropped. When
// ctx ends first it returns an *[UndeliveredError] that says what is left, which
// goes on being tried. What waits for a back-off is tried at once. Further hits
// of an open alert that wait for Config.Renotify do not count.
func (w *Watcher) Flush(ctx context.Context) error {
	f := &flushing{ctx: ctx, done: make(chan struct{})}
	select {
	case w.flushes <- f:
	case <-w.done:
		return w.result(ctx)
	case <-ctx.Done():
		return w.undelivered(ctx)
	}
	select {
	case <-f.done:
		return nil
	case <-w.done:
		return w.result(ctx)
	case <-ctx.Done():
		return w.undelivered(ctx)
	}
}

// undelivered is what to return when ctx has ended.
func (w *Watcher) undelivered(ctx context.Context) error {
	return undelivered(w.waiting(), context.Cause(ctx))
}

func undelivered(aliases []string, cause error) error {
	if len(aliases) == 0 {
		return nil
	}
	return &UndeliveredError{aliases, cause}
}

// errClosed is why what was observed while Close ended is not delivered.
var errClosed = errors.New("the Watcher is closed")

// Close delivers what waits and ends the Watcher. When ctx ends first, what is
// left is dropped, and the error is an *[UndeliveredError] that says what. A ctx
// without a deadline gets one of [CloseDeadline]: a service that stops must stop,
// also when Opsgenie is down. Alerts stay open at Opsgenie.
//
// To observe afterwards is harmless, and counted as dropped. To close again
// waits for the first Close, for as long as its own ctx lasts, and returns what
// that returned.
func (w *Watcher) Close(ctx context.Context) error {
	if w.closed.Swap(true) {
		return w.result(ctx)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, CloseDeadline)
		defer cancel()
	}
	_ = w.Flush(ctx) // what is left is seen below, when it cannot change any more
	w.stop()
	<-w.done
	left := append(w.out.abandon(), w.trigger.abandon()...)
	slices.Sort(left)
	left = slices.Compact(left)
	w.stats.drops(dropLeft, len(left))
	cause := context.Cause(ctx)
	if cause == nil {
		cause = errClosed
	}
	w.left = undelivered(left, cause)
	close(w.ended)
	return w.left
}

// CloseDeadline bounds a [Watcher.Close] whose context does not. It is half of
// what Kubernetes gives a pod to stop.
const CloseDeadline = 15 * time.Second

// result waits for the result of Close.
func (w *Watcher) result(ctx context.Context) error {
	select {
	case <-w.ended:
		return w.left
	default:
	}
	select {
	case <-w.ended:
		return w.left
	case <-ctx.Done():
		return w.undelivered(ctx)
	}
}

// destination names where alerts go, for the log.
func (s *settings) destination() string {
	c, ok := s.Notifier.(*opsgenie.Client)
	if !ok {
		return "notifier"
	}
	u, err := url.Parse(c.BaseURL())
	if err != nil {
		return "opsgenie"
	}
	return u.Host
}
