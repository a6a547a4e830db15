package opsgenietest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// The names of what can be done to an alert, as webhooks spell them.
const (
	ActCreate            = "Create"
	ActClose             = "Close"
	ActDelete            = "Delete"
	ActAcknowledge       = "Acknowledge"
	ActUnacknowledge     = "UnAcknowledge"
	ActAddNote           = "AddNote"
	ActAddTags           = "AddTags"
	ActRemoveTags        = "RemoveTags"
	ActUpdateMessage     = "UpdateMessage"
	ActUpdateDescription = "UpdateDescription"
	ActUpdatePriority    = "UpdatePriority"
	ActSnooze            = "Snooze"
	ActAssign            = "AssignOwnership"
	ActEscalate          = "Escalate"

	// No webhook is documented for these two, and none is sent.
	ActAddDetails    = "AddDetails"
	ActRemoveDetails = "RemoveDetails"
)

// Act is something done to an alert. Name and Ref are required (Ref not for a
// Create); what else is read depends on Name.
type Act struct {
	// Name is one of the Act constants; any other name is a custom action.
	Name string
	Ref  opsgenie.Ref
	opsgenie.Action
	New      opsgenie.NewAlert // Create; its User, Source and Note count
	Tags     []string          // AddTags, RemoveTags
	Details  map[string]string // AddDetails
	Keys     []string          // RemoveDetails
	Text     string            // UpdateMessage, UpdateDescription
	Priority opsgenie.Priority // UpdatePriority
	Until    time.Time         // Snooze
	Owner    string            // AssignOwnership
	// Escalation is the name or id of an escalation, for Escalate.
	Escalation string

	requestID string // of the call, if one asked for it
	client    string // where the call came from: the source when none is given
}

// Do does something to an alert at once, as a person in the console would: no
// call is recorded and no fault applies, but webhooks fire. It returns the
// alert as it then is, or why nothing was done.
func (f *Fake) Do(act Act) (Alert, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.apply(act)
	if out.alert == nil {
		return Alert{}, errors.New("opsgenietest: " + out.text)
	}
	if !out.ok {
		return out.alert.clone(), errors.New("opsgenietest: " + out.text)
	}
	return out.alert.clone(), nil
}

// Raise creates an alert at once, as [Fake.Do] does, or raises the count of the
// one that is open, and returns it. Its fields are not checked.
func (f *Fake) Raise(n opsgenie.NewAlert) Alert {
	alert, _ := f.Do(Act{Name: ActCreate, New: n}) // a create cannot fail here
	return alert
}

// outcome is what became of an act.
type outcome struct {
	ok    bool
	text  string // what the request's status says
	alert *Alert // nil when there is none
}

// apply does an act, indexes the result and fires the webhooks. f.mu is held.
func (f *Fake) apply(act Act) outcome {
	at := now()
	if act.Name == ActCreate {
		act.Action = opsgenie.Action{User: act.New.User, Source: act.New.Source, Note: act.New.Note}
	}
	if act.Source == "" {
		act.Source = act.client
	}
	var (
		out outcome
		old opsgenie.Priority
	)
	if act.Name == ActCreate {
		out = f.create(act, at)
	} else if alert := f.account.find(act.Ref); alert == nil {
		return outcome{text: "Alert does not exist"}
	} else {
		old = alert.Priority
		alert.wake(at)
		out = f.change(alert, act, at)
	}
	if !out.ok {
		return out
	}
	alert := out.alert
	repeated := act.Name == ActCreate && alert.Count > 1
	if !repeated {
		f.account.note(alert, act.Note, act.owner(), at)
	}
	alert.log(Entry{
		Action: act.Name, RequestID: act.requestID, User: act.User, Source: act.Source, Note: act.Note, At: at,
	})
	f.index.put(alert, act.Name == ActDelete, at)
	f.fire(act, alert, old, repeated)
	f.broadcast()
	return out
}

// create makes an alert, or counts a repeat: that changes nothing but count and
// lastOccurredAt.
func (f *Fake) create(act Act, at time.Time) outcome {
	if alert := f.account.open[act.New.Alias]; alert != nil && act.New.Alias != "" {
		alert.Count++
		alert.LastOccurredAt = at
		return outcome{ok: true, text: "Alert count is increased", alert: alert}
	}
	act.New.Source = act.Source
	return outcome{ok: true, text: "Created alert", alert: f.account.insert(act.New, at)}
}

// change does any act but a create to an alert that exists.
func (f *Fake) change(alert *Alert, act Act, at time.Time) outcome {
	refuse := func(text string) outcome { return outcome{text: text, alert: alert} }
	text := "Executed " + act.Name + " action"
	switch act.Name {
	case ActClose:
		if !alert.Open() {
			return refuse("Alert is already closed")
		}
		alert.Status, alert.ClosedAt, alert.ClosedBy = opsgenie.StatusClosed, at, act.owner()
		f.account.release(alert)
		text = "Closed alert"
	case ActDelete:
		f.account.remove(alert)
		text = "Deleted alert"
	case ActAcknowledge:
		if !alert.Open() {
			return refuse("Alert is closed")
		}
		if alert.Acknowledged {
			return refuse("Alert is already acknowledged")
		}
		alert.Acknowledged, alert.AcknowledgedAt, alert.AcknowledgedBy = true, at, act.owner()
		alert.Owner = act.owner()
		text = "Acknowledged alert"
	case ActUnacknowledge:
		if !alert.Acknowledged {
			return refuse("Alert is not acknowledged")
		}
		alert.Acknowledged, alert.AcknowledgedAt, alert.AcknowledgedBy = false, time.Time{}, ""
	case ActAddTags:
		alert.Tags = mergeTags(alert.Tags, act.Tags)
	case ActRemoveTags:
		alert.Tags = slices.DeleteFunc(alert.Tags, func(tag string) bool { return slices.Contains(act.Tags, tag) })
	case ActAddDetails:
		if alert.Details == nil {
			alert.Details = make(map[string]string)
		}
		maps.Copy(alert.Details, act.Details)
	case ActRemoveDetails:
		for _, key := range act.Keys {
			delete(alert.Details, key)
		}
	case ActUpdateMessage:
		alert.Message = act.Text
	case ActUpdateDescription:
		alert.Description = act.Text
	case ActUpdatePriority:
		alert.Priority = act.Priority
	case ActSnooze:
		alert.Snoozed, alert.SnoozedUntil = true, act.Until
	case ActAssign:
		alert.Owner = act.Owner
	}
	alert.UpdatedAt = at
	return outcome{ok: true, text: text, alert: alert}
}

// owner is who did the act, for lists that must name somebody.
func (act Act) owner() string {
	if who := strings.TrimSpace(act.User); who != "" {
		return who
	}
	return apiIntegration.Name
}
