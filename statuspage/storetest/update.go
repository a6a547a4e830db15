package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// badKeys are what CheckKey refuses, by what is wrong with them.
var badKeys = map[string]string{
	"empty":              "",
	"from the root":      "/services/a.json",
	"a folder":           "services/",
	"an empty segment":   "services//a.json",
	"upwards":            "../a.json",
	"upwards within":     "services/../../a.json",
	"here":               "./a.json",
	"hidden":             "services/.a.json",
	"backslash":          `services\a.json`,
	"zero byte":          "services/a\x00.json",
	"line end":           "services/a\n.json",
	"not ASCII":          "services/é.json",
	"colon":              "services/a:b.json",
	"question mark":      "services/a?b",
	"hash":               "services/a#b",
	"too long":           strings.Repeat("services/a/", 30) + "a.json",
	"too long a segment": strings.Repeat("a", statuspage.MaxSegment+1),
}

// goodKeys are keys that a careless store mistakes for others.
var goodKeys = []string{
	"a",
	"a.json",
	"services/a.json",
	"services/a.json.json",
	"services/A B  C.json",
	"services/ edge .json",
	"services/%2E%2E%2Fa.json",
	"services/%2e%2e%2Fa.json",
	"services/a%20b.json",
	"services/a%%0123.json",
	"services/a..json",
	"services/-rf.json",
	"services/_.json",
	"services/a.json.tmp",
	"services/lock",
	"services/journal",
	"deep/er/and/deep/er.json",
	strings.Repeat("k", statuspage.MaxSegment),
	strings.Repeat("j", statuspage.MaxSegment) + "/" + strings.Repeat("l", statuspage.MaxKey-statuspage.MaxSegment-1),
}

