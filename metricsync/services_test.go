package metricsync_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
	"github.com/routewatch/routewatch/metricsync/signalfx"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

var worlds = flag.Int("metricsync.worlds", 2, "how many random histories of failing services are played")

// services is a whole world: what is measured, and where it is shown.
type services struct {
	t     testing.TB
	sfx   *signalfxtest.Fake
	prom  *prometheustest.Fake
	page  *statuspageiotest.Fake
	docs  *flaky
	cfg   metricsync.Config
	value map[string]func(window time.Time) (float64, bool) // of each metric, by the plainest arithmetic
}

// minutely are the values of a series at whole minutes.
func minutely(seed int64) func(time.Time) float64 {
	return func(t time.Time) float64 { return float64(uint64(t.Unix()/60*2654435761+seed*97) % 1000) }
}

// minutes are those of a window of five.
func minutes(window time.Time, f func(time.Time) float64) (sum float64) {
	for n := range 5 {
		sum += f(window.Add(time.Duration(n) * time.Minute))
	}
	return sum
}

func newServices(t testing.TB, page *statuspageiotest.Options) *services {
	w := &services{
		t: t, sfx: signalfxtest.NewFake(t, nil), prom: prometheustest.NewFake(t, nil), page: statuspageiotest.NewFake(t, page),
		docs: &flaky{docs: map[string][]byte{}}, value: map[string]func(time.Time) (float64, bool){},
	}
	gauge := func(seed int64) signalfxtest.Series {
		return signalfxtest.Series{Value: signalfxtest.Func(minutely(seed))}
	}
	counter := func(f func(time.Time) float64) signalfxtest.Series {
		return signalfxtest.Series{Kind: signalfxtest.Counter, Value: signalfxtest.Func(f)}
	}
	total := func(t time.Time) float64 { // nobody asks between 3 and 4
		if t.UTC().Hour() == 3 {
			return 0
		}
		return 1000 + minutely(4)(t)
	}
	w.sfx.AddSeries("latency", gauge(1), gauge(2))
	w.sfx.AddSeries("5xx", counter(minutely(3)))
	w.sfx.AddSeries("requests", counter(total))
	w.sfx.AddProgram("publish('A')", signalfxtest.Stream{Label: "A", Series: []signalfxtest.Series{gauge(5)}})
	w.prom.Handle("p95", prometheustest.Series{Value: func(at time.Time) (float64, bool) {
		return minutely(6)(at), at.UTC().Hour() != 7 // it is not scraped then
	}})
	w.page.Add(statuspageiotest.Metric{ID: "lat1"}, statuspageiotest.Metric{ID: "err1"}, statuspageiotest.Metric{ID: "flow1"}, statuspageiotest.Metric{ID: "prom1", Name: "p95"})

	w.value["lat1"] = func(at time.Time) (float64, bool) {
		return (minutes(at, minutely(1)) + minutes(at, minutely(2))) / 10, true
	}
	w.value["err1"] = func(at time.Time) (float64, bool) {
		return 100 * minutes(at, minutely(3)) / minutes(at, total), at.UTC().Hour() != 3
	}
	w.value["flow1"] = func(at time.Time) (float64, bool) { return minutes(at, minutely(5)) / 5, true }
	w.value["prom1"] = func(at time.Time) (float64, bool) { return minutely(6)(at), at.UTC().Hour() != 7 }

	sfx, err := signalfx.New(signalfx.Config{Token: "token-of-a-test", Transport: w.sfx.Transport()})
	require.NoError(t, err)
	prom, err := prometheus.New(prometheus.Config{URL: "http://prometheus:9090", Transport: w.prom.Transport(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	sink, err := statuspageio.New(statuspageio.Config{PageID: statuspageiotest.Page, APIKey: "key-of-a-test", Transport: w.page.Transport()})
	require.NoError(t, err)
	q := func(text string) metricsync.Query { return metricsync.Query{Text: text} }
	w.cfg = metricsync.Config{
		Sinks: []metricsync.Sink{sink}, Documents: w.docs, Shared: true, Logger: slog.New(slog.DiscardHandler),
		Metrics: []metricsync.Metric{
			{ID: "lat1", Source: sfx.TimeSeries(), Query: q("latency"), Reduce: metricsync.Mean},
			{ID: "err1", Source: sfx.TimeSeries(), Query: q("5xx"), Total: q("requests"), Reduce: metricsync.Ratio},
			{ID: "flow1", Source: sfx.SignalFlow(), Query: metricsync.Query{Text: "publish('A')", Label: "A"}},
			{Name: "p95", Source: prom, Query: q("p95")},
		},
	}
	return w
}

// run makes a run with a Syncer of its own, as a schedule does.
func (w *services) run(ctx context.Context, o metricsync.Options) *metricsync.Report {
	s, err := metricsync.New(w.cfg)
	require.NoError(w.t, err)
	report, _ := s.Sync(ctx, o)
	return report
}

// whole makes a last run, and checks that the page then shows every closed window
// since the given time, with the right value, and nothing else.
func (w *services) whole(since time.Time) {
	require.NoError(w.t, w.run(w.t.Context(), metricsync.Options{}).Err())
	end := time.Now().Add(-time.Minute).Truncate(5 * time.Minute)
	time.Sleep(2 * time.Minute) // until it is stored
	for id, value := range w.value {
		var want, got []metricsync.Sample
		for at := since; at.Before(end); at = at.Add(5 * time.Minute) {
			if v, ok := value(at); ok {
				want = append(want, metricsync.Sample{At: at, Value: v})
			}
		}
		for _, s := range w.page.Samples(id) {
			if !s.At.Before(since) {
				got = append(got, s)
			}
		}
		require.Equal(w.t, len(want), len(got), "%s: from %v to %v", id, got[0].At, got[len(got)-1].At) //nolint:testifylint // Len prints thousands
		for n := range want {
			if !want[n].At.Equal(got[n].At) || math.Abs(want[n].Value-got[n].Value) > 1e-9*math.Abs(want[n].Value) {
				w.t.Fatalf("%s: sample %d is %v; want %v", id, n, got[n], want[n])
			}
		}
	}
}

func TestWholeServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newServices(t, &statuspageiotest.Options{StoreAfter: 20 * time.Second, BackfilledAfter: time.Hour})
		report := w.run(t.Context(), metricsync.Options{})
		require.NoError(t, report.Err())
		calls := len(w.page.CallsOf(statuspageiotest.OpSend))
		assert.LessOrEqual(t, calls, 12, "4 x 8064 samples in calls of 3000 are 11")
		assert.LessOrEqual(t, w.sfx.LongestSpan(signalfxtest.OpTimeSeries), 24*time.Hour)
		for range 30 { // a schedule each minute: the flag is still false
			time.Sleep(time.Minute)
			require.NoError(t, w.run(t.Context(), metricsync.Options{}).Err())
		}
		assert.LessOrEqual(t, len(w.page.CallsOf(statuspageiotest.OpSend)), calls+14, "and nothing is filled twice")
		assert.Zero(t, w.page.Over())
		w.whole(time.Now().Add(-27 * 24 * time.Hour).Truncate(5 * time.Minute))
	})
}

