package routewatch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

func TestDeliveryBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		d := desk{answer: func(_ context.Context, c deskCall) error {
			if c.n < 12 {
				return errors.New("connection refused")
			}
			return nil
		}}
		w := d.watch(t, routewatch.Config{Logger: log.logger()})
		answered(w, "/pay", 500)
		time.Sleep(time.Hour)
		calls := d.all()
		require.Len(t, calls, 13)
		spread := map[time.Duration]bool{}
		for i := 1; i < len(calls); i++ {
			ceiling := min(time.Second<<(i-1), time.Minute)
			gap := calls[i].at - calls[i-1].at
			assert.Positive(t, gap, "pause %d", i)
			assert.LessOrEqual(t, gap, ceiling+time.Millisecond, "pause %d", i)
			spread[gap] = true
		}
		assert.Len(t, spread, 12, "pauses without jitter")
		assert.EqualValues(t, 12, w.Stats().Retries)
		assert.EqualValues(t, 1, w.Stats().Created)
		assert.Equal(t, []string{
			`level=WARN msg="routewatch: an alert cannot be delivered yet; trying on" alias=/pay error="connection refused" to=notifier`,
			`level=INFO msg="routewatch: alerts are being delivered again" alias=/pay to=notifier`,
		}, log.lines())
	})
}

func TestDeliveryHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk{answer: func(ctx context.Context, c deskCall) error {
			if c.n > 0 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		w := d.watch(t, routewatch.Config{})
		answered(w, "/pay", 500)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"create /pay at 0s: context deadline exceeded"}, d.told())
		time.Sleep(2 * time.Second)
		assert.Len(t, d.told(), 1)
		assert.EqualValues(t, 1, w.Stats().Retries)
	})
}

func TestDeliveryRetryAfter(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want [2]time.Duration // the second call comes within
	}{
		{"none", refusal(429, 0), [2]time.Duration{0, time.Second + time.Millisecond}},
		{"negative", refusal(429, -time.Hour), [2]time.Duration{0, time.Second + time.Millisecond}},
		{"of a wrapped error", fmt.Errorf("try: %w", refusal(429, 7*time.Second)), [2]time.Duration{7 * time.Second, 7 * time.Second}},
		{"of a 503", refusal(503, 90*time.Second), [2]time.Duration{90 * time.Second, 90 * time.Second}},
		{"a year", refusal(429, 365*24*time.Hour), [2]time.Duration{10 * time.Minute, 10 * time.Minute}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := desk{answer: func(_ context.Context, c deskCall) error {
					if c.n == 0 {
						return tt.err
					}
					return nil
				}}
				w := d.watch(t, routewatch.Config{Renotify: time.Hour})
				answered(w, "/a", 500)
				synctest.Wait()
				answered(w, "/b", 500) // is held up as well: the limit is the account's
				err := w.Flush(t.Context())
				require.NoError(t, err)
				calls := d.all()
				require.Len(t, calls, 3)
				other := 0
				for _, c := range calls[1:] {
					assert.LessOrEqual(t, c.at, tt.want[1])
					if c.alias == "/a" {
						assert.GreaterOrEqual(t, c.at, tt.want[0])
					} else {
						other++
						if tt.want[0] > 0 {
							assert.GreaterOrEqual(t, c.at, tt.want[0], "the other alias")
						}
					}
				}
				assert.Equal(t, 1, other)
				var e *opsgenie.Error
				if errors.As(tt.err, &e) && e.Status == 429 {
					assert.EqualValues(t, 1, w.Stats().Throttled)
				} else {
					assert.Zero(t, w.Stats().Throttled)
				}
			})
		})
	}
}

type lasting struct{}

func (lasting) Error() string   { return "lasting" }
func (lasting) Temporary() bool { return false }

// broken is an error of whose methods one panics.
type broken struct{}

func (broken) Error() string   { return "broken" }
func (broken) Temporary() bool { panic("broken") }

