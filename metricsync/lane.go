package metricsync

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// lane is a metric on its way to one sink, in one run.
type lane struct {
	metric *Metric
	sink   Sink
	id     string // in the sink

	start, end time.Time // of what is due
	why        string
	progress   progress
	ahead      time.Duration // how far the sink's clock is ahead of ours

	read time.Time // all windows before it were read
	sent int
	old  int   // samples that got too old before they were sent
	err  error // why it ends here: behind a hole nothing is sent
}

// due reports whether there is anything to send.
func (l *lane) due() bool { return l.err == nil && l.start.Before(l.end) }

// wants reports whether a sample is for this lane.
func (l *lane) wants(at time.Time) bool {
	return l.err == nil && !at.Before(l.start) && at.Before(l.end)
}

// accepted takes note that the sink has accepted all that was read.
func (l *lane) accepted(newest time.Time, now time.Time) {
	l.progress.Through = later(l.progress.Through, l.read)
	l.progress.Newest = later(l.progress.Newest, newest)
	if b := l.progress.Backfill; b != nil && b.Whole.IsZero() && !l.progress.Through.Before(l.end) {
		whole := *b
		whole.Whole = now
		l.progress.Backfill = &whole
	}
}

// batch is samples that wait to be sent to one sink together, so that a call
// carries as many as it may.
type batch struct {
	sink  Sink
	lanes []*lane // that go to it
	wait  map[*lane][]Sample
	n     int
}

// callFor is how long samples may be on their way.
const callFor = time.Minute

func newBatch(sink Sink) *batch { return &batch{sink: sink, wait: map[*lane][]Sample{}} }

// add takes a sample, and reports whether the batch is full.
func (b *batch) add(l *lane, s Sample) (full bool) {
	b.wait[l] = append(b.wait[l], s)
	b.n++
	return b.n >= b.sink.MaxSamples()
}

// flush sends what waits, and takes note of it. A lane whose samples are refused
// ends there; the others go on.
func (r *run) flush(ctx context.Context, b *batch) {
	wait, now := b.wait, time.Now()
	b.wait, b.n = map[*lane][]Sample{}, 0
	var lanes []*lane
	var series []Series
	for _, l := range b.lanes { // in an order that is always the same
		samples := wait[l]
		// A run may last long enough for its oldest samples to become too old.
		for len(samples) > 0 && samples[0].At.Before(now.Add(l.ahead-Reach+callFor)) {
			samples = samples[1:]
			l.old++
		}
		switch {
		case len(samples) > 0:
			lanes, series = append(lanes, l), append(series, Series{ID: l.id, Samples: samples})
		case l.err == nil:
			l.accepted(time.Time{}, now) // there was nothing to send in what was read
		}
	}
	for n, err := range r.send(ctx, b.sink, series) {
		l, samples := lanes[n], series[n].Samples
		switch {
		case err == nil:
			l.sent += len(samples)
			l.accepted(samples[len(samples)-1].At, now)
		case ctx.Err() != nil:
			l.err = errPaused // nobody's fault
		default:
			l.err = err
		}
	}
	r.remember(ctx, b)
}

// send makes one call, or one for each series where the call failed because of
// what one of them holds, and not of who calls. It returns an error for each.
func (r *run) send(ctx context.Context, sink Sink, series []Series) []error {
	errs := make([]error, len(series))
	if len(series) == 0 {
		return errs
	}
	err := r.sendOnce(ctx, sink, series)
	var failed *Error
	if len(series) == 1 || !errors.As(err, &failed) || failed.Temporary() ||
		failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden {
		for n := range errs {
			errs[n] = err
		}
		return errs
	}
	for n := range series {
		errs[n] = r.sendOnce(ctx, sink, series[n:n+1])
	}
	return errs
}

func (r *run) sendOnce(ctx context.Context, sink Sink, series []Series) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if r.options.DryRun != nil {
		r.options.DryRun(sink, series)
		return nil
	}
	return sink.Send(ctx, series)
}

// remember stores how far the lanes of a batch have come. Where it cannot, no data
// are lost: the next run reads off the sink where to go on.
func (r *run) remember(ctx context.Context, b *batch) {
	of := map[string]progress{}
	for _, l := range b.lanes {
		if l.id != "" {
			of[l.id] = l.progress
		}
	}
	r.tell()
	if r.options.DryRun != nil {
		return
	}
	// Also after the run was told to end: what was accepted, was.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberFor)
	defer cancel()
	if err := r.syncer.change(ctx, func(d *document) error {
		d.remember(b.sink.Name(), of)
		return nil
	}); err != nil {
		r.syncer.cfg.Logger.WarnContext(ctx, "metricsync: the progress could not be stored; the sinks tell where to go on", errAttr(err))
	}
}
