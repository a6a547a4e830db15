package opsgenie

import (
	"fmt"
	"time"
)

// NewAlert is an alert to be raised: the body of a create call. Message is the
// only field that Opsgenie demands. A create whose Alias belongs to an alert
// that is still open raises that alert's count and changes nothing else.
//
// Every field has a limit (see the constants of this package); [Client.Create]
// cuts what is longer, visibly, as [NewAlert.Fit] does.
type NewAlert struct {
	// Message is the one line that a phone shows. At most MaxMessage runes.
	Message string `json:"message"`
	// Alias is the key by which Opsgenie tells repeats of one alert from a new
	// one: exact and case-sensitive. Without it every create is a new alert,
	// and repeating a create after a failure is not safe.
	Alias       string            `json:"alias,omitempty"`
	Description string            `json:"description,omitempty"`
	Responders  []Responder       `json:"responders,omitempty"`
	VisibleTo   []Responder       `json:"visibleTo,omitempty"`
	Actions     []string          `json:"actions,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Details     map[string]string `json:"details,omitempty"`
	Entity      string            `json:"entity,omitempty"`
	Source      string            `json:"source,omitempty"`
	Priority    Priority          `json:"priority,omitempty"`
	User        string            `json:"user,omitempty"`
	Note        string            `json:"note,omitempty"`
}

// Alert is an alert as Opsgenie holds it. The list leaves Description, Details,
// Entity and Actions empty; [Client.Get] fills them.
type Alert struct {
	ID             string            `json:"id"`
	TinyID         string            `json:"tinyId"`
	Alias          string            `json:"alias"`
	Message        string            `json:"message"`
	Status         Status            `json:"status"`
	Acknowledged   bool              `json:"acknowledged"`
	Seen           bool              `json:"seen"`
	Snoozed        bool              `json:"snoozed"`
	SnoozedUntil   time.Time         `json:"snoozedUntil,omitzero"`
	Tags           []string          `json:"tags"`
	Count          int               `json:"count"`
	CreatedAt      time.Time         `json:"createdAt"`
	UpdatedAt      time.Time         `json:"updatedAt"`
	LastOccurredAt time.Time         `json:"lastOccurredAt"`
	Source         string            `json:"source"`
	Owner          string            `json:"owner"`
	Priority       Priority          `json:"priority"`
	Responders     []Responder       `json:"responders,omitempty"`
	Integration    Integration       `json:"integration,omitzero"`
	Description    string            `json:"description,omitempty"`
	Details        map[string]string `json:"details,omitempty"`
	Entity         string            `json:"entity,omitempty"`
	Actions        []string          `json:"actions,omitempty"`
}

// Open reports whether the alert still counts. Acknowledged and snoozed alerts
// are open: everything that is not closed is.
func (a Alert) Open() bool { return a.Status != StatusClosed }

// Status is the state of an alert. Acknowledged and snoozed are flags beside
// it, not states.
type Status string

// The states that the Alert API documents.
const (
	StatusOpen   Status = "open"
	StatusClosed Status = "closed"
)

// Integration is the integration that an alert came through.
type Integration struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// Note is a note of an alert.
type Note struct {
	Note      string    `json:"note"`
	Owner     string    `json:"owner"`
	CreatedAt time.Time `json:"createdAt"`
	// Offset is the place of this note in the list, for paging. Opaque.
	Offset string `json:"offset"`
}

// Priority is the urgency of an alert, P1 (critical) to P5 (informational).
// The zero value leaves the choice to Opsgenie, which takes P3. There is no P0.
type Priority string

// The priorities of Opsgenie.
const (
	P1 Priority = "P1"
	P2 Priority = "P2"
	P3 Priority = "P3"
	P4 Priority = "P4"
	P5 Priority = "P5"
)

// Valid reports whether p is one of P1 to P5. The zero value is not.
func (p Priority) Valid() bool {
	switch p {
	case P1, P2, P3, P4, P5:
		return true
	}
	return false
}

// ResponderType says what a [Responder] is.
type ResponderType string

// The kinds of responders that a create call takes.
const (
	User       ResponderType = "user"
	Team       ResponderType = "team"
	Escalation ResponderType = "escalation"
	Schedule   ResponderType = "schedule"
)

// Responder is somebody whom an alert notifies. One of ID, Name and Username
// names it; Username is for users alone.
type Responder struct {
	Type     ResponderType `json:"type"`
	ID       string        `json:"id,omitempty"`
	Name     string        `json:"name,omitempty"`
	Username string        `json:"username,omitempty"`
}

// Validate says what is wrong with r, or nil.
func (r Responder) Validate() error {
	switch r.Type {
	case User, Team, Escalation, Schedule:
	default:
		return fmt.Errorf("responder type %q is none of user, team, escalation, schedule", string(r.Type))
	}
	if r.Username != "" && r.Type != User {
		return fmt.Errorf("responder of type %s has a username, which only a user has: use its name or id", r.Type)
	}
	if r.ID == "" && r.Name == "" && r.Username == "" {
		return fmt.Errorf("responder of type %s has no id, name or username", r.Type)
	}
	return nil
}

// IdentifierType says what the text of a [Ref] is.
type IdentifierType string

// The identifiers that the Alert API takes. ByID is the API's own default.
const (
	ByID     IdentifierType = "id"
	ByAlias  IdentifierType = "alias"
	ByTinyID IdentifierType = "tiny"
)

// Ref names one alert.
type Ref struct {
	By    IdentifierType
	Value string
}

// ID names the alert with the given id.
func ID(id string) Ref { return Ref{ByID, id} }

// Alias names the open alert with the given alias. It may hold any character.
func Alias(alias string) Ref { return Ref{ByAlias, alias} }

// TinyID names an alert by the short number that the console shows.
func TinyID(id string) Ref { return Ref{ByTinyID, id} }

// Action is what every call that acts on an alert may say of itself. All of it
// is optional.
type Action struct {
	User   string `json:"user,omitempty"`   // who acted; at most MaxUser runes
	Source string `json:"source,omitempty"` // what acted; at most MaxSource runes
	Note   string `json:"note,omitempty"`   // kept with the alert; at most MaxNote runes
}
