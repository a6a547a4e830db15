package metricsync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// tally counts what was read of a metric in a run, and what of it had no value.
type tally struct {
	points  int
	skipped map[string]int
}

// Why points and windows are not sent, as in MetricReport.Skipped.
const (
	// SkippedNoValue counts points that are null, NaN or infinite.
	SkippedNoValue = "no value"
	// SkippedNoRequests counts windows in which a Ratio has no total, or a
	// WeightedMean no weight.
	SkippedNoRequests = "no requests"
	// SkippedTooLarge counts windows whose value is too large for a number.
	SkippedTooLarge = "too large"
	// SkippedTooOld counts windows that got older than the sink takes before they
	// could be sent.
	SkippedTooOld = "too old"
)

func (t *tally) skip(why string) {
	if t.skipped == nil {
		t.skipped = map[string]int{}
	}
	t.skipped[why]++
}

// window is the points of one window, in order of time. They are valid until the
// next one is read.
type window struct {
	start  time.Time
	points []Point
}

var errDisorder = errors.New("the source yielded a point out of order, or outside of what it was asked for")

// windows yields the windows of a query that have points, oldest first. An error
// is yielded last: the window that it fell into is not.
func (m *Metric) windows(ctx context.Context, q Query, from, to time.Time, t *tally) iter.Seq2[window, error] {
	return func(yield func(window, error) bool) {
		w := window{}
		for p, err := range m.Source.Points(ctx, q, Span{From: from, To: to, Step: m.Resolution}) {
			if err != nil {
				yield(window{}, err)
				return
			}
			t.points++
			start := p.At.Truncate(m.Window)
			n := len(w.points)
			switch {
			case p.At.Before(from) || !p.At.Before(to),
				start.Before(w.start), n > 0 && p.At.Before(w.points[n-1].At):
				yield(window{}, errDisorder)
				return
			case start.After(w.start):
				if n > 0 && !yield(w, nil) {
					return
				}
				w.start, w.points = start, w.points[:0]
			}
			if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
				t.skip(SkippedNoValue)
				continue
			}
			w.points = append(w.points, p)
		}
		if err := ctx.Err(); err != nil {
			yield(window{}, err) // a source that just ends then
			return
		}
		if len(w.points) > 0 {
			yield(w, nil)
		}
	}
}

// samples yields the values of the windows from from to to, oldest first, where
// there are any. An error is yielded last.
func (m *Metric) samples(ctx context.Context, from, to time.Time, t *tally) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for pair, err := range m.pairs(ctx, from, to, t) {
			if err != nil {
				yield(Sample{}, err)
				return
			}
			v, ok, err := m.Reduce.value(pair.points, pair.second)
			switch {
			case err != nil:
				yield(Sample{}, err)
				return
			case !ok:
				t.skip(SkippedNoRequests)
			case math.IsNaN(v) || math.IsInf(v, 0):
				t.skip(SkippedTooLarge)
			case !yield(Sample{At: pair.start, Value: v}, nil):
				return
			}
		}
	}
}

// pair is a window of both queries of a metric.
type pair struct {
	start          time.Time
	points, second []Point
}

// pairs joins the windows of the two queries; where there is one query, it has no
// second points.
func (m *Metric) pairs(ctx context.Context, from, to time.Time, t *tally) iter.Seq2[pair, error] {
	second := map[string]Query{"Weights": m.Weights, "Total": m.Total}[m.Reduce.second()]
	return func(yield func(pair, error) bool) {
		if second.Text == "" {
			for w, err := range m.windows(ctx, m.Query, from, to, t) {
				if !yield(pair{start: w.start, points: w.points}, err) {
					return
				}
			}
			return
		}
		next, stop := iter.Pull2(m.windows(ctx, second, from, to, t))
		defer stop()
		other, err, more := next()
		// upTo yields the windows of the second query before start.
		upTo := func(start time.Time) bool {
			for more && err == nil && other.start.Before(start) {
				if !yield(pair{start: other.start, second: other.points}, nil) {
					return false
				}
				other, err, more = next()
			}
			if err != nil {
				yield(pair{}, fmt.Errorf("the second query: %w", err))
				return false
			}
			return true
		}
		for w, werr := range m.windows(ctx, m.Query, from, to, t) {
			if werr != nil {
				yield(pair{}, werr)
				return
			}
			if !upTo(w.start) {
				return
			}
			p := pair{start: w.start, points: w.points}
			if more && other.start.Equal(w.start) {
				p.second = other.points
			}
			if !yield(p, nil) {
				return
			}
			if p.second != nil {
				other, err, more = next()
			}
		}
		upTo(to)
	}
}
