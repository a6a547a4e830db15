package statuspage

import (
	"cmp"
	"slices"
	"time"
)

// Incident is what the page knows of one alert. What it knows grows by merging
// [Change]s, and any order and any repetition of the same changes comes to the
// same incident.
type Incident struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	// ResolvedAt is when the alert was closed or deleted; zero while it is open.
	// A closed alert never opens again: what comes after it is another alert.
	ResolvedAt time.Time `json:"resolvedAt,omitzero"`
	// Points are what the alert's tags said, and from when on: oldest first.
	Points []Point `json:"points,omitempty"`
	// Said is what was said while the alert had the page's tag.
	Said
	// Aside is what was said by who did not tell whether it had; nil for nothing.
	// Visible knows which of it visitors may see.
	Aside *Said `json:"aside,omitempty"`
	// Hidden is whether somebody has taken the incident back. It stays so: from
	// then on visitors see nothing of it, and what it says is neither kept nor
	// taken in. What its tags say of services still counts.
	Hidden bool `json:"hidden,omitempty"`
}

// Point is what an alert's tags said from a time on.
type Point struct {
	At       time.Time `json:"at"` // zero: from the beginning
	Page     bool      `json:"page"`
	Services []string  `json:"services,omitempty"`
	Severity State     `json:"severity,omitempty"` // "" is none
	// Partial means that these tags came on top of those that were there.
	Partial bool `json:"partial,omitempty"`
}

// Open reports whether the alert is open, for all that is known.
func (i *Incident) Open() bool { return i.ResolvedAt.IsZero() }

// Now is what the alert's tags say; the zero Point where nothing is known.
func (i *Incident) Now() Point {
	n := len(i.Points) - 1
	if n < 0 {
		return Point{}
	}
	now := i.Points[n]
	for now.Partial && n > 0 {
		n--
		now = onto(i.Points[n], now)
	}
	return now
}

// points are Points with each partial one made whole, one for each time.
func (i *Incident) points() []Point {
	if !slices.ContainsFunc(i.Points, isPartial) {
		return i.Points
	}
	whole := make([]Point, 0, len(i.Points))
	for _, p := range i.Points {
		last := len(whole) - 1
		if last >= 0 && p.Partial {
			p = onto(whole[last], p)
		}
		if last >= 0 && whole[last].At.Equal(p.At) {
			whole[last] = p
		} else {
			whole = append(whole, p)
		}
	}
	return whole
}

func isPartial(p Point) bool { return p.Partial }

// onto is what the tags say after more came on top of what they said before.
func onto(before, more Point) Point {
	p := join(before, more)
	p.At, p.Partial = more.At, before.Partial
	return p
}

// Counts reports whether the incident decides the state of a service: it is
// open, tagged for the page and the service, and says how bad it is.
func (i *Incident) Counts(service string) bool {
	return i.Open() && i.Now().bad(service)
}

// bad reports whether the tags make a service worse than Green.
func (p Point) bad(service string) bool {
	return p.Page && p.Severity.Worse(Green) && slices.Contains(p.Services, service)
}

// Shown reports whether visitors may see the incident: it had the page's tag at
// some time, and is not hidden.
func (i *Incident) Shown() bool {
	return !i.Hidden && i.wasTagged()
}

// Visible returns the incident as visitors may know it: what was said aside counts
// if, for all that is known, the alert had the page's tag at the time.
func (i *Incident) Visible() *Incident {
	if i.Aside == nil {
		return i
	}
	v := *i
	v.Updates, v.Aside = slices.Clone(i.Updates), nil
	aside := i.Aside.of(i.taggedAt)
	for n := range aside.Updates { // what has no time counts from the beginning
		aside.Updates[n].At = cmp.Or(aside.Updates[n].At, i.CreatedAt)
	}
	v.Said.merge(aside)
	return &v
}

// taggedAt reports whether the alert is known to have had the page's tag at a time.
// At the zero time, which nobody knows, it had if it always had it.
func (i *Incident) taggedAt(at time.Time) bool {
	points := i.points()
	if at.IsZero() {
		return len(points) > 0 && !slices.ContainsFunc(points, func(p Point) bool { return !p.Page })
	}
	tagged := false
	for _, p := range points {
		if p.At.After(at) {
			break
		}
		tagged = p.Page
	}
	return tagged
}

// wasTagged reports whether the incident had the page's tag at some time.
func (i *Incident) wasTagged() bool {
	return slices.ContainsFunc(i.Points, func(p Point) bool { return p.Page })
}

// Worst is the worst severity that the incident has had for the page.
func (i *Incident) Worst() State {
	worst := Green
	for _, p := range i.points() {
		if p.Page && p.Severity.Worse(worst) {
			worst = p.Severity
		}
	}
	return worst
}

// Services are those that the incident has ever concerned, in order: those whose
// tags it had together with the page's. Where it was told in part what tags there
// are, they are all that were ever told, if the page's is among those: which were
// there together might look different with all that comes late, and a service
// that has come up does not vanish again.
func (i *Incident) Services() []string {
	var all []string
	inPart := i.wasTagged() && slices.ContainsFunc(i.Points, isPartial)
	for _, p := range i.Points {
		if p.Page || inPart {
			all = append(all, p.Services...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// UpdatedAt is when something of the incident last changed.
func (i *Incident) UpdatedAt() time.Time {
	i = i.Visible()
	at := latest(i.CreatedAt, i.ResolvedAt, i.MessageAt, i.AckedAt, i.PriorityAt)
	if n := len(i.Points); n > 0 {
		at = latest(at, i.Points[n-1].At)
	}
	if n := len(i.Updates); n > 0 {
		at = latest(at, i.Updates[n-1].At)
	}
	return at
}

func latest(times ...time.Time) (t time.Time) {
	for _, x := range times {
		if x.After(t) {
			t = x
		}
	}
	return t
}
