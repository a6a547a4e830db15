// Package syncdemo runs a SignalFx and a Statuspage.io on loopback, with metrics
// and with faults, so that metric sync can be tried without an account.
package syncdemo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/routewatch/routewatch/internal/inprocess"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

// Demo is the two services. Make it with [Start].
type Demo struct {
	SignalFx, Statuspage string // base URLs
	// Config is a file of settings that fits them, in a folder that Close removes.
	Config string

	Source *signalfxtest.Fake
	Sink   *statuspageiotest.Fake

	dir  string
	stop []func()
}

// Start starts the services. With faults, about each tenth call to them fails in
// one of the ways that real ones do.
func Start(faults bool) (_ *Demo, err error) {
	d := &Demo{
		Source: signalfxtest.New(signalfxtest.Options{}),
		Sink:   statuspageiotest.New(statuspageiotest.Options{StoreAfter: 2 * time.Second, BackfilledAfter: time.Minute}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	d.fill()
	if faults {
		d.misbehave()
	}
	for _, s := range []struct {
		handler http.Handler
		base    *string
	}{{d.Source, &d.SignalFx}, {d.Sink, &d.Statuspage}} {
		base, stop, err := inprocess.Listen(s.handler)
		if err != nil {
			return d, err
		}
		*s.base, d.stop = base, append(d.stop, stop)
	}
	if d.dir, err = os.MkdirTemp("", "routewatch-metricsync-"); err != nil {
		return d, err
	}
	d.Config = filepath.Join(d.dir, "metricsync.yaml")
	return d, os.WriteFile(d.Config, fmt.Appendf(nil, settings, statuspageiotest.Page, d.Statuspage, d.SignalFx, d.SignalFx, d.dir), 0o600)
}

const settings = `# The demo's two services. STATUSPAGE_API_KEY and SIGNALFX_TOKEN may be anything.
statuspage: {page_id: %s, api_url: "%s/v1"}
signalfx: {api_url: "%s", stream_url: "%s"}
state: file:%s/state
metrics:
  - {metric_id: latency, source: signalfx, query: 'sf_metric:"Latency"', reduce: mean}
  - {metric_id: errors, source: signalfx, ratio: {errors: 'sf_metric:"HTTPCode_5XX"', total: 'sf_metric:"RequestCount"'}}
  - {metric_id: p95, source: signalflow, program: "data('latency').percentile(95).publish('p95')", label: p95}
`

// fill gives the two services their metrics: those of a shop with a day and a
// night, on two load balancers.
func (d *Demo) fill() {
	d.Sink.Add(
		statuspageiotest.Metric{ID: "latency", Name: "Latency (ms)"},
		statuspageiotest.Metric{ID: "errors", Name: "Failed requests (%)"},
		statuspageiotest.Metric{ID: "p95", Name: "Latency, 95th percentile (ms)"},
	)
	traffic := func(t time.Time) float64 { // requests a minute
		return 600 + 500*math.Sin(2*math.Pi*(float64(t.Hour())+float64(t.Minute())/60-9)/24)
	}
	noise := func(t time.Time, seed int64) float64 { // 0 to 1, the same for the same time
		x := uint64(t.Unix()/60+seed) * 0x9e3779b97f4a7c15
		return float64(x>>40) / float64(1<<24)
	}
	series := func(kind signalfxtest.Kind, f func(t time.Time, balancer int64) float64) (all []signalfxtest.Series) {
		for balancer := range int64(2) {
			all = append(all, signalfxtest.Series{Kind: kind, Value: signalfxtest.Func(func(t time.Time) float64 { return f(t.UTC(), balancer) })})
		}
		return all
	}
	latency := func(t time.Time, b int64) float64 { return 80 + 0.1*traffic(t) + 20*noise(t, b) }
	d.Source.AddSeries(`sf_metric:"Latency"`, series(signalfxtest.Gauge, latency)...)
	d.Source.AddSeries(`sf_metric:"RequestCount"`, series(signalfxtest.Counter, func(t time.Time, _ int64) float64 { return math.Round(traffic(t)) })...)
	d.Source.AddSeries(`sf_metric:"HTTPCode_5XX"`, series(signalfxtest.Counter, func(t time.Time, b int64) float64 { return math.Round(3 * noise(t, b+7)) })...)
	d.Source.AddProgram("data('latency').percentile(95).publish('p95')", signalfxtest.Stream{
		Label: "p95", Series: series(signalfxtest.Gauge, func(t time.Time, b int64) float64 { return 1.6 * latency(t, b) })[:1],
	})
}

// misbehave makes calls fail for ever, each in a turn of its own.
func (d *Demo) misbehave() {
	every := func(n int) func() bool { // reports true for each nth call
		calls := make(chan int, 1)
		calls <- 0
		return func() bool {
			c := <-calls + 1
			calls <- c
			return c%n == 0
		}
	}
	source := func(n int, f signalfxtest.Fault) signalfxtest.Fault {
		turn := every(n)
		f.Match, f.Times = func(signalfxtest.Call) bool { return turn() }, -1
		return f
	}
	d.Source.Inject(
		source(11, signalfxtest.Fault{Op: signalfxtest.OpTimeSeries, Body: signalfxtest.Sentence, Status: http.StatusOK}),
		source(17, signalfxtest.Fault{Op: signalfxtest.OpTimeSeries, Cut: signalfxtest.CutAt, At: 900}),
		source(7, signalfxtest.Fault{Op: signalfxtest.OpSignalFlow, Cut: signalfxtest.EndAt, At: 5000}),
	)
	sink := func(n int, f statuspageiotest.Fault) statuspageiotest.Fault {
		turn := every(n)
		f.Match, f.Times = func(*http.Request) bool { return turn() }, -1
		return f
	}
	d.Sink.Inject(
		sink(5, statuspageiotest.Fault{Op: statuspageiotest.OpSend, Status: http.StatusServiceUnavailable}),
		sink(7, statuspageiotest.Fault{Op: statuspageiotest.OpSend, Status: statuspageiotest.StatusCalm, Header: http.Header{"Retry-After": {"3"}}}),
		sink(9, statuspageiotest.Fault{Op: statuspageiotest.OpSend, Cut: statuspageiotest.CutBefore, CarryOut: true}),
	)
}

// Run tells what there is to try until ctx ends.
func (d *Demo) Run(ctx context.Context, tell func(line string)) {
	tell(fmt.Sprintf(`A SignalFx and a Statuspage.io run here, with three metrics and 28 days of a shop.
In another terminal:

  export STATUSPAGE_API_KEY=any-key-will-do SIGNALFX_TOKEN=any-token-will-do
  export ROUTEWATCH_METRICSYNC_CONFIG=%s
  routewatch metricsync check
  routewatch metricsync backfill
  routewatch metricsync run --interval 30s

Here a line a minute tells what arrived. Ctrl-C ends it.
`, d.Config))
	every := time.NewTicker(time.Minute)
	defer every.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		line := ""
		for _, id := range []string{"latency", "errors", "p95"} {
			line += fmt.Sprintf("%s %d  ", id, len(d.Sink.Samples(id)))
		}
		if line += fmt.Sprintf("(calls above the limit: %d)", d.Sink.Over()); line != said {
			tell(time.Now().UTC().Format("15:04Z") + "  values at Statuspage.io: " + line)
			said = line
		}
	}
}

// Close ends the services.
func (d *Demo) Close() error {
	for _, stop := range d.stop {
		stop()
	}
	d.Source.Close()
	d.Sink.Close()
	if d.dir == "" {
		return nil
	}
	return os.RemoveAll(d.dir)
}
