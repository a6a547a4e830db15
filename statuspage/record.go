package statuspage

import (
	"cmp"
	"slices"
	"time"
)

// Record is what is kept of one service, beside services/NAME.json, which the
// Status Page Reference knows.
type Record struct {
	Name    string    `json:"name"`
	State   State     `json:"state"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`   // when the state came to be so
	FirstAt time.Time `json:"firstAt"` // when the service was first heard of
	// Version rises with every change that is stored.
	Version uint64 `json:"version"`
	// Reconciled is when the record was first compared with the Alert API; zero
	// for never.
	Reconciled time.Time `json:"reconciled,omitzero"`
	// Incidents are those that concern or concerned the service, by CreatedAt
	// and ID, oldest first: all that are open, and the newest of the others. They are
	// as they are known; Incident.Visible is what visitors may know.
	Incidents []Incident `json:"incidents,omitempty"`
	// Changes are the newest changes of the state, oldest first.
	Changes []StateChange `json:"changes,omitempty"`
	// Days are what is left of incidents that are not kept any more.
	Days []Day `json:"days,omitempty"`
	// Gone are marks of the last incidents that are not kept any more, newest
	// last: a late copy of an old event must not bring a closed alert back.
	Gone []string `json:"gone,omitempty"`

	sum uint64 // sumOf the document that it was read from, or stored as
}

// clone returns a copy that can be changed.
func (r *Record) clone() *Record {
	c := *r
	c.Incidents = slices.Clone(r.Incidents)
	for n := range c.Incidents {
		i := &c.Incidents[n]
		i.Points, i.Updates = slices.Clone(i.Points), slices.Clone(i.Updates)
	}
	c.Changes, c.Days, c.Gone = slices.Clone(r.Changes), slices.Clone(r.Days), slices.Clone(r.Gone)
	return &c
}

// StateChange is a service's state from a time on.
type StateChange struct {
	At      time.Time `json:"at"`
	State   State     `json:"state"`
	Message string    `json:"message,omitempty"`
}

// Day is how much of a day, in UTC, a service was not well.
type Day struct {
	Date     string        `json:"date"` // 2006-01-02
	Major    time.Duration `json:"major,omitempty"`
	Critical time.Duration `json:"critical,omitempty"`
}

// Incident returns the incident with the given id, or nil.
func (r *Record) Incident(id string) *Incident {
	for n := range r.Incidents {
		if r.Incidents[n].ID == id {
			return &r.Incidents[n]
		}
	}
	return nil
}

// merge adds what is known of an incident, and reports whether that is anything
// new.
func (r *Record) merge(o *Incident) (changed bool) {
	i := r.Incident(o.ID)
	if i != nil {
		if o.Hidden && !i.Hidden {
			r.forgetMessages()
		}
		return i.MergeFrom(o)
	}
	if slices.Contains(r.Gone, goneMark(o.ID)) {
		return false
	}
	r.Incidents = append(r.Incidents, Incident{ID: o.ID})
	r.Incidents[len(r.Incidents)-1].MergeFrom(o)
	return true
}

// changedAt is when the state last changed, or the service was first heard of.
func (r *Record) changedAt() time.Time {
	at := latest(r.FirstAt, r.Since)
	if n := len(r.Changes); n > 0 {
		at = latest(at, r.Changes[n-1].At)
	}
	return at
}

// Decide returns the state that the open incidents give the service, and the
// message of the one that decides: of the worst the oldest, then the lower id,
// and of those that are hidden none, unless all are.
func (r *Record) Decide() (State, string) {
	state, message := Green, ""
	var by *Incident
	for n := range r.Incidents {
		i := &r.Incidents[n]
		if !i.Counts(r.Name) {
			continue
		}
		severity := i.Now().Severity
		if severity.Worse(state) || severity == state && by != nil && i.speaksBefore(by) {
			state, message, by = severity, i.Visible().Message, i
		}
	}
	return state, message
}

// speaksBefore reports whether i decides rather than other, where both are as bad.
func (i *Incident) speaksBefore(other *Incident) bool {
	if i.Hidden != other.Hidden {
		return other.Hidden
	}
	return older(i, other)
}

func older(a, b *Incident) bool {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) < 0
}

// settle brings the state up to date with the incidents. With raiseOnly it is
// never lowered: as long as the records were never compared with an Alert API
// that there is, an alert may be open that they do not know.
func (r *Record) settle(now time.Time, raiseOnly bool) (changed bool) {
	slices.SortFunc(r.Incidents, func(a, b Incident) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	if r.FirstAt.IsZero() {
		r.FirstAt, r.Since, changed = now, now, true
	}
	state, message := r.Decide()
	if raiseOnly && r.State.Worse(state) || state == r.State && message == r.Message {
		return changed
	}
	if state != r.State {
		r.Since = now
	}
	r.State, r.Message = state, message
	r.Changes = keepLast(append(r.Changes, StateChange{now, state, message}), maxChanges)
	return true
}
