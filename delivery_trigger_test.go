package routewatch_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

func TestDeliveryStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{})
		for range 10 { // hits from 0s to 4m30s
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 100 {
						answered(w, "/pay", 503)
					}
				})
			}
			wg.Wait()
			time.Sleep(30 * time.Second)
		}
		time.Sleep(time.Hour)
		calls := d.all()
		assert.Equal(t, []string{
			"create /pay at 0s", "create /pay at 1m0s", "create /pay at 2m0s",
			"create /pay at 3m0s", "create /pay at 4m0s", "create /pay at 5m0s",
		}, d.told())
		assert.Contains(t, calls[5].alert.Description, "Hits so far: 8000")
		assert.EqualValues(t, 8000, w.Stats().Hits.Status)

		answered(w, "/pay", 503) // nobody can tell that the alert is still open
		synctest.Wait()
		calls = d.all()
		require.Len(t, calls, 1)
		assert.NotContains(t, calls[0].alert.Description, "Hits so far")
	})
}

func TestDeliveryRenotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{Renotify: 10 * time.Second})
		answered(w, "/pay", 500)
		time.Sleep(9 * time.Second)
		answered(w, "/pay", 500)
		time.Sleep(11 * time.Second) // told of at 10s, nothing since
		time.Sleep(3 * time.Second)
		answered(w, "/pay", 500) // so this one speaks for itself
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"create /pay at 0s", "create /pay at 10s", "create /pay at 23s"}, d.told())
	})
}

// TestDeliveryResolve drives an alert through a script: each step is what is
// observed, at a second of its own.
func TestDeliveryResolve(t *testing.T) {
	type step struct {
		at    int
		route string
		is    string
	}
	tests := []struct {
		name  string
		steps []step
		want  []string
	}{
		{"not without a good answer", []step{{0, "/a", "500"}}, []string{"create x at 0s"}},
		{"not by a good answer elsewhere", []step{{0, "/a", "500"}, {5, "/b", "200"}}, []string{"create x at 0s"}},
		{
			"not while one of two routes has no good answer",
			[]step{{0, "/a", "500"}, {1, "/b", "500"}, {5, "/a", "200"}},
			[]string{"create x at 0s", "create x at 1m0s"},
		},
		{
			"not by a good answer before the last hit",
			[]step{{0, "/a", "500"}, {5, "/a", "200"}, {6, "/a", "500"}},
			[]string{"create x at 0s", "create x at 1m0s"},
		},
		{"not by a request whose client has gone", []step{{0, "/a", "500"}, {5, "/a", "gone"}}, []string{"create x at 0s"}},
		{"not before the quiet time", []step{{0, "/a", "500"}, {5, "/a", "200"}}, []string{"create x at 0s", "close x at 30s"}},
		{"at once by the good answer after the quiet time", []step{{0, "/a", "500"}, {45, "/a", "200"}}, []string{"create x at 0s", "close x at 45s"}},
		{
			"once each of its routes answered well",
			[]step{{0, "/a", "500"}, {1, "/b", "500"}, {5, "/a", "200"}, {50, "/b", "404"}},
			[]string{"create x at 0s", "close x at 50s"},
		},
		{"a hit begins the quiet time anew", []step{{0, "/a", "500"}, {20, "/a", "500"}, {21, "/a", "200"}}, []string{"create x at 0s", "close x at 50s"}},
		{
			"opens anew after the close",
			[]step{{0, "/a", "500"}, {5, "/a", "200"}, {31, "/a", "500"}},
			[]string{"create x at 0s", "close x at 30s", "create x at 31s"},
		},

		{
			"latency by a quick answer, not by another bad status",
			[]step{{0, "/a", "slow"}, {5, "/b", "quick"}, {40, "/a", "quick"}},
			[]string{"create y at 0s", "close y at 40s"},
		},
		{
			"a quick 500 is quick",
			[]step{{0, "/a", "slow"}, {40, "/a", "quick 500"}},
			[]string{"create y at 0s", "create x at 40s", "close y at 40s"},
		},
		{
			"a slow 200 is no 500",
			[]step{{0, "/a", "500"}, {40, "/a", "slow"}},
			[]string{"create x at 0s", "create y at 40s", "close x at 40s"},
		},
		{"status is not good for latency when no time was taken", []step{{0, "/a", "slow"}, {40, "/a", "200"}}, []string{"create y at 0s"}},
		{"a panic by an answer below 500", []step{{0, "/a", "panic"}, {40, "/a", "404"}}, []string{"create shop-exception-alert at 0s", "close shop-exception-alert at 40s"}},
		{"a panic not by a 500", []step{{0, "/a", "panic"}, {40, "/a", "500"}}, []string{"create shop-exception-alert at 0s", "create x at 40s"}},
		{"by hand without a request never", []step{{0, "", "raised"}, {40, "/a", "200"}, {41, "", "200"}}, []string{"create shop-charge-routewatch_test.declined at 0s"}},
		{
			"by hand with a request by its route",
			[]step{{0, "/a", "raised with request"}, {0, "/a", "200"}, {40, "/a", "200"}},
			[]string{"create shop-charge-routewatch_test.declined at 0s", "close shop-charge-routewatch_test.declined at 40s"},
		},
		{
			"by hand with a request that names no route never",
			[]step{{0, "/a", "raised with nameless request"}, {40, "", "200"}},
			[]string{"create shop-charge-routewatch_test.declined at 0s"},
		},
		{
			"Go by a good run of the same name",
			[]step{{0, "sync", "failing run"}, {40, "other", "good run"}, {45, "sync", "good run"}},
			[]string{"create shop-sync-routewatch_test.declined at 0s", "close shop-sync-routewatch_test.declined at 45s"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d desk
				w := d.watch(t, routewatch.Config{
					ResolveAfter: 30 * time.Second, StatusAlias: "x", LatencyAlias: "y", Alias: "",
					LatencyThreshold: time.Second, LatencyRoutes: []string{"/"},
				})
				start := time.Now()
				for _, s := range tt.steps {
					time.Sleep(time.Until(start.Add(time.Duration(s.at) * time.Second)))
					r := httptest.NewRequest(http.MethodGet, "/raw", nil)
					o := routewatch.Observation{Request: r, Route: s.route, Status: 200}
					switch s.is {
					case "500", "200", "404":
						o.Status = int(s.is[0]-'0') * 100
						w.Observe(o)
					case "gone":
						o.Request = r.WithContext(endedContext())
						w.Observe(o)
					case "slow":
						o.Duration = 2 * time.Second
						w.Observe(o)
					case "quick":
						o.Duration = time.Second
						w.Observe(o)
					case "quick 500":
						o.Duration, o.Status = time.Second, 500
						w.Observe(o)
					case "panic":
						o.Panic, o.Status = "boom", 500
						w.Observe(o)
					case "raised":
						w.RaiseExceptionAlert(t.Context(), declined{}, routewatch.WithFunc("charge"))
					case "raised with request":
						r.Pattern = "GET " + s.route
						w.RaiseExceptionAlert(t.Context(), declined{}, routewatch.WithFunc("charge"), routewatch.WithRequest(r))
					case "raised with nameless request":
						w.RaiseExceptionAlert(t.Context(), declined{}, routewatch.WithFunc("charge"), routewatch.WithRequest(r))
					case "failing run":
						w.Go(t.Context(), s.route, func(context.Context) error { return declined{} })
					case "good run":
						w.Go(t.Context(), s.route, func(context.Context) error { return nil })
					default:
						t.Fatal(s.is)
					}
					synctest.Wait()
				}
				time.Sleep(2 * time.Minute)
				assert.ElementsMatch(t, tt.want, d.told())
			})
		})
	}
}

func TestDeliveryCloseNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{ResolveAfter: 30 * time.Second})
		for range 7 {
			answered(w, "/pay", 500)
		}
		time.Sleep(40 * time.Second)
		answered(w, "/pay", 200)
		synctest.Wait()
		calls := d.all()
		require.Len(t, calls, 2)
		assert.Equal(t, "Closed by routewatch: hit 7 times, then quiet for 30s with good answers on each of its routes.", calls[1].act.Note)
		assert.NotEmpty(t, calls[1].act.Source)
	})
}

// TestDeliveryEvidence: an alert that opens anew tells of what opened it, and
// not of a hit before its close.
func TestDeliveryEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{ResolveAfter: 10 * time.Second})
		answered(w, "/pay", 500)
		synctest.Wait()
		answered(w, "/pay", 501) // counted, and closed before it is told of
		answered(w, "/pay", 200)
		time.Sleep(20 * time.Second)
		answered(w, "/pay", 502)
		synctest.Wait()
		calls := d.all()
		require.Len(t, calls, 3)
		assert.True(t, calls[1].closes)
		assert.Contains(t, calls[2].alert.Message, "502")
	})
}

func TestDeliveryForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		w := d.watch(t, routewatch.Config{ResolveAfter: time.Minute, StatusAlias: "x", ExceptionAlias: "", Alias: "x"})
		answered(w, "/a", 500)
		time.Sleep(23 * time.Hour)
		answered(w, "/a", 500) // open still: one more count
		time.Sleep(23 * time.Hour)
		answered(w, "/a", 200)
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"create x at 0s", "create x at 23h0m0s", "close x at 46h0m0s"}, d.told())

		answered(w, "/a", 500)
		time.Sleep(24*time.Hour + time.Second) // forgotten
		answered(w, "/a", 200)
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"create x at 47h0m0s"}, d.told(), "nobody knows any more that it is open")
		answered(w, "/a", 500)
		time.Sleep(time.Minute)
		calls := d.all()
		require.Len(t, calls, 1)
		assert.NotContains(t, calls[0].alert.Description, "Hits so far", "told as new")
		answered(w, "/a", 200)
		time.Sleep(time.Minute)
		assert.Len(t, d.all(), 2, "and closed as new")
	})
}
