package metricsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// run is one Sync.
type run struct {
	syncer  *Syncer
	options Options

	metrics []*Metric
	lanes   map[*Metric][]*lane
	tallies map[*Metric]*tally
	batches []*batch

	out Report
}

// choose picks the metrics of the run.
func (r *run) choose() error {
	all := r.syncer.cfg.Metrics
	var unknown []string
	for _, key := range r.options.Only {
		if !slices.ContainsFunc(all, func(m Metric) bool { return m.Key() == key }) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		var keys []string
		for n := range all {
			keys = append(keys, all[n].Key())
		}
		return fmt.Errorf("metricsync: there is no metric %s; there are %s", strings.Join(unknown, ", "), strings.Join(keys, ", "))
	}
	for n := range all {
		if len(r.options.Only) == 0 || slices.Contains(r.options.Only, all[n].Key()) {
			r.metrics = append(r.metrics, &all[n])
		}
	}
	return nil
}

// over reports whether the run is to begin nothing any more.
func (r *run) over(ctx context.Context) bool {
	return ctx.Err() != nil || !r.options.Until.IsZero() && !time.Now().Before(r.options.Until)
}

// do surveys, plans, reads and sends.
func (r *run) do(ctx context.Context) {
	r.lanes, r.tallies = map[*Metric][]*lane{}, map[*Metric]*tally{}
	for _, m := range r.metrics {
		r.tallies[m] = &tally{}
	}
	remembered := r.recall(ctx)
	for _, sink := range r.syncer.cfg.Sinks {
		b := newBatch(sink)
		r.batches = append(r.batches, b)
		r.survey(ctx, b, remembered[sink.Name()])
		r.remember(ctx, b)
	}
	// What is current goes first: it is short, and a backfill of another metric
	// may take the rest of the run.
	order := slices.Clone(r.metrics)
	slices.SortStableFunc(order, func(a, b *Metric) int { return r.begin(b).Compare(r.begin(a)) })
	for n, m := range order {
		if n > 0 && r.backfills(m) && !r.backfills(order[n-1]) {
			r.flushAll(ctx) // and does not wait for it
		}
		if r.over(ctx) {
			break
		}
		r.read(ctx, m)
	}
	r.flushAll(ctx)
}

// recall reads what was remembered. Where it cannot, nothing is.
func (r *run) recall(ctx context.Context) map[string]map[string]progress {
	ctx, cancel := context.WithTimeout(ctx, rememberFor)
	defer cancel()
	var known map[string]map[string]progress
	err := r.syncer.cfg.Documents.Update(ctx, progressKey, func(doc []byte) ([]byte, error) {
		d, err := decodeDocument(doc)
		known = d.Sinks
		if err != nil {
			r.syncer.cfg.Logger.WarnContext(ctx, "metricsync: the progress is lost, and read off the sinks", errAttr(err))
		}
		return nil, nil
	})
	if err != nil {
		r.syncer.cfg.Logger.WarnContext(ctx, "metricsync: the progress could not be read; the sinks tell where to go on", errAttr(err))
	}
	return known
}

// survey asks a sink what it has, and makes a lane for each metric.
func (r *run) survey(ctx context.Context, b *batch, remembered map[string]progress) {
	targets := make([]Target, len(r.metrics))
	for n, m := range r.metrics {
		targets[n] = Target{ID: m.ID, Name: m.Name}
	}
	survey, err := surveyAll(ctx, b.sink, targets)
	now, ahead := time.Now(), time.Duration(0)
	if !survey.Now.IsZero() {
		if ahead = survey.Now.Sub(now); ahead.Abs() > time.Minute {
			r.syncer.cfg.Logger.WarnContext(ctx, "metricsync: the clocks differ; windows are closed when both say so",
				slog.String("sink", b.sink.Name()), slog.Duration("its_is_ahead_by", ahead.Round(time.Second)))
		}
	}
	// A clock that is ahead would take windows for closed that are not, and one
	// that is behind would send what is too old for the other.
	sinks := now.Add(ahead)
	first, now := sinks.Add(callFor-Reach), earlier(now, sinks)
	for n, m := range r.metrics {
		l := &lane{metric: m, sink: b.sink, err: err, ahead: ahead}
		b.lanes = append(b.lanes, l)
		r.lanes[m] = append(r.lanes[m], l)
		if err != nil {
			continue
		}
		found := survey.Metrics[n]
		if l.err = found.Err; l.err != nil {
			continue
		}
		if other := r.taken(b, found.ID); other != nil {
			l.err = fmt.Errorf("is the same metric as %s", other.metric.Key())
			continue
		}
		l.id = found.ID
		floor := first.Truncate(m.Window)
		if floor.Before(first) {
			floor = floor.Add(m.Window)
		}
		l.end = now.Add(-r.syncer.cfg.Settle).Truncate(m.Window)
		l.start, l.why, l.progress = plan(remembered[l.id], look{
			now: now, end: l.end, floor: floor, window: m.Window, overlap: r.syncer.cfg.Overlap,
			found: found, since: r.options.Since,
		})
		l.read = l.progress.Through
	}
}

