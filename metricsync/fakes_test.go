package metricsync_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// curve is a source that computes its points: those of series n of a query at a
// time. NaN is none.
type curve struct {
	mu     sync.Mutex
	value  func(query string, series int, at time.Time) float64
	series int
	steps  []time.Duration // all multiples of seconds, if empty

	fail func(at time.Time) error // before the points of a time
	held int                      // readings that are open
	most int
	read []metricsync.Span
}

func (c *curve) Step(want time.Duration) (time.Duration, error) {
	if len(c.steps) == 0 {
		return want, nil
	}
	for _, s := range slices.Backward(c.steps) {
		if want%s == 0 {
			return s, nil
		}
	}
	return 0, fmt.Errorf("there are %v", c.steps)
}

func (c *curve) Points(ctx context.Context, q metricsync.Query, s metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		c.mu.Lock()
		c.read = append(c.read, s)
		c.held++
		c.most = max(c.most, c.held)
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			c.held--
			c.mu.Unlock()
		}()
		for at := s.From; at.Before(s.To); at = at.Add(s.Step) {
			if err := ctx.Err(); err != nil {
				yield(metricsync.Point{}, err)
				return
			}
			if c.fail != nil {
				if err := c.fail(at); err != nil {
					yield(metricsync.Point{}, err)
					return
				}
			}
			for n := range max(c.series, 1) {
				v := c.value(q.Text, n, at)
				if math.IsNaN(v) {
					continue
				}
				if !yield(metricsync.Point{Series: fmt.Sprint(n), At: at, Value: v}, nil) {
					return
				}
			}
		}
	}
}

// slow is a source that takes its time for each day.
type slow struct {
	curve
	takes time.Duration
}

func (s *slow) Points(ctx context.Context, q metricsync.Query, span metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		day := time.Time{}
		for p, err := range s.curve.Points(ctx, q, span) {
			if today := p.At.Truncate(24 * time.Hour); err == nil && !today.Equal(day) {
				day = today
				timer := time.NewTimer(s.takes)
				select {
				case <-timer.C:
				case <-ctx.Done():
					timer.Stop()
					yield(metricsync.Point{}, ctx.Err())
					return
				}
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// board is a sink in memory, with the manners of Statuspage.io that matter to a
// Syncer.
type board struct {
	mu         sync.Mutex
	name       string
	max        int
	skew       time.Duration // how far its clock is ahead
	metrics    map[string]*shown
	sends      int
	surveys    int
	violations []string

	fail  func(series []metricsync.Series) error
	takes time.Duration // of a call
}

// shown is a metric as a board has it.
type shown struct {
	name       string
	samples    map[int64]float64
	newest     time.Time
	backfilled bool
	forget     bool // what is accepted
	seen       bool // that there is something
	first      int64
	accepted   int
}

func newBoard(name string, ids ...string) *board {
	b := &board{name: name, max: 3000, metrics: map[string]*shown{}}
	for _, id := range ids {
		b.metrics[id] = &shown{name: "name of " + id, samples: map[int64]float64{}}
	}
	return b
}

func (b *board) Name() string    { return b.name }
func (b *board) MaxSamples() int { return b.max }

func (b *board) wait(ctx context.Context) error {
	if b.takes == 0 {
		return nil
	}
	timer := time.NewTimer(b.takes)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (b *board) Survey(ctx context.Context, targets []metricsync.Target) (metricsync.Survey, error) {
	if err := b.wait(ctx); err != nil {
		return metricsync.Survey{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.surveys++
	if b.fail != nil {
		if err := b.fail(nil); err != nil {
			return metricsync.Survey{}, err
		}
	}
	out := metricsync.Survey{Now: time.Now().Add(b.skew)}
	for _, t := range targets {
		id := t.ID
		for known, m := range b.metrics {
			if m.name == t.Name {
				id = known
			}
		}
		if m := b.metrics[id]; m != nil {
			m.seen = m.seen || !m.newest.IsZero()
			out.Metrics = append(out.Metrics, metricsync.Found{ID: id, Newest: m.newest, Backfilled: m.backfilled})
		} else {
			out.Metrics = append(out.Metrics, metricsync.Found{Err: fmt.Errorf("there is no metric %q", cmp.Or(t.ID, t.Name))})
		}
	}
	return out, nil
}

func (b *board) Send(ctx context.Context, series []metricsync.Series) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sends++
	if b.fail != nil {
		if err := b.fail(series); err != nil {
			return err
		}
	}
	n := 0
	for _, s := range series {
		if b.metrics[s.ID] == nil {
			return &metricsync.Error{Op: "sending", Status: 404}
		}
		n += len(s.Samples)
	}
	if n > b.max {
		b.violate("%d samples in a call", n)
	}
	now := time.Now().Add(b.skew)
	for _, s := range series {
		m := b.metrics[s.ID]
		last := time.Time{}
		for _, sample := range s.Samples {
			switch {
			case !sample.At.After(last):
				b.violate("%s: %v is not after %v", s.ID, sample.At, last)
			case sample.At.Before(now.Add(-metricsync.Reach)):
				b.violate("%s: %v is too old", s.ID, sample.At)
			case sample.At.After(now):
				b.violate("%s: %v is in the future", s.ID, sample.At)
			case sample.At.Unix()%30 != 0 || sample.At.Nanosecond() != 0:
				b.violate("%s: %v is no slot", s.ID, sample.At)
			case math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0):
				b.violate("%s: %v has no value", s.ID, sample.At)
			}
			last = sample.At
			m.accepted++
			if m.forget {
				continue
			}
			if m.first == 0 || sample.At.Unix() < m.first {
				m.first = sample.At.Unix()
			}
			m.samples[sample.At.Unix()] = sample.Value
			if sample.At.After(m.newest) {
				m.newest = sample.At
			}
		}
	}
	return nil
}

func (b *board) violate(format string, args ...any) {
	if len(b.violations) < 10 {
		b.violations = append(b.violations, fmt.Sprintf(format, args...))
	}
}

// reset is what a person does who wants the past once more.
func (b *board) reset(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.metrics[id]
	m.samples, m.newest, m.backfilled, m.first, m.seen = map[int64]float64{}, time.Time{}, false, 0, false
}

var (
	errBusyServer = &metricsync.Error{Op: "sending", Host: "example.com", Status: 503}
	errRefused    = &metricsync.Error{Op: "sending", Host: "example.com", Status: 422}
	errSource     = errors.New("the source is away")
)

// crooked is a source whose times are wrong.
type crooked struct {
	curve
	at func(time.Time) time.Time
}

func (c *crooked) Points(ctx context.Context, q metricsync.Query, s metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		for p, err := range c.curve.Points(ctx, q, s) {
			p.At = c.at(p.At)
			if !yield(p, err) {
				return
			}
		}
	}
}

// flaky is documents that fail now and then, where they have an rng.
type flaky struct {
	mu   sync.Mutex
	docs map[string][]byte
	rng  *rand.Rand
	well bool
}

func (f *flaky) set(docs map[string][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.docs = docs
}

func (f *flaky) Update(_ context.Context, key string, change func([]byte) ([]byte, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rng != nil && !f.well && f.rng.IntN(6) == 0 {
		return errors.New("the disk is full")
	}
	doc, err := change(f.docs[key])
	if err == nil && doc != nil {
		f.docs[key] = doc
	}
	return err
}

// silent is a sink that says nothing of what it is asked for.
type silent struct{ *board }

func (s *silent) Name() string { return "silent" }
func (s *silent) Survey(context.Context, []metricsync.Target) (metricsync.Survey, error) {
	return metricsync.Survey{}, nil
}
