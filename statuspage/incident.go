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
	// Message is the newest, as of MessageAt.
	Message   string    `json:"message"`
	MessageAt time.Time `json:"messageAt"`
	// Points are what the alert's tags said, and from when on: oldest first.
	Points []Point `json:"points,omitempty"`
	// Updates are the alert's notes and what happened to it, oldest first.
	Updates []Update `json:"updates,omitempty"`
	// Acked is whether somebody has acknowledged it, as of AckedAt.
	Acked   bool      `json:"acked,omitempty"`
	AckedAt time.Time `json:"ackedAt,omitzero"`
}

// Point is what an alert's tags said from a time on.
type Point struct {
	At       time.Time `json:"at"`
	Page     bool      `json:"page"` // it had the page's tag
	Services []string  `json:"services,omitempty"`
	Severity State     `json:"severity,omitempty"` // "" is none
}

// Update is a piece of news of an incident.
type Update struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Change is what one webhook, or one look at the Alert API, says of an alert.
// Zero parts say nothing.
type Change struct {
	ID string
	At time.Time // when it became so

	CreatedAt time.Time
	Message   string
	Tags      *Point  // nil where the source does not tell the tags
	Update    *Update // a note
	Acked     *bool
	Closed    bool
}

// Open reports whether the alert is open, for all that is known.
func (i *Incident) Open() bool { return i.ResolvedAt.IsZero() }

// Now is what the alert's tags say; the zero Point where nothing is known.
func (i *Incident) Now() Point {
	if len(i.Points) == 0 {
		return Point{}
	}
	return i.Points[len(i.Points)-1]
}

// Counts reports whether the incident decides the state of a service: it is
// open, tagged for the page and the service, and says how bad it is.
func (i *Incident) Counts(service string) bool {
	now := i.Now()
	return i.Open() && now.Page && now.Severity.Worse(Green) && slices.Contains(now.Services, service)
}

// Shown reports whether visitors may see the incident: it had the page's tag at
// some time.
func (i *Incident) Shown() bool {
	return slices.ContainsFunc(i.Points, func(p Point) bool { return p.Page })
}

// Worst is the worst severity that the incident has had for the page.
func (i *Incident) Worst() State {
	worst := Green
	for _, p := range i.Points {
		if p.Page && p.Severity.Worse(worst) {
			worst = p.Severity
		}
	}
	return worst
}

// Services are those that the incident has ever concerned, in order.
func (i *Incident) Services() []string {
	var all []string
	for _, p := range i.Points {
		all = append(all, p.Services...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// UpdatedAt is when something of the incident last changed.
func (i *Incident) UpdatedAt() time.Time {
	at := latest(i.CreatedAt, i.ResolvedAt, i.MessageAt, i.AckedAt, i.Now().At)
	for _, u := range i.Updates {
		at = latest(at, u.At)
	}
	return at
}

// Merge adds what c says.
func (i *Incident) Merge(c Change) {
	i.ID = c.ID
	if created := c.CreatedAt; !created.IsZero() && (i.CreatedAt.IsZero() || created.Before(i.CreatedAt)) {
		i.CreatedAt = created
	}
	if c.Message != "" && newer(c.At, i.MessageAt, c.Message, i.Message) {
		i.Message, i.MessageAt = c.Message, c.At
	}
	if c.Acked != nil && newer(c.At, i.AckedAt, boolText(*c.Acked), boolText(i.Acked)) {
		i.Acked, i.AckedAt = *c.Acked, c.At
	}
	// Of several closings the first is when it ended.
	if c.Closed && (i.ResolvedAt.IsZero() || c.At.Before(i.ResolvedAt)) {
		i.ResolvedAt = c.At
	}
	if c.Tags != nil {
		i.addPoint(*c.Tags)
	}
	if c.Update != nil && !slices.Contains(i.Updates, *c.Update) {
		i.Updates = append(i.Updates, *c.Update)
		slices.SortFunc(i.Updates, func(a, b Update) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Text, b.Text))
		})
		i.Updates = keepLast(i.Updates, maxUpdates)
	}
}

// MergeFrom adds all that another copy of the incident knows.
func (i *Incident) MergeFrom(o *Incident) {
	i.Merge(Change{ID: o.ID, CreatedAt: o.CreatedAt, At: o.MessageAt, Message: o.Message})
	if !o.AckedAt.IsZero() {
		i.Merge(Change{ID: o.ID, At: o.AckedAt, Acked: &o.Acked})
	}
	if !o.Open() {
		i.Merge(Change{ID: o.ID, At: o.ResolvedAt, Closed: true})
	}
	for _, p := range o.Points {
		i.addPoint(p)
	}
	for _, u := range o.Updates {
		i.Merge(Change{ID: o.ID, Update: &u})
	}
}

// An alert that never rests must not grow without end.
const (
	maxUpdates = 200
	maxPoints  = 200
)

// addPoint puts a point into its place. Of two at the same time the greater in
// an order of no meaning wins, so that it is the same one everywhere.
func (i *Incident) addPoint(p Point) {
	at, found := slices.BinarySearchFunc(i.Points, p, func(a, b Point) int { return a.At.Compare(b.At) })
	if !found {
		i.Points = slices.Insert(i.Points, at, p)
		i.Points = keepLast(i.Points, maxPoints)
		return
	}
	if comparePoints(p, i.Points[at]) > 0 {
		i.Points[at] = p
	}
}

func comparePoints(a, b Point) int {
	return cmp.Or(
		cmp.Compare(boolText(a.Page), boolText(b.Page)),
		cmp.Compare(a.Severity.rank(), b.Severity.rank()),
		slices.Compare(a.Services, b.Services),
	)
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

func latest(times ...time.Time) (t time.Time) {
	for _, x := range times {
		if x.After(t) {
			t = x
		}
	}
	return t
}
