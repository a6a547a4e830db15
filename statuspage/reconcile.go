package statuspage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// ClientAlerts is Alerts by an opsgenie.Client, whose key may list alerts.
func ClientAlerts(c *opsgenie.Client) Alerts { return clientAlerts{c} }

type clientAlerts struct{ *opsgenie.Client }

func (c clientAlerts) Open(ctx context.Context, tag string) iter.Seq2[opsgenie.Alert, error] {
	return c.All(ctx, opsgenie.ListOptions{
		Query: fmt.Sprintf("status: open AND tag: %q", tag),
		Limit: opsgenie.MaxPage, Sort: opsgenie.ByCreatedAt, Order: opsgenie.Ascending,
	})
}

func (c clientAlerts) Get(ctx context.Context, id string) (opsgenie.Alert, error) {
	return c.Client.Get(ctx, opsgenie.ID(id))
}

// Run keeps the page current until ctx ends: it compares the records with the
// Alert API, at once and every ReconcileInterval, and takes in what others have
// stored. It returns when ctx ends.
func (p *Page) Run(ctx context.Context) {
	reconcile, refresh := newTicker(p.cfg.ReconcileInterval), newTicker(p.cfg.RefreshInterval)
	defer reconcile.Stop()
	defer refresh.Stop()
	p.tryReconcile(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-reconcile.C:
			p.tryReconcile(ctx)
			reconcile.Reset(jitter(p.cfg.ReconcileInterval))
		case <-p.soon:
			p.tryReconcile(ctx)
		case <-refresh.C:
			if err := p.Refresh(ctx); err != nil && ctx.Err() == nil {
				p.log.ErrorContext(ctx, "statuspage: reading the store", slog.Any("error", err))
			}
			refresh.Reset(jitter(p.cfg.RefreshInterval))
		}
	}
}

// newTicker returns a timer that never fires where every is negative.
func newTicker(every time.Duration) *time.Timer {
	if every < 0 {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTimer(jitter(every))
}

// jitter is d, give or take a fifth, so that replicas do not ask all at once.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 1<<63 - 1
	}
	return d - d/5 + rand.N(2*d/5+1)
}

func (p *Page) tryReconcile(ctx context.Context) {
	if err := p.Reconcile(ctx); err != nil && ctx.Err() == nil {
		p.log.WarnContext(ctx, "statuspage: comparing with the Alert API; the records decide until it answers", slog.Any("error", err))
	}
}

// reconcileSoon asks Run for a reconciliation. It never blocks.
func (p *Page) reconcileSoon() {
	select {
	case p.soon <- struct{}{}:
	default:
	}
}

// Reconcile compares the records with the Alert API: alerts that are open there
// and unknown here are taken in, and those that are open here and not listed
// there are looked at one by one, because the list lags, and is empty where the
// key may not read. Only an alert that is there and closed, or that is not there
// at all, is closed here. Without an Alert API it does nothing.
//
// Where it fails, what it has learnt so far stays, and no state is lowered.
func (p *Page) Reconcile(ctx context.Context) error {
	if p.cfg.Alerts == nil {
		return nil
	}
	p.reconciling.Lock()
	defer p.reconciling.Unlock()
	err := p.reconcile(ctx)
	p.reconciled.note(err)
	return err
}

func (p *Page) reconcile(ctx context.Context) error {
	listed := map[string]bool{}
	for a, err := range p.cfg.Alerts.Open(ctx, p.cfg.PageTag) {
		if err != nil {
			return fmt.Errorf("listing open alerts: %w", err)
		}
		listed[a.ID] = true
		if err := p.takeAlert(ctx, a); err != nil {
			return err
		}
	}
	for _, id := range p.openIncidents() {
		if listed[id] {
			continue
		}
		a, err := p.cfg.Alerts.Get(ctx, id)
		var apiErr *opsgenie.Error
		switch {
		case errors.As(err, &apiErr) && apiErr.Status == http.StatusNotFound:
			now := time.Now()
			err = p.take(ctx, Change{ID: id, At: now, Closed: true}, nil, now)
		case err == nil:
			err = p.takeAlert(ctx, a)
		}
		if err != nil {
			return fmt.Errorf("looking at alert %s: %w", id, err)
		}
	}
	return p.markReconciled(ctx)
}

// ReconcileStats says how the comparing with the Alert API goes. Without an Alert
// API all of it is zero.
type ReconcileStats struct {
	Last   time.Time // when it last succeeded; zero for never in this process
	Done   uint64    // how often it succeeded
	Failed uint64    // how often it did not
	Err    error     // of the last time; nil when that succeeded
}

// ReconcileStats returns how the comparing with the Alert API has gone so far.
func (p *Page) ReconcileStats() ReconcileStats {
	p.reconciled.mu.Lock()
	defer p.reconciled.mu.Unlock()
	return p.reconciled.stats
}

// reconciled is ReconcileStats as they are counted.
type reconciled struct {
	mu    sync.Mutex
	stats ReconcileStats
}

func (r *reconciled) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stats.Err = err; err != nil {
		r.stats.Failed++
		return
	}
	r.stats.Done++
	r.stats.Last = time.Now()
}

func (p *Page) takeAlert(ctx context.Context, a opsgenie.Alert) error {
	now := time.Now()
	c, services := p.changeOfAlert(a, now)
	if !c.Tags.Page && len(p.snap.servicesOf(a.ID)) == 0 {
		return nil // the index matched words; the tag is not there
	}
	return p.take(ctx, c, services, now)
}

// openIncidents are the ids of all alerts that are open for what is known.
func (p *Page) openIncidents() []string {
	var ids []string
	for _, r := range p.Snapshot().Services {
		for n := range r.Incidents {
			if r.Incidents[n].Open() {
				ids = append(ids, r.Incidents[n].ID)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// markReconciled lets the records decide from now on, also downwards.
func (p *Page) markReconciled(ctx context.Context) error {
	var names []string
	for _, r := range p.Snapshot().Services {
		if r.Reconciled.IsZero() {
			names = append(names, r.Name)
		}
	}
	now := time.Now()
	return p.update(ctx, names, now, func(r *Record) { r.Reconciled = now })
}
