package statuspage

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	// encoding/json, and encoding/json/v2, as they are from Go 1.27 on, in half the
	// time: most of a start with thousands of services is reading documents.
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/v1"
)

// update changes the records of services, and all that hangs on them. change
// reports whether it did anything; it may be called more than once.
func (p *Page) update(ctx context.Context, services []string, now time.Time, change func(*Record) bool) error {
	stored, err := p.store(ctx, services, now, change)
	p.snap.put(stored...)
	return err
}

// store returns the records as they are stored, of those services of which that
// is known.
func (p *Page) store(ctx context.Context, services []string, now time.Time, change func(*Record) bool) ([]*Record, error) {
	if batch, ok := p.cfg.Store.(Batch); ok {
		return p.storeAll(ctx, batch, services, now, change)
	}
	var mu sync.Mutex
	var stored []*Record
	var errs []error
	each(services, func(name string) {
		r, err := p.storeTogether(ctx, name, now, change)
		if err != nil && !errors.Is(err, errDamaged) {
			p.mirrors.doubt(name) // the record may be stored
		}
		mu.Lock()
		defer mu.Unlock()
		if r != nil {
			stored = append(stored, r)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", name, err))
		}
	})
	return stored, errors.Join(errs...)
}

// storeOne returns the record as it is stored, or nil where it is not known.
func (p *Page) storeOne(ctx context.Context, name string, now time.Time, change func(*Record) bool) (stored *Record, err error) {
	err = p.cfg.Store.Update(ctx, keyOf(recordsFolder, name), func(doc []byte) (next []byte, err error) {
		stored, next, err = p.changed(name, doc, now, change)
		return next, err
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// maxTogether is how many services change at once, and so how much memory that
// takes. It is more than an alert of Opsgenie can name.
const maxTogether = 20

// storeAll changes records and mirrors together. A Batch lets nobody in between,
// so that each mirror says what its record does.
func (p *Page) storeAll(ctx context.Context, batch Batch, services []string, now time.Time, change func(*Record) bool) ([]*Record, error) {
	var all []*Record
	var errs []error
	for some := range slices.Chunk(services, maxTogether) {
		var keys []string
		for _, name := range some {
			keys = append(keys, keyOf(recordsFolder, name), keyOf(servicesFolder, name))
		}
		var stored []*Record
		var bad []error
		err := batch.UpdateAll(ctx, keys, func(docs [][]byte) ([][]byte, error) {
			stored, bad = nil, nil
			next := make([][]byte, len(docs))
			for n, name := range some {
				r, doc, err := p.changed(name, docs[2*n], now, change)
				if err != nil { // the others are not to suffer
					bad = append(bad, fmt.Errorf("service %q: %w", name, err))
				}
				if r != nil {
					stored = append(stored, r)
					next[2*n], next[2*n+1] = doc, r.mirror()
				}
			}
			return next, nil
		})
		if err != nil {
			p.mirrors.doubt(some...)
		} else {
			all = append(all, stored...)
		}
		errs = append(append(errs, bad...), err)
	}
	return all, errors.Join(errs...)
}

// changed returns the record of a document as change leaves it, with its next
// document; nil where there is none and none comes to be.
func (p *Page) changed(name string, doc []byte, now time.Time, change func(*Record) bool) (*Record, []byte, error) {
	r := &Record{Name: name, State: Green}
	if doc != nil {
		var err error
		if r, err = p.decode(name, doc); err != nil {
			return nil, nil, err
		}
	}
	changed := change(r)
	if !changed && doc == nil {
		return nil, nil, nil
	}
	if settled := r.settle(now, p.cfg.Alerts != nil && r.Reconciled.IsZero()); !changed && !settled {
		return r, doc, nil
	}
	r.prune(now)
	r.Version++
	next, err := encodeRecord(r)
	if err != nil {
		return nil, nil, err
	}
	return r, next, nil
}

// decode reads a document into a record of the caller's own. To copy the one that
// is known takes a twentieth of the time, and mostly it is that.
func (p *Page) decode(name string, doc []byte) (*Record, error) {
	if r := p.Snapshot().Service(name); r != nil && r.sum == sumOf(doc) {
		return r.clone(), nil
	}
	return decodeRecord(doc)
}

// encodeRecord returns the document of a record.
func encodeRecord(r *Record) ([]byte, error) {
	doc, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	r.sum = sumOf(doc)
	return doc, nil
}

func decodeRecord(doc []byte) (*Record, error) {
	r := Record{sum: sumOf(doc)}
	// v2, because v1 looks through a document twice.
	if err := jsonv2.Unmarshal(doc, &r, json.FormatDurationAsNano(true)); err != nil {
		return nil, damage{err}
	}
	return &r, nil
}

var sumSeed = maphash.MakeSeed()

// sumOf tells documents apart, in this process.
func sumOf(doc []byte) uint64 { return maphash.Bytes(sumSeed, doc) }
