package jsmops

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// alertData is an alert as the API sends it. Each field is read by itself, so
// that one of an odd shape never costs the whole alert.
type alertData map[string]json.RawMessage

func (d alertData) alert() opsgenie.Alert {
	a := opsgenie.Alert{
		ID:           d.text("id"),
		TinyID:       d.text("tinyId"),
		Alias:        d.text("alias"),
		Message:      d.text("message"),
		Status:       opsgenie.Status(strings.ToLower(d.text("status"))),
		Acknowledged: d.text("acknowledged") == "true",
		Seen:         d.text("seen") == "true",
		Snoozed:      d.text("snoozed") == "true",
		SnoozedUntil: d.time("snoozedUntil"),
		Tags:         read[[]string](d["tags"]),
		CreatedAt:    d.time("createdAt"),
		UpdatedAt:    d.time("updatedAt"),
		// The API spells it with one r; somebody may mend that.
		LastOccurredAt: cmp.Or(d.time("lastOccuredAt"), d.time("lastOccurredAt")),
		Source:         d.text("source"),
		Owner:          d.text("owner"),
		Priority:       opsgenie.Priority(d.text("priority")),
		Responders:     read[[]opsgenie.Responder](d["responders"]),
		Integration:    opsgenie.Integration{Name: d.text("integrationName"), Type: d.text("integrationType")},
		Description:    d.text("description"),
		Entity:         d.text("entity"),
		Actions:        read[[]string](d["actions"]),
	}
	a.Count, _ = strconv.Atoi(d.text("count"))
	for name, value := range read[map[string]json.RawMessage](d["extraProperties"]) {
		if a.Details == nil {
			a.Details = make(map[string]string)
		}
		a.Details[name] = scalar(value)
	}
	return a
}

type noteData map[string]json.RawMessage

func (d noteData) note() opsgenie.Note {
	n := alertData(d)
	return opsgenie.Note{Note: n.text("note"), Owner: n.text("owner"), CreatedAt: n.time("createdAt"), Offset: n.text("id")}
}

func (d alertData) text(name string) string { return scalar(d[name]) }

func (d alertData) time(name string) time.Time {
	s := d.text(name)
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC()
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

// scalar is the text of a string, number or boolean; of other values their JSON,
// and of null nothing.
func scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if raw = bytes.TrimSpace(raw); bytes.Equal(raw, []byte("null")) {
		return ""
	}
	return string(raw)
}

// read reads a value, or nothing where it has another shape.
func read[T any](raw json.RawMessage) T {
	var v T
	if json.Unmarshal(raw, &v) != nil {
		var none T
		return none
	}
	return v
}

// links are those of a list. They are relative.
type links struct {
	Next string `json:"next"`
}

func (l *links) more() bool { return l != nil && l.Next != "" }

// next returns what the link to the next page asks for.
func (l *links) next() url.Values {
	if !l.more() {
		return nil
	}
	u, err := url.Parse(l.Next)
	if err != nil {
		return nil
	}
	return u.Query()
}
