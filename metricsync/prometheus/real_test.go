package prometheus_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/promtest"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
)

// history is 28 days of a real Prometheus, a sample a minute, which ended an hour
// ago.
type history struct {
	url      string
	from, to time.Time
	gap      time.Time // there is nothing for two hours from here on
}

const minutesOf28Days = 28 * 24 * 60

func (h history) minute(n int) time.Time { return h.from.Add(time.Duration(n) * time.Minute) }

// newHistory writes the samples
//
//	level{inst="a"}, level{inst="b"}    minutes since the beginning, and half of one more
//	errors_total{job="shop"}            1 more each minute
//	requests_total{job="shop"}          50 more each minute
func newHistory(t *testing.T) history {
	t.Helper()
	promtool := promtest.Program(t, "promtool")
	to := time.Now().Truncate(24 * time.Hour)
	h := history{from: to.Add(-minutesOf28Days * time.Minute), to: to}
	h.gap = h.from.Add(10*24*time.Hour - time.Hour) // across the join of two pieces

	var text bytes.Buffer
	for _, metric := range []struct {
		name, kind string
		lines      func(n int) string
	}{
		{"level", "gauge", func(n int) string {
			return fmt.Sprintf("level{inst=\"a\"} %d %[2]d\nlevel{inst=\"b\"} %[1]d.5 %[2]d\n", n, h.minute(n).Unix())
		}},
		{"errors", "counter", func(n int) string { return fmt.Sprintf("errors_total{job=\"shop\"} %d %d\n", n, h.minute(n).Unix()) }},
		{"requests", "counter", func(n int) string {
			return fmt.Sprintf("requests_total{job=\"shop\"} %d %d\n", 50*n, h.minute(n).Unix())
		}},
	} {
		fmt.Fprintf(&text, "# TYPE %s %s\n", metric.name, metric.kind)
		for n := range minutesOf28Days {
			if since := h.minute(n).Sub(h.gap); since < 0 || since >= 2*time.Hour {
				text.WriteString(metric.lines(n))
			}
		}
	}
	text.WriteString("# EOF\n")

	dir := t.TempDir()
	samples, data := filepath.Join(dir, "samples"), filepath.Join(dir, "data")
	require.NoError(t, os.WriteFile(samples, text.Bytes(), 0o600))
	// Without the flag it makes a block of each two hours, which takes a minute.
	out, err := exec.CommandContext(t.Context(), promtool, "tsdb", "create-blocks-from", "openmetrics",
		"--quiet", "--max-block-duration=1000h", samples, data).CombinedOutput()
	require.NoError(t, err, "%s", out)
	h.url = promtest.Start(t, "{}", data)
	return h
}

// counted counts the requests of a source.
type counted struct {
	http.Transport
	n atomic.Int64
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.Transport.RoundTrip(r)
}

