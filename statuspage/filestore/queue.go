package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/routewatch/routewatch/statuspage"
)

// document is what memory holds of a document: not its bytes, once they are in
// the file.
type document struct {
	rev    uint64   // of what is stored; 0 where nothing is yet
	stored *version // in the journal and not in the file; nil where the file is current
	newest *version // the last in the queue; nil where nothing is
}

// version is what a document shall be.
type version struct {
	key  string
	data []byte // nil to delete it
	in   *batch
}

// batch is what one sync stores.
type batch struct {
	versions []*version
	done     chan struct{}
	err      error // set before done is closed
}

// Update implements statuspage.Store.
func (s *Store) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	return s.update(ctx, []string{key}, func(docs [][]byte) (_ [][]byte, err error) {
		docs[0], err = change(docs[0])
		return docs, err
	})
}

// UpdateAll implements statuspage.Batch: all documents share one sync.
func (s *Store) UpdateAll(ctx context.Context, keys []string, change func([][]byte) ([][]byte, error)) error {
	return s.update(ctx, keys, change)
}

// Delete implements statuspage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.update(ctx, []string{key}, nil)
}

// update makes a change and waits until it is stored. A change that is nil
// deletes.
func (s *Store) update(ctx context.Context, keys []string, change func([][]byte) ([][]byte, error)) error {
	if err := checkKeys(keys); err != nil {
		return err
	}
	b, err := s.enqueue(ctx, keys, change)
	if err != nil || b == nil {
		return err
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return context.Cause(ctx) // it is on its way, and may be stored yet
	}
}

func checkKeys(keys []string) error {
	for n, key := range keys {
		if err := statuspage.CheckKey(key); err != nil {
			return err
		}
		if slices.Contains(keys[:n], key) {
			return fmt.Errorf("filestore: key %q is given twice", key)
		}
	}
	return nil
}

// enqueue makes a change and returns the batch that will store it, or that
// stores what the change left as it was; nil where that is stored already.
func (s *Store) enqueue(ctx context.Context, keys []string, change func([][]byte) ([][]byte, error)) (*batch, error) {
	unlock, err := s.locks.Lock(ctx, keys...)
	if err != nil {
		return nil, err
	}
	defer unlock()
	for {
		old := make([][]byte, len(keys))
		base := make([]*version, len(keys))
		for n, key := range keys {
			if old[n], base[n], err = s.newest(key); err != nil {
				return nil, err
			}
		}
		next, err := changed(keys, old, change)
		if err != nil {
			return nil, err
		}
		if b, again, err := s.append(keys, base, next); !again {
			return b, err
		}
	}
}

// changed returns the versions that a change makes of documents; nil for one
// that stays as it is.
func changed(keys []string, old [][]byte, change func([][]byte) ([][]byte, error)) ([]*version, error) {
	next := make([]*version, len(keys))
	if change == nil {
		for n, key := range keys {
			if old[n] != nil {
				next[n] = &version{key: key}
			}
		}
		return next, nil
	}
	given := make([][]byte, len(keys))
	for n := range old {
		given[n] = bytes.Clone(old[n])
	}
	docs, err := change(given)
	if err != nil {
		return nil, err
	}
	if len(docs) != len(keys) {
		return nil, fmt.Errorf("filestore: %d documents for %d keys", len(docs), len(keys))
	}
	for n, doc := range docs {
		if doc == nil {
			continue
		}
		if err := statuspage.CheckDocument(doc); err != nil {
			return nil, err
		}
		if !bytes.Equal(doc, old[n]) {
			next[n] = &version{key: keys[n], data: bytes.Clone(doc)}
		}
	}
	return next, nil
}

// newest returns the document as the queue will leave it.
func (s *Store) newest(key string) ([]byte, *version, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, nil, statuspage.ErrClosed
	}
	d := s.docs[key]
	if d != nil && d.newest != nil {
		defer s.mu.Unlock()
		return d.newest.data, d.newest, nil
	}
	s.mu.Unlock()
	doc, err := s.read(key) // nobody queues: the caller holds the key's lock
	if errors.Is(err, statuspage.ErrNotFound) {
		return nil, nil, nil
	}
	return doc, nil, err
}

// append puts versions into the queue, all into the same batch. It returns the
// batch that has what they stand on and what they leave as it is, nil where all
// of that is stored. again is that a base is no longer the newest of its key,
// because it could not be stored.
func (s *Store) append(keys []string, base, next []*version) (b *batch, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, statuspage.ErrClosed
	}
	for n, key := range keys {
		d := s.docs[key]
		if d == nil && next[n] != nil {
			if other := s.twin(key); other != "" {
				return nil, false, fmt.Errorf("filestore: this file system does not tell %q from %q, which is there", key, other)
			}
		}
		// A base that is stored by now is as good as when it was read.
		newest := (*version)(nil)
		if d != nil {
			newest = d.newest
		}
		if newest != base[n] && newest != nil || newest == nil && base[n] != nil && base[n].failed() {
			return nil, true, nil
		}
		// What fails takes all with it that is queued, so that the last batch is
		// the one to wait for.
		if newest != nil && (b == nil || newest.in == s.queue) {
			b = newest.in
		}
	}
	for _, v := range next {
		if v != nil {
			s.push(v)
			b = s.queue
		}
	}
	return b, false, nil
}

// push puts a version into the queue.
func (s *Store) push(v *version) {
	if s.queue == nil {
		s.queue = &batch{done: make(chan struct{})}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	v.in = s.queue
	s.queue.versions = append(s.queue.versions, v)
	d := s.docs[v.key]
	if d == nil {
		d = &document{}
		s.docs[v.key] = d
	}
	d.newest = v
}

// twin returns the key of a document whose file that of key would replace.
func (s *Store) twin(key string) string {
	if s.foldsCase {
		for other := range s.docs {
			if other != key && strings.EqualFold(other, key) {
				return other
			}
		}
	}
	return ""
}

// failed reports whether v is known not to be stored.
func (v *version) failed() bool {
	select {
	case <-v.in.done:
		return v.in.err != nil
	default:
		return false
	}
}
