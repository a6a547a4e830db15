package signalfxtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// A test of something that reads time series.
func ExampleNewServer() {
	_ = func(t *testing.T) {
		sfx := signalfxtest.NewServer(t, nil)
		sfx.AddSeries(`sf_metric:"Latency"`, signalfxtest.Series{
			Value: signalfxtest.Func(func(at time.Time) float64 { return float64(at.Minute()) }),
		})
		sfx.Inject(signalfxtest.Throttled(1, 1)...)

		// … have it read from sfx.URL …

		if longest := sfx.LongestSpan(signalfxtest.OpTimeSeries); longest > 24*time.Hour {
			t.Errorf("asked for %s at once", longest)
		}
	}
}

// A program that carries its own SignalFx. The first call is one too many.
func ExampleNew() {
	sfx := signalfxtest.New(signalfxtest.Options{})
	defer sfx.Close()
	sfx.AddSeries("sf_metric:Requests", signalfxtest.Series{ID: "AAAAAKX", Kind: signalfxtest.Counter, Value: signalfxtest.Constant(3)})
	sfx.Inject(signalfxtest.Throttled(1, 0)...)
	client := &http.Client{Transport: sfx.Transport()} // or http.ListenAndServe(addr, sfx)

	q := url.Values{"query": {"sf_metric:Requests"}, "startMs": {"1700000100000"}, "endMs": {"1700000400000"}, "resolution": {"300000"}}
	for range 2 {
		r, err := http.NewRequest(http.MethodGet, "https://api.us1.signalfx.com/v1/timeserieswindow?"+q.Encode(), nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Header.Set("X-SF-Token", "any")
		resp, err := client.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.Status, string(body))
	}
	// Output:
	// 200 OK Your role doesn't let you perform this action.
	// 200 OK {"data":{"AAAAAKX":[[1700000100000,15]]},"errors":[]}
}
