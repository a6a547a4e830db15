package statuspage

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Times of Run that are nobody's choice.
const (
	// soonGap is how far apart reconciliations are that webhooks ask for. A storm
	// of closings must not use up the account's share of the Alert API.
	soonGap = 15 * time.Second
	// retryAfter is the first wait after a failure; it doubles up to the
	// interval.
	retryAfter = 15 * time.Second
	// reconcileFor bounds one reconciliation, where the interval is shorter.
	reconcileFor = 5 * time.Minute
)

// Run keeps the page current until ctx ends: it compares the records with the
// Alert API, at once and every ReconcileInterval, soon after an alert was closed,
// and sooner again after a failure; and it takes in what others have stored. It
// returns when ctx ends and nothing of it runs any more.
func (p *Page) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { p.runRefresh(ctx) })
	both.Go(func() { p.runReconcile(ctx) }) // apart: the Alert API may be slow
	both.Wait()
	<-ctx.Done()
}

func (p *Page) runRefresh(ctx context.Context) {
	if err := p.mendMirrors(ctx); err != nil && ctx.Err() == nil {
		p.log.ErrorContext(ctx, "statuspage: writing the states", slog.Any("error", err))
	}
	for p.cfg.RefreshInterval > 0 && sleep(ctx, jitter(p.cfg.RefreshInterval)) {
		if err := p.Refresh(ctx); err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "statuspage: reading the store", slog.Any("error", err))
		}
		if err := p.announce(ctx); err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "statuspage: storing since when maintenance is known", slog.Any("error", err))
		}
	}
}

func (p *Page) runReconcile(ctx context.Context) {
	interval := p.cfg.ReconcileInterval
	if p.cfg.Alerts == nil || interval < 0 {
		return
	}
	failures := 0
	for ctx.Err() == nil {
		err := p.tryReconcile(ctx)
		if err != nil {
			wait := max(min(interval, retryAfter<<min(failures, 16)), restOf(err))
			failures++
			sleep(ctx, jitter(wait))
			continue
		}
		failures = 0
		wait := jitter(interval)
		gap := min(wait, jitter(soonGap))
		if !sleep(ctx, gap) {
			return
		}
		timer := time.NewTimer(wait - gap)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-p.soon:
		}
		timer.Stop()
	}
}

func (p *Page) tryReconcile(ctx context.Context) error {
	select {
	case <-p.soon: // this is it
	default:
	}
	within, cancel := context.WithTimeout(ctx, max(reconcileFor, p.cfg.ReconcileInterval))
	defer cancel()
	err := p.Reconcile(within)
	if err != nil && ctx.Err() == nil {
		p.log.WarnContext(ctx, "statuspage: comparing with the Alert API; the records decide until it answers", slog.Any("error", err))
	}
	return err
}

// reconcileSoon asks Run for a reconciliation. It never blocks.
func (p *Page) reconcileSoon() {
	select {
	case p.soon <- struct{}{}:
	default:
	}
}

// sleep waits for d, and reports whether ctx still lasts.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// jitter is d, give or take a fifth, so that replicas do not ask all at once.
func jitter(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }
