package statuspage

import (
	"slices"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
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
	// Message is the newest, as of MessageAt.
	Message   string    `json:"message"`
	MessageAt time.Time `json:"messageAt"`
	// Points are what the alert's tags said, and from when on: oldest first.
	Points []Point `json:"points,omitempty"`
	// Updates are the alert's notes, oldest first.
	Updates []Update `json:"updates,omitempty"`
	// Acked is whether somebody has acknowledged it, as of AckedAt.
	Acked   bool      `json:"acked,omitempty"`
	AckedAt time.Time `json:"ackedAt,omitzero"`
	// Priority is the newest, as of PriorityAt; "" where it was never told. It
	// says how soon somebody is woken, and decides no state.
	Priority   opsgenie.Priority `json:"priority,omitempty"`
	PriorityAt time.Time         `json:"priorityAt,omitzero"`
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

// Update is a piece of news of an incident.
type Update struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
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

// points are Points with each partial one made whole.
func (i *Incident) points() []Point {
	if !slices.ContainsFunc(i.Points, func(p Point) bool { return p.Partial }) {
		return i.Points
	}
	whole := slices.Clone(i.Points)
	for n := 1; n < len(whole); n++ {
		if whole[n].Partial {
			whole[n] = onto(whole[n-1], whole[n])
		}
	}
	return whole
}

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
	return !i.Hidden && slices.ContainsFunc(i.Points, func(p Point) bool { return p.Page })
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
// tags it had together with the page's.
func (i *Incident) Services() []string {
	var all []string
	for _, p := range i.points() {
		if p.Page {
			all = append(all, p.Services...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// UpdatedAt is when something of the incident last changed.
func (i *Incident) UpdatedAt() time.Time {
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
