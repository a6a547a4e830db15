package statuspageio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

// assertSpaced fails where two calls arrived within less than d, or any were above
// the limit.
func assertSpaced(t *testing.T, f *statuspageiotest.Fake, d time.Duration) {
	t.Helper()
	calls := f.Calls()
	for i := 1; i < len(calls); i++ {
		if got := calls[i].At.Sub(calls[i-1].At); got < d {
			t.Fatalf("calls %d and %d are %s apart", i, i+1, got)
		}
	}
	assert.Zero(t, f.Over())
}

func TestCallsAreASecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil, "m1")
		start := time.Now()
		var all sync.WaitGroup
		for w := range 20 {
			all.Go(func() {
				for range 10 {
					if w%2 == 0 {
						assert.NoError(t, c.Send(t.Context(), one("m1", 1)))
						continue
					}
					_, err := c.Survey(t.Context(), []metricsync.Target{{ID: "m1"}})
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		assert.Len(t, f.Calls(), 200)
		assert.Equal(t, 199*time.Second, time.Since(start), "and no more than that")
		assertSpaced(t, f, time.Second)
	})
}

// On its way to the service and back a call takes now longer and now shorter. Yet
// none arrives too early.
func TestCallsAreASecondApartWhereTheyArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := statuspageiotest.NewFake(t, nil)
		f.Add(statuspageiotest.Metric{ID: "m1"})
		way := func() { time.Sleep(rand.N(900 * time.Millisecond)) }
		c := client(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			way()
			defer way()
			return f.Transport().RoundTrip(r)
		}))
		for n := range 5 {
			f.Inject(
				statuspageiotest.Fault{Status: 500, Skip: 10 + 20*n},
				statuspageiotest.Fault{Cut: statuspageiotest.CutBefore, Skip: 20 + 20*n},
			)
		}
		for range 200 {
			assert.NoError(t, c.Send(t.Context(), one("m1", 1)))
		}
		assertSpaced(t, f, time.Second)
	})
}

// While a call has no answer, others are made.
func TestOneThatHangsHoldsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil, "m1", "m2")
		f.Inject(statuspageiotest.Fault{Hang: true, Metric: "m1"})
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() { assert.NoError(t, c.Send(t.Context(), one("m1", 1))) })
		synctest.Wait()
		for range 5 {
			assert.NoError(t, c.Send(t.Context(), one("m2", 1)))
		}
		assert.Equal(t, 5*time.Second, time.Since(start))
		all.Wait()
		assertSpaced(t, f, time.Second)
	})
}

func TestBusyHoldsBackAll(t *testing.T) {
	for name, test := range map[string]struct {
		fault statuspageiotest.Fault
		want  time.Duration
	}{
		"420 with Retry-After":    {statuspageiotest.Fault{Status: 420, Header: http.Header{"Retry-After": {"60"}}}, time.Minute},
		"429 with Retry-After":    {statuspageiotest.Fault{Status: 429, Header: http.Header{"Retry-After": {"45"}}}, 45 * time.Second},
		"503 with Retry-After":    {statuspageiotest.Fault{Status: 503, Header: http.Header{"Retry-After": {"30"}}}, 30 * time.Second},
		"for a year":              {statuspageiotest.Fault{Status: 420, Header: http.Header{"Retry-After": {"31536000"}}}, 10 * time.Minute},
		"420 without Retry-After": {statuspageiotest.Fault{Status: 420}, 15 * time.Second},
		"429 with nonsense":       {statuspageiotest.Fault{Status: 429, Header: http.Header{"Retry-After": {"soon"}}}, 15 * time.Second},
		"just down":               {statuspageiotest.Fault{Status: 500}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, c := fake(t, nil, "m1")
				test.fault.Skip = 3
				f.Inject(test.fault)
				var all sync.WaitGroup
				for range 10 {
					all.Go(func() { assert.NoError(t, c.Send(t.Context(), one("m1", 1))) })
				}
				all.Wait()
				calls := f.Calls()
				require.Len(t, calls, 11)
				assert.NotEqual(t, 202, calls[3].Status)
				assert.Equal(t, test.want, calls[4].At.Sub(calls[3].At))
				assertSpaced(t, f, time.Second)
			})
		})
	}
}

