package statuspageiotest

import (
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// point is a sample as it is sent.
type point struct {
	at    int64 // seconds since 1970
	value float64
}

// slot is the slot of p, in seconds since 1970.
func (p point) slot() int64 { return time.Unix(p.at, 0).Round(Slot).Unix() }

// write is points on their way from the answer of a call to where they are kept.
type write struct {
	due    time.Time // by our clock
	points map[*metric][]point
}

// accept takes the points of a call, by id, that are neither too old nor in the
// future. f.mu is held.
func (f *Fake) accept(data map[string][]point) {
	now := f.now()
	oldest, newest := now.Add(-Past).Unix(), now.Unix()
	w := write{due: time.Now().Add(f.opts.StoreAfter), points: make(map[*metric][]point)}
	for id, points := range data {
		m := f.find(id)
		if m == nil {
			continue
		}
		for _, p := range points {
			if p.at < oldest || p.at > newest {
				m.dropped = append(m.dropped, metricsync.Sample{At: time.Unix(p.at, 0).UTC(), Value: p.value})
				m.dropped = m.dropped[max(0, len(m.dropped)-keptDropped):]
				continue
			}
			w.points[m] = append(w.points[m], p)
		}
	}
	f.queue = append(f.queue, w)
	f.catchUp()
}

const keptDropped = 10_000 // of a metric

// catchUp does what is due by now, in the order of arrival. Nothing else does, so that a Fake needs
// neither timers nor goroutines. f.mu is held.
func (f *Fake) catchUp() {
	now := time.Now()
	for len(f.queue) > 0 && !f.queue[0].due.After(now) {
		for m, points := range f.queue[0].points {
			for _, p := range points {
				m.store(p)
			}
			f.measure(m, f.queue[0].due)
		}
		f.queue = f.queue[1:]
	}
	for _, m := range f.metrics {
		if !m.enough.IsZero() && f.opts.BackfilledAfter >= 0 && !now.Before(m.enough.Add(f.opts.BackfilledAfter)) {
			m.Backfilled = true
			m.enough = time.Time{}
		}
	}
}
