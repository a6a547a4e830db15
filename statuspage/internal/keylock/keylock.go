// Package keylock has a lock for each key of a store.
package keylock

import (
	"context"
	"slices"
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

// Lock waits for the locks of keys, which are given once each, and returns what
// unlocks them. It takes them in the same order whatever that of keys, so that
// nobody waits for who waits for him. It returns the context's error where that
// ends first.
func (l *Locks) Lock(ctx context.Context, keys ...string) (unlock func(), err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	var held []func()
	unlock = func() {
		for _, u := range held {
			u()
		}
	}
	for _, key := range slices.Sorted(slices.Values(keys)) {
		u, err := l.one(ctx, key)
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, u)
	}
	return unlock, nil
}

func (l *Locks) one(ctx context.Context, key string) (unlock func(), err error) {
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
