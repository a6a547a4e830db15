package prometheustest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// A program that carries its own Prometheus, such as a demonstration. The first
// query meets a limit, and is asked for in halves.
func ExampleNew() {
	p := prometheustest.New(prometheustest.Options{MaxPoints: 3})
	defer p.Close()
	midnight := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	p.Handle("rate(shop_orders_total[5m])", prometheustest.Series{
		Labels: map[string]string{"shop": "berlin"},
		Value:  func(at time.Time) (float64, bool) { return at.Sub(midnight).Hours(), true },
	})

	src, err := prometheus.New(prometheus.Config{URL: "http://prometheus.test", Transport: p.Transport()}) // or http.ListenAndServe(addr, p)
	if err != nil {
		log.Fatal(err)
	}
	span := metricsync.Span{From: midnight, To: midnight.Add(6 * time.Hour), Step: time.Hour}
	for point, err := range src.Points(context.Background(), metricsync.Query{Text: "rate(shop_orders_total[5m])"}, span) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(point.At.Format("15:04"), point.Series, point.Value)
	}
	for _, c := range p.Calls() {
		fmt.Println(c.Points(), "points:", c.Status)
	}
	// Output:
	// 00:00 {shop="berlin"} 0
	// 01:00 {shop="berlin"} 1
	// 02:00 {shop="berlin"} 2
	// 03:00 {shop="berlin"} 3
	// 04:00 {shop="berlin"} 4
	// 05:00 {shop="berlin"} 5
	// 6 points: 400
	// 3 points: 200
	// 3 points: 200
}
