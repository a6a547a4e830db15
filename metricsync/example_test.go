package metricsync_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

// A run of a metric of SignalFx, here of one that runs in the process, to a page of
// Statuspage.io, which does too.
func Example() {
	measured := signalfxtest.New(signalfxtest.Options{})
	defer measured.Close()
	measured.AddSeries(`sf_metric:"Latency"`, signalfxtest.Series{Value: signalfxtest.Constant(12.5)})
	shown := statuspageiotest.New(statuspageiotest.Options{})
	defer shown.Close()
	shown.Add(statuspageiotest.Metric{ID: "lat1", Name: "Latency", Backfilled: true})
	shown.Put("lat1", metricsync.Sample{At: time.Now().Add(-time.Hour).Truncate(metricsync.DefaultWindow), Value: 1})

	source, err := signalfx.New(signalfx.Config{Token: "your-token", Transport: measured.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	sink, err := statuspageio.New(statuspageio.Config{PageID: statuspageiotest.Page, APIKey: "your-key", Transport: shown.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	s, err := metricsync.New(metricsync.Config{
		Sinks: []metricsync.Sink{sink},
		Metrics: []metricsync.Metric{{
			ID: "lat1", Source: source.TimeSeries(), Reduce: metricsync.Mean,
			Query: metricsync.Query{Text: `sf_metric:"Latency"`},
		}},
	})
	if err != nil {
		log.Fatal(err) // every mistake at once
	}
	report, err := s.Sync(context.Background(), metricsync.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range report.Metrics {
		fmt.Println(m.Metric, "to", m.Sink, m.Plan, m.Err, m.Through.Equal(m.To))
	}
	// Output: lat1 to statuspage.io continue <nil> true
}
