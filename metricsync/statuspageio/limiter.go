package statuspageio

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// limiter lets one call after the other begin, with time between them. One waits
// for its turn, and the others for theirs behind it, first come, first served.
type limiter struct {
	interval time.Duration
	turn     chan struct{} // full while somebody waits

	mu   sync.Mutex
	next time.Time // no call begins before
}

func newLimiter(interval time.Duration) *limiter {
	return &limiter{interval: interval, turn: make(chan struct{}, 1)}
}

// wait returns when a call may begin. It fails where ctx would end before that.
func (l *limiter) wait(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		// Asked again after each wait: there may be a longer one by then.
		wait := l.begin()
		if wait <= 0 {
			return nil
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
			return fmt.Errorf("no call is allowed for another %s: %w", wait.Round(time.Millisecond), context.DeadlineExceeded)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// begin begins a call, or says how long to wait.
func (l *limiter) begin() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if wait := l.next.Sub(now); wait > 0 {
		return wait
	}
	l.next = now.Add(l.interval)
	return 0
}

// hold lets no call begin before d has passed, or the interval, if that is longer.
// It is held after each answer too: what a call takes on its way varies, and calls
// that begin a second apart would arrive closer than that.
func (l *limiter) hold(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next := time.Now().Add(max(d, l.interval)); next.After(l.next) {
		l.next = next
	}
}
