package prometheus_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// What is asked for covers the span once, in pieces within the limits.
func TestPieces(t *testing.T) {
	for _, test := range []struct {
		name   string
		span   metricsync.Span
		opts   prometheustest.Options
		most   int
		pieces int // that were answered
		calls  int
	}{
		{name: "nothing", span: hours(0, time.Minute)},
		{name: "the wrong way round", span: metricsync.Span{From: start.Add(time.Hour), To: start, Step: time.Minute}},
		{name: "one point", span: metricsync.Span{From: start, To: start.Add(time.Minute), Step: time.Minute}, pieces: 1, calls: 1},
		{name: "days", span: hours(28*24, time.Hour), pieces: 28, calls: 28},
		{name: "a day and a bit", span: hours(25, time.Minute), pieces: 2, calls: 2},
		{name: "more points than Prometheus has", span: hours(7, time.Second), pieces: 3, calls: 3},
		{name: "a step longer than a day", span: hours(28*24, 7*24*time.Hour), pieces: 4, calls: 4},
		{name: "fewer points", span: hours(1, time.Minute), most: 7, pieces: 9, calls: 9},
		{name: "one at a time", span: hours(1, 10*time.Minute), most: 1, pieces: 6, calls: 6},
		// Halves: 60, 30, 15 and then four pieces of 15 for each hour.
		{name: "a limit of the server", span: hours(1, time.Minute), opts: prometheustest.Options{MaxPoints: 16}, pieces: 4, calls: 6},
		{name: "a limit on the range", span: hours(12, time.Minute), opts: prometheustest.Options{MaxRange: 3 * time.Hour}, pieces: 4, calls: 6},
		{name: "a limit on the samples", span: hours(1, time.Minute), opts: prometheustest.Options{MaxSamples: 30}, pieces: 4, calls: 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := prometheustest.NewFake(t, &test.opts)
				p.Handle("q", prometheustest.Series{Labels: of("a", "1"), Value: minutes}, prometheustest.Series{Labels: of("a", "2"), Value: minutes})
				src := source(t, p, func(cfg *prometheus.Config) { cfg.MaxPoints = test.most })
				points, err := read(t.Context(), src, "q", test.span)
				require.NoError(t, err)
				calls, answered, next := p.Calls(), 0, test.span.From
				assert.Len(t, calls, test.calls)
				for _, c := range calls {
					assert.LessOrEqual(t, c.End.Sub(c.Start), 24*time.Hour)
					assert.Equal(t, next, c.Start, "where the last answer ended")
					assert.True(t, c.End.Before(test.span.To), "the end counts, and To does not")
					assert.Equal(t, test.span.Step, c.Step)
					if c.Status == 200 {
						answered++
						next = c.End.Add(c.Step)
					}
				}
				assert.Equal(t, test.pieces, answered)
				n := 0
				for at := test.span.From; at.Before(test.span.To); at = at.Add(test.span.Step) {
					if len(points) < n+2 {
						t.Fatalf("got %d points, and none at %s", len(points), at)
					}
					for i, series := range []string{`{a="1"}`, `{a="2"}`} {
						if want := (metricsync.Point{Series: series, At: at, Value: at.Sub(start).Minutes()}); points[n+i] != want {
							t.Fatalf("got %v, want %v", points[n+i], want)
						}
					}
					n += 2
				}
				assert.Len(t, points, n)
			})
		})
	}
}

// A query that is too much even for one time is an error.
func TestTooMuchForOnePoint(t *testing.T) {
	p := prometheustest.NewFake(t, &prometheustest.Options{MaxSamples: 1})
	p.Handle("q", prometheustest.Series{Labels: of("a", "1"), Value: minutes}, prometheustest.Series{Labels: of("a", "2"), Value: minutes})
	_, err := read(t.Context(), source(t, p, nil), "q", hours(24, time.Minute))
	assert.ErrorContains(t, err, "would load too many samples into memory")
	assert.Len(t, p.Calls(), 11, "1440 points halved down to one")
}

// A query that takes the server too long is asked for less at a time.
func TestASlowQueryIsHalved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prometheustest.NewFake(t, nil)
		p.Handle("q", prometheustest.Series{Value: minutes})
		slow := prometheustest.TimedOut()
		slow.Times, slow.Match = -1, func(c prometheustest.Call) bool { return c.Points() > 500 }
		p.Inject(slow)
		points, err := read(t.Context(), source(t, p, nil), "q", hours(24, time.Minute))
		require.NoError(t, err)
		assert.Len(t, points, 1440)
		assert.Equal(t, "1", p.Calls()[0].Form.Get("nocache"), "or VictoriaMetrics moves the times")
		assert.Equal(t, "27", p.Calls()[0].Form.Get("timeout"), "of the 30 seconds that an attempt may take")
	})
}

// An answer that is too long is asked for in halves; where that does not help, it
// is an error that says what does.
func TestLongAnswers(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	p.Handle("q", prometheustest.Series{Value: minutes})
	long := body(strings.Repeat(" ", 5<<20))
	long.Match = func(c prometheustest.Call) bool { return c.Points() > 800 }
	p.Inject(long)
	points, err := read(t.Context(), source(t, p, nil), "q", hours(24, time.Minute))
	require.NoError(t, err)
	assert.Len(t, points, 1440)
	var asked []int
	for _, c := range p.Calls() {
		asked = append(asked, c.Points())
	}
	assert.Equal(t, []int{1440, 720, 720}, asked)

	p.ClearFaults()
	p.Inject(body(strings.Repeat(" ", 5<<20)))
	_, err = read(t.Context(), source(t, p, nil), "q", hours(2, time.Hour))
	assert.ErrorContains(t, err, "too long: more than 4194304 bytes; these are very many series: aggregate them")
}

// The pieces after the one that is being read are not asked for.
func TestReadsAsItIsAsked(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	p.Handle("q", prometheustest.Series{Value: minutes})
	n := 0
	for _, err := range source(t, p, nil).Points(t.Context(), metricsync.Query{Text: "q"}, hours(28*24, time.Hour)) {
		require.NoError(t, err)
		if n++; n == 25 {
			break
		}
	}
	assert.Len(t, p.Calls(), 2)
}
