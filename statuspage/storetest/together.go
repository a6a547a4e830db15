package storetest

import (
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

// Count is a change that adds one to a number, which is where lost updates show:
// let several stores on the same documents call it, and compare the sum.
func Count(doc []byte) ([]byte, error) {
	n := 0
	if doc != nil {
		var err error
		if n, err = strconv.Atoi(string(doc)); err != nil {
			return nil, err
		}
	}
	return strconv.AppendInt(nil, int64(n)+1, 10), nil
}

const (
	writers = 8
	rounds  = 10
)

var togetherRows = []row{
	{"lose no update of one key", func(t *testing.T, s statuspage.Store) {
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range rounds {
					assert.NoError(t, s.Update(t.Context(), "n.json", Count))
				}
			})
		}
		wg.Wait()
		holds(t, s, "n.json", strconv.Itoa(writers*rounds))
	}},
	{"lose no update of many keys", func(t *testing.T, s statuspage.Store) {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for r := range rounds {
					assert.NoError(t, s.Update(t.Context(), fmt.Sprintf("n/%d.json", (w+r)%3), Count))
				}
			})
		}
		wg.Wait()
		sum := 0
		for k := range 3 {
			doc, err := s.Get(t.Context(), fmt.Sprintf("n/%d.json", k))
			require.NoError(t, err)
			n, err := strconv.Atoi(string(doc))
			require.NoError(t, err)
			sum += n
		}
		assert.Equal(t, writers*rounds, sum)
	}},
	{"read whole documents while others write", func(t *testing.T, s statuspage.Store) {
		whole := func(n int) string { return strings.Repeat(string(rune('a'+n%26)), 4096+n) }
		put(t, s, whole(0), "a.json")
		ctx, stop := context.WithCancel(t.Context())
		var readers, writers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for ctx.Err() == nil {
					doc, err := s.Get(t.Context(), "a.json")
					if !assert.NoError(t, err) {
						return
					}
					assert.Equal(t, whole(len(doc)-4096), string(doc))
				}
			})
			readers.Go(func() {
				for ctx.Err() == nil {
					for _, err := range s.List(t.Context(), "") {
						assert.NoError(t, err)
					}
				}
			})
		}
		for range 2 {
			writers.Go(func() {
				for range 2 * rounds {
					assert.NoError(t, s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) {
						return []byte(whole(len(doc) - 4096 + 1)), nil
					}))
				}
			})
		}
		writers.Wait()
		stop()
		readers.Wait()
		holds(t, s, "a.json", whole(4*rounds))
	}},
	{"do not wait for another key", func(t *testing.T, s statuspage.Store) {
		inside, goOn := make(chan struct{}), make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- s.Update(t.Context(), "slow.json", func([]byte) ([]byte, error) {
				close(inside)
				<-goOn
				return []byte("one"), nil
			})
		}()
		<-inside
		put(t, s, "two", "quick.json")
		holds(t, s, "quick.json", "two")
		close(goOn)
		assert.NoError(t, <-done)
		holds(t, s, "slow.json", "one")
	}},
	{"create once", func(t *testing.T, s statuspage.Store) {
		there := errors.New("somebody was first")
		var mu sync.Mutex
		created := 0
		together(t, writers, make([]string, writers), func(string) error {
			err := s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) {
				if doc != nil {
					return nil, there
				}
				return []byte("mine"), nil
			})
			if errors.Is(err, there) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			created++
			return err
		})
		assert.Equal(t, 1, created)
	}},
	{"delete and update", func(t *testing.T, s statuspage.Store) {
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for range rounds {
					if w == 0 {
						assert.NoError(t, s.Delete(t.Context(), "n.json"))
						continue
					}
					assert.NoError(t, s.Update(t.Context(), "n.json", Count))
				}
			})
		}
		wg.Wait()
		require.NoError(t, s.Delete(t.Context(), "n.json"))
		holds(t, s, "n.json", "")
	}},
	{"end a wait with the context", func(t *testing.T, s statuspage.Store) {
		inside, goOn := make(chan struct{}), make(chan struct{})
		done := make(chan error, 2)
		go func() {
			done <- s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) {
				if doc == nil {
					close(inside)
					<-goOn
				}
				return []byte("one"), nil
			})
		}()
		<-inside
		// A store that waits here ends the wait; one that does not wait finds the
		// context ended when it comes to store.
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			done <- s.Update(ctx, "a.json", func([]byte) ([]byte, error) {
				cancel()
				return nil, ctx.Err()
			})
		}()
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
		close(goOn)
		assert.NoError(t, <-done)
		holds(t, s, "a.json", "one")
	}},
}

// together runs do for each of the items, n at a time.
func together(t *testing.T, n int, items []string, do func(string) error) {
	t.Helper()
	ch := make(chan string)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for item := range ch {
				assert.NoError(t, do(item), item)
			}
		})
	}
	for _, item := range items {
		ch <- item
	}
	close(ch)
	wg.Wait()
}
