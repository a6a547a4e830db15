package storetest_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
	"github.com/routewatch/routewatch/statuspage/storetest"
)

// store is a memstore.Store, but for what is not nil.
type store struct {
	statuspage.Store
	update func(ctx context.Context, key string, change change) error
	get    func(ctx context.Context, key string) ([]byte, error)
	list   func(ctx context.Context, prefix string) iter.Seq2[statuspage.Entry, error]
	delete func(ctx context.Context, key string) error
	close  func() error
}

type change = func([]byte) ([]byte, error)

func (s *store) Update(ctx context.Context, key string, change change) error {
	if s.update != nil {
		return s.update(ctx, key, change)
	}
	return s.Store.Update(ctx, key, change)
}

func (s *store) Get(ctx context.Context, key string) ([]byte, error) {
	if s.get != nil {
		return s.get(ctx, key)
	}
	return s.Store.Get(ctx, key)
}

func (s *store) List(ctx context.Context, prefix string) iter.Seq2[statuspage.Entry, error] {
	if s.list != nil {
		return s.list(ctx, prefix)
	}
	return s.Store.List(ctx, prefix)
}

func (s *store) Delete(ctx context.Context, key string) error {
	if s.delete != nil {
		return s.delete(ctx, key)
	}
	return s.Store.Delete(ctx, key)
}

func (s *store) Close() error {
	if s.close != nil {
		return s.close()
	}
	return s.Store.Close()
}

// batch stores one document after the other.
type batch struct{ *store }

func (b batch) UpdateAll(ctx context.Context, keys []string, change func([][]byte) ([][]byte, error)) error {
	docs := make([][]byte, len(keys))
	for n, key := range keys {
		var err error
		if docs[n], err = b.Get(ctx, key); err != nil && !errors.Is(err, statuspage.ErrNotFound) {
			return err
		}
	}
	next, err := change(docs)
	if err != nil || len(next) != len(keys) {
		return errors.Join(err, errors.New("no"))
	}
	for n, key := range keys {
		if err := b.Update(ctx, key, set(next[n])); err != nil {
			return err
		}
	}
	return nil
}

func set(doc []byte) change { return func([]byte) ([]byte, error) { return doc, nil } }

// eachEntry lists the entries that do makes of an entry.
func (s *store) eachEntry(do func(n int, e statuspage.Entry) []statuspage.Entry) {
	s.list = func(ctx context.Context, prefix string) iter.Seq2[statuspage.Entry, error] {
		return func(yield func(statuspage.Entry, error) bool) {
			n := 0
			for e, err := range s.Store.List(ctx, prefix) {
				if err != nil {
					yield(e, err)
					return
				}
				for _, e := range do(n, e) {
					if !yield(e, nil) {
						return
					}
				}
				n++
			}
		}
	}
}

