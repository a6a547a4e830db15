package signalfxtest

import (
	"math"
	"time"
)

// Kind is how points of a series are rolled up.
type Kind int

// The kinds of series.
const (
	Gauge      Kind = iota // to their average
	Counter                // to their sum
	Cumulative             // to their maximum
)

// Series is a metric time series.
type Series struct {
	// ID is the tsId. Defaults to one of its own.
	ID   string
	Kind Kind
	// Every is the time between two points as they were stored, at multiples of it.
	// Defaults to 1 minute.
	Every time.Duration
	// Value is the point of a time, where there is one. It is called from several
	// goroutines, and for the same times more than once. Defaults to Constant(1).
	Value func(t time.Time) (value float64, ok bool)
	// Dimensions are told with a series of a stream.
	Dimensions map[string]string
}

// Stream is what a SignalFlow program publishes under a label.
type Stream struct {
	Label string // "" is none
	// Series are rolled up to the steps of the job.
	Series []Series
	// Resolution is the step that is told of the series. Defaults to that of the
	// job.
	Resolution time.Duration
}

// Constant is a Value that is always there.
func Constant(v float64) func(time.Time) (float64, bool) {
	return func(time.Time) (float64, bool) { return v, true }
}

// Func is a Value that is always there, and NaN where f is.
func Func(f func(time.Time) float64) func(time.Time) (float64, bool) {
	return func(t time.Time) (float64, bool) { return f(t), true }
}

// at is the value of the step that begins at t, as far as it is not after now.
func (s *Series) at(t time.Time, step time.Duration, now time.Time) (value float64, ok bool) {
	n := 0
	first := t.Truncate(s.Every)
	if first.Before(t) {
		first = first.Add(s.Every)
	}
	for u := first; u.Before(t.Add(step)) && !u.After(now); u = u.Add(s.Every) {
		v, ok := s.Value(u)
		if !ok {
			continue
		}
		switch n++; {
		case n == 1:
			value = v
		case s.Kind == Cumulative:
			value = math.Max(value, v)
		default:
			value += v
		}
	}
	if s.Kind == Gauge && n > 0 {
		value /= float64(n)
	}
	return value, n > 0
}
