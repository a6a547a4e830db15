package keylock

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLockIsPerKeyAndLeavesNothing(t *testing.T) {
	var l Locks
	unlockA, err := l.Lock(t.Context(), "a")
	require.NoError(t, err)
	unlockB, err := l.Lock(t.Context(), "b")
	require.NoError(t, err, "another key")

	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, err := l.Lock(ctx, "a")
		waiting <- err
	}()
	cancel()
	assert.ErrorIs(t, <-waiting, context.Canceled)

	unlockA()
	unlockB()
	assert.Empty(t, l.keys)
}

func TestLockExcludes(t *testing.T) {
	var l Locks
	var wg sync.WaitGroup
	n := 0
	for range 16 {
		wg.Go(func() {
			for range 100 {
				unlock, err := l.Lock(context.Background(), "k")
				if assert.NoError(t, err) {
					n++
					unlock()
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1600, n)
	assert.Empty(t, l.keys)
}

// Those who want several do not wait for each other for ever, whatever order they
// ask in; and who gives up keeps none.
func TestLockOfSeveral(t *testing.T) {
	var l Locks
	var wg sync.WaitGroup
	n := 0
	for w := range 16 {
		keys := []string{"a", "b", "c"}
		if w%2 == 0 {
			keys = []string{"c", "b", "a"}
		}
		wg.Go(func() {
			for range 100 {
				unlock, err := l.Lock(context.Background(), keys...)
				if assert.NoError(t, err) {
					n++
					unlock()
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1600, n)

	unlock, err := l.Lock(t.Context(), "c")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, err := l.Lock(ctx, "c", "a")
		waiting <- err
	}()
	cancel()
	require.ErrorIs(t, <-waiting, context.Canceled)
	other, err := l.Lock(t.Context(), "a")
	require.NoError(t, err)
	other()
	unlock()
	assert.Empty(t, l.keys)

	unlock, err = l.Lock(t.Context())
	require.NoError(t, err, "none")
	unlock()
}