// broken are ways to break the contract, and the rows that find each of them.
var broken = map[string]struct {
	how  func(s *store)
	rows []string
}{
	"loses updates": {func(s *store) {
		var mu sync.Mutex
		first := map[string]chan struct{}{}
		// meet has the first two of a key be at it at the same time.
		meet := func(key string) {
			mu.Lock()
			ch, second := first[key]
			switch {
			case !second:
				ch = make(chan struct{})
				first[key] = ch
			case ch != nil:
				close(ch)
				first[key], ch = nil, nil
			}
			mu.Unlock()
			if ch != nil {
				<-ch
			}
		}
		s.update = func(ctx context.Context, key string, change change) error {
			doc, err := s.Store.Get(ctx, key)
			if err != nil && !errors.Is(err, statuspage.ErrNotFound) {
				return err
			}
			if doc, err = change(doc); err != nil {
				return err
			}
			meet(key)
			return s.Store.Update(ctx, key, set(doc))
		}
	}, []string{"together/lose no update of one key", "together/lose no update of many keys", "together/create once"}},
	"gives its own bytes away": {func(s *store) {
		var own sync.Map
		s.get = func(ctx context.Context, key string) ([]byte, error) {
			doc, err := s.Store.Get(ctx, key)
			if err != nil {
				return nil, err
			}
			mine, _ := own.LoadOrStore(key, doc)
			return mine.([]byte), nil
		}
	}, []string{"Get/gives a copy"}},
	"keeps the bytes of others": {func(s *store) {
		var kept sync.Map
		s.update = func(ctx context.Context, key string, change change) error {
			return s.Store.Update(ctx, key, func(doc []byte) ([]byte, error) {
				next, err := change(doc)
				kept.Store(key, next)
				return next, err
			})
		}
		s.get = func(_ context.Context, key string) ([]byte, error) {
			doc, _ := kept.Load(key)
			return doc.([]byte), nil
		}
	}, []string{"Update/does not keep what change returns"}},
	"finds nothing, and no error": {func(s *store) {
		s.get = func(ctx context.Context, key string) ([]byte, error) {
			doc, err := s.Store.Get(ctx, key)
			if errors.Is(err, statuspage.ErrNotFound) {
				err = nil
			}
			return doc, err
		}
	}, []string{"Get/has nothing", "Delete/removes"}},
	"stores in spite of an error": {func(s *store) {
		s.update = func(ctx context.Context, key string, change change) error {
			var no error
			err := s.Store.Update(ctx, key, func(doc []byte) (next []byte, err error) {
				next, no = change(doc)
				return next, nil
			})
			return errors.Join(no, err)
		}
	}, []string{"Update/stores nothing where change returns an error"}},
	"goes on after its context": {func(s *store) {
		s.update = func(ctx context.Context, key string, change change) error {
			return errors.Join(s.Store.Update(context.WithoutCancel(ctx), key, change), ctx.Err())
		}
	}, []string{"Update/stores nothing for a context that has ended"}},
	"takes a key for another": {func(s *store) {
		s.update = func(ctx context.Context, key string, change change) error {
			return s.Store.Update(ctx, strings.TrimPrefix(path.Clean(key), "/"), change)
		}
	}, []string{"Update/refuses what is no key"}},
	"takes small letters for capitals": {func(s *store) {
		s.get = func(ctx context.Context, key string) ([]byte, error) { return s.Store.Get(ctx, strings.ToLower(key)) }
		s.update = func(ctx context.Context, key string, change change) error {
			return s.Store.Update(ctx, strings.ToLower(key), change)
		}
	}, []string{"Update/tells keys apart", "Get/has nothing", "List/chooses by prefix"}},
	"forgets one of a list": {func(s *store) {
		s.eachEntry(func(n int, e statuspage.Entry) []statuspage.Entry {
			if n == 0 {
				return nil
			}
			return []statuspage.Entry{e}
		})
	}, []string{"List/chooses by prefix", "List/has all of many", "Update/tells keys apart"}},
	"forgets what is beyond a thousand": {func(s *store) {
		s.eachEntry(func(n int, e statuspage.Entry) []statuspage.Entry {
			if n >= 1000 {
				return nil
			}
			return []statuspage.Entry{e}
		})
	}, []string{"List/has all of many"}},
	"lists one twice": {func(s *store) {
		s.eachEntry(func(_ int, e statuspage.Entry) []statuspage.Entry { return []statuspage.Entry{e, e} })
	}, []string{"List/chooses by prefix"}},
	"has a Rev that stays": {func(s *store) {
		s.eachEntry(func(_ int, e statuspage.Entry) []statuspage.Entry {
			return []statuspage.Entry{{Key: e.Key, Rev: "1"}}
		})
	}, []string{"Update/gives every document of a key a Rev of its own", "List/gives a Rev that changes with its document alone"}},
	"has a Rev that does not stay": {func(s *store) {
		lists := 0
		s.eachEntry(func(n int, e statuspage.Entry) []statuspage.Entry {
			lists++
			return []statuspage.Entry{{Key: e.Key, Rev: strconv.Itoa(lists)}}
		})
	}, []string{"Update/stores nothing where the bytes are the same", "List/gives a Rev that changes with its document alone"}},
	"does not delete": {func(s *store) {
		s.delete = func(context.Context, string) error { return nil }
	}, []string{"Delete/removes", "Delete/lets a key be used again", "Delete/refuses what is no key"}},
	"does not close": {func(s *store) {
		s.close = func() error { return nil }
	}, []string{"Close/ends the use"}},
	"stores one by one": {func(*store) {}, []string{"UpdateAll/stores all or nothing", "UpdateAll/refuses what is no key, and a key given twice"}},
}

// breakIt names, in a process of its own, what is broken there: a row that fails
// there does not fail here.
const breakIt = "STORETEST_BREAK"

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) statuspage.Store {
		s := &store{Store: memstore.New()}
		name := os.Getenv(breakIt)
		if name == "" {
			return s
		}
		require.Contains(t, broken, name)
		broken[name].how(s)
		return batch{s}
	})
}

func TestRunFindsWhatIsBroken(t *testing.T) {
	if os.Getenv(breakIt) != "" {
		t.Skip("in the process of a broken store")
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	for name, tt := range broken {
		for _, row := range tt.rows {
			t.Run(name+"/"+row, func(t *testing.T) {
				full := "TestStore/" + strings.ReplaceAll(row, " ", "_")
				cmd := exec.CommandContext(t.Context(), exe, "-test.run", "^"+strings.ReplaceAll(full, "/", "$/^")+"$")
				cmd.Env = append(os.Environ(), breakIt+"="+name)
				out, err := cmd.CombinedOutput()
				require.Error(t, err)
				group, _, _ := strings.Cut(full[len("TestStore/"):], "/")
				assert.Equal(t, []string{"--- FAIL: TestStore", "--- FAIL: TestStore/" + group, "--- FAIL: " + full},
					regexp.MustCompile(`--- FAIL: \S+|panic:`).FindAllString(string(out), -1))
			})
		}
	}
}
