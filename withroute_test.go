package routewatch_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// gin and echo keep their template to themselves: the request does not have it.
func TestWithRoute(t *testing.T) {
	const template = "/orders/:id"
	for _, tt := range []struct {
		name   string
		route  string
		want   string
		closes bool // by a good answer on the template
	}{
		{"without it", "", "", false},
		{"with another", "/tea/:id", "/tea/:id", false},
		{"with the template", template, template, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				w := newWatcher(t, routewatch.Config{Notifier: rec, ResolveAfter: time.Minute})
				r := httptest.NewRequest(http.MethodGet, "/orders/7", nil)

				w.RaiseExceptionAlert(t.Context(), errors.New("no stock"), routewatch.WithRequest(r), routewatch.WithRoute(tt.route))
				require.NoError(t, w.Flush(t.Context()))
				for range 2 { // its own answer, and that of the next request
					w.Observe(routewatch.Observation{Request: r, Route: template, Status: http.StatusOK})
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()

				require.Len(t, rec.alerts(), 1)
				assert.Equal(t, tt.want, rec.alerts()[0].Details["route"])
				assert.Equal(t, tt.closes, len(rec.closes()) == 1, "closed: %v", rec.closes())
			})
		})
	}
}

// The answer of the request in which an error was handled says nothing of what
// comes after.
func TestHandledErrorIsNotClearedByItsOwnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		w := newWatcher(t, routewatch.Config{Notifier: rec, ResolveAfter: time.Minute})
		fails := true
		mux := http.NewServeMux()
		mux.HandleFunc("GET /receipt", func(_ http.ResponseWriter, r *http.Request) {
			if fails {
				w.RaiseExceptionAlert(r.Context(), errors.New("no mail"), routewatch.WithFunc("receipt"), routewatch.WithRequest(r))
			}
		})
		h := w.Handler(mux)
		get := func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/receipt", nil)) }

		get()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, rec.alerts(), 1)
		assert.Empty(t, rec.closes(), "it has only failed")

		fails = false
		get()
		synctest.Wait()
		assert.Len(t, rec.closes(), 1)
	})
}
