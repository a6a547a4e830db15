package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/routewatch/routewatch/examples/internal/shoptest"
	"github.com/routewatch/routewatch/internal/promtest"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

// The shop, a real Prometheus with the configuration beside it, and the queries of
// metricsync.yaml: what customers bought is what the source reads back.
func TestMetricsOfTheShop(t *testing.T) {
	p95, errors, total := queries(t)
	shop := shoptest.Open(t)
	src, err := prometheus.New(prometheus.Config{URL: promtest.Start(t, configuration(t, shop), t.TempDir())})
	require.NoError(t, err)
	t.Cleanup(src.CloseIdleConnections)

	// An increase is counted from the first time that Prometheus saw a counter.
	buy(t, shop, map[string]int{"/orders/7": 2, "/slow": 1, "/fail": 1})
	awaitRequests(t, src, 4)
	buy(t, shop, map[string]int{"/orders/7": 29, "/slow": 1, "/fail": 10})
	awaitRequests(t, src, 44)

	// The five minutes from here on have all of it.
	since := time.Now().Add(-4 * time.Minute)
	bought, failed, took := at(t, src, total, since), at(t, src, errors, since), at(t, src, p95, since)
	assert.InDelta(t, 25, 100*failed/bought, 3, "10 of 40; an increase is extrapolated")
	assert.Greater(t, took, 0.0)
	assert.Less(t, took, 10_000.0, "the longest bucket, in milliseconds")
	assert.Greater(t, synced(t, src), 20.0, "what was bought, on the page")
}

// synced syncs what is bought until the page of Statuspage.io shows a window with
// something in it, and returns that. Windows are short here, and closed at once.
func synced(t *testing.T, src *prometheus.Source) float64 {
	t.Helper()
	page := statuspageiotest.NewServer(t, nil)
	page.Add(statuspageiotest.Metric{ID: "bought"})
	sink, err := statuspageio.New(statuspageio.Config{PageID: statuspageiotest.Page, APIKey: "key-of-a-test", APIURL: page.URL})
	require.NoError(t, err)
	t.Cleanup(sink.CloseIdleConnections)
	s, err := metricsync.New(metricsync.Config{
		Sinks: []metricsync.Sink{sink}, Settle: -1,
		Metrics: []metricsync.Metric{{
			ID: "bought", Source: src, Window: metricsync.Slot,
			Query: metricsync.Query{Text: `sum(increase(http_requests_total{job="shop"}[60s] offset -30s))`},
		}},
	})
	require.NoError(t, err)
	for range 90 { // a window closes twice a minute
		report, err := s.Sync(t.Context(), metricsync.Options{})
		require.NoError(t, err)
		require.NoError(t, report.Err())
		for _, sample := range page.Samples("bought") {
			if sample.Value > 20 {
				return sample.Value
			}
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("nothing of it arrived: %v", page.Samples("bought"))
	return 0
}

// configuration is prometheus.yml for a shop that is elsewhere, and for a test that
// has little time.
func configuration(t *testing.T, shop string) string {
	t.Helper()
	text, err := os.ReadFile("prometheus.yml")
	require.NoError(t, err)
	config := string(text)
	for old, now := range map[string]string{"15s": "1s", "localhost:8080": strings.TrimPrefix(shop, "http://")} {
		require.Equal(t, 1, strings.Count(config, old), old)
		config = strings.ReplaceAll(config, old, now)
	}
	return config
}

// queries are those of metricsync.yaml.
func queries(t *testing.T) (p95, errors, total string) {
	t.Helper()
	text, err := os.ReadFile("metricsync.yaml")
	require.NoError(t, err)
	var config struct {
		Metrics []struct {
			Source, Query string
			Ratio         struct{ Errors, Total string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &config))
	require.Len(t, config.Metrics, 2)
	return config.Metrics[0].Query, config.Metrics[1].Ratio.Errors, config.Metrics[1].Ratio.Total
}

// buy asks the shop for each path so many times.
func buy(t *testing.T, shop string, paths map[string]int) {
	t.Helper()
	for path, times := range paths {
		for range times {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shop+path, nil)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
}

// awaitRequests waits until Prometheus has seen so many requests.
func awaitRequests(t *testing.T, src *prometheus.Source, want int) {
	t.Helper()
	var got float64
	for range 600 { // a minute, on a machine that is slow; a scrape a second is enough
		got = 0
		to := time.Now().Truncate(time.Second)
		span := metricsync.Span{From: to.Add(-2 * time.Second), To: to.Add(time.Second), Step: time.Second}
		for p, err := range src.Points(t.Context(), metricsync.Query{Text: "sum(http_requests_total)"}, span) {
			require.NoError(t, err)
			got = p.Value
		}
		if int(got) == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("Prometheus has seen %g requests, want %d", got, want)
}

// at is the one value of a query at a time.
func at(t *testing.T, src *prometheus.Source, query string, at time.Time) float64 {
	t.Helper()
	at = at.Truncate(time.Second)
	var points []metricsync.Point
	for p, err := range src.Points(t.Context(), metricsync.Query{Text: query}, metricsync.Span{From: at, To: at.Add(time.Second), Step: time.Second}) {
		require.NoError(t, err)
		points = append(points, p)
	}
	require.Len(t, points, 1, query)
	return points[0].Value
}
