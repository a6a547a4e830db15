package statuspageiotest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

// send stands for the program that is tested: it sends one sample.
func send(ctx context.Context, url string, s metricsync.Sample) error {
	page, err := statuspageio.New(statuspageio.Config{PageID: statuspageiotest.Page, APIKey: "any-key", APIURL: url})
	if err != nil {
		return err
	}
	defer page.CloseIdleConnections()
	return page.Send(ctx, []metricsync.Series{{ID: "lat1", Samples: []metricsync.Sample{s}}})
}

// A test of a program that sends metrics.
func ExampleNewServer() {
	_ = func(t *testing.T) {
		sp := statuspageiotest.NewServer(t, nil)
		sp.Add(statuspageiotest.Metric{ID: "lat1", Name: "Latency"})

		want := metricsync.Sample{At: time.Now().Add(-time.Hour).Truncate(time.Minute), Value: 12.5}
		if err := send(t.Context(), sp.URL, want); err != nil {
			t.Fatal(err)
		}

		sp.RequireSamples(t, "lat1", []metricsync.Sample{want})
		if n := sp.Over(); n > 0 {
			t.Errorf("%d calls above the limit", n)
		}
	}
}

// A program that carries its own Statuspage.io, such as a demonstration. The
// service accepts a call and forgets it: the time of the newest sample tells.
func ExampleNew() {
	sp := statuspageiotest.New(statuspageiotest.Options{PerMinute: -1})
	defer sp.Close()
	sp.Add(statuspageiotest.Metric{ID: "lat1", Name: "Latency"})
	sp.Inject(statuspageiotest.Fault{Op: statuspageiotest.OpSend, Forget: true})

	page, err := statuspageio.New(statuspageio.Config{
		PageID: statuspageiotest.Page, APIKey: "any-key", Interval: time.Millisecond,
		Transport: sp.Transport(), // or http.ListenAndServe(addr, sp), and APIURL
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	sample := metricsync.Sample{At: time.Now().Add(-time.Hour).Truncate(time.Minute), Value: 12.5}
	for range 2 {
		err := page.Send(ctx, []metricsync.Series{{ID: "lat1", Samples: []metricsync.Sample{sample}}})
		found, surveyed := page.Survey(ctx, []metricsync.Target{{Name: "Latency"}})
		if surveyed != nil {
			log.Fatal(surveyed)
		}
		fmt.Println(err, len(sp.Samples("lat1")), found.Metrics[0].Newest.Equal(sample.At))
	}
	for _, call := range sp.CallsOf(statuspageiotest.OpSend) {
		fmt.Println(call.Method, call.Size(), http.StatusText(call.Status))
	}
	// Output:
	// <nil> 0 false
	// <nil> 1 true
	// POST 1 Accepted
	// POST 1 Accepted
}
