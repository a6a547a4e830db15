// Package faults is what the services in the process that are offered to tests have
// in common: which call meets which fault, and waits that end with a call.
package faults

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Queue holds faults in the order in which they were added. A nil Queue is empty. It
// has no lock, and its owner's guards it, so that a call can be recorded and meet
// its fault in one moment.
type Queue[F any] []entry[F]

type entry[F any] struct {
	fault       *F
	skip, times int
}

// Add adds a fault. Of the calls that it chooses it leaves alone the first skip,
// and meets times more: 0 is one, and a negative number is without end.
func (q *Queue[F]) Add(fault F, skip, times int) {
	*q = append(*q, entry[F]{&fault, skip, cmp.Or(times, 1)})
}

// Take returns the first fault that chooses a call and has none to leave alone, or
// nil. One that has met all its calls is gone.
func (q *Queue[F]) Take(chooses func(*F) bool) *F {
	for i := range *q {
		e := &(*q)[i]
		if !chooses(e.fault) {
			continue
		}
		if e.skip > 0 {
			e.skip--
			continue
		}
		fault := e.fault
		if e.times--; e.times == 0 {
			*q = slices.Delete(*q, i, i+1)
		}
		return fault
	}
	return nil
}

// Pause waits for d, or without end if d is negative. It reports false if the
// client leaves, which ends ctx, or the service is closed.
func Pause(ctx context.Context, closed <-chan struct{}, d time.Duration) bool {
	if d == 0 {
		return true
	}
	var over <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-over:
		return true
	case <-ctx.Done():
	case <-closed:
	}
	return false
}
