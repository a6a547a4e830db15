package statuspage

import (
	"fmt"
	"slices"
	"time"
)

const (
	// uptimeDays is how many days the bars of a service show, today included.
	uptimeDays = 90
	// majorTenths is how much of a partial outage counts as an outage, in tenths.
	majorTenths = 3
)

// uptime is how a service was in the last days.
type uptime struct {
	Days []uptimeDay // uptimeDays of them, oldest first
	// Hundredths is the share of the time in which the service was well, in
	// hundredths of a percent, rounded down: 10,000 only where nothing happened.
	Hundredths int64
	Known      bool // false where nothing is known of any of the days
}

// uptimeDay is one day, in UTC.
type uptimeDay struct {
	Date            time.Time
	Known           bool          // the service had been heard of
	Length          time.Duration // how much of the day there is to know of
	Major, Critical time.Duration // announced maintenance is not in them
}

// Percent is the uptime as people write it.
func (u uptime) Percent() string { return fmt.Sprintf("%d.%02d", u.Hundredths/100, u.Hundredths%100) }

func midnight(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// uptimeOf looks at the last days of a service, until now.
func (s *Site) uptimeOf(r *Record, now time.Time) uptime {
	today := midnight(now)
	start := today.AddDate(0, 0, 1-uptimeDays)
	u := uptime{Days: make([]uptimeDay, uptimeDays)}
	for n := range u.Days {
		u.Days[n].Date = start.AddDate(0, 0, n)
	}
	if r == nil {
		return u
	}

	outages := r.Intervals(now)
	first := r.FirstAt
	if len(outages) > 0 && outages[0].From.Before(first) {
		first = outages[0].From // an alert may be older than its first webhook
	}
	if len(r.Days) > 0 {
		if day, err := time.Parse(time.DateOnly, r.Days[0].Date); err == nil && day.Before(first) {
			first = day
		}
	}
	if first.Before(start) {
		first = start
	}
	if !first.Before(now) {
		return u
	}

	planned := s.planned(r.Name, first, now)
	rolled := slices.DeleteFunc(slices.Clone(r.Days), func(d Day) bool { return d.Date < start.Format(time.DateOnly) })
	byDate := map[string]Day{}
	for _, d := range addDays(rolled, within(without(outages, planned), first, now), 1) {
		byDate[d.Date] = d
	}

	var down time.Duration // in tenths
	for n := range u.Days {
		day := &u.Days[n]
		from, to := day.Date, day.Date.AddDate(0, 0, 1)
		if from.Before(first) {
			from = first
		}
		if to.After(now) {
			to = now
		}
		if !from.Before(to) {
			continue
		}
		d := byDate[day.Date.Format(time.DateOnly)]
		day.Known, day.Length, day.Major, day.Critical = true, to.Sub(from), d.Major, d.Critical
		down += 10*d.Critical + majorTenths*d.Major
	}
	total := now.Sub(first)
	for _, v := range planned {
		total -= v.To.Sub(v.From)
	}
	u.Known = true
	u.Hundredths = hundredths(total, down)
	return u
}

// hundredths rounds against the service: what was down is rounded up. In
// milliseconds a year fits, in nanoseconds it would not.
func hundredths(total, downTenths time.Duration) int64 {
	ms := total.Milliseconds()
	down := (downTenths + time.Millisecond - 1).Milliseconds()
	switch {
	case down <= 0:
		return 10_000
	case ms <= 0 || down >= 10*ms:
		return 0
	}
	return min((10*ms-down)*1000/ms, 9_999)
}

// planned are the times between from and to in which announced maintenance of a
// service ran, in order and without overlaps.
func (s *Site) planned(service string, from, to time.Time) []Interval {
	var all []Interval
	for _, m := range s.Maintenance {
		if m.Concerns(service) {
			all = append(all, Interval{m.Start, m.End, Major}) // any state worse than Green
		}
	}
	return within(flatten(all), from, to)
}

// within cuts intervals to those between from and to.
func within(all []Interval, from, to time.Time) (out []Interval) {
	for _, v := range all {
		if v.From.Before(from) {
			v.From = from
		}
		if v.To.After(to) {
			v.To = to
		}
		if v.From.Before(v.To) {
			out = append(out, v)
		}
	}
	return out
}

// without takes the time of some intervals, in order, out of others.
func without(all, gone []Interval) (out []Interval) {
	for _, v := range all {
		for _, g := range gone {
			if !g.From.Before(v.To) || !v.From.Before(g.To) {
				continue
			}
			if v.From.Before(g.From) {
				out = append(out, Interval{v.From, g.From, v.State})
			}
			v.From = g.To
		}
		if v.From.Before(v.To) {
			out = append(out, v)
		}
	}
	return out
}
