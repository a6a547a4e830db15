package signalfx

import (
	"context"
	"sync"
	"time"
)

const (
	firstGap   = time.Second
	longestGap = 30 * time.Second
	leastGap   = 100 * time.Millisecond // below which it is none
)

// pace keeps calls apart, by as much as the other end made it. At first that is
// not at all. The zero value is ready for use.
type pace struct {
	mu     sync.Mutex
	gap    time.Duration
	next   time.Time
	slowed time.Time
}

// wait waits until there may be a call.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	at := time.Now()
	if p.next.After(at) {
		at = p.next
	}
	p.next = at.Add(p.gap)
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// slower is called when a call was one too many. Several that were under way at
// once count as one.
func (p *pace) slower() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.slowed) < p.gap {
		return
	}
	p.slowed = now
	p.gap = min(max(2*p.gap, firstGap), longestGap)
	if next := now.Add(p.gap); next.After(p.next) {
		p.next = next
	}
}

// faster is called when a call was fine.
func (p *pace) faster() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap -= p.gap / 8; p.gap < leastGap {
		p.gap = 0
	}
}
