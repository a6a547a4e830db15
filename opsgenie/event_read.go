package opsgenie

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxEvent is how many bytes [ReadEvent] takes: far more than Opsgenie sends.
const MaxEvent = 256 << 10

var (
	// ErrEventTooLarge is the error of [ReadEvent] for more than MaxEvent bytes.
	ErrEventTooLarge = errors.New("opsgenie: webhook body is larger than 256 KiB")
	// ErrNotEvent is in the chain of the error of [ReadEvent] for a body that
	// is not an event. Repeating it will not help. Such an error never quotes
	// the body, which may echo the secret headers of the integration.
	ErrNotEvent = errors.New("opsgenie: webhook body is not an event")
)

// ReadEvent reads the body of an outgoing webhook, of Opsgenie or of Jira
// Service Management. It takes the variations that are known from captures and
// relays: numbers as text and text as numbers, times in every unit, a body
// wrapped in "data", "payload" or "event", and the envelope of Amazon SNS.
// Unknown fields are ignored, a field that cannot be read is the zero value, and
// the headers that an escalation echoes are not kept.
//
// An error is [ErrEventTooLarge], [ErrNotEvent], or what r returned.
func ReadEvent(r io.Reader) (Event, error) {
	body, err := io.ReadAll(io.LimitReader(r, MaxEvent+1))
	if err != nil {
		return Event{}, fmt.Errorf("opsgenie: read webhook body: %w", err)
	}
	if len(body) > MaxEvent {
		return Event{}, ErrEventTooLarge
	}
	raw, err := unwrap(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if err != nil {
		return Event{}, err
	}
	var data eventData
	if json.Unmarshal(raw, &data) != nil {
		return Event{}, notEvent("a field has the wrong type")
	}
	e := data.event()
	switch {
	case e.Action == "":
		return Event{}, notEvent("it has no action")
	case e.Alert.ID == "":
		return Event{}, notEvent("it has no alert.alertId")
	}
	return e, nil
}

func notEvent(why string) error { return fmt.Errorf("%w: %s", ErrNotEvent, why) }

// unwrap takes an event out of what relays put round it.
func unwrap(raw []byte) (json.RawMessage, error) {
	for range 4 { // SNS round a wrapper round an event is three
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
			return nil, notEvent("it is not a JSON object")
		}
		_, hasAction := fields["action"]
		_, hasAlert := fields["alert"]
		switch {
		case fields["mappedActionV2"] != nil, !hasAlert && fields["actionType"] != nil && fields["entity"] != nil:
			return nil, notEvent("it is a job of Opsgenie Edge Connector's queue, which has another form: use a webhook integration")
		case hasAction && hasAlert:
			return raw, nil
		}
		inner := envelope(fields)
		if inner == nil {
			if t := textOf(fields["Type"]); t == "SubscriptionConfirmation" || t == "UnsubscribeConfirmation" {
				return nil, notEvent("it is Amazon SNS's " + t + ": confirm the subscription in AWS")
			}
			return raw, nil // what is missing is said later
		}
		raw = inner
	}
	return nil, notEvent("it is wrapped too deeply")
}

// envelope returns what is in a wrapper, which may be JSON inside a string, or
// nil if there is no wrapper.
func envelope(fields map[string]json.RawMessage) []byte {
	names := []string{"data", "payload", "event"}
	if textOf(fields["Type"]) == "Notification" {
		names = []string{"Message"} // Amazon SNS
	}
	for _, name := range names {
		inner := fields[name]
		if len(inner) == 0 {
			continue
		}
		if inner[0] == '"' {
			inner = json.RawMessage(strings.TrimSpace(scalar(inner)))
		}
		if len(inner) > 0 && inner[0] == '{' {
			return inner
		}
	}
	return nil
}

// textOf returns the text of a JSON value that may be missing.
func textOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	return scalar(raw)
}

// eventData is an event as webhooks send it.
type eventData struct {
	Action          looseText       `json:"action"`
	Alert           looseEventAlert `json:"alert"`
	Source          looseSource     `json:"source"`
	IntegrationID   looseText       `json:"integrationId"`
	IntegrationName looseText       `json:"integrationName"`
	IntegrationType looseText       `json:"integrationType"`

	EscalationID     looseText      `json:"escalationId"`
	EscalationName   looseText      `json:"escalationName"`
	EscalationTime   looseInt       `json:"escalationTime"`
	RepeatCount      looseInt       `json:"repeatCount"`
	EscalationNotify looseResponder `json:"escalationNotify"`
}

