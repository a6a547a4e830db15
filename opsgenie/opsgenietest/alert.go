package opsgenietest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Alert is an alert with all that a [Fake] knows of it.
type Alert struct {
	opsgenie.Alert
	AcknowledgedAt time.Time
	AcknowledgedBy string
	ClosedAt       time.Time
	ClosedBy       string
	Notes          []opsgenie.Note // oldest first
	// Log is what was done, oldest first; of very much, the latest 1,000.
	Log []Entry

	seq int // the order of creation
}

// Entry is a line in the log of an alert.
type Entry struct {
	Action    string // as in [Act]
	RequestID string // of the call; empty for what was done otherwise
	User      string
	Source    string
	Note      string
	At        time.Time
}

// Alerts returns all alerts in the order of their creation, closed ones too,
// deleted ones not.
func (f *Fake) Alerts() []Alert {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.account.all()
}

// account holds the alerts. The Fake's lock guards it.
type account struct {
	alerts []*Alert
	byID   map[string]*Alert
	byTiny map[string]*Alert
	open   map[string]*Alert // by alias
	seq    int               // of the latest alert
	notes  int               // made so far, for their offsets
}

func newAccount() account {
	return account{
		byID:   make(map[string]*Alert),
		byTiny: make(map[string]*Alert),
		open:   make(map[string]*Alert),
	}
}

// all copies every alert.
func (a *account) all() []Alert {
	at := time.Now()
	alerts := make([]Alert, 0, len(a.alerts))
	for _, alert := range a.alerts {
		c := alert.clone()
		c.wake(at)
		alerts = append(alerts, c)
	}
	return alerts
}

// find returns the alert that ref names, or nil. An alias names open alerts
// only.
func (a *account) find(ref opsgenie.Ref) *Alert {
	switch ref.By {
	case opsgenie.ByAlias:
		return a.open[ref.Value]
	case opsgenie.ByTinyID:
		return a.byTiny[ref.Value]
	default:
		return a.byID[ref.Value]
	}
}

// insert makes a new alert of n.
func (a *account) insert(n opsgenie.NewAlert, at time.Time) *Alert {
	a.seq++
	id := fmt.Sprintf("%s-%d", newID(), at.UnixMilli())
	alert := &Alert{seq: a.seq, Alert: opsgenie.Alert{
		ID:             id,
		TinyID:         fmt.Sprint(a.seq),
		Alias:          n.Alias,
		Message:        n.Message,
		Status:         opsgenie.StatusOpen,
		Tags:           mergeTags(nil, n.Tags),
		Count:          1,
		CreatedAt:      at,
		UpdatedAt:      at,
		LastOccurredAt: at,
		Source:         n.Source,
		Priority:       n.Priority,
		Responders:     slices.Clone(n.Responders),
		Integration:    apiIntegration,
		Description:    n.Description,
		Details:        maps.Clone(n.Details),
		Entity:         n.Entity,
		Actions:        slices.Clone(n.Actions),
	}}
	if alert.Alias == "" {
		alert.Alias = id
	}
	if alert.Priority == "" {
		alert.Priority = opsgenie.P3
	}
	a.alerts = append(a.alerts, alert)
	a.byID[id] = alert
	a.byTiny[alert.TinyID] = alert
	a.open[alert.Alias] = alert
	return alert
}

// remove forgets an alert.
func (a *account) remove(alert *Alert) {
	a.alerts = slices.DeleteFunc(a.alerts, func(b *Alert) bool { return b == alert })
	delete(a.byID, alert.ID)
	delete(a.byTiny, alert.TinyID)
	a.release(alert)
}

// release frees the alias of an alert that is no longer open.
func (a *account) release(alert *Alert) {
	if a.open[alert.Alias] == alert {
		delete(a.open, alert.Alias)
	}
}

// note adds a note, if there is one.
func (a *account) note(alert *Alert, text, owner string, at time.Time) {
	if text == "" {
		return
	}
	a.notes++
	alert.Notes = append(alert.Notes, opsgenie.Note{
		Note: text, Owner: owner, CreatedAt: at, Offset: fmt.Sprintf("%d_%06d", at.UnixMilli(), a.notes),
	})
}

// log adds a line to the log.
func (alert *Alert) log(e Entry) {
	if len(alert.Log) >= keptLog {
		alert.Log = slices.Delete(alert.Log, 0, keptLog/10)
	}
	alert.Log = append(alert.Log, e)
}

// wake ends a snooze whose time has come.
func (alert *Alert) wake(at time.Time) {
	if alert.Snoozed && !at.Before(alert.SnoozedUntil) {
		alert.Snoozed, alert.SnoozedUntil = false, time.Time{}
	}
}

// row is a copy without notes and log, for the index and for answers.
func (alert *Alert) row() *Alert {
	c := *alert
	c.Notes, c.Log = nil, nil
	c.Tags = slices.Clone(alert.Tags)
	c.Responders = slices.Clone(alert.Responders)
	c.Details = maps.Clone(alert.Details)
	c.Actions = slices.Clone(alert.Actions)
	return &c
}

// clone is a copy that its owner may change.
func (alert *Alert) clone() Alert {
	c := alert.row()
	c.Notes = slices.Clone(alert.Notes)
	c.Log = slices.Clone(alert.Log)
	return *c
}

// mergeTags adds tags to those of an alert as Opsgenie does: each once, cut at
// its limit, and without those after the 20th.
func mergeTags(tags, more []string) []string {
	merged := append([]string{}, tags...)
	for _, tag := range more {
		tag = cut(tag, opsgenie.MaxTag)
		if tag != "" && len(merged) < opsgenie.MaxTags && !slices.Contains(merged, tag) {
			merged = append(merged, tag)
		}
	}
	return merged
}

// cut returns the first n runes of s.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// newID makes a random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// apiIntegration is the integration that all alerts come through.
var apiIntegration = opsgenie.Integration{ID: "7b0f5b8e-0c1e-4c53-8f0a-0d1a2b3c4d5e", Name: "API", Type: "API"}
