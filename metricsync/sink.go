package metricsync

import (
	"context"
	"time"
)

// Sample is a value that is shown: of a window, at its beginning.
type Sample struct {
	At    time.Time
	Value float64 // neither NaN nor infinite
}

// Series is samples of one metric, oldest first.
type Series struct {
	ID      string // of the metric in the Sink
	Samples []Sample
}

// Target names a metric of a Sink: by its ID or, without one, by its Name.
type Target struct{ ID, Name string }

// Survey is what a Sink has.
type Survey struct {
	// Now is the time by the sink's clock, where that is known.
	Now time.Time
	// Metrics is what there is to each target, in their order.
	Metrics []Found
}

// Found is a metric as the Sink has it.
type Found struct {
	ID string
	// Newest is the time of the newest sample that the sink has stored; zero is
	// none, or not known.
	Newest time.Time
	// Backfilled is false where the sink wants to be given the past.
	Backfilled bool
	// Err says why the metric cannot be used, and which there are. Then the rest
	// is empty.
	Err error
}

// Sink is where metrics are looked at. Its methods are safe for concurrent use.
type Sink interface {
	// Name is a short name, such as "statuspage.io". What is remembered of a
	// metric is remembered under it.
	Name() string

	// MaxSamples is how many samples one Send may have, of all series together.
	MaxSamples() int

	// Survey looks up metrics.
	Survey(ctx context.Context, targets []Target) (Survey, error)

	// Send stores samples. The last that is sent for a time is the one that
	// counts, so that it is harmless to send again. Where it returns nil, all are
	// accepted; else some may be.
	//
	// Send makes its own attempts, and keeps to the sink's limits; its error is
	// for this run. Where it is an *Error that is not Temporary, and not of status
	// 401 or 403, the samples are at fault, and those of another series may do
	// better alone.
	Send(ctx context.Context, series []Series) error
}
