package statuspage

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

const (
	// recomputeFor is how long one may take that was asked for, its turn included.
	recomputeFor = 25 * time.Second
	// Of those that are asked for, a few may begin at once, and then one in each
	// gap: a script that asks for each of a hundred services must not use up the
	// account's share of the Alert API.
	recomputeBurst = 3
	recomputeGap   = 5 * time.Second
)

// recomputes lets those who ask for a recomputation at once share one. It is of
// all services, so it does not matter which of them they ask for. The zero value
// is ready for use.
type recomputes struct {
	mu    sync.Mutex
	next  *recompute // has not begun: who asks now shares it; nil for none
	last  *recompute // the last that has begun; nil for none
	spent time.Time  // until when the gaps of those that have begun reach
}

type recompute struct {
	done chan struct{} // closed when it is over
	err  error         // what came of it, then
}

// join returns the recomputation that begins next, and whether the caller is the
// first to ask for it, who has to carry it out.
func (c *recomputes) join() (r *recompute, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next, first = &recompute{done: make(chan struct{})}, true
	}
	return c.next, first
}

// await waits until the one before is over, and another may begin.
func (c *recomputes) await(ctx context.Context) error {
	c.mu.Lock()
	last, spent := c.last, c.spent
	c.mu.Unlock()
	if last != nil {
		select {
		case <-last.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !sleep(ctx, time.Until(spent.Add(-(recomputeBurst-1)*recomputeGap))) {
		return ctx.Err()
	}
	return nil
}

// begin ends the time in which others may join r: what they closed a moment ago
// might be missed. It costs a gap where it asks the Alert API.
func (c *recomputes) begin(r *recompute, asks bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next, c.last = nil, r
	if asks {
		c.spent = latest(c.spent, time.Now()).Add(recomputeGap)
	}
}

// recompute is Refresh and Reconcile, begun after it was asked for, and shared by
// all who ask before that. ctx has a deadline.
func (p *Page) recompute(ctx context.Context) error {
	r, first := p.recomputes.join()
	if !first {
		select {
		case <-r.done:
			return r.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// Others wait for it: it goes on though the first of them hangs up.
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	defer close(r.done)
	err := p.recomputes.await(ctx)
	p.recomputes.begin(r, p.cfg.Alerts != nil)
	if err == nil && p.reconciled.resting(time.Now()) == 0 {
		err = errors.Join(p.Refresh(ctx), p.Reconcile(ctx))
	}
	if wait := p.reconciled.resting(time.Now()); wait > 0 {
		err = errors.Join(err, &restError{wait})
	}
	r.err = err
	return err
}

// restError says that the Alert API wants to be left alone for a while.
type restError struct{ wait time.Duration }

func (e *restError) Error() string { return "the Alert API asks to wait " + e.wait.String() }

// restOf is for how long the Alert API asks to be left alone, by an error of it.
func restOf(err error) time.Duration {
	var apiErr *opsgenie.Error
	if errors.As(err, &apiErr) {
		return apiErr.RetryAfter
	}
	return 0
}