func TestDeliveryDrops(t *testing.T) {
	tests := []struct {
		name   string
		fail   func() error
		reason string
	}{
		{"401", func() error { return refusal(401, 0) }, "unauthorized"},
		{"403", func() error { return refusal(403, time.Hour) }, "unauthorized"},
		{"422", func() error { return refusal(422, 0) }, "rejected"},
		{"an error that is not temporary", func() error { return lasting{} }, "rejected"},
		{"an error that panics", func() error { return broken{} }, "panicked"},
		{"a panic", func() error { panic("boom") }, "panicked"},
		{"a goroutine that ends", func() error { runtime.Goexit(); return nil }, "panicked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log journal
				var healthy atomic.Bool
				d := desk{answer: func(_ context.Context, c deskCall) error {
					if c.alias == "/pay" && !healthy.Load() {
						return tt.fail()
					}
					return nil
				}}
				w := d.watch(t, routewatch.Config{Logger: log.logger()})
				for range 5 { // for five minutes
					for range 6 {
						answered(w, "/pay", 500)
						time.Sleep(10 * time.Second)
					}
				}
				synctest.Wait()
				// At once, and with each Renotify: 0m to 5m.
				assert.Equal(t, map[string]uint64{tt.reason: 6}, w.Stats().Dropped)
				assert.Zero(t, w.Stats().Waiting)
				assert.Zero(t, w.Stats().Retries)
				require.Len(t, log.lines(), 1)
				assert.Contains(t, log.lines()[0], "level=ERROR")
				assert.Contains(t, log.lines()[0], "reason="+tt.reason+" alias=/pay")

				// Others go on, and do not make one believe that this one does.
				answered(w, "/other", 500)
				synctest.Wait()
				assert.EqualValues(t, 1, w.Stats().Created)
				if tt.reason != "unauthorized" {
					assert.Len(t, log.lines(), 1)
				}

				healthy.Store(true)
				answered(w, "/pay", 500)
				time.Sleep(2 * time.Minute)
				assert.EqualValues(t, 2, w.Stats().Created)
				require.Len(t, log.lines(), 2)
				assert.Contains(t, log.lines()[1], "level=INFO")
			})
		})
	}
}

// TestDeliveryLogsHourly: a trouble that lasts is said once an hour.
func TestDeliveryLogsHourly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		d := desk{answer: func(context.Context, deskCall) error { return errors.New("down") }}
		w := d.watch(t, routewatch.Config{Logger: log.logger()})
		answered(w, "/pay", 500)
		time.Sleep(5*time.Hour + 10*time.Minute)
		assert.Len(t, log.lines(), 6)
	})
}

// TestDeliverySuperseded: what is over before it could be told of is counted.
func TestDeliverySuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var healthy atomic.Bool
		d := desk{answer: func(context.Context, deskCall) error {
			if !healthy.Load() {
				return errors.New("down")
			}
			return nil
		}}
		w := d.watch(t, routewatch.Config{ResolveAfter: 10 * time.Second})
		answered(w, "/pay", 500)
		synctest.Wait()
		answered(w, "/pay", 200)
		time.Sleep(time.Minute)
		healthy.Store(true)
		require.NoError(t, w.Flush(t.Context()))
		s := w.Stats()
		assert.Equal(t, map[string]uint64{"superseded": 1}, s.Dropped)
		assert.EqualValues(t, 0, s.Created)
		assert.EqualValues(t, 1, s.Closed, "the attempt that failed may have come through")
	})
}

// TestDeliveryBudget has everything at once: 256 aliases that never stop, and
// closes between. The desk checks that no minute sees more than 60 calls.
func TestDeliveryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{ResolveAfter: 5 * time.Second, Renotify: 10 * time.Second})
		storm := func(from, to int) {
			for i := from; i < to; i++ {
				answered(w, fmt.Sprintf("/r%03d", i), 500)
			}
		}
		storm(0, 20)
		synctest.Wait()
		time.Sleep(time.Minute)
		d.told()
		before := time.Since(d.epoch)

		for i := range 20 {
			answered(w, fmt.Sprintf("/r%03d", i), 200) // 20 are over
		}
		for range 240 { // while the others storm, for four minutes
			storm(20, 256)
			time.Sleep(time.Second)
		}
		closes, opens := 0, 0
		var last time.Duration
		for _, c := range d.all() {
			if c.closes {
				closes++
				last = max(last, c.at-before)
			} else {
				opens++
			}
		}
		assert.Equal(t, 20, closes)
		assert.LessOrEqual(t, last, 2*time.Minute, "the last close")
		assert.GreaterOrEqual(t, closes+opens, 200, "the budget is used")
	})
}

