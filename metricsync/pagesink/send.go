package pagesink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/metricsync"
)

var _ metricsync.Sink = (*Sink)(nil)

const (
	// maxSamples is three days of windows of half a minute, and thirty of five
	// minutes: 28 days of those are one Send, which writes each document once.
	maxSamples = 3 * 2880
	// atOnce is how many metrics are worked on at once. A store that is far away
	// makes each wait.
	atOnce = 8
)

// Name implements metricsync.Sink.
func (s *Sink) Name() string { return "page" }

// MaxSamples implements metricsync.Sink.
func (s *Sink) MaxSamples() int { return maxSamples }

// Survey implements metricsync.Sink. Every target is there: a chart that has no
// samples yet comes with the first, and wants to be given the past.
func (s *Sink) Survey(ctx context.Context, targets []metricsync.Target) (metricsync.Survey, error) {
	found := make([]metricsync.Found, len(targets))
	err := each(len(targets), func(n int) error {
		id := targets[n].ID
		if id == "" {
			id = targets[n].Name
		}
		if err := checkID(id); err != nil {
			found[n] = metricsync.Found{Err: failed("taking", id, err)}
			return nil
		}
		c, err := s.read(ctx, id)
		if err != nil {
			return failed("reading", id, err)
		}
		found[n] = metricsync.Found{ID: id}
		if c.Newest.After(time.Now().Add(-chartdoc.Keep)) {
			found[n].Newest, found[n].Backfilled = c.Newest, true
		}
		return nil
	})
	if err != nil {
		return metricsync.Survey{}, err
	}
	return metricsync.Survey{Metrics: found}, nil
}

// read returns the document of a chart. One that is damaged is as one that is not
// there: what it said is given again.
func (s *Sink) read(ctx context.Context, id string) (*chartdoc.Chart, error) {
	var chart *chartdoc.Chart
	key := chartdoc.Key(id)
	err := s.store.Update(ctx, key, func(doc []byte) ([]byte, error) {
		chart = readChart(key, doc)
		return nil, nil
	})
	return chart, err
}

func readChart(key string, doc []byte) *chartdoc.Chart {
	c, err := chartdoc.ReadChart(key, doc)
	if err != nil {
		c, _ = chartdoc.ReadChart(key, nil)
	}
	return c
}

// Send implements metricsync.Sink. What is older than 28 days is accepted, and not
// kept. Days that are older go with the first Send that finds them.
func (s *Sink) Send(ctx context.Context, series []metricsync.Series) error {
	now := time.Now()
	points := map[string][]chartdoc.Point{}
	for _, one := range series {
		for _, sample := range one.Samples {
			p := chartdoc.Point{At: sample.At, Value: sample.Value}
			if err := chartdoc.Check(p, now); err != nil {
				return failed("taking", one.ID, err)
			}
			points[one.ID] = append(points[one.ID], p)
		}
	}
	ids := slices.Sorted(maps.Keys(points))
	return each(len(ids), func(n int) error {
		err := checkID(ids[n])
		if err == nil {
			err = s.sendOne(ctx, ids[n], points[ids[n]], now)
		}
		if err != nil {
			return failed("storing", ids[n], err)
		}
		return nil
	})
}

// sendOne stores points of a metric: first the days, then what the page looks at
// to know of them. Where it ends in between, nothing says that they are there, and
// they are sent again.
func (s *Sink) sendOne(ctx context.Context, id string, points []chartdoc.Point, now time.Time) error {
	days := chartdoc.ByDay(points, now)
	if len(days) == 0 {
		return nil
	}
	marks := map[string]string{}
	damaged := false
	var newest time.Time
	for _, day := range slices.Sorted(maps.Keys(days)) {
		var mark string
		var broken bool
		err := s.store.Update(ctx, chartdoc.DayKey(id, day), func(doc []byte) ([]byte, error) {
			d, err := chartdoc.ReadDay(id, day, doc)
			if broken = err != nil; broken {
				d, _ = chartdoc.ReadDay(id, day, nil)
			}
			d.Set(days[day])
			doc = d.Document()
			mark = chartdoc.Mark(doc)
			return doc, nil
		})
		if err != nil {
			return err
		}
		marks[day] = mark
		damaged = damaged || broken
		for _, p := range days[day] {
			if at := p.At.UTC().Truncate(chartdoc.Slot); at.After(newest) {
				newest = at
			}
		}
	}
	var expired []string
	err := s.updateChart(ctx, id, func(c *chartdoc.Chart) {
		maps.Copy(c.Days, marks)
		switch {
		case damaged:
			c.Newest = time.Time{} // the day has lost what it had: the next run gives all again
		case newest.After(c.Newest):
			c.Newest = newest
		}
		expired = c.Expired(now)
	})
	if err != nil {
		return err
	}
	return s.forget(ctx, id, expired)
}

// forget removes days. As long as one is there the chart knows of it.
func (s *Sink) forget(ctx context.Context, id string, days []string) error {
	for _, day := range days {
		if err := s.store.Delete(ctx, chartdoc.DayKey(id, day)); err != nil {
			return err
		}
	}
	if len(days) == 0 {
		return nil
	}
	return s.updateChart(ctx, id, func(c *chartdoc.Chart) {
		for _, day := range days {
			delete(c.Days, day)
		}
	})
}

func (s *Sink) updateChart(ctx context.Context, id string, change func(*chartdoc.Chart)) error {
	key := chartdoc.Key(id)
	return s.store.Update(ctx, key, func(doc []byte) ([]byte, error) {
		c := readChart(key, doc)
		change(c)
		s.describe(c, id)
		return c.Document(), nil
	})
}

// failed is what went wrong with a metric. The store has made its attempts; the
// next run makes others.
func failed(doing, id string, err error) error {
	return &metricsync.Error{Op: fmt.Sprintf("page: %s metric %q", doing, id), Err: err}
}

// each calls do with 0 to n-1, some at a time, and joins what went wrong.
func each(n int, do func(int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var all sync.WaitGroup
	for range min(n, atOnce) {
		all.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}
