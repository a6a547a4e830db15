package routewatch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

func down(context.Context, deskCall) error { return errors.New("down") }

func TestDeliveryCloseSaysWhatIsLeft(t *testing.T) {
	tests := []struct {
		name   string
		answer func(context.Context, deskCall) error
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		cause  error
		takes  time.Duration
	}{
		{"down", down, seconds(5), context.DeadlineExceeded, 5 * time.Second},
		{"hanging", func(ctx context.Context, _ deskCall) error { <-ctx.Done(); return ctx.Err() }, seconds(5), context.DeadlineExceeded, 5 * time.Second},
		{"deaf to its context", func(context.Context, deskCall) error { time.Sleep(time.Hour); return nil }, seconds(5), context.DeadlineExceeded, 5 * time.Second},
		{"throttling", func(context.Context, deskCall) error { return refusal(429, time.Minute) }, seconds(5), context.DeadlineExceeded, 5 * time.Second},
		{"no time at all", nil, func(context.Context) (context.Context, context.CancelFunc) { return endedContext(), func() {} }, context.Canceled, 0},
		{"no time, with a cause", nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(errHurry)
			return ctx, func() {}
		}, errHurry, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log journal
				d := desk{answer: tt.answer}
				w := d.watch(t, routewatch.Config{Logger: log.logger()})
				var want []string
				for i := range 7 {
					alias := fmt.Sprintf("/r%d", i)
					answered(w, alias, 500)
					want = append(want, alias)
				}
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				err := w.Close(ctx)
				assert.Equal(t, tt.takes, time.Since(d.epoch))

				s := w.Stats()
				if tt.takes == 0 && err == nil { // the desk may have been quicker
					assert.EqualValues(t, 7, s.Created)
					return
				}
				var left *routewatch.UndeliveredError
				require.ErrorAs(t, err, &left)
				require.ErrorIs(t, err, tt.cause)
				if tt.answer != nil {
					assert.Equal(t, want, left.Aliases)
					assert.Equal(t, "routewatch: 7 not delivered: /r0, /r1, /r2, /r3, /r4 and 2 more: "+tt.cause.Error(), err.Error())
				}
				assert.EqualValues(t, 7, s.Created+s.Dropped["left"])
				assert.EqualValues(t, len(left.Aliases), s.Dropped["left"])
				assert.Zero(t, s.Waiting)
				assert.Same(t, err, w.Close(t.Context()), "the second time")
				assert.Same(t, err, w.Flush(t.Context()), "Flush afterwards")

				// What its own cancelling does to the attempts in flight is no news.
				synctest.Wait()
				assert.Equal(t, s.Dropped, w.Stats().Dropped)
				for _, line := range log.lines() {
					assert.NotContains(t, line, "lost")
					assert.NotContains(t, line, "canceled")
				}
				if tt.name == "deaf to its context" {
					time.Sleep(2 * time.Hour) // let it go
					assert.Equal(t, s.Created, w.Stats().Created, "was reported as left")
				}
			})
		})
	}
}

var errHurry = errors.New("hurry")

func seconds(n int) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Duration(n)*time.Second)
	}
}

// TestDeliveryCloseIsEager: while somebody waits, the pauses begin small again,
// however long the outage has lasted.
func TestDeliveryCloseIsEager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk{answer: down}
		w := d.watch(t, routewatch.Config{})
		answered(w, "/pay", 500)
		time.Sleep(time.Hour)
		d.told()
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		require.Error(t, w.Close(ctx))
		// At once, and after up to 1, 2 and 4 seconds more.
		assert.GreaterOrEqual(t, len(d.told()), 4)
	})
}

// TestDeliveryCloseEachInItsTime: closing at the same time from two places keeps
// to the context of each.
func TestDeliveryCloseEachInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk{answer: down}
		w := d.watch(t, routewatch.Config{})
		answered(w, "/pay", 500)
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				if i > 0 {
					time.Sleep(time.Second) // the first is the one with much time
				}
				wait := time.Duration(100/(i+1)) * time.Second
				ctx, cancel := context.WithTimeout(context.Background(), wait)
				defer cancel()
				start := time.Now()
				var left *routewatch.UndeliveredError
				assert.ErrorAs(t, w.Close(ctx), &left)
				assert.Equal(t, wait, time.Since(start))
			})
		}
		wg.Wait()
	})
}

func TestDeliveryAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{ResolveAfter: time.Second})
		answered(w, "/pay", 500)
		require.NoError(t, w.Close(t.Context()))
		require.NoError(t, w.Close(endedContext()))
		require.NoError(t, w.Flush(endedContext()))
		answered(w, "/pay", 500)
		answered(w, "/pay", 200)
		w.RaiseExceptionAlert(t.Context(), declined{})
		w.Go(t.Context(), "sync", func(context.Context) error { return declined{} })
		w.Go(t.Context(), "sync", func(context.Context) error { return nil })
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"create /pay at 0s"}, d.told())
		assert.Equal(t, map[string]uint64{"closed": 3}, w.Stats().Dropped)
		assert.EqualValues(t, 1, w.Stats().Hits.Status)
	})
}

func TestDeliveryFlush(t *testing.T) {
	t.Run("with nothing to do", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var d desk
			w := d.watch(t, routewatch.Config{})
			require.NoError(t, w.Flush(t.Context()))
			require.NoError(t, w.Flush(endedContext()))
		})
	})
	t.Run("by many", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := desk{answer: func(context.Context, deskCall) error { time.Sleep(time.Second); return nil }}
			w := d.watch(t, routewatch.Config{})
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					answered(w, fmt.Sprintf("/r%d", i%25), 500)
					assert.NoError(t, w.Flush(t.Context()))
					// What was observed before Flush is told of when it returns.
					assert.Contains(t, fmt.Sprint(d.all()), fmt.Sprintf("create /r%d at", i%25))
				})
			}
			wg.Wait()
			assert.EqualValues(t, 25, w.Stats().Created)
		})
	})
	t.Run("goes on after its deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var healthy atomic.Bool
			d := desk{answer: func(context.Context, deskCall) error {
				if !healthy.Load() {
					return errors.New("down")
				}
				return nil
			}}
			w := d.watch(t, routewatch.Config{})
			answered(w, "/pay", 500)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var left *routewatch.UndeliveredError
			require.ErrorAs(t, w.Flush(ctx), &left)
			assert.Equal(t, []string{"/pay"}, left.Aliases)
			assert.Equal(t, 1, w.Stats().Waiting)
			healthy.Store(true)
			require.NoError(t, w.Flush(t.Context()))
		})
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := desk{answer: down}
			w := d.watch(t, routewatch.Config{})
			answered(w, "/pay", 500)
			var wg sync.WaitGroup
			wg.Go(func() {
				var left *routewatch.UndeliveredError
				assert.ErrorAs(t, w.Flush(context.Background()), &left)
			})
			synctest.Wait()
			assert.Error(t, w.Close(endedContext()))
			wg.Wait()
		})
	})
}

// A service that stops must stop, whatever ctx it thought of.
func TestCloseWithoutADeadlineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &recorder{onCreate: func(ctx context.Context, _ opsgenie.NewAlert) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		w, err := routewatch.New(routewatch.Config{Service: "shop", Notifier: n, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		w.RaiseExceptionAlert(t.Context(), errors.New("x"))
		start := time.Now()

		err = w.Close(context.Background())

		var left *routewatch.UndeliveredError
		require.ErrorAs(t, err, &left)
		assert.Equal(t, []string{"shop-exception-alert"}, left.Aliases)
		assert.Equal(t, routewatch.CloseDeadline, time.Since(start))
	})
}
