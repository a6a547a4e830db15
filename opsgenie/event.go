package opsgenie

import (
	"slices"
	"strings"
	"time"
)

// Event is what an outgoing webhook of Opsgenie tells: that something was done
// to an alert. Opsgenie signs nothing, and may send an event twice, late, out of
// order or never; the same alert can even come as [EventCreate] more than once.
// Treat an event as a hint to look, and repeat it without harm.
//
// Only Action and Alert.ID are always there.
type Event struct {
	Action      EventAction
	Alert       EventAlert
	Source      EventSource      // who or what acted
	Integration Integration      // the webhook integration that sent it; often empty
	Escalation  *EventEscalation // with EventEscalate alone, else nil
}

// EventAction says what was done to the alert of an [Event]. A custom action
// has the free text that its user chose: an unknown value is not an error.
type EventAction string

// The actions of Opsgenie itself.
const (
	EventCreate            EventAction = "Create"
	EventClose             EventAction = "Close"
	EventDelete            EventAction = "Delete" // without tags
	EventAddTags           EventAction = "AddTags"
	EventRemoveTags        EventAction = "RemoveTags"
	EventAddNote           EventAction = "AddNote"
	EventAcknowledge       EventAction = "Acknowledge"
	EventUnacknowledge     EventAction = "UnAcknowledge"
	EventAddTeam           EventAction = "AddTeam"
	EventAddRecipient      EventAction = "AddRecipient"
	EventAddResponder      EventAction = "AddResponder"
	EventAssignOwnership   EventAction = "AssignOwnership"
	EventTakeOwnership     EventAction = "TakeOwnership"
	EventEscalate          EventAction = "Escalate" // with Alert.ID alone
	EventEscalateToNext    EventAction = "EscalateToNext"
	EventSnooze            EventAction = "Snooze"
	EventSnoozeEnded       EventAction = "SnoozeEnded"
	EventUpdatePriority    EventAction = "UpdatePriority"
	EventUpdateMessage     EventAction = "UpdateMessage"
	EventUpdateDescription EventAction = "UpdateDescription"
)

var eventActions = []EventAction{
	EventCreate, EventClose, EventDelete, EventAddTags, EventRemoveTags, EventAddNote,
	EventAcknowledge, EventUnacknowledge, EventAddTeam, EventAddRecipient, EventAddResponder,
	EventAssignOwnership, EventTakeOwnership, EventEscalate, EventEscalateToNext,
	EventSnooze, EventSnoozeEnded, EventUpdatePriority, EventUpdateMessage, EventUpdateDescription,
}

// Known reports whether a is one of Opsgenie's own actions. Others are custom.
func (a EventAction) Known() bool { return slices.Contains(eventActions, a) }

// EventSource is who or what caused an [Event].
type EventSource struct {
	Name string // often empty
	Type string // such as "API", "web", or an integration's name
}

// EventEscalation is the escalation of an [EventEscalate].
type EventEscalation struct {
	ID, Name    string
	Time        int // as configured, in minutes
	RepeatCount int
	Notify      Responder // who is notified
}

// EventAlert is the alert of an [Event], as far as the event tells of it. What
// it does not tell is the zero value.
type EventAlert struct {
	ID       string // what the Alert API calls id
	TinyID   string
	Alias    string
	Message  string // without blanks around it
	Entity   string
	Source   string
	Username string // who acted
	UserID   string // of whom who acted; empty when it was an integration

	// Tags are the tags after the event. Nil means that the event does not
	// tell (Delete, Escalate), empty that the alert has none. See AllTags.
	Tags []string
	// AddedTags and RemovedTags are what changed. Opsgenie joins them with
	// commas, so a tag that holds one comes apart. Nil means not told.
	AddedTags, RemovedTags []string

	Teams       []string // ids; Recipients in old payloads
	Recipients  []string
	Responders  []Responder
	Actions     []string
	Priority    Priority // a text that is no priority is kept: see Priority.Valid
	OldPriority Priority

	CreatedAt, UpdatedAt, InsertedAt time.Time
	SnoozedUntil                     time.Time

	Note        string // of AddNote, and of acts done with a note
	Owner       string // of AssignOwnership and TakeOwnership
	Team        string // of AddTeam
	Recipient   string // of AddRecipient
	Description string // only when the integration is set to send it; cut by Opsgenie at 1000 characters
	Details     map[string]string
}

// AllTags returns the tags by which a reader may look for one. Opsgenie sends a
// tag per element of Tags, and a tag may hold blanks; relays are known to put
// several into one element, with blanks between. There is no telling the two
// apart, so AllTags returns every element as it is and, after it, its words if
// it has more than one. Each comes once. Nil when Tags is.
//
// To look for the tag "servicename:Web shop", or for "critical", take AllTags;
// to show tags to a person, take Tags.
func (a EventAlert) AllTags() []string {
	if a.Tags == nil {
		return nil
	}
	out := make([]string, 0, len(a.Tags))
	add := func(tag string) {
		if !slices.Contains(out, tag) {
			out = append(out, tag)
		}
	}
	for _, tag := range a.Tags {
		if tag = strings.TrimSpace(tag); tag == "" {
			continue
		}
		add(tag)
		if words := strings.Fields(tag); len(words) > 1 && len(out) < maxAllTags {
			for _, word := range words {
				add(word)
			}
		}
	}
	return out
}

// maxAllTags bounds the work of AllTags on a body made up to cost it.
const maxAllTags = 200
