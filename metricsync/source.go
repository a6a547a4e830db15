package metricsync

import (
	"context"
	"iter"
	"time"
)

// Point is the value of one series at a time.
type Point struct {
	// Series tells the series of a query apart. It means nothing else, but that
	// two queries of one Source may have series of the same name, which belong
	// together then.
	Series string
	// At is when; of a roll-up, the beginning of what it rolls up.
	At time.Time
	// Value may be NaN or infinite, where there is none: null is NaN.
	Value float64
}

// Query is what a Source is asked.
type Query struct {
	Text string // in the language of the Source
	// Label names one of several results of a SignalFlow program. Others have no
	// use for it.
	Label string
}

// Span is the times that are asked for: From, From+Step and so on, before To.
// From and To are whole multiples of Step since 1970.
type Span struct {
	From, To time.Time
	Step     time.Duration
}

// Source is where metrics are measured. Its methods are safe for concurrent use.
type Source interface {
	// Step returns the coarsest time between two points of a series that the
	// source can give and of which want is a multiple. The error says which
	// there are.
	Step(want time.Duration) (time.Duration, error)

	// Points yields the points of a query with From <= At < To, oldest first;
	// those of several series at one time in any order, each once. Where a query
	// matches nothing there are no points, and no error.
	//
	// An error is yielded last, and ends it. It means that the points are not
	// whole: others may be missing at the time of the last point, and later, but
	// none before it. Points makes its own attempts; its error is for this run,
	// and is an *Error where a call failed. What it reads ahead is bounded,
	// whatever the span. It stops when ctx ends, with an error.
	Points(ctx context.Context, q Query, s Span) iter.Seq2[Point, error]
}
