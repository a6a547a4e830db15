package statuspageiotest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// Metric is a metric of the page.
type Metric struct {
	ID         string
	Name       string
	Identifier string // metric_identifier
	// Backfilled is false where the service wants to be given the past.
	Backfilled bool
	// Newest is most_recent_data_at; zero is null.
	Newest time.Time
}

// metric is a metric with its points. The Fake's lock guards it.
type metric struct {
	Metric         // Newest is that of the points
	created        time.Time
	points         map[int64]float64 // by seconds since 1970, multiples of Slot
	oldest, newest int64             // of points, where there are any
	enough         time.Time         // since when the points reach far enough; zero is not yet
	dropped        []metricsync.Sample
}

// Add adds metrics to the page, at the end. An empty ID becomes "metric1" and so
// on, an empty Name the ID.
func (f *Fake) Add(metrics ...Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range metrics {
		m.ID = cmp.Or(m.ID, fmt.Sprintf("metric%d", len(f.metrics)+1))
		m.Name = cmp.Or(m.Name, m.ID)
		f.metrics = append(f.metrics, &metric{Metric: m, created: f.now(), points: make(map[int64]float64)})
	}
}

// Metric returns a metric as the service shows it now. It panics where there is
// none with the id, as the other methods with an id do.
func (f *Fake) Metric(id string) Metric {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	return f.shown(f.must(id))
}

// Samples returns the points of a metric that are stored by now, oldest first.
func (f *Fake) Samples(id string) []metricsync.Sample {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	m := f.must(id)
	samples := make([]metricsync.Sample, 0, len(m.points))
	for at, value := range m.points {
		samples = append(samples, metricsync.Sample{At: time.Unix(at, 0).UTC(), Value: value})
	}
	slices.SortFunc(samples, func(a, b metricsync.Sample) int { return a.At.Compare(b.At) })
	return samples
}

// Dropped returns the points of a metric that were accepted and not kept, since
// they were too old or in the future, as they arrived; of very many, the latest
// 10,000.
func (f *Fake) Dropped(id string) []metricsync.Sample {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.must(id).dropped)
}

// Put stores points at once, of any age.
func (f *Fake) Put(id string, samples ...metricsync.Sample) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	m := f.must(id)
	for _, s := range samples {
		m.store(point{s.At.Unix(), s.Value})
	}
	f.measure(m, time.Now())
}

// Reset does what the button of that name does: the metric loses all points, the
// accepted ones among them, and wants to be given the past.
func (f *Fake) Reset(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reset(f.must(id))
}

// SetBackfilled changes whether a metric wants to be given the past.
func (f *Fake) SetBackfilled(id string, backfilled bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	f.must(id).Backfilled = backfilled
}

func (f *Fake) find(id string) *metric {
	for _, m := range f.metrics {
		if m.ID == id {
			return m
		}
	}
	return nil
}

func (f *Fake) must(id string) *metric {
	m := f.find(id)
	if m == nil {
		panic(fmt.Sprintf("statuspageiotest: there is no metric %q", id))
	}
	return m
}

// shown is m as the API shows it.
func (f *Fake) shown(m *metric) Metric {
	shown := m.Metric
	if f.opts.QuietBackfill && !m.Backfilled {
		shown.Newest = time.Time{}
	}
	return shown
}

func (f *Fake) reset(m *metric) {
	m.points, m.enough = make(map[int64]float64), time.Time{}
	m.Backfilled, m.Newest = false, time.Time{}
	for i := range f.queue {
		delete(f.queue[i].points, m)
	}
}

// store keeps a point in its slot.
func (m *metric) store(p point) {
	slot := p.slot()
	if len(m.points) == 0 {
		m.oldest, m.newest = slot, slot
	}
	m.points[slot] = p.value
	m.oldest, m.newest = min(m.oldest, slot), max(m.newest, slot)
	if at := time.Unix(m.newest, 0).UTC(); at.After(m.Newest) {
		m.Newest = at
	}
}

// measure notes whether the points of m reach far enough, at a time of ours.
func (f *Fake) measure(m *metric, at time.Time) {
	if m.enough.IsZero() && m.span() >= f.opts.Enough {
		m.enough = at
	}
}

func (m *metric) span() time.Duration {
	if len(m.points) == 0 {
		return 0
	}
	return time.Duration(m.newest-m.oldest) * time.Second
}
