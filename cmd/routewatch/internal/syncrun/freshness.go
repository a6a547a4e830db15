package syncrun

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/routewatch/routewatch/metricsync"
)

// Freshness tells Prometheus how fresh the metrics of the last runs are. It is a
// prometheus.Collector, and safe for concurrent use.
type Freshness struct {
	mu      sync.Mutex
	metrics map[[2]string]*fresh // by metric and sink
	runs    map[string]float64   // by outcome
	last    time.Time            // run that ended well
}

// fresh is what is told of a metric in a sink.
type fresh struct {
	newest, through time.Time
	sent, failures  float64
	failed, backs   bool
	skipped         map[string]float64
}

// NewFreshness makes one that knows of no run.
func NewFreshness() *Freshness {
	return &Freshness{metrics: map[[2]string]*fresh{}, runs: map[string]float64{"succeeded": 0, "failed": 0, "busy": 0}}
}

// Told takes in a run.
func (f *Freshness) Told(report *metricsync.Report, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case errors.Is(err, metricsync.ErrBusy):
		f.runs["busy"]++
	case err != nil || report.Err() != nil:
		f.runs["failed"]++
	default:
		f.runs["succeeded"]++
		f.last = report.Ended
	}
	for _, m := range report.Metrics {
		key := [2]string{m.Metric, m.Sink}
		now := f.metrics[key]
		if now == nil {
			now = &fresh{skipped: map[string]float64{}}
			f.metrics[key] = now
		}
		if now.failed = m.Err != nil; now.failed {
			now.failures++
		}
		if m.ID != "" { // else nothing is known but that it failed
			now.newest, now.through, now.backs = m.Newest, m.Through, m.Backfill
		}
		now.sent += float64(m.Sent)
		for why, n := range m.Skipped {
			now.skipped[why] += float64(n)
		}
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("routewatch_metricsync_"+name, help, labels, nil)
}

var (
	descNewest   = desc("newest_timestamp_seconds", "The time of the newest value that a sink has of a metric. How old it is, is how stale the chart is.", "metric", "sink")
	descThrough  = desc("through_timestamp_seconds", "Up to when a sink was given all of a metric.", "metric", "sink")
	descSent     = desc("values_sent_total", "Values that a sink has accepted.", "metric", "sink")
	descSkipped  = desc("skipped_total", "Points and windows that were not sent, by why.", "metric", "sink", "reason")
	descFailures = desc("failures_total", "Runs in which a metric stopped before its end.", "metric", "sink")
	descFailing  = desc("failing", "1 where the last run of a metric stopped before its end.", "metric", "sink")
	descBackfill = desc("backfilling", "1 where the past of a metric is not whole yet.", "metric", "sink")
	descRuns     = desc("runs_total", "Runs by what came of them: succeeded, failed, busy (another process made one).", "outcome")
	descLast     = desc("last_success_timestamp_seconds", "When a run last ended well; 0 for never since the start.")
)

// Describe implements prometheus.Collector.
func (f *Freshness) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descNewest, descThrough, descSent, descSkipped, descFailures, descFailing, descBackfill, descRuns, descLast} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *Freshness) Collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	for key, m := range f.metrics {
		metric, sink := key[0], key[1]
		send(descNewest, prometheus.GaugeValue, seconds(m.newest), metric, sink)
		send(descThrough, prometheus.GaugeValue, seconds(m.through), metric, sink)
		send(descSent, prometheus.CounterValue, m.sent, metric, sink)
		for why, n := range m.skipped {
			send(descSkipped, prometheus.CounterValue, n, metric, sink, why)
		}
		send(descFailures, prometheus.CounterValue, m.failures, metric, sink)
		send(descFailing, prometheus.GaugeValue, number(m.failed), metric, sink)
		send(descBackfill, prometheus.GaugeValue, number(m.backs), metric, sink)
	}
	for outcome, n := range f.runs {
		send(descRuns, prometheus.CounterValue, n, outcome)
	}
	send(descLast, prometheus.GaugeValue, seconds(f.last))
}

// Handler serves the metrics of f and of the process at /metrics, and whether the
// last run ended well not long ago at /healthz.
func (f *Freshness) Handler(within time.Duration) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(f, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	began := time.Now()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		last := f.last
		f.mu.Unlock()
		if last.IsZero() {
			last = began
		}
		if time.Since(last) > within {
			http.Error(w, "no run has ended well since "+last.UTC().Format(time.RFC3339), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n")) // a client that hangs up
	})
	return mux
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
