package statuspage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Refresh reads what others have stored since the last time. Where two of them
// have heard of one alert at once, and its services know different parts of it,
// it brings the parts together; and where one has ended between the record of a
// service and services/NAME.json, it writes that.
func (p *Page) Refresh(ctx context.Context) error {
	mirrors := p.mendMirrors(ctx) // before: those whose record is new have writers still
	err := errors.Join(mirrors, p.read(ctx))
	for _, id := range p.snap.takeTorn() {
		whole := Incident{ID: id}
		if e := p.spread(ctx, &whole, wallNow()); e != nil {
			p.snap.giveTorn(id)
			err = errors.Join(err, fmt.Errorf("alert %s: %w", id, e))
		}
	}
	return err
}

// refreshAnew is Refresh, which many may share that ask for it at once. That a
// document is damaged is no error here: whoever asks is not after that one.
func (p *Page) refreshAnew(ctx context.Context) error {
	asked := p.refreshes.began.Load()
	p.refreshes.Lock()
	defer p.refreshes.Unlock()
	if p.refreshes.done > asked {
		return nil // one that began after this was asked for
	}
	began := p.refreshes.began.Add(1)
	if err := p.Refresh(ctx); !onlyDamage(err) {
		return err
	}
	p.refreshes.done = began
	return nil
}

// read takes in the records and the charts whose revision is new.
func (p *Page) read(ctx context.Context) error {
	var errs []error
	var entries []Entry
	for entry, err := range p.cfg.Store.List(ctx, recordsFolder) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		if strings.HasSuffix(entry.Key, ".json") && p.snap.isNew(entry) {
			entries = append(entries, entry)
		}
	}
	// Decoding costs the processor, and reading costs waiting where the store is
	// far away.
	var mu sync.Mutex
	var records []*Record
	var read []Entry
	each(slices.Collect(slices.Chunk(entries, 8)), func(some []Entry) {
		for _, entry := range some {
			r, err := p.readOne(ctx, entry)
			mu.Lock()
			switch {
			case err != nil:
				errs = append(errs, fmt.Errorf("%s: %w", entry.Key, err)) // the others are not to suffer
			case r != nil:
				records, read = append(records, r), append(read, entry)
			}
			mu.Unlock()
		}
	})
	for _, r := range p.snap.put(records...) {
		p.mirrors.doubt(r.Name)
	}
	p.snap.saw(read) // and no sooner: who finds nothing new must find it all there
	return errors.Join(append(errs, p.readCharts(ctx)...)...)
}

// maxReaders is how many documents are read or stored at once.
const maxReaders = 16

// each calls do with all, up to maxReaders at a time.
func each[T any](all []T, do func(T)) {
	next := make(chan T)
	var wg sync.WaitGroup
	for range min(maxReaders, len(all)) {
		wg.Go(func() {
			for one := range next {
				do(one)
			}
		})
	}
	for _, one := range all {
		next <- one
	}
	close(next)
	wg.Wait()
}

// readOne reads the record of an entry; nil is one that is gone.
func (p *Page) readOne(ctx context.Context, entry Entry) (*Record, error) {
	doc, err := p.cfg.Store.Get(ctx, entry.Key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeRecord(doc)
}

// readAll is the first read. A record that is damaged is told and left out; a
// store that cannot be read is an error.
func (p *Page) readAll(ctx context.Context) error {
	err := p.read(ctx)
	if !onlyDamage(err) {
		return err
	}
	if err != nil {
		p.log.ErrorContext(ctx, "statuspage: reading the store", slog.Any("error", err))
	}
	return nil
}
