package metricsync

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrBusy is in the chain of the error of a Sync that did nothing, because another
// is under way, or that ended because another took over.
var ErrBusy = errors.New("another run is under way")

// The times of a lease. A process that was killed holds it until its end.
const (
	leaseFor    = 2 * time.Minute
	leaseEvery  = leaseFor / 4
	rememberFor = 10 * time.Second
)

// hold takes the lease, and keeps it until release is called. The context that it
// returns ends where somebody else has it. It is there to spare calls, not for the
// data: where the documents cannot be had, the run goes on without.
func (s *Syncer) hold(ctx context.Context) (_ context.Context, release func(), err error) {
	if !s.cfg.Shared {
		return ctx, func() {}, nil
	}
	host, _ := os.Hostname() // only to be read by people
	holder := fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
	take := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, rememberFor)
		defer cancel()
		return s.change(ctx, func(d *document) error {
			if l := d.Lease; l != nil && l.Holder != holder && time.Now().Before(l.Until) {
				return fmt.Errorf("metricsync: %w: %s, until %s at the latest", ErrBusy, l.Holder, l.Until.UTC().Format(time.RFC3339))
			}
			d.Lease = &lease{Holder: holder, Until: time.Now().Add(leaseFor).UTC()}
			return nil
		})
	}
	switch err := take(ctx); {
	case errors.Is(err, ErrBusy):
		return ctx, nil, err
	case err != nil:
		s.cfg.Logger.WarnContext(ctx, "metricsync: it cannot be seen whether another run is under way", errAttr(err))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		every := time.NewTicker(leaseEvery)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
				if err := take(ctx); errors.Is(err, ErrBusy) {
					cancel(err)
					return
				}
			}
		}
	}()
	return ctx, func() {
		cancel(context.Canceled)
		<-done
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberFor)
		defer cancel()
		_ = s.change(ctx, func(d *document) error { // else it ends by itself
			if d.Lease != nil && d.Lease.Holder == holder {
				d.Lease = nil
			}
			return nil
		})
	}, nil
}
