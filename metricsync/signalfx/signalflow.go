package signalfx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

const (
	flowOp = "signalfx: running a SignalFlow program"
	// maxRuns is how often the job of one piece is started, the first time
	// included, before it counts as failed.
	maxRuns = 8
)

// signalFlow is the source of SignalFlow programs.
type signalFlow struct{ c *Client }

// Format prints whom f calls, whatever the verb.
func (f signalFlow) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "signalfx.SignalFlow{%s}", f.c.stream.Host())
}

// Step implements [metricsync.Source].
func (f signalFlow) Step(want time.Duration) (time.Duration, error) {
	if want < time.Second || want%time.Millisecond != 0 {
		return 0, fmt.Errorf("signalfx: a SignalFlow step of %s: want whole milliseconds, and at least 1s", want)
	}
	return want, nil
}

// Points implements [metricsync.Source]. Each piece is a job that ends by itself.
// Points are yielded while it runs, those of a time together, once it is known that
// there are no more of them.
func (f signalFlow) Points(ctx context.Context, q metricsync.Query, s metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		if err := check(f, q, s); err != nil {
			yield(metricsync.Point{}, err)
			return
		}
		length := max(day/s.Step, 1) * s.Step
		for from := s.From; from.Before(s.To); from = from.Add(length) {
			to := from.Add(min(length, s.To.Sub(from)))
			j := &job{query: q, step: s.Step, next: from.UnixMilli(), end: to.UnixMilli()}
			j.yield = func(p metricsync.Point) error {
				if ctx.Err() != nil {
					return ended(ctx, f.c.stream, flowOp)
				}
				if !yield(p, nil) {
					return errEnough
				}
				return nil
			}
			err := attempts(ctx, maxRuns, func() error { return f.run(ctx, j) })
			if err != nil {
				if !errors.Is(err, errEnough) {
					yield(metricsync.Point{}, err)
				}
				return
			}
		}
	}
}

// run starts a job at what was not yielded yet, and reads it to its end. Its end is
// also that of the job: SignalFlow stops what nobody reads.
func (f signalFlow) run(ctx context.Context, j *job) error {
	a, err := f.c.open(ctx, f.c.stream, httpcall.Request{
		Op: flowOp, Method: http.MethodPost, Path: "/v2/signalflow/execute",
		Query: url.Values{
			"start":      {strconv.FormatInt(j.next, 10)},
			"stop":       {strconv.FormatInt(j.end, 10)},
			"resolution": {strconv.FormatInt(j.step.Milliseconds(), 10)},
			"maxDelay":   {strconv.FormatInt(f.c.maxDelay.Milliseconds(), 10)},
			"immediate":  {"true"},
		},
		Body: []byte(j.query.Text), Type: "text/plain", Accept: "text/event-stream",
	})
	if err != nil {
		return err
	}
	defer a.Close()
	if !a.is("text/event-stream") {
		return f.notAStream(ctx, a)
	}
	f.c.streamPace.faster()
	j.start()
	for in := newEvents(a); !j.done; {
		name, data, err := in.next()
		if err != nil {
			return f.unread(ctx, err)
		}
		if err := j.handle(name, data); err != nil {
			return f.told(err)
		}
	}
	return nil
}

// errNoEnd is that of a stream that ended well and too early. Whoever takes it for
// whole has lost what was to come.
var errNoEnd = errors.New("the stream ended before its job did")

// unread is the error of a stream that could not be read further.
func (f signalFlow) unread(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errLongEvent):
		return f.c.stream.Fail(flowOp, http.StatusOK, err)
	case errors.Is(err, io.EOF):
		err = errNoEnd
	}
	return cut(ctx, f.c.stream, flowOp, err)
}

// told is the error of a stream that said that something is wrong; others stay what
// they are.
func (f signalFlow) told(err error) error {
	var j *jobError
	if errors.As(err, &j) {
		return f.c.stream.Fail(flowOp, j.status, j.err)
	}
	return err
}

// notAStream is the error of an answer of 200 that is something else. It may be
// what series windows were seen to be where they were asked too often.
func (f signalFlow) notAStream(ctx context.Context, a *answer) error {
	said, err := io.ReadAll(io.LimitReader(a, maxSaid))
	if err != nil {
		return cut(ctx, f.c.stream, flowOp, err)
	}
	f.c.streamPace.slower()
	e := f.c.stream.Fail(flowOp, http.StatusOK, fmt.Errorf("the answer is no stream of events; it says: %s", said))
	e.Hint = tooOften
	return &again{e}
}
