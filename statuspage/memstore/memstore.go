// Package memstore is a statuspage.Store in memory, for tests and for trying a
// page out. What it holds ends with the process.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/internal/keylock"
	"github.com/routewatch/routewatch/statuspage/internal/listing"
)

// Store is a statuspage.Store in memory. The zero value is empty and ready; it
// must not be copied.
type Store struct {
	locks keylock.Locks // held while a document changes

	mu     sync.Mutex
	docs   map[string]document
	rev    uint64
	closed bool
}

type document struct {
	data []byte // never changed
	rev  uint64
}

var _ statuspage.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{} }

// Update implements statuspage.Store.
func (s *Store) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	if err := statuspage.CheckKey(key); err != nil {
		return err
	}
	unlock, err := s.locks.Lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := s.read(key)
	if err != nil {
		return err
	}
	doc, err := change(bytes.Clone(old))
	if err != nil || doc == nil {
		return err
	}
	if err := statuspage.CheckDocument(doc); err != nil || bytes.Equal(doc, old) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return statuspage.ErrClosed
	}
	if s.docs == nil {
		s.docs = map[string]document{}
	}
	s.rev++
	s.docs[key] = document{bytes.Clone(doc), s.rev}
	return nil
}

// Get implements statuspage.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := statuspage.CheckKey(key); err != nil {
		return nil, err
	}
	doc, err := s.read(key)
	if err == nil && doc == nil {
		err = fmt.Errorf("%w: %s", statuspage.ErrNotFound, key)
	}
	return bytes.Clone(doc), err
}

func (s *Store) read(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, statuspage.ErrClosed
	}
	return s.docs[key].data, nil
}

// List implements statuspage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[statuspage.Entry, error] {
	return listing.Of(ctx, func() ([]statuspage.Entry, error) { return s.entries(prefix) })
}

func (s *Store) entries(prefix string) (entries []statuspage.Entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, statuspage.ErrClosed
	}
	for key, doc := range s.docs {
		if strings.HasPrefix(key, prefix) {
			entries = append(entries, statuspage.Entry{Key: key, Rev: strconv.FormatUint(doc.rev, 10)})
		}
	}
	return entries, nil
}

// Delete implements statuspage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := statuspage.CheckKey(key); err != nil {
		return err
	}
	unlock, err := s.locks.Lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return statuspage.ErrClosed
	}
	delete(s.docs, key)
	return nil
}

// Close implements statuspage.Store. It forgets everything.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.docs = true, nil
	return nil
}