var updateRows = []row{
	{"shows change nothing where there is nothing", func(t *testing.T, s statuspage.Store) {
		called := 0
		require.NoError(t, s.Update(t.Context(), "a/b.json", func(doc []byte) ([]byte, error) {
			called++
			assert.Nil(t, doc)
			return []byte("one"), nil
		}))
		assert.Equal(t, 1, called, "calls of change without anybody else")
		holds(t, s, "a/b.json", "one")
	}},
	{"shows change what is there", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a/b.json")
		require.NoError(t, s.Update(t.Context(), "a/b.json", func(doc []byte) ([]byte, error) {
			return append(doc, " two"...), nil
		}))
		holds(t, s, "a/b.json", "one two")
	}},
	{"lets change write into what it is given", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		for range 2 {
			assert.Error(t, s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) {
				assert.Equal(t, "one", string(doc))
				copy(doc, "XXX")
				return nil, errors.New("no")
			}))
		}
		holds(t, s, "a.json", "one")
		require.NoError(t, s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) {
			copy(doc, "two")
			return doc, nil
		}))
		holds(t, s, "a.json", "two")
	}},
	{"does not keep what change returns", func(t *testing.T, s statuspage.Store) {
		mine := []byte("one")
		require.NoError(t, s.Update(t.Context(), "a.json", func([]byte) ([]byte, error) { return mine, nil }))
		copy(mine, "XXX")
		holds(t, s, "a.json", "one")
	}},
	{"stores nothing where change returns an error", func(t *testing.T, s statuspage.Store) {
		no := errors.New("no")
		err := s.Update(t.Context(), "a.json", func([]byte) ([]byte, error) { return []byte("one"), no })
		assert.ErrorIs(t, err, no)
		holds(t, s, "a.json", "")
		put(t, s, "one", "a.json")
		before := revs(t, s, "")
		err = s.Update(t.Context(), "a.json", func([]byte) ([]byte, error) { return []byte("two"), no })
		assert.ErrorIs(t, err, no)
		holds(t, s, "a.json", "one")
		assert.Equal(t, before, revs(t, s, ""))
	}},
	{"stores nothing where change returns nil", func(t *testing.T, s statuspage.Store) {
		keep := func([]byte) ([]byte, error) { return nil, nil }
		require.NoError(t, s.Update(t.Context(), "a.json", keep))
		holds(t, s, "a.json", "")
		assert.Empty(t, revs(t, s, ""))
		put(t, s, "one", "a.json")
		require.NoError(t, s.Update(t.Context(), "a.json", keep))
		holds(t, s, "a.json", "one")
	}},
	{"stores nothing where the bytes are the same", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		before := revs(t, s, "")
		put(t, s, "one", "a.json")
		require.NoError(t, s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) { return doc, nil }))
		assert.Equal(t, before, revs(t, s, ""), "Rev")
	}},
	{"gives every document of a key a Rev of its own", func(t *testing.T, s statuspage.Store) {
		seen := map[string]bool{}
		for n := range 20 {
			put(t, s, fmt.Sprintf("%04d", n), "a.json") // of one length, and as fast as may be
			rev := revs(t, s, "")["a.json"]
			assert.NotContains(t, seen, rev)
			seen[rev] = true
		}
	}},
	{"refuses an empty document", func(t *testing.T, s statuspage.Store) {
		assert.Error(t, s.Update(t.Context(), "a.json", set("")))
		holds(t, s, "a.json", "")
		put(t, s, "one", "a.json")
		assert.Error(t, s.Update(t.Context(), "a.json", set("")))
		holds(t, s, "a.json", "one")
	}},
	{"takes any bytes", func(t *testing.T, s statuspage.Store) {
		var all strings.Builder
		for n := range 256 {
			all.WriteByte(byte(n))
		}
		for n, doc := range []string{all.String(), "\x00", "\r\n", "\xef\xbb\xbf{}", "\xff\xfe"} {
			key := fmt.Sprintf("a/%d.json", n)
			put(t, s, doc, key)
			holds(t, s, key, doc)
		}
	}},
	{"takes the largest document and no larger one", func(t *testing.T, s statuspage.Store) {
		most := strings.Repeat("0123456789abcdef", statuspage.MaxDocument/16)
		put(t, s, most, "a.json")
		doc, err := s.Get(t.Context(), "a.json")
		require.NoError(t, err)
		assert.Equal(t, sha256.Sum256([]byte(most)), sha256.Sum256(doc)) // unlike the document, short enough to print
		assert.Error(t, s.Update(t.Context(), "a.json", set(most+"x")))
		doc, err = s.Get(t.Context(), "a.json")
		require.NoError(t, err)
		assert.Len(t, doc, len(most))
		put(t, s, "small", "a.json")
		holds(t, s, "a.json", "small")
	}},
	{"tells keys apart", func(t *testing.T, s statuspage.Store) {
		for _, key := range goodKeys {
			put(t, s, "document of "+key, key)
		}
		for _, key := range goodKeys {
			holds(t, s, key, "document of "+key)
		}
		listed := revs(t, s, "")
		for _, key := range goodKeys {
			assert.Contains(t, listed, key)
		}
		assert.Len(t, listed, len(goodKeys))
	}},
	{"refuses what is no key", func(t *testing.T, s statuspage.Store) {
		for name, key := range badKeys {
			err := s.Update(t.Context(), key, func([]byte) ([]byte, error) {
				t.Errorf("change was called: %s", name)
				return []byte("one"), nil
			})
			assert.Error(t, err, name)
		}
		assert.Empty(t, revs(t, s, ""))
	}},
	{"stores nothing for a context that has ended", func(t *testing.T, s statuspage.Store) {
		put(t, s, "one", "a.json")
		assert.ErrorIs(t, s.Update(cancelled(t), "a.json", set("two")), context.Canceled)
		holds(t, s, "a.json", "one")
	}},
	{"outlives a panic in change", func(t *testing.T, s statuspage.Store) {
		assert.Panics(t, func() {
			_ = s.Update(t.Context(), "a.json", func([]byte) ([]byte, error) { panic("change") })
		})
		put(t, s, "one", "a.json")
		holds(t, s, "a.json", "one")
	}},
}
