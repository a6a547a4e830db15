package signalfx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

const seriesOp = "signalfx: reading time series"

const (
	day = 24 * time.Hour
	// fewestSteps is the shortest piece: all series that a query may match have
	// fewer points in it than are held at once, also where one more belongs to it
	// because its end does.
	fewestSteps = maxPoints/mostSeries - 1
	tries       = 5
)

// resolutions are those that a series window has, coarsest first.
var resolutions = [...]time.Duration{time.Hour, 5 * time.Minute, time.Minute, time.Second}

// timeSeries is the source of series windows.
type timeSeries struct{ c *Client }

// Format prints whom t calls, whatever the verb.
func (t timeSeries) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "signalfx.TimeSeries{%s}", t.c.api.Host())
}

// Step implements [metricsync.Source].
func (t timeSeries) Step(want time.Duration) (time.Duration, error) {
	for _, r := range resolutions {
		if want > 0 && want%r == 0 {
			return r, nil
		}
	}
	return 0, fmt.Errorf("signalfx: time series have steps of 1s, 1m, 5m and 1h: %s is no multiple of any", want)
}

// Points implements [metricsync.Source]. A piece is read whole, and then yielded.
func (t timeSeries) Points(ctx context.Context, q metricsync.Query, s metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		fail := func(err error) { yield(metricsync.Point{}, err) }
		if err := check(t, q, s); err != nil {
			fail(err)
			return
		}
		var w window
		length := piece{longest: day, step: s.Step}
		for from := s.From; from.Before(s.To); {
			to := from.Add(length.next(s.To.Sub(from)))
			if err := t.read(ctx, q.Text, from, to, s.Step, &w); err != nil {
				if length.smaller(to.Sub(from), err) {
					continue
				}
				fail(err)
				return
			}
			length.fine()
			for p := range w.between(from, to) {
				if ctx.Err() != nil {
					fail(ended(ctx, t.c.api, seriesOp))
					return
				}
				if !yield(p, nil) {
					return
				}
			}
			from = to
		}
	}
}

// check tells what is wrong with a question before it is asked.
func check(src metricsync.Source, q metricsync.Query, s metricsync.Span) error {
	step, err := src.Step(s.Step)
	switch {
	case strings.TrimSpace(q.Text) == "":
		return errors.New("signalfx: the query is empty")
	case err != nil:
		return err
	case step != s.Step:
		return fmt.Errorf("signalfx: there are no steps of %s, but of %s", s.Step, step)
	case s.From.UnixMilli()%step.Milliseconds() != 0 || s.To.UnixMilli()%step.Milliseconds() != 0:
		return fmt.Errorf("signalfx: the span from %s to %s is not whole steps of %s", s.From, s.To, step)
	}
	return nil
}

// piece decides how much is asked for at once.
type piece struct {
	longest time.Duration // that may be fine
	step    time.Duration
	probe   bool // ask for the shortest, to see whether it is the length that is wrong
	proven  bool // it was the length, or something was fine
}

func (p *piece) shortest() time.Duration { return min(fewestSteps*p.step, day) }

// next is how long the next piece is, of what is left.
func (p *piece) next(left time.Duration) time.Duration {
	if p.probe {
		return min(left, p.shortest())
	}
	return min(left, p.longest)
}

// fine is called when a piece was read.
func (p *piece) fine() { p.probe, p.proven = false, true }

// smaller reports whether less may be read where a piece was not, and sees to it.
// SignalFx says 400 both to a query that is wrong and to one of too many points,
// and how it says the latter is not known: the shortest piece tells.
func (p *piece) smaller(was time.Duration, err error) bool {
	var e *metricsync.Error
	refused := errors.As(err, &e) && e.Status == http.StatusBadRequest
	if was <= p.shortest() || !refused && !errors.Is(err, errTooMuch) {
		return false
	}
	p.probe = refused && !p.proven
	p.longest = max(was/2/p.step*p.step, p.shortest())
	return true
}

// read reads the window of a time, with some attempts.
func (t timeSeries) read(ctx context.Context, query string, from, to time.Time, step time.Duration, w *window) error {
	r := httpcall.Request{Op: seriesOp, Path: "/v1/timeserieswindow", Query: url.Values{
		"query":      {query},
		"startMs":    {strconv.FormatInt(from.UnixMilli(), 10)},
		"endMs":      {strconv.FormatInt(to.UnixMilli(), 10)},
		"resolution": {strconv.FormatInt(step.Milliseconds(), 10)},
	}}
	return attempts(ctx, tries, func() error {
		a, err := t.c.open(ctx, t.c.api, r)
		if err != nil {
			return err
		}
		defer a.Close()
		if err := w.read(a); err != nil {
			return t.wrong(ctx, err)
		}
		t.c.mayRead.Store(true)
		t.c.apiPace.faster()
		return nil
	})
}

// wrong is the error of an answer of 200 that could not be read.
func (t timeSeries) wrong(ctx context.Context, err error) error {
	var none *noDataError
	var told *toldError
	switch {
	case errors.As(err, &none):
		t.c.mayRead.Store(true)
		t.c.apiPace.slower()
		e := t.c.api.Fail(seriesOp, http.StatusOK, err)
		e.Hint = tooOften
		return &again{e}
	case errors.As(err, &told):
		if told.status < 400 || told.status > 599 {
			told.status = http.StatusOK
		}
		e := t.c.api.Fail(seriesOp, told.status, err)
		if e.Temporary() {
			t.c.apiPace.slower()
			return &again{e}
		}
		return e
	case errors.Is(err, errTooMuch):
		e := t.c.api.Fail(seriesOp, http.StatusOK, err)
		e.Err, e.Hint = errTooMuch, "make the query match fewer series"
		return e
	case errors.Is(err, errForm), errors.Is(err, errAllSeries):
		return t.c.api.Fail(seriesOp, http.StatusOK, err)
	}
	return cut(ctx, t.c.api, seriesOp, err)
}
