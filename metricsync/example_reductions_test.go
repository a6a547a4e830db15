package metricsync_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// balancers is a source of one's own: what two load balancers measured in the five
// minutes from noon. Load balancer B was away for one of them.
type balancers map[string]map[string][]float64 // by query and series; negative is none

func (m balancers) Step(want time.Duration) (time.Duration, error) {
	if want%time.Minute != 0 {
		return 0, errors.New("there is 1m")
	}
	return time.Minute, nil
}

func (m balancers) Points(_ context.Context, q metricsync.Query, s metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		for at := s.From; at.Before(s.To); at = at.Add(s.Step) {
			since := at.Sub(noon)
			if since < 0 || since >= 5*time.Minute {
				continue
			}
			for _, series := range []string{"A", "B"} {
				v := m[q.Text][series][since/time.Minute]
				if v >= 0 && !yield(metricsync.Point{Series: series, At: at, Value: v}, nil) {
					return
				}
			}
		}
	}
}

var noon = time.Now().Add(-time.Hour).Truncate(5 * time.Minute)

// What each reduction makes of the same five minutes.
func Example_reductions() {
	source := balancers{
		"latency":  {"A": {100, 110, 120, 130, 140}, "B": {200, 220, -1, 260, 280}},
		"requests": {"A": {100, 100, 100, 100, 100}, "B": {300, 300, -1, 300, 300}},
		"errors":   {"A": {1, 0, 2, 0, 0}, "B": {0, 5, -1, 0, 9}},
	}
	var metrics []metricsync.Metric
	for _, reduce := range metricsync.Reductions {
		m := metricsync.Metric{ID: string(reduce), Source: source, Query: metricsync.Query{Text: "latency"}, Reduce: reduce}
		switch reduce {
		case metricsync.WeightedMean:
			m.Weights.Text = "requests"
		case metricsync.Ratio:
			m.Query.Text, m.Total.Text = "errors", "requests"
		}
		metrics = append(metrics, m)
	}
	s, err := metricsync.New(metricsync.Config{Metrics: metrics, Sinks: []metricsync.Sink{newBoard("board",
		"mean", "weighted_mean", "ratio", "max", "min", "sum", "count", "last")}})
	if err != nil {
		log.Fatal(err)
	}
	_, err = s.Sync(context.Background(), metricsync.Options{DryRun: func(_ metricsync.Sink, series []metricsync.Series) {
		for _, one := range series {
			for _, sample := range one.Samples {
				fmt.Printf("%-14s %.5g\n", one.ID, sample.Value)
			}
		}
	}})
	if err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// mean           168
	// weighted_mean  204.71
	// ratio          1
	// max            280
	// min            100
	// sum            1560
	// count          9
	// last           210
}
