package prometheus_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is on the grid of every step that the tests use.
var start = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// hours is a span of hours from start.
func hours(n int, step time.Duration) metricsync.Span {
	return metricsync.Span{From: start, To: start.Add(time.Duration(n) * time.Hour), Step: step}
}

// source returns a source that reads p, as change makes it.
func source(t *testing.T, p *prometheustest.Fake, change func(*prometheus.Config)) *prometheus.Source {
	t.Helper()
	cfg := prometheus.Config{URL: "http://prometheus:9090", Transport: p.Transport()}
	if change != nil {
		change(&cfg)
	}
	src, err := prometheus.New(cfg)
	require.NoError(t, err)
	return src
}

// read is all that a query yields, and its error.
func read(ctx context.Context, src metricsync.Source, query string, s metricsync.Span) (points []metricsync.Point, err error) {
	for p, err := range src.Points(ctx, metricsync.Query{Text: query}, s) {
		if err != nil {
			return points, err
		}
		points = append(points, p)
	}
	return points, nil
}

// minutes is a value that tells its time: minutes since start.
func minutes(at time.Time) (float64, bool) { return at.Sub(start).Minutes(), true }

// of is the labels of a series.
func of(pairs ...string) map[string]string {
	labels := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		labels[pairs[i]] = pairs[i+1]
	}
	return labels
}

var nan = math.NaN()