type eventAlertData struct {
	AlertID       looseText       `json:"alertId"`
	TinyID        looseText       `json:"tinyId"`
	Alias         looseText       `json:"alias"`
	Message       looseText       `json:"message"`
	Entity        looseText       `json:"entity"`
	Source        looseText       `json:"source"`
	Username      looseText       `json:"username"`
	UserID        looseText       `json:"userId"`
	Tags          looseList       `json:"tags"`
	AddedTags     looseList       `json:"addedTags"`
	RemovedTags   looseList       `json:"removedTags"`
	Teams         looseList       `json:"teams"`
	Recipients    looseList       `json:"recipients"`
	Responders    looseResponders `json:"responders"`
	Actions       looseList       `json:"actions"`
	Priority      loosePriority   `json:"priority"`
	OldPriority   loosePriority   `json:"oldPriority"`
	CreatedAt     looseTime       `json:"createdAt"`
	UpdatedAt     looseTime       `json:"updatedAt"`
	InsertedAt    looseTime       `json:"insertedAt"`
	SnoozedUntil  looseTime       `json:"snoozedUntil"`
	SnoozeEndDate looseTime       `json:"snoozeEndDate"`
	Note          looseText       `json:"note"`
	Owner         looseText       `json:"owner"`
	Team          looseText       `json:"team"`
	Recipient     looseText       `json:"recipient"`
	Description   looseText       `json:"description"`
	Details       looseMap        `json:"details"`
}

func (d *eventData) event() Event {
	a := d.Alert
	if a.SnoozedUntil.IsZero() {
		a.SnoozedUntil = a.SnoozeEndDate
	}
	e := Event{
		Action:      EventAction(strings.TrimSpace(string(d.Action))),
		Source:      EventSource(d.Source),
		Integration: Integration{string(d.IntegrationID), string(d.IntegrationName), string(d.IntegrationType)},
		Alert: EventAlert{
			ID:           strings.TrimSpace(string(a.AlertID)),
			TinyID:       string(a.TinyID),
			Alias:        string(a.Alias),
			Message:      strings.TrimSpace(string(a.Message)),
			Entity:       string(a.Entity),
			Source:       string(a.Source),
			Username:     string(a.Username),
			UserID:       string(a.UserID),
			Tags:         a.Tags,
			AddedTags:    a.AddedTags,
			RemovedTags:  a.RemovedTags,
			Teams:        a.Teams,
			Recipients:   a.Recipients,
			Responders:   a.Responders,
			Actions:      a.Actions,
			Priority:     Priority(a.Priority),
			OldPriority:  Priority(a.OldPriority),
			CreatedAt:    a.CreatedAt.Time,
			UpdatedAt:    a.UpdatedAt.Time,
			InsertedAt:   a.InsertedAt.Time,
			SnoozedUntil: a.SnoozedUntil.Time,
			Note:         string(a.Note),
			Owner:        string(a.Owner),
			Team:         string(a.Team),
			Recipient:    string(a.Recipient),
			Description:  string(a.Description),
			Details:      a.Details,
		},
	}
	if d.EscalationID != "" || d.EscalationName != "" {
		e.Escalation = &EventEscalation{
			ID: string(d.EscalationID), Name: string(d.EscalationName), Time: int(d.EscalationTime),
			RepeatCount: int(d.RepeatCount), Notify: Responder(d.EscalationNotify),
		}
	}
	return e
}

// looseEventAlert reads an object and takes anything else for an empty one.
type looseEventAlert struct{ eventAlertData }

func (a *looseEventAlert) UnmarshalJSON(b []byte) error {
	_ = json.Unmarshal(b, &a.eventAlertData)
	return nil
}

// looseSource reads {name, type}, or a text as the type.
type looseSource EventSource

func (s *looseSource) UnmarshalJSON(b []byte) error {
	var d struct{ Name, Type looseText }
	if json.Unmarshal(b, &d) != nil {
		d.Type = looseText(scalar(b))
	}
	*s = looseSource{string(d.Name), string(d.Type)}
	return nil
}

// looseResponder reads {type, id, name} and takes anything else for nobody.
type looseResponder Responder

func (r *looseResponder) UnmarshalJSON(b []byte) error {
	var l looseResponders
	_ = l.UnmarshalJSON(append(append([]byte{'['}, b...), ']'))
	if len(l) > 0 {
		*r = looseResponder(l[0])
	}
	return nil
}
