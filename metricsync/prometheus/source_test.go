package prometheus_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// Values of every kind come through, series start and end where they like, and the
// points of all are in the order of their times.
func TestValues(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	values := []float64{0, -1.5, 1e300, 5e-324, math.Inf(1), math.Inf(-1), nan, 0.1}
	at := func(t time.Time) int { return int(t.Sub(start) / time.Second) }
	p.Handle("q",
		prometheustest.Series{Labels: of("__name__", "all", "n", "1"), Value: func(t time.Time) (float64, bool) { return values[at(t)], true }},
		prometheustest.Series{Labels: of("n", "2"), Value: func(t time.Time) (float64, bool) { return float64(at(t)), at(t)%3 == 1 }},
		prometheustest.Series{Labels: of("n", "3"), Value: func(time.Time) (float64, bool) { return 0, false }},
	)
	points, err := read(t.Context(), source(t, p, nil), "q", metricsync.Span{From: start, To: start.Add(8 * time.Second), Step: time.Second})
	require.NoError(t, err)
	var got []string
	for _, pt := range points {
		got = append(got, fmt.Sprintf("%d %s %g", at(pt.At), pt.Series, pt.Value))
	}
	assert.Equal(t, []string{
		`0 {n="1"} 0`, `1 {n="1"} -1.5`, `1 {n="2"} 1`, `2 {n="1"} 1e+300`, `3 {n="1"} 5e-324`, `4 {n="1"} +Inf`, `4 {n="2"} 4`,
		`5 {n="1"} -Inf`, `6 {n="1"} NaN`, `7 {n="1"} 0.1`, `7 {n="2"} 7`,
	}, got)
}

// Series of two queries pair by their labels, whatever the metric is called.
func TestSeriesNames(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	for i, test := range []struct {
		labels map[string]string
		want   string
	}{
		{nil, `{}`},
		{of("__name__", "up"), `{}`},
		{of("b", "2", "a", "1", "__name__", "x"), `{a="1",b="2"}`},
		{of("path", "C:\\\"x\"\n"), `{path="C:\\\"x\"\n"}`},
		{of("http.method", "GET"), `{"http.method"="GET"}`},
		{of("ort", "Köln"), `{ort="Köln"}`},
	} {
		expr := fmt.Sprint("q", i)
		p.Handle(expr, prometheustest.Series{Labels: test.labels, Value: minutes})
		points, err := read(t.Context(), source(t, p, nil), expr, hours(1, time.Hour))
		require.NoError(t, err)
		require.Len(t, points, 1)
		assert.Equal(t, test.want, points[0].Series)
	}
	p.Handle("two", prometheustest.Series{Labels: of("__name__", "a", "l", "1"), Value: minutes}, prometheustest.Series{Labels: of("__name__", "b", "l", "1"), Value: minutes})
	_, err := read(t.Context(), source(t, p, nil), "two", hours(1, time.Hour))
	assert.ErrorContains(t, err, `two series are {l="1"}, and differ in the metric's name alone`)
}

func TestStepsOfMilliseconds(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	p.Handle("q", prometheustest.Series{Value: func(at time.Time) (float64, bool) { return float64(at.UnixMilli()), true }})
	const step = 1001 * time.Millisecond
	from := time.UnixMilli(start.UnixMilli() / 1001 * 1001)
	points, err := read(t.Context(), source(t, p, nil), "q", metricsync.Span{From: from, To: from.Add(1000 * step), Step: step})
	require.NoError(t, err)
	require.Len(t, points, 1000)
	for i, pt := range points {
		assert.Equal(t, from.Add(time.Duration(i)*step), pt.At)
		assert.Equal(t, pt.At.UnixMilli(), int64(pt.Value))
	}
}

func TestStep(t *testing.T) {
	src := source(t, prometheustest.NewFake(t, nil), nil)
	for _, want := range []time.Duration{time.Second, 1250 * time.Millisecond, time.Minute, 5 * time.Minute, 24 * time.Hour} {
		got, err := src.Step(want)
		assert.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, want := range []time.Duration{0, -time.Minute, 999 * time.Millisecond, time.Second + time.Microsecond} {
		_, err := src.Step(want)
		assert.ErrorContains(t, err, "whole milliseconds, and at least 1s")
		_, err = read(t.Context(), src, "q", metricsync.Span{From: start, To: start.Add(time.Hour), Step: want})
		assert.Error(t, err)
	}
	_, err := read(t.Context(), src, "q", metricsync.Span{From: start, To: start.Add(time.Hour), Step: 7 * time.Minute})
	assert.ErrorContains(t, err, "is no multiple of 7m")
}

// A server that takes no POST is asked by GET, from the first refusal on.
func TestFallsBackToGET(t *testing.T) {
	p := prometheustest.NewServer(t, &prometheustest.Options{GETOnly: true, Prefix: "/prometheus"})
	p.Handle("q", prometheustest.Series{Value: minutes})
	src, err := prometheus.New(prometheus.Config{URL: p.URL + "/", Header: http.Header{"X-Scope-OrgID": {"team"}}})
	require.NoError(t, err)
	t.Cleanup(src.CloseIdleConnections)
	points, err := read(t.Context(), src, "q", hours(48, time.Hour))
	require.NoError(t, err)
	assert.Len(t, points, 48)
	var methods []string
	for _, c := range p.Calls() {
		methods = append(methods, c.Method)
		assert.Equal(t, "team", c.Header.Get("X-Scope-OrgID"))
	}
	assert.Equal(t, []string{"POST", "GET", "GET"}, methods)
}

func TestLongQueriesGoByPOST(t *testing.T) {
	p := prometheustest.NewServer(t, nil)
	long := "sum(" + strings.Repeat("x", 100_000) + ")"
	p.Handle(long, prometheustest.Series{Value: minutes})
	src, err := prometheus.New(prometheus.Config{URL: p.URL})
	require.NoError(t, err)
	t.Cleanup(src.CloseIdleConnections)
	points, err := read(t.Context(), src, long, hours(1, time.Minute))
	require.NoError(t, err)
	assert.Len(t, points, 60)
}

// The source is safe for concurrent use; the race detector watches.
func TestConcurrentReads(t *testing.T) {
	p := prometheustest.NewFake(t, &prometheustest.Options{GETOnly: true})
	p.Handle("q", prometheustest.Series{Value: minutes})
	p.Inject(prometheustest.Fault{Times: -1, Warnings: []string{"PromQL warning: made up"}})
	src := source(t, p, func(cfg *prometheus.Config) { cfg.Logger = quiet })
	counts := make(chan int)
	for range 8 {
		go func() {
			points, _ := read(t.Context(), src, "q", hours(48, time.Minute))
			counts <- len(points)
		}()
	}
	for range 8 {
		assert.Equal(t, 48*60, <-counts)
	}
}

// roundTripper is a func that is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