// Each of the services fails in all the ways that it is known to, at random.
func TestServicesThatFail(t *testing.T) {
	for seed := range uint64(*worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 7))
				w := newServices(t, &statuspageiotest.Options{
					StoreAfter: time.Duration(rng.IntN(90)) * time.Second, BackfilledAfter: time.Duration(rng.IntN(5)) * time.Hour,
					QuietBackfill: seed == 1, Busy: []int{420, 429}[rng.IntN(2)], Unknown: []int{404, 422, 202}[rng.IntN(3)],
				})
				w.docs.rng = rng
				for range 25 {
					w.fail(rng)
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(10+rng.IntN(200))*time.Second)
					w.run(ctx, metricsync.Options{Until: time.Now().Add(time.Duration(10+rng.IntN(100)) * time.Second)})
					cancel()
					switch rng.IntN(12) {
					case 0:
						w.page.Reset([]string{"lat1", "err1", "flow1", "prom1"}[rng.IntN(4)])
					case 1:
						w.docs.set(map[string][]byte{})
					}
					time.Sleep(time.Duration(rng.IntN(300)) * time.Second)
				}
				w.sfx.ClearFaults()
				w.prom.Inject() // its faults are used up by now, or are used up below
				w.page.ClearFaults()
				w.docs.well = true
				for range 12 {
					w.run(t.Context(), metricsync.Options{})
					time.Sleep(3 * time.Minute)
				}
				time.Sleep(7 * time.Hour) // a Reset that nobody could see is found out
				require.NoError(t, w.run(t.Context(), metricsync.Options{}).Err())
				time.Sleep(2 * time.Minute)
				w.whole(time.Now().Add(-27 * 24 * time.Hour).Truncate(5 * time.Minute))
				for _, c := range w.page.CallsOf(statuspageiotest.OpSend) {
					require.LessOrEqual(t, c.Size(), 3000)
				}
				assert.Zero(t, w.page.Over(), "calls above the limit")
			})
		})
	}
}