// surveyAll is a survey that has something to say of each target.
func surveyAll(ctx context.Context, sink Sink, targets []Target) (Survey, error) {
	survey, err := sink.Survey(ctx, targets)
	if err == nil && len(survey.Metrics) != len(targets) {
		err = fmt.Errorf("metricsync: %s was asked for %d metrics, and told of %d", sink.Name(), len(targets), len(survey.Metrics))
	}
	return survey, err
}

// taken returns the lane that goes to a metric of a sink, if there is one.
func (r *run) taken(b *batch, id string) *lane {
	if n := slices.IndexFunc(b.lanes, func(l *lane) bool { return l.id == id }); n >= 0 {
		return b.lanes[n]
	}
	return nil
}

// begin is where the reading of a metric begins: at the earliest of its lanes.
// One with nothing due begins in the far future.
func (r *run) begin(m *Metric) time.Time {
	begin := time.Unix(1<<40, 0)
	for _, l := range r.lanes[m] {
		if l.due() {
			begin = earlier(begin, l.start)
		}
	}
	return begin
}

func (r *run) backfills(m *Metric) bool {
	return slices.ContainsFunc(r.lanes[m], func(l *lane) bool {
		return l.due() && l.progress.Backfill != nil && l.progress.Backfill.Whole.IsZero()
	})
}

// read reads what is due of a metric, and sends it as it comes.
func (r *run) read(ctx context.Context, m *Metric) {
	lanes := slices.DeleteFunc(slices.Clone(r.lanes[m]), func(l *lane) bool { return !l.due() })
	if len(lanes) == 0 {
		return
	}
	from, to := lanes[0].start, lanes[0].end
	for _, l := range lanes {
		from, to = earlier(from, l.start), later(to, l.end)
	}
	reading, cancel := r.reading(ctx)
	defer cancel()
	failed := r.readSamples(ctx, reading, m, lanes, from, to)
	if errors.Is(failed, errPaused) {
		return
	}
	for _, l := range lanes {
		switch {
		case l.err != nil:
		case failed == nil:
			l.read = later(l.read, l.end)
		default:
			// What was read before the failure is whole. The lane ends there when
			// that is sent.
			r.endAfter(ctx, l, failed)
		}
	}
}

// errPaused ends what another run is to go on with.
var errPaused = errors.New("metricsync: the time of this run is up")

// errNothing is for a source whose every answer would be broken off.
var errNothing = errors.New("the source has given nothing within the time of this run")

// awaited is how long a source may take for its first point, where the run ends
// before it comes: about one attempt at a call.
const awaited = 30 * time.Second

// reading is the context of reading. Where ctx ends some time after Until, it ends
// half way, so that what was read by then can still be sent.
func (r *run) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	until := r.options.Until
	end, ok := ctx.Deadline()
	if !ok || until.IsZero() || !until.Before(end) {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, until.Add(end.Sub(until)/2))
}

func (r *run) readSamples(ctx, reading context.Context, m *Metric, lanes []*lane, from, to time.Time) error {
	reported, began, points := from, time.Now(), r.tallies[m].points
	for s, err := range m.samples(reading, from, to, r.tallies[m]) {
		switch {
		case ctx.Err() != nil:
			return errPaused
		case reading.Err() != nil && r.tallies[m].points == points && time.Since(began) >= awaited:
			return errNothing
		case reading.Err() != nil:
			return errPaused
		case err != nil:
			return err
		}
		open := false
		for _, l := range lanes {
			if l.wants(s.At) {
				full := r.batchOf(l).add(l, s)
				l.read = later(l.read, s.At.Add(m.Window))
				if full {
					r.flush(ctx, r.batchOf(l))
				}
			}
			open = open || l.err == nil
		}
		switch {
		case !open:
			return nil // each has an error of its own
		case r.over(ctx):
			return errPaused
		case s.At.Sub(reported) >= day:
			reported = s.At
			r.tell()
		}
	}
	return nil
}

// endAfter sends what a lane has, and ends it.
func (r *run) endAfter(ctx context.Context, l *lane, err error) {
	if b := r.batchOf(l); len(b.wait[l]) > 0 {
		r.flush(ctx, b)
	}
	if l.err == nil {
		l.err = err
	}
}

func (r *run) batchOf(l *lane) *batch {
	return r.batches[slices.IndexFunc(r.batches, func(b *batch) bool { return b.sink == l.sink })]
}

func (r *run) flushAll(ctx context.Context) {
	for _, b := range r.batches {
		r.flush(ctx, b)
	}
}
