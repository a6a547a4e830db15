package statuspage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/chartdoc"
)

// charts is what was read of charts. The zero value is ready for use.
type charts struct {
	mu    sync.Mutex // one reads at a time
	revs  map[string]string
	known map[string]*Chart // by key
}

// chartRead is a chart that is being read.
type chartRead struct {
	Entry
	chart *Chart // of no use where err is not nil; else nil is one that is gone
	err   error
}

// dayRead is a day of one.
type dayRead struct {
	of        *chartRead
	day, mark string
	points    []chartdoc.Point
	err       error
}

// readCharts takes in the charts whose documents have changed, and of their points
// the days that have. A document that is damaged is told once, when it is read.
func (p *Page) readCharts(ctx context.Context) (errs []error) {
	c := &p.charts
	c.mu.Lock()
	defer c.mu.Unlock()
	var reads []*chartRead
	listed := map[string]bool{}
	for entry, err := range p.cfg.Store.List(ctx, chartdoc.Folder) {
		if err != nil {
			return []error{err}
		}
		listed[entry.Key] = true
		if c.revs[entry.Key] != entry.Rev {
			reads = append(reads, &chartRead{Entry: entry})
		}
	}
	next := maps.Clone(c.known)
	maps.DeleteFunc(next, func(key string, _ *Chart) bool { return !listed[key] })
	if len(reads) == 0 && len(next) == len(c.known) {
		return nil
	}
	if next == nil {
		next, c.revs = map[string]*Chart{}, map[string]string{}
	}
	now := time.Now()
	errs = p.readChartDocs(ctx, reads, next, now)
	for _, r := range reads {
		if r.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Key, r.err))
			if !errors.Is(r.err, errDamaged) {
				continue // the next time
			}
		}
		c.revs[r.Key] = r.Rev
		if r.chart != nil {
			r.chart.forget(now)
			next[r.Key] = r.chart
		}
	}
	maps.DeleteFunc(c.revs, func(key, _ string) bool { return !listed[key] })
	c.known = next
	p.snap.putCharts(slices.SortedFunc(maps.Values(next), byPosition))
	return errs
}

// readChartDocs reads the documents of charts, then those of all days at once:
// where the store is far away, that is the time that reading takes. It returns
// what is wrong with days without being a reason to read them again.
func (p *Page) readChartDocs(ctx context.Context, reads []*chartRead, known map[string]*Chart, now time.Time) (errs []error) {
	var mu sync.Mutex
	var days []*dayRead
	each(reads, func(r *chartRead) {
		doc, err := p.cfg.Store.Get(ctx, r.Key)
		if err != nil {
			if !errors.Is(err, ErrNotFound) {
				r.err = err
			}
			return
		}
		chart, err := chartdoc.ReadChart(r.Key, doc)
		if err != nil {
			r.err = damage{err}
			return
		}
		r.chart = newChart(chart, known[r.Key])
		expired := chart.Expired(now)
		for day, mark := range chart.Days {
			if r.chart.days[day].mark != mark && !slices.Contains(expired, day) {
				mu.Lock()
				days = append(days, &dayRead{of: r, day: day, mark: mark})
				mu.Unlock()
			}
		}
	})
	each(days, func(d *dayRead) {
		d.points, d.err = p.readDay(ctx, d.of.chart.ID, d.day, now)
	})
	for _, d := range days {
		switch {
		case errors.Is(d.err, errDamaged):
			errs = append(errs, d.err)
		case d.err != nil:
			d.of.err = d.err
		}
	}
	for _, d := range days {
		if d.of.err == nil {
			d.of.chart.put(d.day, d.mark, d.points)
		}
	}
	return errs
}

// maxValue is as far as a chart goes. With what is beyond it nobody could reckon.
const maxValue = 1e100

// readDay reads the points of a day. Those of a clock that is far ahead are left
// out: they would make the chart look fresh.
func (p *Page) readDay(ctx context.Context, id, day string, now time.Time) ([]chartdoc.Point, error) {
	key := chartdoc.DayKey(id, day)
	doc, err := p.cfg.Store.Get(ctx, key)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	d, err := chartdoc.ReadDay(id, day, doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, damage{err})
	}
	points := slices.DeleteFunc(d.Sorted(), func(p chartdoc.Point) bool { return chartdoc.Check(p, now) != nil })
	for n := range points {
		points[n].Value = min(max(points[n].Value, -maxValue), maxValue)
	}
	return points, nil
}

// putCharts makes a snapshot with these charts.
func (s *snapshots) putCharts(all []*Chart) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now.Load()
	next := &Snapshot{Rev: old.Rev + 1, At: time.Now(), Services: old.Services, Charts: all, announced: old.announced}
	next.incidents.follow(&old.incidents, map[string]touch{})
	s.now.Store(next)
	s.tell()
}
