// Package keylock has a lock for each key of a store.
package keylock

import (
	"context"
	"sync"
)

// Locks are locks by key. The zero value is ready; it must not be copied. What
// it holds is bounded by the keys that are locked or waited for.
type Locks struct {
	mu   sync.Mutex
	keys map[string]*lock
}

type lock struct {
	held  chan struct{} // one element while somebody holds it
	users int           // who hold it or wait for it
}

// Lock waits for the lock of key and returns what unlocks it. It returns the
// context's error where that ends first.
func (l *Locks) Lock(ctx context.Context, key string) (unlock func(), err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	k := l.keys[key]
	if k == nil {
		k = &lock{held: make(chan struct{}, 1)}
		if l.keys == nil {
			l.keys = map[string]*lock{}
		}
		l.keys[key] = k
	}
	k.users++
	l.mu.Unlock()

	select {
	case k.held <- struct{}{}:
		return func() { <-k.held; l.leave(key, k) }, nil
	case <-ctx.Done():
		l.leave(key, k)
		return nil, context.Cause(ctx)
	}
}

func (l *Locks) leave(key string, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.keys, key)
	}
}
