package statuspage

import (
	"cmp"
	"slices"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Said is what was said of an alert, beside its tags and its end.
type Said struct {
	// Message is the newest, as of MessageAt.
	Message   string    `json:"message,omitempty"`
	MessageAt time.Time `json:"messageAt,omitzero"`
	// Updates are the alert's notes, oldest first.
	Updates []Update `json:"updates,omitempty"`
	// Acked is whether somebody has acknowledged it, as of AckedAt.
	Acked   bool      `json:"acked,omitempty"`
	AckedAt time.Time `json:"ackedAt,omitzero"`
	// Priority is the newest, as of PriorityAt; "" where it was never told. It
	// says how soon somebody is woken, and decides no state.
	Priority   opsgenie.Priority `json:"priority,omitempty"`
	PriorityAt time.Time         `json:"priorityAt,omitzero"`
}

// Update is a piece of news of an incident.
type Update struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// merge adds what o says, and reports whether that is anything new.
func (s *Said) merge(o *Said) (changed bool) {
	if o.Message != "" && newer(o.MessageAt, s.MessageAt, o.Message, s.Message) {
		s.Message, s.MessageAt, changed = o.Message, o.MessageAt, true
	}
	if newer(o.AckedAt, s.AckedAt, boolText(o.Acked), boolText(s.Acked)) {
		s.Acked, s.AckedAt, changed = o.Acked, o.AckedAt, true
	}
	if o.Priority != "" && newer(o.PriorityAt, s.PriorityAt, string(o.Priority), string(s.Priority)) {
		s.Priority, s.PriorityAt, changed = o.Priority, o.PriorityAt, true
	}
	for _, u := range o.Updates {
		changed = s.addUpdate(u) || changed
	}
	return changed
}

func (s *Said) addUpdate(u Update) (changed bool) {
	at, found := slices.BinarySearchFunc(s.Updates, u, func(a, b Update) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Text, b.Text))
	})
	if found || at == 0 && len(s.Updates) >= maxUpdates {
		return false
	}
	s.Updates = keepLast(slices.Insert(s.Updates, at, u), maxUpdates)
	return true
}

// nothing reports whether it says nothing.
func (s *Said) nothing() bool { return !new(Said).merge(s) }

// withoutText is what it says but in words.
func (s Said) withoutText() Said {
	s.Message, s.MessageAt, s.Updates = "", time.Time{}, nil
	return s
}

// of is what it says as of times for which when is true.
func (s *Said) of(when func(time.Time) bool) *Said {
	var out Said
	if when(s.MessageAt) {
		out.Message, out.MessageAt = s.Message, s.MessageAt
	}
	if when(s.AckedAt) {
		out.Acked, out.AckedAt = s.Acked, s.AckedAt
	}
	if when(s.PriorityAt) {
		out.Priority, out.PriorityAt = s.Priority, s.PriorityAt
	}
	for _, u := range s.Updates {
		if when(u.At) {
			out.Updates = append(out.Updates, u)
		}
	}
	return &out
}

func (s *Said) weight() int {
	w := len(s.Message)
	for _, u := range s.Updates {
		w += 60 + len(u.Text)
	}
	return w
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
