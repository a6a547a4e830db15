package opsgenietest

import (
	"strings"

	"github.com/routewatch/routewatch/opsgenie"
)

// maxPayloadText is where webhooks cut description and details.
const maxPayloadText = 1000

// payload is the body of a webhook call. The schema is that of the vendor's
// "Webhook integration" page; details of it were seen in captures: a Delete
// has no tags, an Escalate only the alert's id, and added and removed tags are
// texts joined by commas inside the alert.
func payload(h *hook, act Act, alert *Alert, old opsgenie.Priority) map[string]any {
	body := map[string]any{
		"action":          act.Name,
		"integrationId":   h.id,
		"integrationName": h.Name,
		"integrationType": "Webhook",
	}
	if act.Name == ActEscalate {
		body["escalationId"] = act.Escalation
		body["escalationName"] = act.Escalation
		body["escalationTime"] = 0
		body["repeatCount"] = 0
		body["alert"] = map[string]any{"alertId": alert.ID}
		return body
	}
	source := map[string]any{"name": "", "type": "web"}
	if act.requestID != "" {
		source = map[string]any{"name": act.Source, "type": "API"}
	}
	body["source"] = source

	user := act.User
	if user == "" {
		user = apiIntegration.Name
	}
	teams := []string{}
	for _, r := range alert.Responders {
		if r.Type == opsgenie.Team && r.ID != "" {
			teams = append(teams, r.ID)
		}
	}
	a := map[string]any{
		"alertId":   alert.ID,
		"message":   alert.Message,
		"alias":     alert.Alias,
		"tinyId":    alert.TinyID,
		"entity":    alert.Entity,
		"source":    alert.Source,
		"username":  user,
		"teams":     teams,
		"priority":  alert.Priority,
		"createdAt": alert.CreatedAt.UnixMilli(),
		"updatedAt": alert.UpdatedAt.UnixNano(), // documented with 19 digits
	}
	if act.Name != ActDelete {
		a["tags"] = append([]string{}, alert.Tags...)
	}
	if act.Name != ActCreate {
		a["oldPriority"] = old
	}
	if act.Note != "" {
		a["note"] = act.Note
	}
	switch act.Name {
	case ActAddTags:
		a["addedTags"] = strings.Join(act.Tags, ",")
	case ActRemoveTags:
		a["removedTags"] = strings.Join(act.Tags, ",")
	case ActAssign:
		a["owner"] = act.Owner
	case ActSnooze:
		a["snoozedUntil"] = act.Until.UnixMilli()
		a["snoozeEndDate"] = act.Until.UTC().Format("2006-01-02 15:04:05")
	}
	if h.Description {
		a["description"] = cut(alert.Description, maxPayloadText)
	}
	if h.Details {
		details := make(map[string]string, len(alert.Details))
		for key, value := range alert.Details {
			details[key] = cut(value, maxPayloadText)
		}
		a["details"] = details
	}
	body["alert"] = a
	return body
}
