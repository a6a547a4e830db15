package prometheus_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// What an expression came to, every five minutes of an hour. The server is one for
// tests; leave Transport out, and it is that of the URL.
func Example() {
	server := prometheustest.New(prometheustest.Options{})
	defer server.Close()
	const p95 = `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m] offset -5m)))`
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	server.Handle(p95, prometheustest.Series{
		Value: func(at time.Time) (float64, bool) { return 0.2, at.Sub(noon) < 15*time.Minute },
	})

	src, err := prometheus.New(prometheus.Config{URL: "http://prometheus:9090", Transport: server.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	span := metricsync.Span{From: noon, To: noon.Add(time.Hour), Step: 5 * time.Minute}
	for p, err := range src.Points(context.Background(), metricsync.Query{Text: p95}, span) {
		if err != nil {
			log.Fatal(err) // what came before it is right, and what would come after is not known
		}
		fmt.Println(p.At.Format("15:04"), p.Value)
	}
	// Output:
	// 12:00 0.2
	// 12:05 0.2
	// 12:10 0.2
}
