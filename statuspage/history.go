package statuspage

import (
	"cmp"
	"slices"
	"time"
)

// Interval is a time in which a service had a state.
type Interval struct {
	From, To time.Time
	State    State
}

// Intervals are when the service was worse than Green, in order and without
// overlaps: of several incidents at once the worst counts. Those of incidents
// that are not kept any more are in Days alone.
func (r *Record) Intervals(now time.Time) []Interval {
	var all []Interval
	for n := range r.Incidents {
		all = append(all, r.Incidents[n].intervals(r.Name, now)...)
	}
	return flatten(all)
}

// intervals are when an incident made a service worse than Green, until now
// where it is open, for as long as history is kept.
func (i *Incident) intervals(service string, now time.Time) []Interval {
	end := cmp.Or(i.ResolvedAt, now)
	begin := latest(i.CreatedAt, now.Add(-historyFor))
	var out []Interval
	points := i.points()
	for n, p := range points {
		from, to := latest(p.At, begin), end
		if n+1 < len(points) && points[n+1].At.Before(end) {
			to = points[n+1].At
		}
		if p.bad(service) && from.Before(to) {
			out = append(out, Interval{from, to, p.Severity})
		}
	}
	return out
}

// flatten makes of overlapping intervals ones that do not.
func flatten(all []Interval) []Interval {
	type edge struct {
		at    time.Time
		state State
		by    int
	}
	edges := make([]edge, 0, 2*len(all))
	for _, v := range all {
		edges = append(edges, edge{v.From, v.State, 1}, edge{v.To, v.State, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	var out []Interval
	var major, critical int // how many there are at once
	state, from := Green, time.Time{}
	for n, e := range edges {
		if e.state == Critical {
			critical += e.by
		} else {
			major += e.by
		}
		if n+1 < len(edges) && edges[n+1].at.Equal(e.at) {
			continue // all that happens at once is one change
		}
		next := Green
		switch {
		case critical > 0:
			next = Critical
		case major > 0:
			next = Major
		}
		if next == state {
			continue
		}
		if state != Green {
			out = append(out, Interval{from, e.at, state})
		}
		state, from = next, e.at
	}
	return out
}

// ByDay is how long the service was not well, by day, for as long as history is
// kept. Days on which it was well are not in it.
func (r *Record) ByDay(now time.Time) []Day {
	days := addDays(slices.Clone(r.Days), r.Intervals(now), 1)
	oldest := dateOf(now.Add(-historyFor))
	for n := range days {
		d := &days[n]
		// Late news of an incident that is not kept may count a time twice.
		d.Critical = min(max(d.Critical, 0), 24*time.Hour)
		d.Major = min(max(d.Major, 0), 24*time.Hour-d.Critical)
	}
	return slices.DeleteFunc(days, func(d Day) bool { return d.Date < oldest || d.Major == 0 && d.Critical == 0 })
}

// addDays cuts intervals at midnight, UTC, and adds them up, sign times.
func addDays(days []Day, all []Interval, sign time.Duration) []Day {
	for _, v := range all {
		for from := v.From.UTC(); from.Before(v.To); {
			midnight := time.Date(from.Year(), from.Month(), from.Day()+1, 0, 0, 0, 0, time.UTC)
			to := midnight
			if v.To.Before(to) {
				to = v.To
			}
			days = addDay(days, dateOf(from), v.State, sign*to.Sub(from))
			from = midnight
		}
	}
	return days
}

func addDay(days []Day, date string, state State, d time.Duration) []Day {
	at, found := slices.BinarySearchFunc(days, date, func(d Day, date string) int { return cmp.Compare(d.Date, date) })
	if !found {
		days = slices.Insert(days, at, Day{Date: date})
	}
	if state == Critical {
		days[at].Critical += d
	} else {
		days[at].Major += d
	}
	return days
}

func dateOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }
