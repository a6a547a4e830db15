package statuspage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// ClientAlerts is Alerts by an opsgenie.Client. It is nil, so that the records
// decide, where the client's kind of key cannot list alerts: a GenieKey at Jira
// Service Management. Package jsmops lists them there.
func ClientAlerts(c *opsgenie.Client) Alerts {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // it is known without asking anybody
	if _, err := c.List(ctx, opsgenie.ListOptions{}); errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return clientAlerts{c}
}

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

// Reconcile compares the records with the Alert API: alerts that are open there
// and unknown here are taken in, and those that are open here and not listed
// there are looked at one by one, because the list lags, and is empty where the
// key may not read. Only an alert that is there and closed, or that is not there
// at all, is closed here. Without an Alert API it does nothing.
//
// Where it fails, what it has learnt so far stays, and no state is lowered for
// want of an answer.
func (p *Page) Reconcile(ctx context.Context) error {
	if p.cfg.Alerts == nil {
		return nil
	}
	select {
	case p.reconciling <- struct{}{}:
		defer func() { <-p.reconciling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := p.reconcile(ctx)
	p.reconciled.note(err)
	return err
}

func (p *Page) reconcile(ctx context.Context) error {
	// A service that is heard of only while this runs may have alerts that the
	// list was too early for.
	compared := map[string]bool{}
	for _, r := range p.Snapshot().Services {
		compared[r.Name] = true
	}
	listed := map[string]bool{}
	failures := failures{services: map[string]bool{}}
	for a, err := range p.cfg.Alerts.Open(ctx, p.cfg.PageTag) {
		if err != nil {
			return fmt.Errorf("listing open alerts: %w", err)
		}
		if a.ID == "" {
			continue
		}
		listed[clean(a.ID, maxID)] = true
		services, err := p.takeAlert(ctx, a)
		if err != nil {
			failures.concern(p.snap.servicesOf(clean(a.ID, maxID)))
		}
		if failures.add(a.ID, services, err) {
			return failures.err()
		}
		for _, name := range services {
			compared[name] = true
		}
	}
	p.lookAtOthers(ctx, listed, &failures)
	for name := range failures.services {
		delete(compared, name)
	}
	return errors.Join(failures.err(), p.markReconciled(ctx, compared))
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
	rest  time.Time // until when the Alert API has asked to be left alone
}

func (r *reconciled) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stats.Err = err; err != nil {
		r.stats.Failed++
		r.rest = time.Now().Add(restOf(err))
		return
	}
	r.stats.Done++
	r.stats.Last = time.Now()
}

// resting is how much longer the Alert API wants to be left alone.
func (r *reconciled) resting(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.rest.Sub(now), 0)
}

// lookAtOthers asks for the alerts that are open here and not listed, in any
// order, so that the same few failures do not keep the others away for ever.
func (p *Page) lookAtOthers(ctx context.Context, listed map[string]bool, failures *failures) {
	var ids []string
	for id := range p.openIncidents() {
		if !listed[id] {
			ids = append(ids, id)
		}
	}
	rand.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
	end := false
	for _, id := range ids {
		services := p.snap.servicesOf(id)
		if end || ctx.Err() != nil {
			failures.concern(services)
			continue
		}
		end = failures.add(id, services, p.lookAt(ctx, id))
	}
}

func (p *Page) lookAt(ctx context.Context, id string) error {
	a, err := p.cfg.Alerts.Get(ctx, id)
	var apiErr *opsgenie.Error
	// With a reason it is not the service that says so, but a proxy on the way.
	if errors.As(err, &apiErr) && apiErr.Status == http.StatusNotFound && apiErr.Err == nil {
		now := wallNow()
		if _, err := p.take(ctx, Change{ID: id, ClosedAt: now}, now); err != nil {
			return err
		}
		p.log.WarnContext(ctx, "statuspage: an alert is not there any more, which no webhook has told, and is taken for closed; if it is there, the key does not see all alerts",
			slog.String("alert", id))
		return nil
	}
	if err != nil {
		return err
	}
	if clean(a.ID, maxID) != id {
		return fmt.Errorf("the answer is about %q", a.ID)
	}
	_, err = p.takeAlert(ctx, a)
	return err
}

// takeAlert takes in an alert, and returns the services that it names.
func (p *Page) takeAlert(ctx context.Context, a opsgenie.Alert) (services []string, err error) {
	now := wallNow()
	c := p.changeOfAlert(a, now)
	copies := p.snap.copiesOf(c.ID)
	if c.Tags != nil {
		services = c.Tags.Services
	}
	if len(copies) == 0 && (c.Tags == nil || !c.Tags.Page) {
		return nil, nil // the index matched words; the tag is not there
	}
	var told Incident
	told.Merge(c)
	// Most of what is listed is known, and what was known once stays known.
	if len(copies) > 0 && agree(copies) && copies[0].knows(&told) {
		return services, nil
	}
	_, err = p.take(ctx, c, now)
	return services, err
}

// openIncidents are the ids of all alerts that are open for what is known.
func (p *Page) openIncidents() map[string]bool {
	ids := map[string]bool{}
	for _, r := range p.Snapshot().Services {
		for n := range r.Incidents {
			if r.Incidents[n].Open() {
				ids[r.Incidents[n].ID] = true
			}
		}
	}
	return ids
}

// markReconciled lets the records decide from now on, also downwards.
func (p *Page) markReconciled(ctx context.Context, compared map[string]bool) error {
	var names []string
	for _, r := range p.Snapshot().Services {
		if r.Reconciled.IsZero() && compared[r.Name] {
			names = append(names, r.Name)
		}
	}
	now := wallNow()
	return p.update(ctx, names, now, func(r *Record) bool {
		if !r.Reconciled.IsZero() {
			return false
		}
		r.Reconciled = now
		return true
	})
}
