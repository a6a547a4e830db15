package opsgenietest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/routewatch/routewatch/opsgenie"
)

// form is the fields of a call, from its body or its query. Reading a field
// checks it.
type form struct {
	x   *exchange
	raw map[string]json.RawMessage
}

// read turns the call into an act, and complains of what is wrong. rest is the
// name of a custom action.
func (x *exchange) read(rest string) {
	switch x.call.Op {
	case OpList, OpCount:
		x.readSearch()
		return
	case OpListNotes:
		x.readPage()
		return
	case OpGet, OpRequestStatus, OpPing:
		return
	}
	f, ok := x.form()
	if !ok {
		return
	}
	act := &x.act
	switch x.call.Op {
	case OpCreate:
		act.Name, act.New = ActCreate, f.newAlert()
		return
	case OpClose:
		act.Name = ActClose
	case OpDelete:
		act.Name = ActDelete
	case OpAcknowledge:
		act.Name = ActAcknowledge
	case OpUnacknowledge:
		act.Name = ActUnacknowledge
	case OpAddNote:
		act.Name = ActAddNote
		f.require("note")
	case OpAddTags:
		act.Name, act.Tags = ActAddTags, f.tags()
		f.require("tags")
	case OpRemoveTags:
		act.Name, act.Tags = ActRemoveTags, split(x.call.Query.Get("tags"))
		f.require("tags")
	case OpAddDetails:
		act.Name, act.Details = ActAddDetails, f.details()
		f.require("details")
	case OpRemoveDetails:
		act.Name, act.Keys = ActRemoveDetails, split(x.call.Query.Get("keys"))
		f.require("keys")
	case OpUpdateMessage:
		act.Name, act.Text = ActUpdateMessage, f.text("message", opsgenie.MaxMessage)
		f.require("message")
	case OpUpdateDescription:
		act.Name, act.Text = ActUpdateDescription, f.text("description", opsgenie.MaxDescription)
		f.require("description")
	case OpUpdatePriority:
		act.Name, act.Priority = ActUpdatePriority, f.priority()
		f.require("priority")
	case OpSnooze:
		act.Name, act.Until = ActSnooze, f.future("endTime")
		f.require("endTime")
	case OpAssign:
		act.Name, act.Owner = ActAssign, f.who("owner")
		f.require("owner")
	case OpEscalate:
		act.Name, act.Escalation = ActEscalate, f.who("escalation")
		f.require("escalation")
	case OpCustom:
		act.Name = rest
	}
	act.Action = f.action()
}

// form parses the fields: those of a DELETE are in the query.
func (x *exchange) form() (form, bool) {
	f := form{x: x, raw: make(map[string]json.RawMessage)}
	if x.call.Method == http.MethodDelete {
		for key := range x.call.Query {
			f.raw[key], _ = json.Marshal(x.call.Query.Get(key)) // text always marshals
		}
		return f, true
	}
	if len(x.call.Body) == 0 && x.call.Op != OpCreate {
		return f, true // every field of an action may be left out
	}
	if err := json.Unmarshal(x.call.Body, &f.raw); err != nil {
		x.flag("the body is no JSON object: %v", err)
		x.wrong = &refusal{status: http.StatusBadRequest, message: "Could not parse the request body as a JSON object"}
		return f, false
	}
	return f, true
}

// newAlert reads the body of a create.
func (f form) newAlert() opsgenie.NewAlert {
	act := f.action()
	n := opsgenie.NewAlert{
		Message:     f.text("message", opsgenie.MaxMessage),
		Alias:       f.text("alias", opsgenie.MaxAlias),
		Description: f.text("description", opsgenie.MaxDescription),
		Responders:  f.responders("responders", opsgenie.MaxResponders),
		VisibleTo:   f.responders("visibleTo", opsgenie.MaxVisibleTo),
		Actions:     f.texts("actions"),
		Tags:        f.tags(),
		Details:     f.details(),
		Entity:      f.text("entity", opsgenie.MaxEntity),
		Priority:    f.priority(),
		User:        act.User,
		Source:      act.Source,
		Note:        act.Note,
	}
	f.require("message")
	if len(n.Actions) > opsgenie.MaxActions {
		f.x.refuse("actions", fmt.Sprintf("are %d, at most %d are allowed", len(n.Actions), opsgenie.MaxActions))
	}
	for i, name := range n.Actions {
		f.short(fmt.Sprintf("actions[%d]", i), name, opsgenie.MaxAction)
	}
	return n
}

