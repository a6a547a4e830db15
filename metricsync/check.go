package metricsync

import (
	"context"
	"time"
)

// Check is what there is to see of a metric without sending anything.
type Check struct {
	Metric string // its key
	Window time.Duration
	// Sinks is what each sink has of it, in the order of Config.Sinks.
	Sinks []SinkCheck

	// Samples are the newest values that could be sent, oldest first.
	Samples []Sample
	Points  int            // read for them
	Skipped map[string]int // see MetricReport
	Err     error          // of reading
}

// SinkCheck is a metric as a sink has it.
type SinkCheck struct {
	Sink string
	Found
}

// Check asks every sink for every metric, and reads the newest windows of each
// that are closed. It sends and remembers nothing, and its errors are in what it
// returns.
func (s *Syncer) Check(ctx context.Context, windows int) []Check {
	checks := make([]Check, len(s.cfg.Metrics))
	targets := make([]Target, len(s.cfg.Metrics))
	for n, m := range s.cfg.Metrics {
		targets[n] = Target{ID: m.ID, Name: m.Name}
		checks[n] = Check{Metric: m.Key(), Window: m.Window}
	}
	for _, sink := range s.cfg.Sinks {
		survey, err := surveyAll(ctx, sink, targets)
		for n := range checks {
			found := Found{Err: err}
			if err == nil {
				found = survey.Metrics[n]
			}
			checks[n].Sinks = append(checks[n].Sinks, SinkCheck{sink.Name(), found})
		}
	}
	for n := range checks {
		m, c := &s.cfg.Metrics[n], &checks[n]
		to := time.Now().Add(-s.cfg.Settle).Truncate(m.Window)
		var t tally
		for sample, err := range m.samples(ctx, to.Add(-time.Duration(windows)*m.Window), to, &t) {
			if c.Err = err; err == nil {
				c.Samples = append(c.Samples, sample)
			}
		}
		c.Points, c.Skipped = t.points, t.skipped
	}
	return checks
}
