package pagesink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is a store in memory that compares and swaps, as a shared one does: a
// change is worked out without a lock and again where somebody was faster.
type store struct {
	mu   sync.Mutex
	docs map[string][]byte
	puts int // documents that were stored

	// before is asked before each call is carried out, after when it was: an error
	// is its answer.
	before, after func(op, key string) error
}

func newStore() *store { return &store{docs: map[string][]byte{}} }

var errStore = errors.New("the disk is on fire")

func (s *store) ask(f func(op, key string) error, op, key string) error {
	if f == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(op, key)
}

func (s *store) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	if err := s.ask(s.before, "update", key); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		old := s.docs[key]
		s.mu.Unlock()
		next, err := change(slices.Clone(old))
		if err != nil || next == nil || bytes.Equal(next, old) {
			return err
		}
		s.mu.Lock()
		if same := bytes.Equal(s.docs[key], old); !same {
			s.mu.Unlock()
			continue
		}
		s.docs[key] = slices.Clone(next)
		s.puts++
		s.mu.Unlock()
		return s.ask(s.after, "update", key)
	}
}

func (s *store) Delete(_ context.Context, key string) error {
	if err := s.ask(s.before, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.docs, key)
	s.mu.Unlock()
	return s.ask(s.after, "delete", key)
}

func (s *store) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.docs))
}

func (s *store) put(key, doc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs[key] = []byte(doc)
}

// all are the documents, by key.
func (s *store) all() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for key, doc := range s.docs {
		out[key] = string(doc)
	}
	return out
}

// points are those that are stored of a metric with a plain id, by time as it is
// written.
func (s *store) points(t testing.TB, id string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for key, doc := range s.all() {
		if !strings.HasPrefix(key, "points/") || !strings.HasSuffix(key, "/"+id+".json") {
			continue
		}
		var d struct {
			Day    string
			Points map[string]float64
		}
		require.NoError(t, json.Unmarshal([]byte(doc), &d), key)
		for at, v := range d.Points {
			out[d.Day+" "+at] = v
		}
	}
	return out
}
