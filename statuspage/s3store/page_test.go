package s3store_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/s3test"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/s3store"
)

// openPage opens a page on the bucket, as another process does.
func openPage(t *testing.T, c s3store.Config) *statuspage.Page {
	t.Helper()
	p, err := statuspage.New(t.Context(), statuspage.Config{
		Store: open(t, c), InsecureWebhook: true, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return p
}

// untilDone does something until it succeeds, as Opsgenie sends a webhook again. It
// returns how often it failed. The time that there is grows, so that a slow machine
// comes to an end too.
func untilDone(t *testing.T, do func(context.Context) error) (failed int64) {
	t.Helper()
	for within := 500 * time.Millisecond; ; within *= 2 {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		err := do(ctx)
		cancel()
		if err == nil {
			return failed
		}
		if within > time.Minute {
			assert.NoError(t, err, "again and again")
			return failed
		}
		failed++
	}
}

// Three replicas share a bucket. Each gets a part of the webhooks of the same
// alerts, in any order and several at once, while one request in ten goes wrong.
// In the end all say what the alerts do.
func TestPagesShareABucket(t *testing.T) {
	url := s3test.Start(t)
	const replicas, atOnce, alerts = 3, 3, 36
	var failing atomic.Bool
	var failed, repeated atomic.Int64
	var pages []*statuspage.Page
	for range replicas {
		pages = append(pages, openPage(t, s3store.Config{
			RequestTimeout: 300 * time.Millisecond,
			Client: client(t, url, func(next http.RoundTripper) http.RoundTripper {
				unwell := faults{next, 0.1, &failed}
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					if failing.Load() {
						return unwell.RoundTrip(r)
					}
					return next.RoundTrip(r)
				})
			}),
		}))
	}

	// Each alert is of two services, and all but two end. What ends them comes before
	// the alert itself as often as not, and a Delete does not tell of which services.
	services := []string{"API", "Web", "Mail", "Login"}
	want := map[string]string{
		"API":   `{"state":"critical","message":"message of 0"}`,
		"Web":   `{"state":"critical","message":"message of 0"}`,
		"Mail":  `{"state":"major","message":"message of 5"}`,
		"Login": `{"state":"green","message":""}`,
	}
	start := time.Now().Add(-time.Hour)
	var events []opsgenie.Event
	for n := range alerts {
		e := opsgenie.Event{Action: opsgenie.EventCreate}
		e.Alert.ID, e.Alert.Message = fmt.Sprintf("alert-%02d", n), fmt.Sprintf("message of %d", n)
		e.Alert.Tags = []string{
			"statuspage", []string{"critical", "major"}[n%2], "servicename:" + services[n%4], "servicename:" + services[(n+1)%4],
		}
		e.Alert.CreatedAt = start.Add(time.Duration(n) * time.Second)
		e.Alert.UpdatedAt = e.Alert.CreatedAt
		events = append(events, e)
		if n == 0 || n == 5 {
			continue
		}
		e.Action, e.Alert.UpdatedAt = opsgenie.EventClose, start.Add(time.Minute)
		if n%2 == 0 {
			e.Action, e.Alert.Tags = opsgenie.EventDelete, nil
		}
		events = append(events, e)
	}
	rand.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })

	failing.Store(true)
	var wg sync.WaitGroup
	for part := range replicas * atOnce {
		wg.Go(func() {
			p := pages[part%replicas]
			for n := part; n < len(events); n += replicas * atOnce {
				repeated.Add(untilDone(t, func(ctx context.Context) error { return p.Apply(ctx, events[n]) }))
			}
		})
	}
	wg.Wait()
	for range 2 { // what one brings together, the others see the time after
		for _, p := range pages {
			repeated.Add(untilDone(t, p.Refresh))
		}
	}
	failing.Store(false)
	t.Logf("%d events, %d requests failed on purpose, %d calls were repeated", len(events), failed.Load(), repeated.Load())
	assert.Positive(t, failed.Load())

	well := client(t, url, nil)
	store := open(t, s3store.Config{Client: well})
	pages = append(pages, openPage(t, s3store.Config{Client: well})) // another process, later
	for n, p := range pages {
		got, incidents := map[string]string{}, map[string]int{}
		for _, r := range p.Snapshot().Services {
			got[r.Name] = fmt.Sprintf(`{"state":%q,"message":%q}`, r.State, r.Message)
			incidents[r.Name] = len(r.Incidents)
		}
		assert.Equal(t, want, got, "page %d", n)
		assert.Equal(t, map[string]int{"API": 18, "Web": 18, "Mail": 18, "Login": 18}, incidents, "page %d", n)
	}
	for name, state := range want {
		doc, err := store.Get(t.Context(), "services/"+name+".json")
		require.NoError(t, err)
		assert.JSONEq(t, state, string(doc), name)
	}
}
