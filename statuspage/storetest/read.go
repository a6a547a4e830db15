package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

var getRows = []row{
	{"has nothing", func(t *testing.T, s statuspage.Store) {
		_, err := s.Get(t.Context(), "a/b.json")
		assert.ErrorIs(t, err, statuspage.ErrNotFound)
		put(t, s, "one", "a/b.json")
		for _, key := range []string{"a/b.jso", "a/b.jsonx", "b.json", "a/c.json", "A/b.json"} {
			_, err := s.Get(t.Context(), key)
			assert.ErrorIs(t, err, statuspage.ErrNotFound, key)
		}
	}},
	{"gives a copy", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		doc, err := s.Get(t.Context(), "a.json")
		require.NoError(t, err)
		copy(doc, "XXX")
		holds(t, s, "a.json", "one")
	}},
	{"refuses what is no key", func(t *testing.T, s statuspage.Store) {
		for name, key := range badKeys {
			_, err := s.Get(t.Context(), key)
			assert.Error(t, err, name)
			assert.NotErrorIs(t, err, statuspage.ErrNotFound, name)
		}
	}},
	{"ends with its context", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		_, err := s.Get(cancelled(t), "a.json")
		assert.ErrorIs(t, err, context.Canceled)
	}},
}

var listRows = []row{
	{"is empty", func(t *testing.T, s statuspage.Store) {
		assert.Empty(t, revs(t, s, ""))
		assert.Empty(t, revs(t, s, "services/"))
	}},
	{"chooses by prefix", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a", "b/a", "b/ab", "b/c/a", "bb/a", "B/a")
		for prefix, want := range map[string][]string{
			"":      {"a", "b/a", "b/ab", "b/c/a", "bb/a", "B/a"},
			"b":     {"b/a", "b/ab", "b/c/a", "bb/a"},
			"b/":    {"b/a", "b/ab", "b/c/a"},
			"b/a":   {"b/a", "b/ab"},
			"b/c/":  {"b/c/a"},
			"b/c/a": {"b/c/a"},
			"c":     {},
			"/":     {},
			"b//":   {},
			"../":   {},
		} {
			got := []string{}
			for key := range revs(t, s, prefix) {
				got = append(got, key)
			}
			assert.ElementsMatch(t, want, got, "prefix %q", prefix)
		}
	}},
	{"has all of many", func(t *testing.T, s statuspage.Store) {
		const n = 1050 // S3 gives a thousand at a time
		var keys []string
		for i := range n {
			keys = append(keys, fmt.Sprintf("many/%05d.json", i))
		}
		put(t, s, "elsewhere", "man.json", "many.json", "manz/0.json")
		together(t, 32, keys, func(key string) error { return s.Update(t.Context(), key, set(key)) })
		assert.Len(t, revs(t, s, "many/"), n)
		assert.Len(t, revs(t, s, "many/0104"), 10)
	}},
	{"gives a Rev that changes with its document alone", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json", "b.json")
		before := revs(t, s, "")
		put(t, s, "two", "b.json")
		after := revs(t, s, "")
		assert.Equal(t, before["a.json"], after["a.json"])
		assert.NotEqual(t, before["b.json"], after["b.json"])
	}},
	{"may be left, and used while it is read", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json", "b.json", "c.json")
		for _, err := range s.List(t.Context(), "") {
			assert.NoError(t, err)
			break
		}
		seen := 0
		for e, err := range s.List(t.Context(), "") {
			require.NoError(t, err)
			seen++
			holds(t, s, e.Key, "one")
			put(t, s, "two", e.Key)
			require.NoError(t, s.Delete(t.Context(), e.Key))
		}
		assert.Equal(t, 3, seen)
	}},
	{"may be read twice", func(t *testing.T, s statuspage.Store) {
		list := s.List(t.Context(), "")
		for _, want := range []int{0, 1} {
			got := 0
			for _, err := range list {
				require.NoError(t, err)
				got++
			}
			assert.Equal(t, want, got)
			put(t, s, "one", "a.json")
		}
	}},
	{"ends with its context, and says so last", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json", "b.json")
		var errs []error
		for _, err := range s.List(cancelled(t), "") {
			errs = append(errs, err)
		}
		require.NotEmpty(t, errs)
		assert.ErrorIs(t, errs[len(errs)-1], context.Canceled)
	}},
}

var deleteRows = []row{
	{"removes", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a/b.json", "a/c.json")
		require.NoError(t, s.Delete(t.Context(), "a/b.json"))
		holds(t, s, "a/b.json", "")
		holds(t, s, "a/c.json", "one")
		listed := revs(t, s, "")
		assert.NotContains(t, listed, "a/b.json")
		assert.Len(t, listed, 1)
	}},
	{"is fine with nothing there", func(t *testing.T, s statuspage.Store) {
		assert.NoError(t, s.Delete(t.Context(), "a/b.json"))
		put(t, s, "one", "a/b.json")
		assert.NoError(t, s.Delete(t.Context(), "a/b.json"))
		assert.NoError(t, s.Delete(t.Context(), "a/b.json"))
	}},
	{"lets a key be used again", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		require.NoError(t, s.Delete(t.Context(), "a.json"))
		require.NoError(t, s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) {
			assert.Nil(t, doc)
			return []byte("two"), nil
		}))
		holds(t, s, "a.json", "two")
	}},
	{"refuses what is no key", func(t *testing.T, s statuspage.Store) {
		for name, key := range badKeys {
			assert.Error(t, s.Delete(t.Context(), key), name)
		}
	}},
	{"removes nothing for a context that has ended", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		assert.ErrorIs(t, s.Delete(cancelled(t), "a.json"), context.Canceled)
		holds(t, s, "a.json", "one")
	}},
}

var closeRows = []row{
	{"may be done twice", func(t *testing.T, s statuspage.Store) {
		assert.NoError(t, s.Close())
		assert.NoError(t, s.Close())
	}},
	{"ends the use", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		require.NoError(t, s.Close())
		assert.ErrorIs(t, s.Update(t.Context(), "a.json", set("two")), statuspage.ErrClosed)
		assert.ErrorIs(t, s.Delete(t.Context(), "a.json"), statuspage.ErrClosed)
		_, err := s.Get(t.Context(), "a.json")
		assert.ErrorIs(t, err, statuspage.ErrClosed)
		var last error
		for _, err := range s.List(t.Context(), "") {
			last = err
		}
		assert.ErrorIs(t, last, statuspage.ErrClosed)
	}},
}
