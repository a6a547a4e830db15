package opsgenietest

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Op is what a call asks for.
type Op string

// The calls that a [Fake] knows.
const (
	OpCreate            Op = "create alert"
	OpList              Op = "list alerts"
	OpCount             Op = "count alerts"
	OpGet               Op = "get alert"
	OpDelete            Op = "delete alert"
	OpClose             Op = "close alert"
	OpAcknowledge       Op = "acknowledge alert"
	OpUnacknowledge     Op = "unacknowledge alert"
	OpAddNote           Op = "add note"
	OpListNotes         Op = "list notes"
	OpAddTags           Op = "add tags"
	OpRemoveTags        Op = "remove tags"
	OpAddDetails        Op = "add details"
	OpRemoveDetails     Op = "remove details"
	OpUpdateMessage     Op = "update message"
	OpUpdateDescription Op = "update description"
	OpUpdatePriority    Op = "update priority"
	OpSnooze            Op = "snooze alert"
	OpAssign            Op = "assign alert"
	OpEscalate          Op = "escalate alert"
	OpCustom            Op = "custom action"
	OpRequestStatus     Op = "request status"
	OpPing              Op = "ping heartbeat"
	OpUnknown           Op = "unknown call"
)

// Call is one call that a [Fake] got, whatever became of it.
type Call struct {
	Op     Op
	Method string
	Path   string       // as it was sent, escaped, without the prefix
	Query  url.Values   // never nil
	Ref    opsgenie.Ref // the alert that the path names, if it does
	Header http.Header  // without Authorization: the key is not kept
	Body   []byte
	At     time.Time
	// RequestID is what the answer gave the call as its id.
	RequestID string
	// Status is the status of the answer; 0 while there is none, and for a call
	// that hung or was cut before its answer.
	Status int
	// Invalid says what is wrong with the call.
	Invalid []string
}

// Calls returns the calls so far, oldest first; of very many, the latest 10,000.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := make([]Call, 0, len(f.calls))
	for _, c := range f.calls {
		calls = append(calls, c.clone())
	}
	return calls
}

// CallsOf returns the calls of one kind so far, oldest first.
func (f *Fake) CallsOf(op Op) []Call {
	return slices.DeleteFunc(f.Calls(), func(c Call) bool { return c.Op != op })
}

// Invalid says what was wrong with the calls so far.
func (f *Fake) Invalid() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.invalid)
}

// TakeInvalid returns what [Fake.Invalid] does, and forgets it: the test
// expected it and does not fail.
func (f *Fake) TakeInvalid() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.invalid
	f.invalid = nil
	return taken
}

// Heartbeats returns the heartbeats that were pinged, each with its latest time.
func (f *Fake) Heartbeats() map[string]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	beats := make(map[string]time.Time, len(f.beats))
	for name, at := range f.beats {
		beats[name] = at
	}
	return beats
}

// record keeps a call and its complaints.
func (f *Fake) record(c *Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.calls) >= keptCalls {
		f.calls = slices.Delete(f.calls, 0, keptCalls/10)
	}
	f.calls = append(f.calls, c)
	for _, text := range c.Invalid {
		if len(f.invalid) < keptCalls {
			f.invalid = append(f.invalid, string(c.Op)+": "+text)
		}
	}
	f.broadcast()
}

// answered keeps the status of a call's answer.
func (f *Fake) answered(c *Call, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.Status = status
	f.broadcast()
}

// clone is a copy that its owner may change.
func (c *Call) clone() Call {
	d := *c
	d.Header = c.Header.Clone()
	d.Body = slices.Clone(c.Body)
	d.Invalid = slices.Clone(c.Invalid)
	d.Query = url.Values(http.Header(c.Query).Clone())
	return d
}
