package statuspage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// update changes the records of services, and all that hangs on them. change
// reports whether it did anything; it may be called more than once.
func (p *Page) update(ctx context.Context, services []string, now time.Time, change func(*Record) bool) error {
	var errs []error
	var stored []*Record
	for _, name := range services {
		r, err := p.updateOne(ctx, name, now, change)
		if r != nil {
			stored = append(stored, r)
		}
		if err == nil {
			err = p.mirror(ctx, r)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", name, err))
		}
	}
	p.snap.put(stored...)
	return errors.Join(errs...)
}

// updateOne returns the record as it is stored, or nil where it is not known.
func (p *Page) updateOne(ctx context.Context, name string, now time.Time, change func(*Record) bool) (*Record, error) {
	var stored *Record
	err := p.cfg.Store.Update(ctx, keyOf(recordsFolder, name), func(doc []byte) ([]byte, error) {
		r := &Record{Name: name, State: Green}
		if doc != nil {
			var err error
			if r, err = decodeRecord(doc); err != nil {
				return nil, err
			}
		}
		stored = r
		changed := change(r)
		if !changed && doc == nil {
			stored = nil
			return nil, nil
		}
		if settled := r.settle(now, p.cfg.Alerts != nil && r.Reconciled.IsZero()); !changed && !settled {
			return doc, nil
		}
		r.prune(now)
		r.Version++
		return json.Marshal(r)
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// mirror writes services/NAME.json, exactly as the Status Page Reference has it.
// Somebody else may have changed the record since: whoever writes last must have
// seen the newest.
func (p *Page) mirror(ctx context.Context, r *Record) error {
	for r != nil {
		want, err := json.Marshal(struct {
			State   State  `json:"state"`
			Message string `json:"message"`
		}{r.State, r.Message})
		if err != nil {
			return err
		}
		same := false
		err = p.cfg.Store.Update(ctx, keyOf(servicesFolder, r.Name), func(doc []byte) ([]byte, error) {
			same = bytes.Equal(doc, want)
			return bytes.Clone(want), nil
		})
		if err != nil || same {
			return err
		}
		now, err := p.record(ctx, r.Name)
		if err != nil || now.State == r.State && now.Message == r.Message {
			return err
		}
		r = now
	}
	return nil
}

// mirrorAgain writes the mirrors of what changed of late: a process may have
// ended between a record and its mirror.
func (p *Page) mirrorAgain(ctx context.Context) error {
	var errs []error
	since := time.Now().Add(-7 * 24 * time.Hour)
	for _, r := range p.Snapshot().Services {
		if r.changedAt().Before(since) || ctx.Err() != nil {
			continue
		}
		if err := p.mirror(ctx, r); err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", r.Name, err))
		}
	}
	return errors.Join(errs...)
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
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return &r, nil
}

// errDamaged is in the chain of the error for a document that cannot be read.
var errDamaged = errors.New("the record is damaged")
