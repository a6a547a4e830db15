package statuspage

import (
	"cmp"
	"slices"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Change is what one webhook, or one look at the Alert API, says of an alert.
// Zero parts say nothing.
type Change struct {
	ID string
	// At is from when on it was so. Zero is what came without a time: it gives
	// way to all that came with one.
	At time.Time

	CreatedAt time.Time
	ClosedAt  time.Time
	Message   string
	Tags      *Point  // nil where the source does not tell the tags
	Update    *Update // a note
	Acked     *bool
	Priority  opsgenie.Priority
	Hidden    bool // somebody has taken it back
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
	if c.Message != "" && !i.Hidden && newer(c.At, i.MessageAt, c.Message, i.Message) {
		i.Message, i.MessageAt, changed = c.Message, c.At, true
	}
	if c.Acked != nil && newer(c.At, i.AckedAt, boolText(*c.Acked), boolText(i.Acked)) {
		i.Acked, i.AckedAt, changed = *c.Acked, c.At, true
	}
	if c.Priority != "" && newer(c.At, i.PriorityAt, string(c.Priority), string(i.Priority)) {
		i.Priority, i.PriorityAt, changed = c.Priority, c.At, true
	}
	if c.Tags != nil && i.addPoint(*c.Tags) {
		changed = true
	}
	if c.Update != nil && i.addUpdate(*c.Update) {
		changed = true
	}
	return changed
}

// MergeFrom adds all that another copy of the incident knows, and reports
// whether that is anything new.
func (i *Incident) MergeFrom(o *Incident) (changed bool) {
	also := func(c bool) { changed = c || changed }
	also(i.Merge(Change{ID: o.ID, CreatedAt: o.CreatedAt, ClosedAt: o.ResolvedAt, At: o.MessageAt, Message: o.Message, Hidden: o.Hidden}))
	also(i.Merge(Change{ID: o.ID, At: o.AckedAt, Acked: &o.Acked}))
	also(i.Merge(Change{ID: o.ID, At: o.PriorityAt, Priority: o.Priority}))
	for _, p := range o.Points {
		also(i.addPoint(p))
	}
	for _, u := range o.Updates {
		also(i.addUpdate(u))
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
// which was the later: both hold, so that no service looks better than it is.
func (i *Incident) addPoint(p Point) (changed bool) {
	at, found := slices.BinarySearchFunc(i.Points, p, func(a, b Point) int { return a.At.Compare(b.At) })
	if found {
		both := join(i.Points[at], p)
		changed = !samePoint(both, i.Points[at])
		i.Points[at] = both
		return changed
	}
	if at == 0 && len(i.Points) >= maxPoints {
		return false
	}
	i.Points = slices.Insert(i.Points, at, p)
	if len(i.Points) <= maxPoints {
		return true
	}
	least := leastPoint(i.Points)
	i.Points = slices.Delete(i.Points, least, least+1)
	return least != at
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
	p := Point{At: a.At, Page: a.Page || b.Page, Partial: a.Partial && b.Partial, Severity: a.Severity}
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

func (i *Incident) addUpdate(u Update) (changed bool) {
	at, found := slices.BinarySearchFunc(i.Updates, u, func(a, b Update) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Text, b.Text))
	})
	if found || i.Hidden || at == 0 && len(i.Updates) >= maxUpdates {
		return false
	}
	i.Updates = keepLast(slices.Insert(i.Updates, at, u), maxUpdates)
	return true
}

// newer says whether a value as of at replaces one as of old. Of two as of the
// same time the greater does.
func newer(at, old time.Time, value, oldValue string) bool {
	return at.After(old) || at.Equal(old) && value > oldValue
}

func boolText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func keepLast[T any](s []T, n int) []T {
	if len(s) > n {
		return slices.Delete(s, 0, len(s)-n)
	}
	return s
}
