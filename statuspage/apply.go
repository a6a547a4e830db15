package statuspage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Apply takes in one event: the incident in every service that it concerns, and
// the state of each. When it returns nil, the event is stored; when it returns
// an error, sending it again may help, and does no harm.
func (p *Page) Apply(ctx context.Context, e opsgenie.Event) error {
	now := time.Now()
	c, named := p.changeOf(e, now)
	if err := p.take(ctx, c, named, now); err != nil {
		return err
	}
	if c.Closed || e.Action == opsgenie.EventRemoveTags {
		p.reconcileSoon() // others may be open that were never heard of
	}
	return nil
}

// take stores a change in the records of the services that it names, and of
// those that know the alert already.
func (p *Page) take(ctx context.Context, c Change, named []string, now time.Time) error {
	known := p.snap.servicesOf(c.ID)
	if len(known) == 0 && len(named) == 0 {
		if !c.Closed {
			return nil // nothing to do with the page
		}
		// Another replica may know it, and its Create may still be to come.
		if err := p.Refresh(ctx); err != nil {
			return err
		}
		if known = p.snap.servicesOf(c.ID); len(known) == 0 {
			return p.storeClosed(ctx, c)
		}
	}
	services := slices.Concat(named, known)
	slices.Sort(services)
	services = slices.Compact(services)

	var others []*Incident // what the records know of the alert
	snap := p.Snapshot()
	for _, name := range known {
		if r := snap.Service(name); r != nil {
			if i := r.Incident(c.ID); i != nil {
				others = append(others, i)
			}
		}
	}
	var closed *Change
	if len(known) == 0 {
		var err error
		if closed, err = p.loadClosed(ctx, c.ID); err != nil {
			return err
		}
	}
	return p.update(ctx, services, now, func(r *Record) {
		i := r.merge(c)
		for _, o := range others {
			i.MergeFrom(o)
		}
		if closed != nil {
			i.Merge(*closed)
		}
	})
}

// update changes the records of services, and all that hangs on them.
func (p *Page) update(ctx context.Context, services []string, now time.Time, change func(*Record)) error {
	var errs []error
	var changed []*Record
	for _, name := range services {
		r, err := p.updateOne(ctx, name, now, change)
		if err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", name, err))
			continue
		}
		changed = append(changed, r)
	}
	p.snap.put(changed...)
	return errors.Join(errs...)
}

func (p *Page) updateOne(ctx context.Context, name string, now time.Time, change func(*Record)) (*Record, error) {
	var stored Record
	err := p.cfg.Store.Update(ctx, keyOf(recordsFolder, name), func(doc []byte) ([]byte, error) {
		r := Record{Name: name, State: Green}
		if doc != nil {
			if err := json.Unmarshal(doc, &r); err != nil {
				return nil, fmt.Errorf("its record is damaged: %w", err)
			}
		}
		change(&r)
		r.settle(now, p.cfg.Alerts != nil && r.Reconciled.IsZero())
		r.prune(now)
		stored = r
		return json.Marshal(r)
	})
	if err != nil {
		return nil, err
	}
	return &stored, p.mirror(ctx, &stored)
}

// mirror writes services/NAME.json, exactly as the Status Page Reference has it.
// Somebody else may have changed the record since: whoever comes last must have
// seen the newest.
func (p *Page) mirror(ctx context.Context, r *Record) error {
	for {
		want, err := json.Marshal(struct {
			State   State  `json:"state"`
			Message string `json:"message"`
		}{r.State, r.Message})
		if err != nil {
			return err
		}
		err = p.cfg.Store.Update(ctx, keyOf(servicesFolder, r.Name), func([]byte) ([]byte, error) { return want, nil })
		if err != nil {
			return err
		}
		now, err := p.record(ctx, r.Name)
		if err != nil || now.State == r.State && now.Message == r.Message {
			return err
		}
		r = now
	}
}

// record reads a record from the store.
func (p *Page) record(ctx context.Context, name string) (*Record, error) {
	doc, err := p.cfg.Store.Get(ctx, keyOf(recordsFolder, name))
	if err != nil {
		return nil, err
	}
	return decodeRecord(doc)
}

func decodeRecord(doc []byte) (*Record, error) {
	var r Record
	if err := json.Unmarshal(doc, &r); err != nil {
		return nil, fmt.Errorf("a record is damaged: %w", err)
	}
	return &r, nil
}

// storeClosed remembers that an alert was closed of which nothing else is known:
// a Delete has no tags, and may come before its Create.
func (p *Page) storeClosed(ctx context.Context, c Change) error {
	return p.cfg.Store.Update(ctx, keyOf(closedFolder, c.ID), func(doc []byte) ([]byte, error) {
		var known Change
		if doc != nil && json.Unmarshal(doc, &known) == nil && known.At.Before(c.At) {
			return doc, nil
		}
		return json.Marshal(Change{ID: c.ID, At: c.At, Closed: true})
	})
}

func (p *Page) loadClosed(ctx context.Context, id string) (*Change, error) {
	doc, err := p.cfg.Store.Get(ctx, keyOf(closedFolder, id))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var c Change
	if err := json.Unmarshal(doc, &c); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", keyOf(closedFolder, id), err)
	}
	return &c, nil
}

// Refresh reads what others have stored since the last time.
func (p *Page) Refresh(ctx context.Context) error {
	var changed []*Record
	var errs []error
	for entry, err := range p.cfg.Store.List(ctx, recordsFolder) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		if !strings.HasSuffix(entry.Key, ".json") || !p.snap.changedRev(entry) {
			continue
		}
		doc, err := p.cfg.Store.Get(ctx, entry.Key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		var r *Record
		if err == nil {
			r, err = decodeRecord(doc)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", entry.Key, err))
			continue // the others are not to suffer
		}
		changed = append(changed, r)
		p.snap.sawRev(entry)
	}
	p.snap.put(changed...)
	return errors.Join(errs...)
}

func (s *snapshots) changedRev(e Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revs[e.Key] != e.Rev
}

func (s *snapshots) sawRev(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revs[e.Key] = e.Rev
}