// fail lets some of what is to come fail.
func (w *services) fail(rng *rand.Rand) {
	skip, times := rng.IntN(12), 1+rng.IntN(3)
	w.page.Inject([]statuspageiotest.Fault{
		{Op: statuspageiotest.OpSend, Skip: skip, Times: times, Status: 500 + rng.IntN(5)},
		{Op: statuspageiotest.OpSend, Skip: skip, Times: times, Status: 420, Header: http.Header{"Retry-After": {"60"}}},
		{Op: statuspageiotest.OpSend, Skip: skip, Times: 6, Status: 503, CarryOut: true},
		{Op: statuspageiotest.OpSend, Skip: skip, Times: times, Cut: statuspageiotest.CutBefore, CarryOut: rng.IntN(2) == 0},
		{Op: statuspageiotest.OpSend, Skip: skip, Times: times, Half: true, Status: 502},
		{Op: statuspageiotest.OpSend, Skip: skip, Times: times, Hang: true},
		{Op: statuspageiotest.OpSend, Metric: "err1", Skip: skip, Times: 3, Status: 422},
		{Op: statuspageiotest.OpList, Times: times, Status: 503},
		{Op: statuspageiotest.OpList, Times: times, Cut: statuspageiotest.CutMiddle},
		{Op: statuspageiotest.OpList, Status: 401},
		{Delay: 20 * time.Second, Times: 3},
	}[rng.IntN(11)])
	w.sfx.Inject([]signalfxtest.Fault{
		{Op: signalfxtest.OpSignalFlow, Skip: skip, Times: times, Cut: signalfxtest.EndAt, At: rng.IntN(20000)},
		{Op: signalfxtest.OpSignalFlow, Skip: skip, Times: 9, Cut: signalfxtest.EndAt, At: rng.IntN(20000)},
		{Op: signalfxtest.OpSignalFlow, Skip: skip, Events: []signalfxtest.Event{signalfxtest.Limited(20000, 10000)}, Instants: rng.IntN(280)},
		{Op: signalfxtest.OpSignalFlow, Skip: skip, Cut: signalfxtest.StallAt, At: rng.IntN(20000)},
		{Op: signalfxtest.OpSignalFlow, Skip: skip, Resolution: 10 * time.Minute},
		{Op: signalfxtest.OpTimeSeries, Skip: skip, Times: times, Cut: signalfxtest.CutAt, At: rng.IntN(5000)},
		{Op: signalfxtest.OpTimeSeries, Skip: skip, Times: times, Status: 200, Body: signalfxtest.Sentence},
		{Op: signalfxtest.OpTimeSeries, Skip: skip, Times: 9, Status: 503},
		{Op: signalfxtest.OpTimeSeries, Skip: skip, Hang: true},
		{Status: 429, Skip: skip, Times: times},
	}[rng.IntN(10)])
	w.prom.Inject([]prometheustest.Fault{
		{Status: 503, Times: times},
		{Cut: prometheustest.CutMiddle, Times: times},
		prometheustest.RateLimited(30 * time.Second),
		prometheustest.HTMLPage(200),
		{Warnings: []string{"a store is away"}},
	}[rng.IntN(5)])
}

// BenchmarkBackfill sends 28 days of 10 metrics at a resolution of a minute, and
// reports how the calls and the memory compare with what the limits demand.
func BenchmarkBackfill(b *testing.B) {
	const metrics = 10
	for b.Loop() {
		sfx := signalfxtest.New(signalfxtest.Options{})
		page := statuspageiotest.New(statuspageiotest.Options{PerMinute: -1})
		client, err := signalfx.New(signalfx.Config{Token: "token-of-a-benchmark", Transport: sfx.Transport()})
		require.NoError(b, err)
		counted := &counting{next: page.Transport()}
		sink, err := statuspageio.New(statuspageio.Config{
			PageID: statuspageiotest.Page, APIKey: "key-of-a-benchmark", Transport: counted,
			Interval: time.Nanosecond, // the calls are counted, not waited for
		})
		require.NoError(b, err)
		cfg := metricsync.Config{Sinks: []metricsync.Sink{sink}}
		for n := range metrics {
			id := fmt.Sprint("m", n)
			page.Add(statuspageiotest.Metric{ID: id})
			sfx.AddSeries(id, signalfxtest.Series{Value: signalfxtest.Func(minutely(int64(n)))}, signalfxtest.Series{Value: signalfxtest.Func(minutely(int64(n)))})
			cfg.Metrics = append(cfg.Metrics, metricsync.Metric{ID: id, Source: client.TimeSeries(), Query: metricsync.Query{Text: id}, Reduce: metricsync.Mean, Window: time.Minute})
		}
		s, err := metricsync.New(cfg)
		require.NoError(b, err)
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		counted.before = before.HeapAlloc
		report, err := s.Sync(context.Background(), metricsync.Options{})
		require.NoError(b, err)
		require.NoError(b, report.Err())
		sent := 0
		for _, m := range report.Metrics {
			sent += m.Sent
		}
		demanded := math.Ceil(float64(sent) / 3000)
		b.ReportMetric(float64(sent), "samples")
		b.ReportMetric(float64(counted.calls)/demanded, "calls/demanded")
		b.ReportMetric(float64(counted.most)/(1<<20), "peak-MiB")
		sfx.Close()
		page.Close()
	}
}

// counting counts calls, and looks at the heap at each: with garbage, and with what
// the page of the benchmark keeps.
type counting struct {
	next   http.RoundTripper
	calls  int
	before uint64
	most   int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	c.most = max(c.most, int64(now.HeapAlloc)-int64(c.before))
	return c.next.RoundTrip(r)
}
