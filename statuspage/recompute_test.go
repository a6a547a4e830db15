package statuspage_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// asking is a page whose Alert API is l, for those who ask it to recompute.
func asking(t *testing.T, l *listed) *site {
	s := newSite(t, func(c *statuspage.Config) { c.Alerts = l })
	s.tell(outage("1"))
	return s
}

// refresh asks once, until ctx ends.
func (s *site) refresh(ctx context.Context) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/services/API/refresh", nil)
	return do(s.api, r, "X-Api-Key", testKey)
}

// together asks n times at once, and returns the answers.
func (s *site) together(n int) []*httptest.ResponseRecorder {
	all := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[i] = s.refresh(s.t.Context()) })
	}
	wg.Wait()
	return all
}

// Whoever asks gets the answer of a comparison that began after he asked; so of
// many at once some may have come too late for the first, and share the second.
func TestRefresh_manyShareOne(t *testing.T) {
	for _, row := range []struct {
		name string
		api  *listed
		want int
	}{
		{"well", &listed{takes: time.Second}, http.StatusOK},
		{"failing", &listed{takes: time.Second, err: errors.New("no route to host")}, http.StatusBadGateway},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := asking(t, row.api)
				for _, w := range s.together(200) {
					assert.Equal(t, row.want, w.Code)
				}
				assert.LessOrEqual(t, row.api.asked(), 2)
			})
		})
	}
}

func TestRefresh_beginsAfterItWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &listed{takes: time.Second}
		s := asking(t, api)
		go s.refresh(t.Context())
		synctest.Wait() // that one has asked the API, and waits for its answer
		asked := time.Now()
		assert.Equal(t, http.StatusOK, s.refresh(t.Context()).Code)
		assert.Equal(t, 2, api.asked())
		assert.Equal(t, 2*time.Second, time.Since(asked), "the rest of the first, and the second")
	})
}

// A script asks for each of many services, one after the other: a few are answered
// at once.
func TestRefresh_isBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &listed{}
		s := asking(t, api)
		began := time.Now()
		for range 15 {
			assert.Equal(t, http.StatusOK, s.refresh(t.Context()).Code)
		}
		assert.Equal(t, time.Minute, time.Since(began))
		gaps := api.gaps()
		assert.Equal(t, []time.Duration{0, 0}, gaps[:2])
		for _, gap := range gaps[2:] {
			assert.Equal(t, 5*time.Second, gap)
		}
		time.Sleep(time.Hour)
		began = time.Now()
		for range 4 {
			s.refresh(t.Context())
		}
		assert.Equal(t, 5*time.Second, time.Since(began), "no more are saved up")
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.tell(outage("1"))
		began := time.Now()
		for range 13 {
			assert.Equal(t, http.StatusOK, s.refresh(t.Context()).Code)
		}
		assert.Zero(t, time.Since(began), "where there is no Alert API, none is spared")
	})
}

// A slow Alert API makes no queue of those who wait for it.
func TestRefresh_manyShareOneThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &listed{takes: 12 * time.Second}
		s := asking(t, api)
		var wg sync.WaitGroup
		for _, after := range []time.Duration{0, 6 * time.Second, 8 * time.Second, 11 * time.Second} {
			wg.Go(func() {
				time.Sleep(after)
				assert.Equal(t, http.StatusOK, s.refresh(t.Context()).Code)
			})
		}
		wg.Wait()
		assert.Equal(t, 2, api.asked())
	})
}

func TestRefresh_outlivesWhoAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &listed{takes: time.Second}
		s := asking(t, api)
		for range 3 {
			s.refresh(t.Context()) // so that the next has to wait
		}
		ctx, hangUp := context.WithCancel(t.Context())
		go s.refresh(ctx)
		synctest.Wait()
		time.AfterFunc(time.Second, hangUp)
		w := s.refresh(t.Context())
		assert.Equal(t, http.StatusOK, w.Code)
		assert.JSONEq(t, `{"state":"green","message":""}`, w.Body.String())
		assert.Equal(t, 4, api.asked())
	})
}

// The Alert API is not asked while it wants to be left alone, whoever was told so.
func TestRefresh_rests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &listed{takes: time.Second, err: &opsgenie.Error{Status: http.StatusTooManyRequests, RetryAfter: time.Minute}}
		s := asking(t, api)
		for _, w := range s.together(50) {
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, "61", w.Header().Get("Retry-After"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		}
		assert.Equal(t, 1, api.asked())
		time.Sleep(30 * time.Second)
		assert.Equal(t, http.StatusServiceUnavailable, s.refresh(t.Context()).Code)
		assert.Equal(t, 1, api.asked())
		assert.Equal(t, statuspage.Critical, s.page.Snapshot().Service("API").State)

		api.set(nil, false)
		time.Sleep(30 * time.Second)
		assert.Equal(t, http.StatusOK, s.refresh(t.Context()).Code)
		assert.Equal(t, 2, api.asked())
	})
	synctest.Test(t, func(t *testing.T) {
		api := &listed{err: &opsgenie.Error{Status: http.StatusTooManyRequests, RetryAfter: time.Minute}}
		s := asking(t, api)
		assert.Error(t, s.page.Reconcile(t.Context()), "it was Run that was told so")
		assert.Equal(t, http.StatusServiceUnavailable, s.refresh(t.Context()).Code)
		assert.Equal(t, 1, api.asked())
	})
}

// However long the Alert API takes, whoever asks is answered in time.
func TestRefresh_hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &listed{hangs: true}
		s := asking(t, api)
		for _, before := range []time.Duration{0, 10 * time.Second, 24 * time.Second} {
			go func() {
				time.Sleep(before)
				asked := time.Now()
				assert.Equal(t, http.StatusBadGateway, s.refresh(t.Context()).Code)
				assert.LessOrEqual(t, time.Since(asked), 25*time.Second)
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		api.set(nil, false)
		assert.Equal(t, http.StatusOK, s.refresh(t.Context()).Code)
	})
	synctest.Test(t, func(t *testing.T) {
		s := asking(t, &listed{hangs: true})
		running(t, s.page, func() { // Run waits much longer than that
			synctest.Wait()
			asked := time.Now()
			assert.Equal(t, http.StatusBadGateway, s.refresh(t.Context()).Code)
			assert.Equal(t, 25*time.Second, time.Since(asked))
		})
	})
}