// What is said of Prometheus here, a real one does.
func TestARealPrometheus(t *testing.T) {
	h := newHistory(t)
	open := func(t *testing.T, change func(*prometheus.Config)) (*prometheus.Source, *counted) {
		t.Helper()
		calls := &counted{}
		cfg := prometheus.Config{URL: h.url, Transport: calls, Logger: quiet}
		if change != nil {
			change(&cfg)
		}
		src, err := prometheus.New(cfg)
		require.NoError(t, err)
		t.Cleanup(src.CloseIdleConnections)
		return src, calls
	}

	t.Run("28 days", func(t *testing.T) {
		src, calls := open(t, nil)
		points, err := read(t.Context(), src, "level", metricsync.Span{From: h.from, To: h.to, Step: time.Minute})
		require.NoError(t, err)
		assert.EqualValues(t, 28, calls.n.Load())
		next := 0
		for n := range minutesOf28Days {
			since := h.minute(n).Sub(h.gap)
			if since >= 0 && since < 2*time.Hour {
				if since < 5*time.Minute {
					next += 2 // PromQL looks back for so long
				}
				continue
			}
			for i, want := range []metricsync.Point{
				{Series: `{inst="a"}`, At: h.minute(n), Value: float64(n)},
				{Series: `{inst="b"}`, At: h.minute(n), Value: float64(n) + 0.5},
			} {
				if got := points[next+i]; got.Series != want.Series || got.Value != want.Value || !got.At.Equal(want.At) {
					t.Fatalf("minute %d: got %v, want %v", n, got, want)
				}
			}
			next += 2
		}
		assert.Len(t, points, next)
	})

	t.Run("series of two queries", func(t *testing.T) {
		src, _ := open(t, nil)
		span := metricsync.Span{From: h.from.Add(time.Hour), To: h.from.Add(24 * time.Hour), Step: 5 * time.Minute}
		errors, err := read(t.Context(), src, "increase(errors_total[5m])", span)
		require.NoError(t, err)
		requests, err := read(t.Context(), src, "increase(requests_total[5m] offset -5m)", span)
		require.NoError(t, err)
		require.Len(t, errors, 23*12)
		require.Len(t, requests, 23*12)
		for i := range errors {
			assert.Equal(t, `{job="shop"}`, errors[i].Series)
			assert.Equal(t, errors[i].Series, requests[i].Series)
			assert.InDelta(t, 2, 100*errors[i].Value/requests[i].Value, 1e-9)
		}
	})

	t.Run("11,000 points", func(t *testing.T) {
		span := metricsync.Span{From: h.from, To: h.from.Add(4 * time.Hour), Step: time.Second}
		for _, test := range []struct {
			most  int
			calls int64
		}{{0, 2}, {20_000, 3}} { // the second is refused once, and halved
			src, calls := open(t, func(cfg *prometheus.Config) { cfg.MaxPoints = test.most })
			points, err := read(t.Context(), src, `sum(level{inst="a"})`, span)
			require.NoError(t, err)
			assert.Len(t, points, 4*3600)
			assert.Equal(t, test.calls, calls.n.Load())
			assert.True(t, points[4*3600-1].At.Equal(span.To.Add(-time.Second)))
		}
	})

	t.Run("times", func(t *testing.T) {
		src, _ := open(t, nil)
		from := time.UnixMilli(h.from.UnixMilli() / 1250 * 1250)
		points, err := read(t.Context(), src, "time()", metricsync.Span{From: from, To: from.Add(time.Hour), Step: 1250 * time.Millisecond})
		require.NoError(t, err)
		require.Len(t, points, 2880)
		for _, p := range points {
			require.InDelta(t, float64(p.At.UnixMilli())/1000, p.Value, 1e-6)
		}
	})

	t.Run("nothing", func(t *testing.T) {
		src, _ := open(t, nil)
		for _, span := range []metricsync.Span{
			{From: h.from.Add(-48 * time.Hour), To: h.from, Step: time.Minute},
			{From: h.to.Add(48 * time.Hour), To: h.to.Add(72 * time.Hour), Step: time.Minute},
		} {
			points, err := read(t.Context(), src, "level", span)
			assert.NoError(t, err)
			assert.Empty(t, points)
		}
	})

	t.Run("refusals", func(t *testing.T) {
		src, calls := open(t, nil)
		span := metricsync.Span{From: h.from, To: h.to, Step: time.Minute}
		for query, want := range map[string]string{
			"":                                 "400 Bad Request",
			"sum(":                             "unclosed left parenthesis",
			`"text"`:                           "must be Scalar or instant Vector",
			"level[5m]":                        "must be Scalar or instant Vector",
			"level * on() level":               "many-to-many matching not allowed",
			`{__name__=~".+_total"}`:           "differ in the metric's name alone",
			`rate({__name__=~".+_total"}[5m])`: "422 Unprocessable Entity",
		} {
			before := calls.n.Load()
			points, err := read(t.Context(), src, query, span)
			assert.ErrorContains(t, err, want, query)
			assert.Empty(t, points)
			assert.EqualValues(t, 1, calls.n.Load()-before, "what is wrong stays wrong: %s: %v", query, err)
		}
	})
}
