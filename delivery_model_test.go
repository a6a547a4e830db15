package routewatch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// TestDeliveryModel plays random histories against a Notifier that fails in
// every way and compares where each alias ends with a model of two times: the
// last hit, and the last good answer. ROUTEWATCH_TEST_SEED repeats one history.
func TestDeliveryModel(t *testing.T) {
	if s := os.Getenv("ROUTEWATCH_TEST_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		synctest.Test(t, func(t *testing.T) { playHistory(t, seed) })
		return
	}
	for range 60 {
		seed := rand.Uint64()
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playHistory(t, seed) })
		})
	}
}

// flakyDesk is an Opsgenie on a bad day. It may take a call and fail to say so.
type flakyDesk struct {
	desk
	mu                       sync.Mutex
	rnd                      *rand.Rand
	healthy                  bool
	lasting                  bool // may refuse for good as well
	open                     map[string]bool
	took, failed, refused, n uint64
}

func (f *flakyDesk) decide(ctx context.Context, c deskCall) error {
	f.mu.Lock()
	mode, wait := 0, time.Duration(0)
	if !f.healthy {
		mode, wait = f.rnd.IntN(8), time.Duration(f.rnd.IntN(20_000))*time.Millisecond
	}
	apply := f.rnd.IntN(2) == 0
	f.mu.Unlock()

	var err error
	switch mode {
	case 1:
		err = errors.New("connection reset")
	case 2:
		<-ctx.Done()
		err = ctx.Err()
	case 3: // slow; too slow at times
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			err = ctx.Err()
		}
	case 4:
		err = refusal(429, wait)
	case 5:
		err = refusal(503, 0)
	case 6:
		if f.lasting {
			err = refusal(422, 0)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if err == nil || apply && (mode == 1 || mode == 2 || mode == 3) {
		f.open[c.alias] = !c.closes
	}
	switch {
	case err == nil:
		f.took++
	case mode == 6:
		f.refused++
	default:
		f.failed++
	}
	return err
}

func playHistory(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	f := &flakyDesk{rnd: rand.New(rand.NewPCG(seed, 1)), open: map[string]bool{}, lasting: rnd.IntN(2) == 0}
	f.answer = f.decide
	resolve := []time.Duration{0, 5 * time.Second, time.Minute}[rnd.IntN(3)]
	w := f.watch(t, routewatch.Config{
		ResolveAfter: resolve,
		Renotify:     []time.Duration{time.Second, 10 * time.Second, time.Minute}[rnd.IntN(3)],
		Notifier:     f,
	})
	routes := []int{1, 5, 40, 256}[rnd.IntN(4)]
	// The model. In a mixed history, moments count as well as times: a step is one.
	lastHit, lastGood := make([]int, routes), make([]int, routes)
	hit := func(r, step int) {
		answered(w, fmt.Sprintf("/r%03d", r), 500)
		lastHit[r] = step
	}
	good := func(r, step int) {
		answered(w, fmt.Sprintf("/r%03d", r), 200)
		lastGood[r] = step
	}
	const steps = 500
	for step := 1; step <= steps; step++ {
		r := rnd.IntN(routes)
		switch rnd.IntN(8) {
		case 0, 1, 2:
			hit(r, step)
		case 3, 4, 5:
			good(r, step)
		case 6:
			time.Sleep(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		case 7:
			if rnd.IntN(10) == 0 {
				time.Sleep(2 * resolve)
			} else if rnd.IntN(10) == 0 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_ = w.Flush(ctx)
				cancel()
			}
		}
	}
	f.mu.Lock()
	f.healthy = true
	f.mu.Unlock()
	if f.lasting {
		// What was refused for good is not tried again without a further hit.
		time.Sleep(time.Minute)
		for r := range routes {
			if lastHit[r] > 0 {
				close := lastGood[r] > lastHit[r]
				hit(r, steps+1)
				if close {
					good(r, steps+2)
				}
			}
		}
	}
	time.Sleep(3*time.Minute + 2*resolve) // Renotify and ResolveAfter have passed
	require.NoError(t, w.Flush(t.Context()))

	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range routes {
		want := lastHit[r] > 0 && (resolve == 0 || lastHit[r] > lastGood[r])
		assert.Equal(t, want, f.open[fmt.Sprintf("/r%03d", r)], "route %d of %d is open", r, routes)
	}
	s := w.Stats()
	assert.Zero(t, s.Waiting)
	assert.Equal(t, f.took, s.Created+s.Closed, "calls that were taken")
	assert.Equal(t, f.failed, s.Retries, "calls that failed")
	assert.Equal(t, f.refused, s.Dropped["rejected"], "calls that were refused")
	assert.Equal(t, f.n, s.Created+s.Closed+s.Retries+s.Dropped["rejected"], "all calls")
}