// action reads what every call may say of itself.
func (f form) action() opsgenie.Action {
	return opsgenie.Action{
		User:   f.text("user", opsgenie.MaxUser),
		Source: f.text("source", opsgenie.MaxSource),
		Note:   f.text("note", opsgenie.MaxNote),
	}
}

// value decodes a field into v. It reports false for one that is absent, null
// or of another type, and complains of the last.
func (f form) value(name string, v any, kind string) bool {
	raw, ok := f.raw[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		f.x.refuse(name, "must be "+kind)
		return false
	}
	return true
}

// require complains of a field that is absent or empty.
func (f form) require(name string) {
	switch strings.Join(strings.Fields(string(f.raw[name])), "") {
	case "", "null", `""`, "[]", "{}":
		f.x.refuse(name, "can not be empty")
	default:
		var s string
		if json.Unmarshal(f.raw[name], &s) == nil && strings.TrimSpace(s) == "" {
			f.x.refuse(name, "can not be empty")
		}
	}
}

func (f form) text(name string, limit int) string {
	var s string
	f.value(name, &s, "a text")
	f.short(name, s, limit)
	return s
}

// short complains of a text that is too long.
func (f form) short(name, s string, limit int) {
	if n := utf8.RuneCountInString(s); n > limit {
		f.x.refuse(name, fmt.Sprintf("has %d characters, at most %d are allowed", n, limit))
	}
}

func (f form) texts(name string) []string {
	var list []string
	f.value(name, &list, "a list of texts")
	return list
}

// tags reads tags. Opsgenie takes too many and too long ones and loses what is
// over: a call that does so is answered as if it were right.
func (f form) tags() []string {
	tags := f.texts("tags")
	if len(tags) > opsgenie.MaxTags {
		f.x.flag("tags are %d, those after number %d are dropped", len(tags), opsgenie.MaxTags)
	}
	for _, tag := range tags {
		if n := utf8.RuneCountInString(tag); n > opsgenie.MaxTag {
			f.x.flag("tag %q has %d characters, it is cut to %d", tag, n, opsgenie.MaxTag)
		}
	}
	return tags
}

// details reads the flat map of texts. Numbers and truth values are taken as
// their text, as they are in the wild, but are not what the API documents.
func (f form) details() map[string]string {
	var raw map[string]any
	if !f.value("details", &raw, "a map of texts") {
		return nil
	}
	details, total := make(map[string]string, len(raw)), 0
	for key, v := range raw {
		switch v := v.(type) {
		case string:
			details[key] = v
		case float64, bool:
			f.x.flag("details.%s is a %T, not a text", key, v)
			details[key] = fmt.Sprint(v)
		case nil:
			f.x.flag("details.%s is null, not a text", key)
			continue
		default:
			f.x.refuse("details", fmt.Sprintf("must be a flat map of texts, and %q is not one", key))
			continue
		}
		total += utf8.RuneCountInString(key) + utf8.RuneCountInString(details[key])
	}
	if total > opsgenie.MaxDetails {
		f.x.refuse("details", fmt.Sprintf("have %d characters, at most %d are allowed", total, opsgenie.MaxDetails))
	}
	return details
}

func (f form) priority() opsgenie.Priority {
	var p opsgenie.Priority
	if f.value("priority", &p, "a text") && p != "" && !p.Valid() {
		f.x.refuse("priority", fmt.Sprintf("must be one of P1, P2, P3, P4, P5, not %q", string(p)))
	}
	return p
}

func (f form) responders(name string, limit int) []opsgenie.Responder {
	var list []opsgenie.Responder
	f.value(name, &list, "a list of responders")
	if len(list) > limit {
		f.x.refuse(name, fmt.Sprintf("are %d, at most %d are allowed", len(list), limit))
	}
	for i, r := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		if err := r.Validate(); err != nil {
			f.x.refuse(at, "is wrong: "+err.Error())
		} else if name == "visibleTo" && r.Type != opsgenie.User && r.Type != opsgenie.Team {
			f.x.refuse(at, "must be a user or a team, not "+string(r.Type))
		}
	}
	return list
}

// who reads a reference to a user or an escalation.
func (f form) who(name string) string {
	var v struct{ ID, Name, Username string }
	if !f.value(name, &v, "an object with id, name or username") {
		return ""
	}
	switch {
	case v.Username != "":
		return v.Username
	case v.Name != "":
		return v.Name
	}
	return v.ID
}

// future reads a time that must not have passed.
func (f form) future(name string) time.Time {
	var t time.Time
	if f.value(name, &t, "a time in ISO 8601") && !t.After(time.Now()) {
		f.x.refuse(name, "must be in the future")
	}
	return t
}

// split reads a comma separated list.
func split(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
