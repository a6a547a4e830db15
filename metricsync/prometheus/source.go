package prometheus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

// Source reads what PromQL expressions come to. Make it with [New]. It is safe for
// concurrent use, starts no goroutine and prints without its secrets.
type Source struct {
	calls   *httpcall.Client
	most    int // points of a series in a query
	partial bool
	patient time.Duration // what the server is given for a query
	log     *slog.Logger

	byGET atomic.Bool // the server takes no POST

	mu   sync.Mutex
	said map[string]bool // what was logged
}

// New makes a source. It connects to nothing. An error tells every mistake in cfg
// at once and does not show its secrets.
func New(cfg Config) (*Source, error) {
	call, err := cfg.call()
	if err != nil {
		return nil, err
	}
	call.Again, call.Hint = again, hint
	s := &Source{
		calls:   httpcall.New(call),
		most:    cmp.Or(cfg.MaxPoints, MaxPoints),
		partial: cfg.AllowPartial,
		patient: call.Timeout - call.Timeout/10,
		log:     cfg.Logger,
		said:    make(map[string]bool),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s, nil
}

// CloseIdleConnections closes the connections that no query is using.
func (s *Source) CloseIdleConnections() { s.calls.CloseIdleConnections() }

// String names whom s asks.
func (s *Source) String() string { return fmt.Sprintf("prometheus.Source{%s}", s.calls.Host()) }

// GoString names whom s asks.
func (s *Source) GoString() string { return s.String() }

// Step returns want: Prometheus computes a value at whatever times it is asked
// for. Want is whole milliseconds, and at least 1 second.
func (s *Source) Step(want time.Duration) (time.Duration, error) {
	if want < time.Second || want%time.Millisecond != 0 {
		return 0, fmt.Errorf("prometheus: a step of %s: want whole milliseconds, and at least 1s", want)
	}
	return want, nil
}

// day bounds a piece, and with it what a server has to read at once.
const day = 24 * time.Hour

// Points yields the values of a PromQL expression; see [metricsync.Source]. It
// holds the points of one query at a time.
func (s *Source) Points(ctx context.Context, q metricsync.Query, span metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		fail := func(err error) { yield(metricsync.Point{}, err) }
		if _, err := s.Step(span.Step); err != nil {
			fail(err)
			return
		}
		if rest := span.To.Sub(span.From) % span.Step; rest != 0 {
			fail(fmt.Errorf("prometheus: the span from %s to %s is no multiple of %s", span.From, span.To, span.Step))
			return
		}
		most := min(s.most, max(int(day/span.Step), 1))
		for from := span.From; from.Before(span.To); {
			n := int(min(span.To.Sub(from)/span.Step, time.Duration(most)))
			if ctx.Err() != nil {
				fail(fmt.Errorf("prometheus: %w", context.Cause(ctx)))
				return
			}
			points, err := s.read(ctx, q.Text, piece{from, span.Step, n})
			if n > 1 && tooMuch(err) {
				most = n / 2
				continue
			}
			if err != nil {
				fail(err)
				return
			}
			for p := range points {
				if ctx.Err() != nil {
					fail(fmt.Errorf("prometheus: %w", context.Cause(ctx)))
					return
				}
				if !yield(p, nil) {
					return
				}
			}
			from = from.Add(time.Duration(n) * span.Step)
		}
	}
}

// read asks for a piece and returns its points, oldest first.
func (s *Source) read(ctx context.Context, query string, p piece) (iter.Seq[metricsync.Point], error) {
	a, err := s.ask(ctx, query, p)
	if err != nil {
		return nil, err
	}
	if err := s.heed(ctx, a); err != nil {
		return nil, err
	}
	m, err := merge(a.Data.Result, p)
	if err != nil {
		return nil, s.wrong(err)
	}
	return m.points(), nil
}

// wrong is the error of an answer whose points cannot be taken.
func (s *Source) wrong(err error) error { return s.calls.Fail(op, 200, err) }

// tooMuch reports whether less might be answered where this was not.
func tooMuch(err error) bool {
	var e *metricsync.Error
	return errors.Is(err, httpcall.ErrTooLong) || errors.As(err, &e) && refusedAsTooMuch(e)
}
