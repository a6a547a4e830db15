package metricsync

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Report is what a run did.
type Report struct {
	Began, Ended time.Time
	// Metrics has an element for each metric and sink: by sink, and in the order
	// of Config.Metrics.
	Metrics []MetricReport
}

// MetricReport is what a run did of a metric for a sink.
type MetricReport struct {
	Metric string // its key
	Sink   string
	ID     string // in the sink; "" where it is not there

	// Plan says why the run began where it did, at From.
	Plan string
	From time.Time
	// Read is up to where it was read, Through up to where the sink has accepted
	// all, and To where it is due.
	Read, Through, To time.Time
	// Backfill is that the past is not whole yet; the next run goes on.
	Backfill bool

	// Points were read, Sent are the values that the sink accepted.
	Points, Sent int
	// Skipped is how many points and windows were not sent, and why.
	Skipped map[string]int

	// Newest is the time of the newest value that the sink has or has accepted;
	// zero is none.
	Newest time.Time
	// Err is why it ended before To.
	Err error
}

// Err joins the errors of the metrics.
func (r *Report) Err() error {
	var errs []error
	for _, m := range r.Metrics {
		if m.Err != nil {
			errs = append(errs, fmt.Errorf("%s to %s: %w", m.Metric, m.Sink, m.Err))
		}
	}
	return errors.Join(errs...)
}

// report brings what is told of a batch's lanes up to date.
func (r *run) report(b *batch) {
	for _, l := range b.lanes {
		p, t := l.progress, r.tallies[l.metric]
		m := MetricReport{
			Metric: l.metric.Key(), Sink: l.sink.Name(), ID: l.id,
			Plan: l.why, From: l.start, Read: l.read, Through: p.Through, To: l.end,
			Backfill: p.Backfill != nil && p.Backfill.Whole.IsZero(),
			Points:   t.points, Sent: l.sent, Skipped: maps.Clone(t.skipped),
			Newest: later(p.Newest, p.Confirmed), Err: l.err,
		}
		if errors.Is(m.Err, errPaused) {
			m.Err = nil
		}
		if l.old > 0 {
			if m.Skipped == nil {
				m.Skipped = map[string]int{}
			}
			m.Skipped[SkippedTooOld] += l.old
		}
		if n := slices.IndexFunc(r.out.Metrics, func(o MetricReport) bool { return o.Metric == m.Metric && o.Sink == m.Sink }); n >= 0 {
			r.out.Metrics[n] = m
		} else {
			r.out.Metrics = append(r.out.Metrics, m)
		}
	}
}

// tell reports how far the run has come.
func (r *run) tell() {
	for _, b := range r.batches {
		r.report(b)
	}
	if r.options.Progress != nil {
		r.options.Progress(&r.out)
	}
}
