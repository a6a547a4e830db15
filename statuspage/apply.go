package statuspage

import (
	"context"
	"slices"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Apply takes in one event: the incident in every service that it concerns, and
// the state of each. When it returns nil, the event is stored; when it returns
// an error, sending it again may help, and does no harm.
func (p *Page) Apply(ctx context.Context, e opsgenie.Event) error {
	now := wallNow()
	c := p.changeOf(e, now)
	if c.ID == "" {
		return nil // about no alert
	}
	taken, err := p.take(ctx, c, now)
	if err != nil {
		return err
	}
	if taken && (e.Action == opsgenie.EventRemoveTags || !c.ClosedAt.IsZero()) {
		p.reconcileSoon() // others may be open that were never heard of
	}
	return nil
}

// wallNow is now as a document holds it.
func wallNow() time.Time { return time.Now().UTC().Round(0) }

// take stores a change in the records of all services that its alert concerns or
// ever concerned. It reports whether there are any.
func (p *Page) take(ctx context.Context, c Change, now time.Time) (bool, error) {
	known := p.snap.servicesOf(c.ID)
	named := c.Tags != nil && c.Tags.Page && len(c.Tags.Services) > 0
	var whole Incident
	whole.Merge(c)
	if len(known) == 0 && !named {
		if c.nothing() {
			return false, nil
		}
		heard, err := p.storeEarly(ctx, c, now)
		if err != nil {
			return false, err
		}
		// Another replica may have met the alert just now, and have looked for
		// early news before there was any.
		if err := p.refreshAnew(ctx); err != nil {
			return false, err
		}
		known = p.snap.servicesOf(c.ID)
		// Or what was said bit by bit is enough by now.
		named = len(heard.Services()) > 0
		if len(known) == 0 && !named {
			return false, nil
		}
	}
	if len(known) > 0 {
		if err := p.spread(ctx, &whole, now); err != nil || !whole.Hidden {
			return true, err
		}
		return true, p.hideEarly(ctx, c.ID)
	}
	// It is new here. What was said of it early is looked for before, so that
	// nothing turns red that is over, and after, for what came in between.
	for n := range 2 {
		early, err := p.loadEarly(ctx, c.ID)
		if err != nil {
			return true, err
		}
		if news := early != nil && whole.MergeFrom(early); n > 0 && !news {
			break
		}
		if err := p.spread(ctx, &whole, now); err != nil {
			return true, err
		}
	}
	return true, nil
}

// spread brings what is known of an alert to all services that it concerns or
// ever concerned, until all of them know the same.
func (p *Page) spread(ctx context.Context, whole *Incident, now time.Time) error {
	for range 5 {
		copies := p.snap.copiesOf(whole.ID)
		services := p.snap.servicesOf(whole.ID)
		for _, i := range copies {
			whole.MergeFrom(i)
		}
		services = append(services, whole.Services()...)
		slices.Sort(services)
		err := p.update(ctx, slices.Compact(services), now, func(r *Record) bool { return r.merge(whole) })
		if err != nil || p.snap.agreeOn(whole.ID) {
			return err
		}
	}
	return nil // others are at it; the next Refresh looks again
}
