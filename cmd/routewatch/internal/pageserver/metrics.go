package pageserver

import (
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageexport"
	"github.com/routewatch/routewatch/statuspage"
)

// register puts all metrics into a registry of the server's own.
func register(r *prometheus.Registry, page *statuspage.Page, reconciles bool, publisher *pageexport.Publisher, version string) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "routewatch_build_info", Help: "Always 1. The labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	info.Set(1)
	r.MustRegister(info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{page: page, reconciles: reconciles, publisher: publisher})
}

func metricsHandler(r *prometheus.Registry) http.Handler {
	h := promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{ // as on every other route
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
			"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		} {
			w.Header().Set(name, value)
		}
		h.ServeHTTP(w, r)
	})
}

// collector reads the page when it is asked, so that no count is kept twice.
type collector struct {
	page       *statuspage.Page
	reconciles bool
	publisher  *pageexport.Publisher
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("routewatch_statuspage_"+name, help, labels, nil)
}

var (
	descWebhooks  = desc("webhooks_total", "Webhooks by what came of them: accepted, malformed, wrong_key, limited (wrong keys from a source that sent many), too_large, failed (the store did not take it).", "outcome")
	descService   = desc("service_state", "How a service is: 0 green, 1 major, 2 critical.", "service")
	descServices  = desc("services", "How many services have a state.", "state")
	descOpen      = desc("incidents_open", "Incidents that are open, and make a service worse than green or not.")
	descReconcile = desc("reconciles_total", "Comparisons with the Alert API by what came of them: succeeded, failed.", "outcome")
	descLast      = desc("reconcile_last_success_timestamp_seconds", "When the page was last compared with the Alert API; 0 for never since the start.")
	descStreams   = desc("streams_open", "Clients that listen to events now.")
	descRefused   = desc("streams_refused_total", "Clients that were refused the events because there were too many.")
	descSkipped   = desc("streams_skipped_total", "Times that a client too slow for the events was sent the whole state instead.")
	descPublished = desc("publishes_total", "Rounds of publishing the page as files, by what came of them: succeeded, failed.", "outcome")
	descCurrent   = desc("publish_last_success_timestamp_seconds", "When the files were last known to be current; 0 for never since the start.")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descWebhooks, descService, descServices, descOpen, descReconcile, descLast,
		descStreams, descRefused, descSkipped, descPublished, descCurrent,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	stats := c.page.Stats()
	for outcome, n := range map[string]uint64{
		"accepted": stats.Webhooks.Accepted, "malformed": stats.Webhooks.Malformed,
		"wrong_key": stats.Webhooks.WrongKey - stats.Webhooks.Limited, "limited": stats.Webhooks.Limited,
		"too_large": stats.Webhooks.TooLarge, "failed": stats.Webhooks.Failed,
	} {
		send(descWebhooks, prometheus.CounterValue, float64(n), outcome)
	}
	snap := c.page.Snapshot()
	values := map[statuspage.State]float64{statuspage.Green: 0, statuspage.Major: 1, statuspage.Critical: 2}
	services := map[statuspage.State]int{}
	open := map[string]bool{}
	for _, r := range snap.Services {
		services[r.State]++
		send(descService, prometheus.GaugeValue, values[r.State], utf8Label(r.Name))
		for n := range r.Incidents {
			if r.Incidents[n].Open() {
				open[r.Incidents[n].ID] = true
			}
		}
	}
	for state := range values {
		send(descServices, prometheus.GaugeValue, float64(services[state]), string(state))
	}
	send(descOpen, prometheus.GaugeValue, float64(len(open)))
	if c.reconciles {
		rs := c.page.ReconcileStats()
		send(descReconcile, prometheus.CounterValue, float64(rs.Done), "succeeded")
		send(descReconcile, prometheus.CounterValue, float64(rs.Failed), "failed")
		send(descLast, prometheus.GaugeValue, unix(rs.Last))
	}
	send(descStreams, prometheus.GaugeValue, float64(stats.Streams.Open))
	send(descRefused, prometheus.CounterValue, float64(stats.Streams.Refused))
	send(descSkipped, prometheus.CounterValue, float64(stats.Streams.Skipped))
	if c.publisher != nil {
		ps := c.publisher.Stats()
		send(descPublished, prometheus.CounterValue, float64(ps.Done), "succeeded")
		send(descPublished, prometheus.CounterValue, float64(ps.Failed), "failed")
		send(descCurrent, prometheus.GaugeValue, unix(ps.Last))
	}
}

// utf8Label is a service's name as a label may hold it: a name comes from a tag,
// and one that is not UTF-8 would cost all metrics.
func utf8Label(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