// An answer that comes late says nothing new of how long to wait.
func TestLateAnswerDoesNotEndTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil, "slow", "m1")
		f.Inject(
			statuspageiotest.Fault{Metric: "slow", Delay: 10 * time.Second},
			statuspageiotest.Fault{Metric: "m1", Status: 420, Header: http.Header{"Retry-After": {"60"}}},
		)
		var all sync.WaitGroup
		for _, id := range []string{"slow", "m1"} {
			all.Go(func() { assert.NoError(t, c.Send(t.Context(), one(id, 1))) })
			synctest.Wait()
		}
		time.Sleep(20 * time.Second)
		assert.NoError(t, c.Send(t.Context(), one("m1", 1)))
		all.Wait()
		calls := f.Calls()
		require.Len(t, calls, 4)
		assert.Equal(t, time.Minute, calls[2].At.Sub(calls[1].At))
	})
}

// Something else uses the key, and takes all of the minute: this client's calls
// are late, and all made.
func TestSharedKey(t *testing.T) {
	for _, busy := range []int{420, 429} {
		synctest.Test(t, func(t *testing.T) {
			f, c := fake(t, &statuspageiotest.Options{Busy: busy}, "m1")
			other := client(t, f.Transport())
			for range 60 {
				_, err := client(t, f.Transport()).Survey(t.Context(), nil)
				require.NoError(t, err)
			}
			for range 10 {
				assert.NoError(t, c.Send(t.Context(), one("m1", 1)))
				assert.NoError(t, other.Send(t.Context(), one("m1", 1)))
			}
			assert.Equal(t, 1, f.Over(), "it was told once, and kept to it")
		})
	}
}

func TestInterval(t *testing.T) {
	for _, interval := range []time.Duration{time.Millisecond, 500 * time.Millisecond, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := statuspageiotest.NewFake(t, nil)
			f.Add(statuspageiotest.Metric{ID: "m1"})
			c := client(t, f.Transport(), func(c *statuspageio.Config) { c.Interval = interval })
			start := time.Now()
			for range 20 {
				require.NoError(t, c.Send(t.Context(), one("m1", 1)))
			}
			assert.Equal(t, 19*interval, time.Since(start))
			assertSpaced(t, f, interval)
		})
	}
}

// Who has less time than the wait is told at once, and holds nobody back.
func TestDeadlineBeforeTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil, "m1")
		f.Inject(statuspageiotest.Fault{Status: 420, Header: http.Header{"Retry-After": {"60"}}})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := c.Send(ctx, one("m1", 1))
		assert.Equal(t, 420, asError(t, err).Status, "what the service said tells more")
		_, err = c.Survey(ctx, nil)
		assert.EqualError(t, err, "statuspage.io: listing metrics at api.statuspage.io: no call is allowed for another 1m0s: context deadline exceeded")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, time.Since(start))
		assert.NoError(t, c.Send(t.Context(), one("m1", 1)))
		assert.Equal(t, time.Minute, time.Since(start))
		assert.Len(t, f.Calls(), 2)
	})
}

// Those who give up while they wait leave their turn to others, and others wait in
// the order in which they came.
func TestOrderOfTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil)
		start := time.Now()
		var all sync.WaitGroup
		for n := range 20 {
			id := fmt.Sprintf("m%d", n)
			f.Add(statuspageiotest.Metric{ID: id})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if n%3 == 1 {
				time.AfterFunc(500*time.Millisecond, cancel)
			}
			all.Go(func() {
				err := c.Send(ctx, one(id, 1))
				if n%3 == 1 {
					assert.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, 500*time.Millisecond, time.Since(start))
					return
				}
				assert.NoError(t, err)
			})
			synctest.Wait()
		}
		all.Wait()
		var order []string
		for _, call := range f.Calls() {
			for id := range call.Points {
				order = append(order, id)
			}
		}
		assert.Equal(t, []string{"m0", "m2", "m3", "m5", "m6", "m8", "m9", "m11", "m12", "m14", "m15", "m17", "m18"}, order)
		assert.Equal(t, 12*time.Second, time.Since(start))
		assertSpaced(t, f, time.Second)
	})
}
