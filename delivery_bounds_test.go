package routewatch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

func TestDeliveryTooManyAliases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{Renotify: time.Hour})
		for i := range 10_000 {
			answered(w, "/r"+strconv.Itoa(i), 500)
		}
		synctest.Wait()
		assert.Equal(t, 257-50, w.Stats().Waiting, "all but a minute's budget")
		require.NoError(t, w.Flush(t.Context()))
		s := w.Stats()
		assert.EqualValues(t, 257, s.Created)
		assert.EqualValues(t, 10_000-256, s.Overflowed)
		assert.EqualValues(t, 10_000, s.Hits.Status)
		told := fmt.Sprint(d.told())
		assert.Contains(t, told, "create /r255 at")
		assert.NotContains(t, told, "create /r256 at")
		assert.Contains(t, told, "create shop-too-many-alerts at")

		time.Sleep(2 * time.Hour) // nothing is known of them any more but their names
		answered(w, "/new", 500)
		synctest.Wait()
		assert.EqualValues(t, 10_000-256, w.Stats().Overflowed, "there is room again")
		assert.Contains(t, fmt.Sprint(d.told()), "create /new at")
	})
}

// TestDeliveryOutageIsBounded: names that are new each minute, for six
// hours in which nothing can be delivered.
func TestDeliveryOutageIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var healthy atomic.Bool
		d := desk{answer: func(context.Context, deskCall) error {
			if !healthy.Load() {
				return refusal(503, 10*time.Minute)
			}
			return nil
		}}
		w := d.watch(t, routewatch.Config{})
		for minute := range 6 * 60 {
			for i := range 50 {
				answered(w, fmt.Sprintf("/r%d-%d", minute, i), 500)
			}
			time.Sleep(time.Minute)
			require.LessOrEqual(t, w.Stats().Waiting, 257)
		}
		healthy.Store(true)
		require.NoError(t, w.Flush(t.Context()))
		assert.LessOrEqual(t, w.Stats().Created, uint64(258))
	})
}

// TestDeliveryMemory has 300,000 failing requests whose route, and with it the
// alias, is new each time, and an Opsgenie that hangs.
func TestDeliveryMemory(t *testing.T) {
	d := desk{answer: func(ctx context.Context, _ deskCall) error { <-ctx.Done(); return ctx.Err() }}
	w := d.watch(t, routewatch.Config{ResolveAfter: time.Minute})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	raise := func(from, to int) {
		for i := from; i < to; i++ {
			r.Pattern = "/" + strconv.Itoa(i)
			w.Observe(routewatch.Observation{Request: r, Status: 500, Err: errNone})
		}
	}
	raise(0, 20_000)
	before := heap()
	raise(20_000, 300_000)
	grown := heap() - before
	assert.Less(t, grown, 2<<20, "bytes more on the heap")
	assert.EqualValues(t, 300_000-256, w.Stats().Overflowed)
}

var errNone = errors.New("none")

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestDeliveryTooManyRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{StatusAlias: "one"})
		for i := range 5000 {
			answered(w, "/r"+strconv.Itoa(i), 500)
		}
		synctest.Wait()
		assert.ElementsMatch(t, []string{"create one at 0s", "create shop-too-many-alerts at 0s"}, d.told())
		assert.EqualValues(t, 5000-4096, w.Stats().Overflowed)
	})
}

// TestDeliveryOpenAlertIsFree: a failing request whose alert is open allocates
// nothing.
func TestDeliveryOpenAlertIsFree(t *testing.T) {
	for _, resolve := range []time.Duration{0, time.Minute} {
		var d desk
		w := d.watch(t, routewatch.Config{Renotify: time.Hour, ResolveAfter: resolve})
		r := httptest.NewRequest(http.MethodGet, "/pay", nil)
		r.Pattern = "/pay"
		hit := func() { w.Observe(routewatch.Observation{Request: r, Status: 500}) }
		hit()
		require.NoError(t, w.Flush(t.Context()))
		assert.Zero(t, testing.AllocsPerRun(1000, hit))
	}
}