// TestDeliveryFirstAlerts: neither a flood of closes nor one of repeats keeps a
// new page back for long.
func TestDeliveryFirstAlerts(t *testing.T) {
	t.Run("behind closes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var d desk
			w := d.watch(t, routewatch.Config{ResolveAfter: 10 * time.Minute, Renotify: time.Hour})
			const n = 200
			for i := range n {
				answered(w, fmt.Sprintf("/r%03d", i), 500)
			}
			require.NoError(t, w.Flush(t.Context()))
			time.Sleep(8 * time.Minute)
			for i := range n {
				answered(w, fmt.Sprintf("/r%03d", i), 200)
			}
			time.Sleep(90 * time.Second) // closes are being told for a while
			d.told()
			for i := range 30 { // three each ten seconds
				answered(w, fmt.Sprintf("/new%d", i), 500)
				if i%3 == 2 {
					time.Sleep(10 * time.Second)
				}
			}
			creates := 0
			for _, c := range d.all() {
				if !c.closes {
					creates++
				}
			}
			assert.GreaterOrEqual(t, creates, 20, "of 30 in 100 seconds")
		})
	})
	t.Run("behind repeats", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var d desk
			w := d.watch(t, routewatch.Config{Renotify: 10 * time.Second})
			for range 600 {
				for i := range 100 {
					answered(w, fmt.Sprintf("/r%03d", i), 500)
				}
				time.Sleep(time.Second)
			}
			d.told()
			at := time.Since(d.epoch)
			answered(w, "/new", 500)
			synctest.Wait()
			calls := d.all()
			i := slices.IndexFunc(calls, func(c deskCall) bool { return c.alias == "/new" })
			require.GreaterOrEqual(t, i, 0)
			assert.Equal(t, at, calls[i].at)
		})
	})
}

// TestDeliveryKeyIsNotLogged drives the real client into its errors.
func TestDeliveryKeyIsNotLogged(t *testing.T) {
	const key = "canary-4f1d9c55-7b1e-9a0e-63d0a7c1b2f4"
	var log journal
	w, err := routewatch.New(routewatch.Config{
		APIKey: key, APIURL: "http://127.0.0.1:1", StatusClasses: []string{"5XX"}, Logger: log.logger(),
	})
	require.NoError(t, err)
	answered(w, "/pay", 500)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for len(log.lines()) == 0 && ctx.Err() == nil {
		runtime.Gosched()
	}
	err = w.Close(endedContext())
	require.Error(t, err)
	require.Len(t, log.lines(), 1)
	assert.Contains(t, log.lines()[0], "to=127.0.0.1:1")
	assert.NotContains(t, log.lines()[0]+err.Error(), key)
}

// logHandler is a slog.Handler.
type logHandler func(slog.Record)

func (logHandler) Enabled(context.Context, slog.Level) bool        { return true }
func (h logHandler) Handle(_ context.Context, r slog.Record) error { h(r); return nil }
func (h logHandler) WithAttrs([]slog.Attr) slog.Handler            { return h }
func (h logHandler) WithGroup(string) slog.Handler                 { return h }

func TestDeliveryOddLoggers(t *testing.T) {
	// A Watcher that cannot deliver at first, and says so.
	run := func(t *testing.T, log func(w **routewatch.Watcher, r slog.Record)) int32 {
		var w *routewatch.Watcher
		var records atomic.Int32
		d := desk{answer: func(_ context.Context, c deskCall) error {
			if c.n == 0 {
				return errors.New("down")
			}
			return nil
		}}
		w = d.watch(t, routewatch.Config{Logger: slog.New(logHandler(func(r slog.Record) {
			records.Add(1)
			log(&w, r)
		}))})
		answered(w, "/pay", 500)
		synctest.Wait()
		for i := range 10 {
			answered(w, fmt.Sprintf("/r%d", i), 500)
		}
		time.Sleep(10 * time.Second)
		assert.EqualValues(t, 11, w.Stats().Created)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.NoError(t, w.Close(ctx))
		return records.Load()
	}
	t.Run("panics", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			assert.EqualValues(t, 2, run(t, func(**routewatch.Watcher, slog.Record) { panic("no disk") }))
		})
	})
	t.Run("blocks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			free := make(chan struct{})
			run(t, func(**routewatch.Watcher, slog.Record) { <-free })
			close(free)
		})
	})
	t.Run("asks the Watcher", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			run(t, func(w **routewatch.Watcher, r slog.Record) {
				_ = (*w).Stats()
				if strings.Contains(r.Message, "cannot") {
					answered(*w, "/r0", 500)
				}
			})
		})
	})
}
