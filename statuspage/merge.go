package statuspage

import (
	"cmp"
	"slices"
	"time"
)

// Change is what one webhook, or one look at the Alert API, says of an alert.
// Zero parts say nothing, and what is said as of a zero time gives way to all that
// was said as of another.
type Change struct {
	ID        string
	CreatedAt time.Time
	ClosedAt  time.Time
	Tags      *Point // nil where the source does not tell the tags
	Said      Said
	Aside     *Said // what was said by a source that does not tell the page's tag
	Hidden    bool  // somebody has taken it back
}

// What is kept of an alert that never rests, or that means harm.
const (
	maxPoints   = 200
	maxUpdates  = 100
	maxMessage  = 1000 // runes; Opsgenie's limit is 130
	maxNote     = 4000 // runes; Opsgenie's is 25,000
	maxServices = 100  // of one alert at a time; Opsgenie has room for 19
)

// Merge adds what c says, and reports whether that is anything new.
func (i *Incident) Merge(c Change) (changed bool) {
	i.ID = c.ID
	if at := c.CreatedAt; !at.IsZero() && (i.CreatedAt.IsZero() || at.Before(i.CreatedAt)) {
		i.CreatedAt, changed = at, true
	}
	// Of several closings the first is when it ended.
	if at := c.ClosedAt; !at.IsZero() && (i.ResolvedAt.IsZero() || at.Before(i.ResolvedAt)) {
		i.ResolvedAt, changed = at, true
	}
	if c.Hidden && !i.Hidden {
		i.hide()
		changed = true
	}
	if c.Tags != nil && i.addPoint(*c.Tags) {
		changed = true
	}
	said := c.Said
	if i.Hidden {
		said = said.withoutText()
	}
	changed = i.Said.merge(&said) || changed
	return c.Aside != nil && !i.Hidden && i.addAside(c.Aside) || changed
}

// addAside makes a new Aside: that of a record which others read stays as it is.
func (i *Incident) addAside(s *Said) (changed bool) {
	var all Said
	if i.Aside != nil {
		all = *i.Aside
		all.Updates = slices.Clone(all.Updates)
	}
	if changed = all.merge(s); changed {
		i.Aside = &all
	}
	return changed
}

// MergeFrom adds all that another copy of the incident knows, and reports
// whether that is anything new.
func (i *Incident) MergeFrom(o *Incident) (changed bool) {
	changed = i.Merge(Change{ID: o.ID, CreatedAt: o.CreatedAt, ClosedAt: o.ResolvedAt, Said: o.Said, Aside: o.Aside, Hidden: o.Hidden})
	for _, p := range o.Points {
		changed = i.addPoint(p) || changed
	}
	return changed
}

// knows reports whether merging o would change nothing.
func (i *Incident) knows(o *Incident) bool {
	c := *i
	c.Points, c.Updates = slices.Clone(i.Points), slices.Clone(i.Updates)
	return !c.MergeFrom(o)
}

// addPoint puts a point into its place. Of two at the same time nobody knows
// which was the later: both hold, so that no service looks better than it is. A
// partial one lies on top of a whole one of the same time.
func (i *Incident) addPoint(p Point) (changed bool) {
	at, found := slices.BinarySearchFunc(i.Points, p, func(a, b Point) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(boolText(a.Partial), boolText(b.Partial)))
	})
	if found {
		both := join(i.Points[at], p)
		changed = !samePoint(both, i.Points[at])
		i.Points[at] = both
		return changed
	}
	if at == 0 && len(i.Points) >= maxPoints && !i.Points[0].Partial {
		return false
	}
	i.Points = slices.Insert(i.Points, at, p)
	if len(i.Points) <= maxPoints {
		return true
	}
	least := leastPoint(i.Points)
	if next := &i.Points[least+1]; least == 0 && next.Partial { // it lies on top of what goes
		both := onto(i.Points[0], *next)
		changed = at > 0 || !samePoint(both, *next)
		*next = both
	} else {
		changed = least != at
	}
	i.Points = slices.Delete(i.Points, least, least+1)
	return changed
}

// leastPoint is the oldest point that only repeats the one before it, and where
// there is none, the oldest. It is never the newest.
func leastPoint(points []Point) int {
	for n := 1; n < len(points)-1; n++ {
		if samePoint(points[n-1], points[n]) {
			return n
		}
	}
	return 0
}

// join is the worst of two points in every respect. What is given stays as it is.
func join(a, b Point) Point {
	p := Point{At: a.At, Page: a.Page || b.Page, Partial: a.Partial, Severity: a.Severity}
	if b.Severity.Worse(p.Severity) {
		p.Severity = b.Severity
	}
	switch {
	case slices.Equal(a.Services, b.Services), len(b.Services) == 0:
		p.Services = a.Services
	default:
		p.Services = slices.Concat(a.Services, b.Services)
		slices.Sort(p.Services)
		p.Services = slices.Compact(p.Services)
	}
	return p
}

// samePoint reports whether two points say the same, at whatever time.
func samePoint(a, b Point) bool {
	return a.Page == b.Page && a.Partial == b.Partial && a.Severity == b.Severity && slices.Equal(a.Services, b.Services)
}

func keepLast[T any](s []T, n int) []T {
	if len(s) > n {
		return slices.Delete(s, 0, len(s)-n)
	}
	return s
}
