// Package storetest is the contract of statuspage.Store as a test, for those who
// write a store of their own:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) statuspage.Store { return mystore.Open(t.TempDir()) })
//	}
//
// Each row is a sentence of the contract; those of statuspage.Batch are for a
// store that is one. A store that other processes share
// needs a test of that besides, with one store opened twice: see [Count].
package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// Run holds a store to the contract. It calls open for each row; open returns a
// store that is empty, and fails the test where it cannot. Run closes it.
func Run(t *testing.T, open func(t *testing.T) statuspage.Store) {
	t.Helper()
	for _, group := range []struct {
		name string
		rows []row
	}{
		{"Update", updateRows},
		{"Get", getRows},
		{"List", listRows},
		{"Delete", deleteRows},
		{"Close", closeRows},
		{"together", togetherRows},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, r := range group.rows {
				t.Run(r.name, func(t *testing.T) {
					s := open(t)
					t.Cleanup(func() { assert.NoError(t, s.Close(), "Close") })
					r.test(t, s)
				})
			}
		})
	}
	t.Run("UpdateAll", func(t *testing.T) {
		for _, r := range batchRows {
			t.Run(r.name, func(t *testing.T) {
				s := open(t)
				t.Cleanup(func() { assert.NoError(t, s.Close(), "Close") })
				batch, ok := s.(statuspage.Batch)
				if !ok {
					t.Skip("the store is no statuspage.Batch")
				}
				r.test(t, batch)
			})
		}
	})
}

type row struct {
	name string
	test func(t *testing.T, s statuspage.Store)
}

// set makes a change that stores doc whatever there was.
func set(doc string) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return []byte(doc), nil }
}

// put stores documents, all of which must succeed.
func put(t *testing.T, s statuspage.Store, doc string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, s.Update(t.Context(), key, set(doc)), "Update of %q", key)
	}
}

// holds checks what a key's document is; "" is that there is none.
func holds(t *testing.T, s statuspage.Store, key, want string) {
	t.Helper()
	doc, err := s.Get(t.Context(), key)
	if want == "" {
		assert.ErrorIs(t, err, statuspage.ErrNotFound, "Get of %q", key)
		return
	}
	assert.NoError(t, err, "Get of %q", key)
	assert.Equal(t, want, string(doc), "Get of %q", key)
}

// revs lists what begins with prefix, each once.
func revs(t *testing.T, s statuspage.Store, prefix string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for e, err := range s.List(t.Context(), prefix) {
		require.NoError(t, err, "List of %q", prefix)
		require.NotContains(t, got, e.Key, "a key is listed once")
		assert.NotEmpty(t, e.Rev, "Rev of %q", e.Key)
		got[e.Key] = e.Rev
	}
	return got
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
