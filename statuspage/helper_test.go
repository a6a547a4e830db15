package statuspage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// store is a Store in memory that compares and swaps, as a shared one does: a
// change is worked out without a lock and again where somebody was faster.
type store struct {
	mu   sync.Mutex
	docs map[string]doc
	rev  int

	// fail is asked before each call; an error is its answer. after is asked
	// when an update was stored, or a document read.
	fail, after func(op, key string) error
}

type doc struct {
	rev  int
	data []byte
}

func newStore() *store { return &store{docs: map[string]doc{}} }

func (s *store) asked(f func(op, key string) error, op, key string) error {
	if f == nil {
		return nil
	}
	return f(op, key)
}

func (s *store) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	if err := s.asked(s.fail, "update", key); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		old, had := s.docs[key]
		s.mu.Unlock()
		next, err := change(slices.Clone(old.data))
		if err != nil {
			return err
		}
		if next == nil || bytes.Equal(next, old.data) {
			return nil
		}
		s.mu.Lock()
		if now, has := s.docs[key]; has != had || now.rev != old.rev {
			s.mu.Unlock()
			continue
		}
		s.rev++
		s.docs[key] = doc{s.rev, slices.Clone(next)}
		s.mu.Unlock()
		return s.asked(s.after, "update", key)
	}
}

// batch is a store that is a statuspage.Batch.
type batch struct{ *store }

func (b batch) UpdateAll(ctx context.Context, keys []string, change func([][]byte) ([][]byte, error)) error {
	s := b.store
	for _, key := range keys {
		if err := s.asked(s.fail, "update", key); err != nil {
			return err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		old := make([]doc, len(keys))
		given := make([][]byte, len(keys))
		for n, key := range keys {
			old[n] = s.docs[key]
			given[n] = slices.Clone(old[n].data)
		}
		s.mu.Unlock()
		next, err := change(given)
		if err != nil {
			return err
		}
		if !s.swap(keys, old, next) {
			continue
		}
		for n, key := range keys {
			if next[n] == nil || bytes.Equal(next[n], old[n].data) {
				continue
			}
			if err := s.asked(s.after, "update", key); err != nil {
				return err
			}
		}
		return nil
	}
}

// swap stores what is next of documents, unless somebody was faster.
func (s *store) swap(keys []string, old []doc, next [][]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, key := range keys {
		if s.docs[key].rev != old[n].rev {
			return false
		}
	}
	for n, key := range keys {
		if next[n] != nil && !bytes.Equal(next[n], old[n].data) {
			s.rev++
			s.docs[key] = doc{s.rev, slices.Clone(next[n])}
		}
	}
	return true
}

// kinds are the same store to a page that stores one document after the other,
// and to one that stores several at once.
func kinds(s *store) map[string]statuspage.Store {
	return map[string]statuspage.Store{"one by one": s, "at once": batch{s}}
}

func (s *store) Get(_ context.Context, key string) ([]byte, error) {
	if err := s.asked(s.fail, "get", key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	d, ok := s.docs[key]
	s.mu.Unlock()
	if !ok {
		return nil, statuspage.ErrNotFound
	}
	return slices.Clone(d.data), s.asked(s.after, "get", key)
}

func (s *store) List(_ context.Context, prefix string) iter.Seq2[statuspage.Entry, error] {
	return func(yield func(statuspage.Entry, error) bool) {
		if err := s.asked(s.fail, "list", prefix); err != nil {
			yield(statuspage.Entry{}, err)
			return
		}
		s.mu.Lock()
		docs := maps.Clone(s.docs)
		s.mu.Unlock()
		for key, d := range docs {
			if strings.HasPrefix(key, prefix) && !yield(statuspage.Entry{Key: key, Rev: strconv.Itoa(d.rev)}, nil) {
				return
			}
		}
	}
}

func (s *store) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.docs, key)
	return nil
}

func (s *store) Close() error { return nil }

func (s *store) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.docs))
}

func (s *store) text(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.docs[key].data)
}

// newPage makes a page on a store. Without an Alert API the records decide.
func newPage(t testing.TB, s statuspage.Store, alerts statuspage.Alerts) *statuspage.Page {
	t.Helper()
	p, err := statuspage.New(t.Context(), statuspage.Config{
		Store: s, Alerts: alerts, InsecureWebhook: true, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return p
}

// t0 is when the alerts of the tests begin; at counts minutes from it.
var t0 = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time { return t0.Add(time.Duration(minutes * float64(time.Minute))) }

// event makes an event of the alert id, n minutes after the alert came to be.
func event(action opsgenie.EventAction, id string, n float64, tags ...string) opsgenie.Event {
	e := opsgenie.Event{Action: action}
	e.Alert.ID, e.Alert.Message = id, "message of "+id
	e.Alert.CreatedAt, e.Alert.UpdatedAt = t0, at(n)
	if tags != nil {
		e.Alert.Tags = tags
	}
	return e
}

// tagged are the tags that make a service worse.
func tagged(service, severity string, more ...string) []string {
	return append([]string{"statuspage", "servicename:" + service, severity}, more...)
}

func apply(t testing.TB, p *statuspage.Page, events ...opsgenie.Event) {
	t.Helper()
	for _, e := range events {
		require.NoError(t, p.Apply(t.Context(), e))
	}
}

// look is what a visitor sees of the services: state, and message where not green.
func look(p *statuspage.Page) map[string]string {
	all := map[string]string{}
	for _, r := range p.Snapshot().Services {
		all[r.Name] = strings.TrimSpace(string(r.State) + " " + r.Message)
	}
	return all
}

// requireMirrors holds services/NAME.json to be what the page shows.
func requireMirrors(t testing.TB, s *store, p *statuspage.Page) {
	t.Helper()
	n := 0
	for _, key := range s.keys() {
		if strings.HasPrefix(key, "services/") {
			n++
		}
	}
	require.Len(t, p.Snapshot().Services, n)
	for _, r := range p.Snapshot().Services {
		want, err := json.Marshal(map[string]string{"state": string(r.State), "message": r.Message})
		require.NoError(t, err)
		assert.JSONEq(t, string(want), s.text(statuspage.KeyOf("services/", r.Name)), r.Name)
	}
}

var errStore = errors.New("the disk is on fire")
