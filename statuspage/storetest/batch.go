package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// batchRows are for a store that is a statuspage.Batch.
var batchRows = []struct {
	name string
	test func(t *testing.T, s statuspage.Batch)
}{
	{"shows change all documents, and stores all", func(t *testing.T, s statuspage.Batch) {
		put(t, s, "one", "b.json")
		called := 0
		require.NoError(t, s.UpdateAll(t.Context(), []string{"c/c.json", "b.json", "a.json"}, func(docs [][]byte) ([][]byte, error) {
			called++
			assert.Equal(t, [][]byte{nil, []byte("one"), nil}, docs)
			return [][]byte{[]byte("C"), []byte("B"), []byte("A")}, nil
		}))
		assert.Equal(t, 1, called, "calls of change without anybody else")
		holds(t, s, "a.json", "A")
		holds(t, s, "b.json", "B")
		holds(t, s, "c/c.json", "C")
		assert.Len(t, revs(t, s, ""), 3)
	}},
	{"leaves alone what is nil or the same", func(t *testing.T, s statuspage.Batch) {
		put(t, s, "one", "a.json", "b.json", "c.json")
		before := revs(t, s, "")
		require.NoError(t, s.UpdateAll(t.Context(), []string{"a.json", "b.json", "c.json", "new.json"}, func(docs [][]byte) ([][]byte, error) {
			return [][]byte{nil, docs[1], []byte("two"), nil}, nil
		}))
		after := revs(t, s, "")
		assert.Len(t, after, 3)
		assert.Equal(t, before["a.json"], after["a.json"])
		assert.Equal(t, before["b.json"], after["b.json"])
		assert.NotEqual(t, before["c.json"], after["c.json"])
		holds(t, s, "c.json", "two")
	}},
	{"lets change write into what it is given", func(t *testing.T, s statuspage.Batch) {
		put(t, s, "one", "a.json", "b.json")
		keys := []string{"a.json", "b.json"}
		assert.Error(t, s.UpdateAll(t.Context(), keys, func(docs [][]byte) ([][]byte, error) {
			copy(docs[1], "XXX")
			docs[0] = nil
			return docs, errors.New("no")
		}))
		holds(t, s, "b.json", "one")
		require.NoError(t, s.UpdateAll(t.Context(), keys, func(docs [][]byte) ([][]byte, error) {
			copy(docs[0], "two")
			return docs, nil
		}))
		holds(t, s, "a.json", "two")
		holds(t, s, "b.json", "one")
	}},
	{"does not keep what change returns", func(t *testing.T, s statuspage.Batch) {
		mine := []byte("one")
		require.NoError(t, s.UpdateAll(t.Context(), []string{"a.json"}, func([][]byte) ([][]byte, error) { return [][]byte{mine}, nil }))
		copy(mine, "XXX")
		holds(t, s, "a.json", "one")
	}},
	{"stores all or nothing", func(t *testing.T, s statuspage.Batch) {
		put(t, s, "one", "a.json")
		no := errors.New("no")
		two := []byte("two")
		for name, tt := range map[string]struct {
			keys []string
			docs [][]byte
			err  error
		}{
			"an error":          {[]string{"a.json", "b.json"}, [][]byte{two, two}, no},
			"an empty document": {[]string{"a.json", "b.json"}, [][]byte{two, {}}, nil},
			"too large a one":   {[]string{"a.json", "b.json"}, [][]byte{two, bytes.Repeat(two, statuspage.MaxDocument)}, nil},
			"too few":           {[]string{"a.json", "b.json"}, [][]byte{two}, nil},
			"too many":          {[]string{"a.json", "b.json"}, [][]byte{two, two, two}, nil},
			"none":              {[]string{"a.json", "b.json"}, nil, nil},
		} {
			err := s.UpdateAll(t.Context(), tt.keys, func([][]byte) ([][]byte, error) { return tt.docs, tt.err })
			assert.Error(t, err, name)
			if tt.err != nil {
				assert.ErrorIs(t, err, tt.err)
			}
			holds(t, s, "a.json", "one")
			holds(t, s, "b.json", "")
		}
	}},
	{"refuses what is no key, and a key given twice", func(t *testing.T, s statuspage.Batch) {
		refused := func(keys ...string) {
			t.Helper()
			assert.Error(t, s.UpdateAll(t.Context(), keys, func(docs [][]byte) ([][]byte, error) {
				t.Errorf("change was called: %q", keys)
				return docs, nil
			}), "%q", keys)
		}
		for _, key := range badKeys {
			refused("a.json", key)
		}
		refused("a.json", "b.json", "a.json")
		assert.Empty(t, revs(t, s, ""))
	}},
	{"takes no keys at all", func(t *testing.T, s statuspage.Batch) {
		assert.NoError(t, s.UpdateAll(t.Context(), nil, func(docs [][]byte) ([][]byte, error) { return docs, nil }))
	}},
	{"stores nothing for a context that has ended", func(t *testing.T, s statuspage.Batch) {
		assert.ErrorIs(t, s.UpdateAll(cancelled(t), []string{"a.json", "b.json"}, both("two")), context.Canceled)
		assert.Empty(t, revs(t, s, ""))
	}},
	{"outlives a panic in change", func(t *testing.T, s statuspage.Batch) {
		assert.Panics(t, func() {
			_ = s.UpdateAll(t.Context(), []string{"a.json", "b.json"}, func([][]byte) ([][]byte, error) { panic("change") })
		})
		put(t, s, "one", "a.json", "b.json")
	}},
	{"ends with Close", func(t *testing.T, s statuspage.Batch) {
		require.NoError(t, s.Close())
		assert.ErrorIs(t, s.UpdateAll(t.Context(), []string{"a.json", "b.json"}, both("one")), statuspage.ErrClosed)
	}},
	{"lets nobody in between", func(t *testing.T, s statuspage.Batch) {
		// The documents of a pair are always the same, whoever changes it, and in
		// whatever order the keys are given.
		var wg sync.WaitGroup
		for w := range writers {
			pair := []string{"a.json", "b.json"}
			if w%2 == 0 {
				pair = []string{"b.json", "a.json"}
			}
			wg.Go(func() {
				for range rounds {
					assert.NoError(t, s.UpdateAll(t.Context(), pair, func(docs [][]byte) ([][]byte, error) {
						if !bytes.Equal(docs[0], docs[1]) {
							return nil, fmt.Errorf("%q and %q", docs[0], docs[1])
						}
						next, err := Count(docs[0])
						return [][]byte{next, next}, err
					}))
				}
			})
		}
		wg.Wait()
		holds(t, s, "a.json", strconv.Itoa(writers*rounds))
		holds(t, s, "b.json", strconv.Itoa(writers*rounds))
	}},
	{"loses no update beside those of one key", func(t *testing.T, s statuspage.Batch) {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for range rounds {
					if w%2 == 0 {
						assert.NoError(t, s.Update(t.Context(), "a.json", Count))
						continue
					}
					assert.NoError(t, s.UpdateAll(t.Context(), []string{"b.json", "a.json"}, func(docs [][]byte) (_ [][]byte, err error) {
						for n := range docs {
							if docs[n], err = Count(docs[n]); err != nil {
								return nil, err
							}
						}
						return docs, nil
					}))
				}
			})
		}
		wg.Wait()
		holds(t, s, "a.json", strconv.Itoa(writers*rounds))
		holds(t, s, "b.json", strconv.Itoa(writers*rounds/2))
	}},
	{"takes many large documents", func(t *testing.T, s statuspage.Batch) {
		var keys []string
		for n := range 40 {
			keys = append(keys, fmt.Sprintf("many/%d.json", n))
		}
		doc := strings.Repeat("x", 1<<18)
		require.NoError(t, s.UpdateAll(t.Context(), keys, func(docs [][]byte) ([][]byte, error) {
			for n := range docs {
				docs[n] = []byte(doc)
			}
			return docs, nil
		}))
		assert.Len(t, revs(t, s, "many/"), len(keys))
		holds(t, s, keys[39], doc)
	}},
}

// both makes a change that stores doc under two keys.
func both(doc string) func([][]byte) ([][]byte, error) {
	return func([][]byte) ([][]byte, error) { return [][]byte{[]byte(doc), []byte(doc)}, nil }
}
