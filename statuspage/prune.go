package statuspage

import (
	"slices"
	"time"
)

// Interval is a time in which a service had a state.
type Interval struct {
	From, To time.Time
	State    State
}

// intervals are when an incident made a service worse than Green, until now
// where it is open.
func (i *Incident) intervals(service string, now time.Time) []Interval {
	end := i.ResolvedAt
	if end.IsZero() {
		end = now
	}
	var out []Interval
	for n, pt := range i.Points {
		to := end
		if n+1 < len(i.Points) && i.Points[n+1].At.Before(end) {
			to = i.Points[n+1].At
		}
		if pt.Page && pt.Severity.Worse(Green) && slices.Contains(pt.Services, service) && pt.At.Before(to) {
			out = append(out, Interval{pt.At, to, pt.Severity})
		}
	}
	return out
}

// Intervals are when the service was worse than Green, in order and without
// overlaps: of several incidents at once the worst counts.
func (r *Record) Intervals(now time.Time) []Interval {
	var all []Interval
	for n := range r.Incidents {
		all = append(all, r.Incidents[n].intervals(r.Name, now)...)
	}
	return flatten(all)
}

// flatten makes of overlapping intervals ones that do not.
func flatten(all []Interval) []Interval {
	var edges []time.Time
	for _, v := range all {
		edges = append(edges, v.From, v.To)
	}
	slices.SortFunc(edges, time.Time.Compare)
	edges = slices.CompactFunc(edges, time.Time.Equal)
	var out []Interval
	for n := 1; n < len(edges); n++ {
		from, to := edges[n-1], edges[n]
		worst := Green
		for _, v := range all {
			if !v.From.After(from) && !v.To.Before(to) && v.State.Worse(worst) {
				worst = v.State
			}
		}
		if worst == Green {
			continue
		}
		if last := len(out) - 1; last >= 0 && out[last].To.Equal(from) && out[last].State == worst {
			out[last].To = to
			continue
		}
		out = append(out, Interval{from, to, worst})
	}
	return out
}

// byDay cuts intervals at midnight, UTC, and adds them up.
func byDay(days []Day, all []Interval) []Day {
	for _, v := range all {
		for from := v.From.UTC(); from.Before(v.To); {
			midnight := time.Date(from.Year(), from.Month(), from.Day()+1, 0, 0, 0, 0, time.UTC)
			to := midnight
			if v.To.Before(to) {
				to = v.To
			}
			days = addDay(days, from.Format(time.DateOnly), v.State, to.Sub(from))
			from = midnight
		}
	}
	return days
}

func addDay(days []Day, date string, state State, d time.Duration) []Day {
	at, found := slices.BinarySearchFunc(days, date, func(d Day, date string) int {
		switch {
		case d.Date < date:
			return -1
		case d.Date > date:
			return 1
		}
		return 0
	})
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

// ByDay is how long the service was not well, by day, for as long as history is
// kept. Days on which it was well are not in it.
func (r *Record) ByDay(now time.Time) []Day {
	return byDay(slices.Clone(r.Days), r.Intervals(now))
}

// prune turns the oldest closed incidents into days where there are too many,
// and forgets what is older than history is kept.
func (r *Record) prune(now time.Time) {
	oldest := now.Add(-historyFor)
	var closed int
	for n := range r.Incidents {
		if !r.Incidents[n].Open() {
			closed++
		}
	}
	surplus := closed - maxIncidents
	r.Incidents = slices.DeleteFunc(r.Incidents, func(i Incident) bool {
		if i.Open() || !i.ResolvedAt.Before(oldest) && surplus <= 0 {
			return false
		}
		surplus--
		if !i.ResolvedAt.Before(oldest) {
			r.Days = byDay(r.Days, i.intervals(r.Name, now))
		}
		return true
	})
	r.Days = slices.DeleteFunc(r.Days, func(d Day) bool { return d.Date < oldest.UTC().Format(time.DateOnly) })
	for len(r.Changes) > 1 && r.Changes[0].At.Before(oldest) {
		r.Changes = r.Changes[1:]
	}
}
