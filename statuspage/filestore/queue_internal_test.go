package filestore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

func TestAnUpdateIsOneSync(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	d.syncs.Store(0)
	for n := range 10 {
		require.NoError(t, s.Update(t.Context(), "a.json", set(fmt.Sprint(n))))
	}
	assert.EqualValues(t, 10, d.syncs.Load())
	require.NoError(t, s.Update(t.Context(), "a.json", set("9")))
	assert.EqualValues(t, 10, d.syncs.Load(), "nothing changed")

	keys := []string{"a.json", "services/b.json", "c/c.json"}
	require.NoError(t, s.UpdateAll(t.Context(), keys, setAll("10")))
	assert.EqualValues(t, 11, d.syncs.Load(), "of several documents too")
	require.NoError(t, s.UpdateAll(t.Context(), keys, setAll("10")))
	assert.EqualValues(t, 11, d.syncs.Load(), "nothing changed")
}

// While a sync is under way, all that comes waits for the next one together: also
// many changes of one document.
func TestUpdatesAtTheSameTimeShareASync(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	d.syncs.Store(0)
	d.mu.Lock() // the disk is slow
	var wg sync.WaitGroup
	const n = 64
	for range n {
		wg.Go(func() {
			assert.NoError(t, s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) { return append(doc, 'x'), nil }))
		})
	}
	for { // until all are in the first batch or the second
		s.mu.Lock()
		queued := 0
		if s.docs["a.json"] != nil && s.docs["a.json"].newest != nil {
			queued = len(s.docs["a.json"].newest.data)
		}
		s.mu.Unlock()
		if queued == n {
			break
		}
	}
	d.mu.Unlock()
	wg.Wait()
	assert.LessOrEqual(t, d.syncs.Load(), int64(2))
	doc, err := s.Get(t.Context(), "a.json")
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("x", n), string(doc))
}

// What stands on an update that failed fails too, and what comes after it stands
// on what is stored.
func TestUpdatesOnOneThatFails(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	var stored atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := s.UpdateAll(t.Context(), []string{"twin.json", "a.json"}, func(docs [][]byte) ([][]byte, error) {
					return [][]byte{append(docs[0], 'x'), append(docs[1], 'x')}, nil
				})
				if err == nil {
					stored.Add(1)
				} else {
					assert.ErrorIs(t, err, syscall.ENOSPC)
				}
			}
		})
	}
	for n := range 60 {
		d.set(func() { d.writeErr = syscall.ENOSPC; d.partial = n })
		_ = s.Update(t.Context(), "b.json", set(fmt.Sprint(n)))
		d.set(func() { d.writeErr = nil })
		// It fails too where it was queued before the one before had failed.
		_ = s.Update(t.Context(), "c.json", set(fmt.Sprint(n)))
	}
	close(stop)
	wg.Wait()
	require.NoError(t, s.Update(t.Context(), "c.json", set("last")))
	doc, err := s.Get(t.Context(), "a.json")
	require.NoError(t, err)
	assert.Len(t, doc, int(stored.Load()), "each update that was acknowledged, and no other")
	twin, err := s.Get(t.Context(), "twin.json")
	require.NoError(t, err)
	assert.Equal(t, doc, twin, "both or none")
}

// An update that changes nothing has still seen something: it returns when that is
// stored, and fails where it is not.
func TestAnUpdateWaitsForWhatItHasSeen(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		err  error
	}{
		{"stored", []string{"a.json"}, nil},
		{"not stored", []string{"a.json"}, syscall.ENOSPC},
		{"stored, of several", []string{"other.json", "a.json"}, nil},
		{"not stored, of several", []string{"other.json", "a.json"}, syscall.ENOSPC},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &disk{}
				s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
				require.NoError(t, err)
				defer s.Close()
				hang := make(chan struct{})
				d.set(func() { d.hang, d.writeErr = hang, tt.err })
				first, second := make(chan error, 1), make(chan error, 1)
				go func() { first <- s.Update(t.Context(), "a.json", set("one")) }()
				synctest.Wait()
				go func() {
					second <- s.UpdateAll(t.Context(), tt.keys, func(docs [][]byte) ([][]byte, error) {
						assert.Equal(t, "one", string(docs[len(docs)-1]))
						return docs, nil
					})
				}()
				synctest.Wait()
				assert.Empty(t, second, "it waits")
				close(hang)
				assert.ErrorIs(t, <-first, tt.err)
				assert.ErrorIs(t, <-second, tt.err)
			})
		})
	}
}

// What fails while a change is at work is not what the change was made of: it is
// asked again.
func TestAChangeOfWhatFailsMeanwhile(t *testing.T) {
	for _, keys := range [][]string{{"a.json"}, {"a.json", "b.json"}} {
		synctest.Test(t, func(t *testing.T) {
			d := &disk{}
			s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
			require.NoError(t, err)
			defer s.Close()
			hang := make(chan struct{})
			d.set(func() { d.hang, d.writeErr = hang, syscall.ENOSPC })
			first := make(chan error, 1)
			go func() { first <- s.Update(t.Context(), "a.json", set("one")) }()
			synctest.Wait()
			var seen []string
			require.NoError(t, s.UpdateAll(t.Context(), keys, func(docs [][]byte) ([][]byte, error) {
				if seen = append(seen, string(docs[0])); len(seen) == 1 {
					close(hang)
					assert.ErrorIs(t, <-first, syscall.ENOSPC)
					d.set(func() { d.hang, d.writeErr = nil, nil })
				}
				docs[0] = append(docs[0], "two"...)
				return docs, nil
			}))
			assert.Equal(t, []string{"one", ""}, seen)
			doc, err := s.Get(t.Context(), "a.json")
			require.NoError(t, err)
			assert.Equal(t, "two", string(doc))
		})
	}
}

func TestAnUpdateWhoseContextEndsOnTheWay(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	d.mu.Lock() // the disk hangs
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Update(ctx, "a.json", set("one")) }()
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)
	d.mu.Unlock()
	require.NoError(t, s.Update(t.Context(), "b.json", set("one")), "it goes on")
	_, err = s.Get(t.Context(), "a.json")
	if !errors.Is(err, statuspage.ErrNotFound) {
		assert.NoError(t, err)
	}
}
