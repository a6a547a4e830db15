package statuspage_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// slowStore is a store that is far away.
type slowStore struct {
	statuspage.Store
	updates atomic.Int64
}

func (s *slowStore) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	s.updates.Add(1)
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.Store.Update(ctx, key, change)
}

// TestWebhook_stormOnASlowStore: a webhook is not refused for how many there are,
// also where all are about one service, and each of them takes a while.
func TestWebhook_stormOnASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowStore{Store: newStore()}
		s := newSite(t, func(c *statuspage.Config) { c.Store = slow })
		slow.updates.Store(0)
		began := time.Now()
		var wg sync.WaitGroup
		for n := range 400 {
			wg.Go(func() {
				w := s.post(s.webhook, "/webhook", outage(named("a", n)).body(t), "X-Api-Key", testKey)
				assert.Equal(t, http.StatusOK, w.Code)
			})
		}
		wg.Wait()
		assert.Len(t, s.page.Snapshot().Service("API").Incidents, 400)
		assert.Less(t, time.Since(began), time.Second)
		assert.Less(t, slow.updates.Load(), int64(10))
	})
}

// TestTogether: of those whose changes are stored together each learns what became
// of his own, also where another gives up.
func TestTogether(t *testing.T) {
	gaveUp := errors.New("gave up")
	for name, tt := range map[string]struct {
		patience []time.Duration // of each; 0 is for ever
		want     []error
	}{
		"nobody gives up":                      {[]time.Duration{0, 0, 0}, []error{nil, nil, nil}},
		"the first, while it stores":           {[]time.Duration{50, 0, 0}, []error{gaveUp, nil, nil}},
		"one that waits":                       {[]time.Duration{0, 50, 0}, []error{nil, gaveUp, nil}},
		"all that wait":                        {[]time.Duration{0, 50, 50}, []error{nil, gaveUp, gaveUp}},
		"one whose change is on its way":       {[]time.Duration{0, 250, 0}, []error{nil, gaveUp, nil}},
		"one on its way beside him who stores": {[]time.Duration{0, 0, 250}, []error{nil, nil, gaveUp}},
		"all":                                  {[]time.Duration{50, 50, 50}, []error{gaveUp, gaveUp, gaveUp}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				p := newPage(t, &slowStore{Store: s}, nil)
				got := make([]error, len(tt.patience))
				var wg sync.WaitGroup
				for n, patience := range tt.patience {
					ctx, cancel := t.Context(), func() {}
					if patience > 0 {
						ctx, cancel = context.WithTimeoutCause(ctx, patience*time.Millisecond, gaveUp)
					}
					wg.Go(func() {
						defer cancel()
						got[n] = p.Apply(ctx, event(create, fmt.Sprint(n), float64(n), tagged("API", "major")...))
					})
					synctest.Wait() // in order
				}
				wg.Wait()
				for n, want := range tt.want {
					if want == nil {
						require.NoError(t, got[n], "%d", n)
					} else {
						require.ErrorIs(t, got[n], want, "%d", n)
					}
				}
				// Nobody keeps the place for ever, and what was acknowledged is there.
				apply(t, p, event(create, "last", 9, tagged("API", "critical")...))
				other := newPage(t, s, nil).Snapshot().Service("API")
				for n, err := range got {
					if err == nil {
						assert.NotNil(t, other.Incident(fmt.Sprint(n)), "%d", n)
					}
				}
				assert.NotNil(t, other.Incident("last"))
				requireMirrors(t, s, p)
			})
		})
	}
}
