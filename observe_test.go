package routewatch_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// aliasesOf are the aliases of alerts, in the order in which they were created.
func aliasesOf(alerts []opsgenie.NewAlert) []string {
	var aliases []string
	for _, a := range alerts {
		aliases = append(aliases, a.Alias)
	}
	return aliases
}

func TestObserveWithLittle(t *testing.T) {
	for _, test := range []struct {
		name string
		o    routewatch.Observation
		want []string
	}{
		{"nothing at all", routewatch.Observation{}, nil},
		{"a status outside of all", routewatch.Observation{Status: -1}, nil},
		{"a status beyond all", routewatch.Observation{Status: 1 << 20}, nil},
		{"a duration below zero", routewatch.Observation{Duration: -time.Hour}, nil},
		{"http.ErrAbortHandler", routewatch.Observation{Panic: http.ErrAbortHandler}, nil},
		{"a good status with an error", routewatch.Observation{Status: 200, Err: errors.New("lost")}, nil},
		{"a bad status", routewatch.Observation{Status: 503}, []string{"status-503"}},
		{"an error without a status is 500", routewatch.Observation{Err: errors.New("lost")}, []string{"status-500"}},
		{"a panic without a status is 500", routewatch.Observation{Panic: "lost"}, []string{"shop-status-500"}},
		{"a panic with a status", routewatch.Observation{Panic: "lost", Status: 503}, []string{"shop-status-503"}},
		{"an empty request", routewatch.Observation{Status: 500, Request: &http.Request{}}, []string{"status-500"}},
		{"a slow answer without a request", routewatch.Observation{Duration: time.Hour}, nil},
		{"a slow answer without a URL", routewatch.Observation{Duration: time.Hour, Request: &http.Request{}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			rec := &recorder{}
			w := newWatcher(t, routewatch.Config{
				Notifier: rec, StatusClasses: []string{"5XX"}, StatusAlias: "status-{status}", ExceptionAlias: "status-{status}",
				LatencyThreshold: time.Second, LatencyRoutes: []string{"/"},
			})
			w.Observe(test.o)
			require.NoError(t, w.Flush(t.Context()))
			got := aliasesOf(rec.alerts())
			for i, alias := range got {
				// The name of the function that panicked is not at stake here.
				if test.o.Panic != nil {
					got[i] = "shop-" + alias[len(alias)-len("status-500"):]
				}
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestObserveAfterClose(t *testing.T) {
	rec := &recorder{}
	w := newWatcher(t, routewatch.Config{Notifier: rec, StatusClasses: []string{"5XX"}})
	require.NoError(t, w.Close(context.Background()))
	w.Observe(routewatch.Observation{Status: 500})
	w.Observe(routewatch.Observation{Panic: "lost"})
	assert.Empty(t, rec.alerts())
	assert.Equal(t, map[string]uint64{"closed": 2}, w.Stats().Dropped)
}
