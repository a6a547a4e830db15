// Package prometheus reads metrics from Prometheus, and from what speaks its HTTP
// API: Thanos, Grafana Mimir, VictoriaMetrics, Cortex. A [Source] is a
// metricsync.Source whose queries are PromQL.
//
//	src, err := prometheus.New(prometheus.Config{URL: "http://prometheus:9090"})
//	if err != nil {
//		log.Fatal(err)
//	}
//	metric := metricsync.Metric{ID: "lat1", Source: src, Query: metricsync.Query{
//		Text: `histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))`,
//	}}
//
// # What a point is
//
// PromQL looks back: the value of rate(…[5m]) at 12:05 is that of the five minutes
// before it, and its point is at 12:05. Where the value of a window is to stand at
// the window's beginning, look forward by as much: rate(…[5m] offset -5m). What is
// not over yet is then empty, not wrong.
//
// A series is named by its labels without the metric's name, sorted, as in
// {job="shop",route="/"}, so that http_errors_total and http_requests_total of one
// job belong together.
//
// # What is not drawn
//
// An answer that says that it is partial is an error: a sum without a part of its
// series is a wrong figure that looks right. Prometheus says so by a warning where
// a remote storage failed, Thanos where a store did, VictoriaMetrics by a field of
// its own. [Config].AllowPartial takes such answers. Warnings about the query
// itself ("PromQL warning: …") are logged once, and its points are taken.
//
// # Limits
//
// Prometheus refuses a query of more than 11,000 points a series, and others have
// limits of their own. A long span is therefore read in pieces of at most
// [Config].MaxPoints and at most a day, and a piece that is refused as too much, or
// whose answer is too long, is read in halves.
package prometheus
