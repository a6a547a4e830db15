package statuspageiotest_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil, "m1")
		get := func() reply { return c.do("GET", "/metrics/m1", "") }
		for range 30 {
			assert.Equal(t, 200, get().status)
		}
		time.Sleep(20*time.Second + time.Millisecond)
		for range 30 {
			assert.Equal(t, 404, c.do("GET", "/metrics/none", "").status, "a wrong call counts as well")
		}
		for range 5 {
			r := get()
			assert.Equal(t, statuspageiotest.StatusCalm, r.status)
			assert.Equal(t, "40", r.header.Get("Retry-After"), "whole seconds, rounded up")
		}
		c.f.Inject(statuspageiotest.Fault{Status: 500, Op: statuspageiotest.OpGet})
		assert.Equal(t, statuspageiotest.StatusCalm, get().status)
		assert.Equal(t, statuspageiotest.StatusCalm, get().status, "above the limit there are no faults")
		assert.Equal(t, 7, c.f.Over())
		time.Sleep(40*time.Second - 2*time.Millisecond)
		assert.Equal(t, "1", get().header.Get("Retry-After"))
		time.Sleep(time.Millisecond)
		assert.Equal(t, 500, get().status)
		for range 29 {
			assert.Equal(t, 200, get().status, "those that were refused do not count")
		}
		assert.Equal(t, "21", get().header.Get("Retry-After"), "the minute rolls")
		assert.Equal(t, 9, c.f.Over())
		over := 0
		for _, call := range c.f.Calls() {
			if call.Over {
				over++
				assert.Equal(t, statuspageiotest.StatusCalm, call.Status)
			}
		}
		assert.Equal(t, 9, over)
	})
}

func TestLimitOfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &statuspageiotest.Options{Busy: 429})
		for range 200 {
			assert.Equal(t, 200, c.do("GET", "/metrics", "").status)
			time.Sleep(time.Second)
		}
		assert.Zero(t, c.f.Over())
		for range 100 {
			time.Sleep(900 * time.Millisecond)
			c.do("GET", "/metrics", "")
		}
		assert.NotZero(t, c.f.Over())
		for _, call := range c.f.Calls() {
			assert.Contains(t, []int{200, 429}, call.Status)
		}
	})
}

func TestLimitUnderConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { c.do("GET", "/metrics", "") })
		}
		all.Wait()
		assert.Equal(t, 40, c.f.Over())

		c.f.Set(func(o *statuspageiotest.Options) { o.PerMinute = -1 })
		for range 100 {
			c.do("GET", "/metrics", "")
		}
		assert.Equal(t, 40, c.f.Over())
	})
}

// A program may let it run for long.
func TestMemoryIsBounded(t *testing.T) {
	c := newCaller(t, &statuspageiotest.Options{PerMinute: -1}, "m1")
	r := httptest.NewRequest("GET", "/v1", nil)
	for range 10_500 {
		c.f.ServeHTTP(httptest.NewRecorder(), r)
	}
	assert.LessOrEqual(t, len(c.f.Calls()), 10_000)
	assert.GreaterOrEqual(t, len(c.f.Calls()), 9_000)
	for range 4 {
		var old []float64
		for i := range 3000 {
			old = append(old, float64(i), 1)
		}
		c.send("m1", old...)
	}
	assert.Len(t, c.f.Dropped("m1"), 10_000)
}
