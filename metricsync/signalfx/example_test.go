package signalfx_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// The latency of a load balancer, as a series window and by a SignalFlow program.
// Here a SignalFx that runs in the process answers.
func Example() {
	const (
		query   = `sf_metric:"Latency" AND lb:"shop"`
		program = `data('Latency', filter('lb', 'shop')).mean().publish('A')`
	)
	fake := signalfxtest.New(signalfxtest.Options{})
	defer fake.Close()
	latency := signalfxtest.Series{ID: "AAAAAKX", Value: signalfxtest.Constant(12.5)}
	fake.AddSeries(query, latency)
	fake.AddProgram(program, signalfxtest.Stream{Label: "A", Series: []signalfxtest.Series{latency}})

	sfx, err := signalfx.New(signalfx.Config{
		Realm:     "us1",
		Token:     "from-the-environment",
		Transport: fake.Transport(),
	})
	if err != nil {
		log.Fatal(err)
	}

	to := time.Date(2024, 11, 1, 12, 0, 0, 0, time.UTC)
	span := metricsync.Span{From: to.Add(-10 * time.Minute), To: to, Step: 5 * time.Minute}
	for _, m := range []struct {
		source metricsync.Source
		query  metricsync.Query
	}{
		{sfx.TimeSeries(), metricsync.Query{Text: query}},
		{sfx.SignalFlow(), metricsync.Query{Text: program, Label: "A"}},
	} {
		for p, err := range m.source.Points(context.Background(), m.query, span) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(p.At.Format("15:04"), p.Value)
		}
	}
	// Output:
	// 11:50 12.5
	// 11:55 12.5
	// 11:50 12.5
	// 11:55 12.5
}
