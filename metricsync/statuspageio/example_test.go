package statuspageio_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

// Samples are sent to a metric that goes by its name, and the service says what it
// has stored.
func Example() {
	service := statuspageiotest.New(statuspageiotest.Options{}) // in place of the real one
	defer service.Close()
	service.Add(statuspageiotest.Metric{ID: "lat1", Name: "Latency"})

	page, err := statuspageio.New(statuspageio.Config{
		PageID:    "page1",
		APIKey:    "key", // os.Getenv("STATUSPAGE_API_KEY")
		Interval:  time.Millisecond,
		Transport: service.Transport(),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	survey, err := page.Survey(ctx, []metricsync.Target{{Name: "Latency"}, {Name: "Errors"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, found := range survey.Metrics {
		if found.Err != nil {
			fmt.Println(found.Err)
			continue
		}
		at := survey.Now.Truncate(5 * time.Minute)
		if err := page.Send(ctx, []metricsync.Series{{ID: found.ID, Samples: []metricsync.Sample{
			{At: at.Add(-10 * time.Minute), Value: 120},
			{At: at.Add(-5 * time.Minute), Value: 130},
		}}}); err != nil {
			log.Fatal(err)
		}
		fmt.Println(found.ID, found.Backfilled)
	}
	for _, sample := range service.Samples("lat1") {
		fmt.Println(sample.Value)
	}
	// Output:
	// lat1 false
	// statuspage.io: page page1 has no metric with the name "Errors"; there are lat1 (Latency)
	// 120
	// 130
}
