package routewatch

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats are counts since New, but for Waiting, which is now.
type Stats struct {
	// Hits is how many observations and raised errors broke a rule.
	Hits struct{ Status, Latency, Exception uint64 }
	// Overflowed is how many hits found no room for their alias or route and
	// were counted towards the one alert for those.
	Overflowed uint64

	Created   uint64 // alerts that Opsgenie accepted, repeats of open ones among them
	Closed    uint64 // closes that Opsgenie accepted
	Retries   uint64 // attempts that failed and will be, or were, repeated
	Throttled uint64 // attempts that the service answered with 429
	Waiting   int    // aliases whose newest state has not been delivered

	// Dropped is what will not be delivered, by reason:
	//
	//	"unauthorized"  the key is wrong, or may not do this (401, 403)
	//	"rejected"      the service does not take this (other 4xx)
	//	"panicked"      the Notifier panicked
	//	"superseded"    to be closed before its first alert was delivered
	//	"closed"        observed after Close
	//	"left"          still waiting when Close's context ended
	Dropped map[string]uint64
}

// The reasons of Stats.Dropped.
const (
	dropUnauthorized = "unauthorized"
	dropRejected     = "rejected"
	dropPanicked     = "panicked"
	dropSuperseded   = "superseded"
	dropClosed       = "closed"
	dropLeft         = "left"
)

// counters are what Stats is made of.
type counters struct {
	hits                                [numKinds]atomic.Uint64
	created, closed, retries, throttled atomic.Uint64

	mu      sync.Mutex
	dropped map[string]uint64
}

func (c *counters) drop(reason string) { c.drops(reason, 1) }

func (c *counters) drops(reason string, n int) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == nil {
		c.dropped = map[string]uint64{}
	}
	c.dropped[reason] += uint64(n)
}

// Stats returns what has been counted. It is safe for concurrent use.
func (w *Watcher) Stats() Stats {
	c := &w.stats
	s := Stats{
		Overflowed: w.trigger.overflowed.Load(),
		Created:    c.created.Load(),
		Closed:     c.closed.Load(),
		Retries:    c.retries.Load(),
		Throttled:  c.throttled.Load(),
		Waiting:    len(w.waiting()),
	}
	s.Hits.Status = c.hits[statusKind].Load()
	s.Hits.Latency = c.hits[latencyKind].Load()
	s.Hits.Exception = c.hits[exceptionKind].Load() + c.hits[handledKind].Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Dropped = maps.Clone(c.dropped)
	return s
}
