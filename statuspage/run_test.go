package statuspage_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

const waitLong, waitShort = 10 * time.Second, time.Millisecond

// running runs a page while f does something.
func running(t testing.TB, p *statuspage.Page, f func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { p.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	f()
}

// listed is an Alert API that lists nothing and keeps when it was asked.
type listed struct {
	mu    sync.Mutex
	at    []time.Time
	err   error
	hangs bool
	takes time.Duration // to answer
}

// set says how it answers from now on.
func (l *listed) set(err error, hangs bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err, l.hangs = err, hangs
}

func (l *listed) Open(ctx context.Context, _ string) iter.Seq2[opsgenie.Alert, error] {
	return func(yield func(opsgenie.Alert, error) bool) {
		l.mu.Lock()
		l.at = append(l.at, time.Now())
		err, hangs := l.err, l.hangs
		l.mu.Unlock()
		time.Sleep(l.takes)
		if hangs {
			<-ctx.Done()
			err = ctx.Err()
		}
		if err != nil {
			yield(opsgenie.Alert{}, err)
		}
	}
}

func (l *listed) Get(context.Context, string) (opsgenie.Alert, error) {
	return opsgenie.Alert{}, &opsgenie.Error{Status: 404}
}

func (l *listed) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.at)
}

func (l *listed) gaps() (gaps []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := 1; n < len(l.at); n++ {
		gaps = append(gaps, l.at[n].Sub(l.at[n-1]))
	}
	return gaps
}

func TestRunReconciles(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name     string
		err      error
		hangs    bool
		interval time.Duration
		run      time.Duration
		min, max []time.Duration // of the gaps; the last goes on
	}{
		{
			"every five minutes, give or take a fifth", nil, false, 0, time.Hour,
			[]time.Duration{240 * s},
			[]time.Duration{360 * s},
		},
		{
			"sooner after a failure, and less and less", errors.New("down"), false, 0, time.Hour,
			[]time.Duration{12 * s, 24 * s, 48 * s, 96 * s, 192 * s, 240 * s},
			[]time.Duration{18 * s, 36 * s, 72 * s, 144 * s, 288 * s, 360 * s},
		},
		{
			"never sooner than it is asked to", &opsgenie.Error{Status: 429, RetryAfter: 2 * time.Minute}, false, 0, time.Hour,
			[]time.Duration{96 * s},
			[]time.Duration{360 * s},
		},
		{
			"an API that hangs", nil, true, 0, time.Hour,
			[]time.Duration{312 * s},
			[]time.Duration{660 * s},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &listed{err: tt.err, hangs: tt.hangs}
				p := newPage(t, newStore(), l)
				began := time.Now()
				running(t, p, func() { time.Sleep(tt.run) })
				assert.Equal(t, began, l.at[0], "at once")
				gaps := l.gaps()
				require.GreaterOrEqual(t, len(gaps), 5)
				different := false
				for n, gap := range gaps {
					assert.GreaterOrEqual(t, gap, tt.min[min(n, len(tt.min)-1)], n)
					assert.LessOrEqual(t, gap, tt.max[min(n, len(tt.max)-1)], n)
					different = different || gap != gaps[0]
				}
				assert.True(t, different, "no jitter")
			})
		})
	}
}

func TestRunReconcilesSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listed{}
		p := newPage(t, newStore(), l)
		apply(t, p, event(create, "a", 0, tagged("API", "major")...), event(create, "b", 0, tagged("API", "major")...))
		running(t, p, func() {
			time.Sleep(time.Minute)
			require.Equal(t, 1, l.asked())
			apply(t, p, event(addNote, "a", 1, tagged("API", "major")...), event(closed, "z", 1, "other"))
			time.Sleep(time.Second)
			require.Equal(t, 1, l.asked(), "for nothing")
			apply(t, p, event(closed, "a", 1))
			synctest.Wait()
			require.Equal(t, 2, l.asked())
			time.Sleep(time.Minute)
			apply(t, p, removed(event(removeTags, "b", 1, "statuspage", "servicename:API"), "major"))
			synctest.Wait()
			require.Equal(t, 3, l.asked())

			// A storm must not become one on the Alert API.
			for range 60 {
				apply(t, p, event(closed, "b", 1))
				time.Sleep(time.Second)
			}
			time.Sleep(20 * time.Second)
			assert.LessOrEqual(t, l.asked(), 3+7)
			assert.GreaterOrEqual(t, l.asked(), 3+3)
		})
	})
}

// TestRunRefreshes: what another replica hears is seen within seconds, also
// while the Alert API hangs.
func TestRunRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p, other := newPage(t, s, &listed{hangs: true}), newPage(t, s, &listed{})
		running(t, p, func() {
			time.Sleep(time.Minute)
			apply(t, other, event(create, "a", 0, tagged("API", "major")...))
			assert.Empty(t, look(p))
			time.Sleep(6*time.Second + 1)
			assert.Equal(t, map[string]string{"API": "major message of a"}, look(p))
		})
	})
}

func TestRunNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listed{}
		p, err := statuspage.New(t.Context(), statuspage.Config{
			Store: newStore(), Alerts: l, InsecureWebhook: true, ReconcileInterval: -1, RefreshInterval: -1,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { p.Run(ctx); assert.Error(t, ctx.Err(), "Run ends with ctx and no sooner") })
		time.Sleep(time.Hour)
		assert.Empty(t, l.at)
		cancel()
		wg.Wait()
	})
}
