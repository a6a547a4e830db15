package opsgenie

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"
)

// Get returns one alert with its description, details, entity and actions. It is
// not found for a while after Create, which is carried out later.
func (c *Client) Get(ctx context.Context, ref Ref) (Alert, error) {
	const op = "get alert"
	if err := c.unsupported(op, insteadAccount); err != nil {
		return Alert{}, err
	}
	kind, value, err := ref.sdk()
	if err != nil {
		return Alert{}, c.newError(op, err)
	}
	var result struct {
		sdk.ResultMetadata
		Data alertData `json:"data"`
	}
	if e := c.call(ctx, op, &alert.GetAlertRequest{IdentifierType: kind, IdentifierValue: value}, &result); e != nil {
		return Alert{}, e
	}
	return result.Data.alert(), nil
}

// RequestStatus is what became of a request that was accepted.
type RequestStatus struct {
	Success       bool      // whether it was carried out
	Action        string    // such as "Create"
	Status        string    // in words, such as "Created alert" or "Alert does not exist"
	AlertID       string    // the alert that it was about, if there is one
	Alias         string    // of that alert
	IntegrationID string    // the integration whose key was used
	ProcessedAt   time.Time // zero when the service does not say
}

// RequestStatus tells what became of the request with the given id. While it
// waits to be carried out the error is [ErrPending].
func (c *Client) RequestStatus(ctx context.Context, requestID string) (RequestStatus, error) {
	const op = "read request status"
	id, err := pathSegment(requestID)
	if err != nil {
		return RequestStatus{}, c.newError(op, err)
	}
	var result struct {
		sdk.ResultMetadata
		Data       *statusData `json:"data"`
		statusData             // an answer without the envelope
	}
	if e := c.call(ctx, op, &alert.GetRequestStatusRequest{RequestId: id}, &result); e != nil {
		return RequestStatus{}, e
	}
	s := result.statusData
	if result.Data != nil {
		s = *result.Data
	}
	return RequestStatus{
		Success:       bool(s.IsSuccess || s.Success),
		Action:        string(s.Action),
		Status:        string(s.Status),
		AlertID:       string(s.AlertID),
		Alias:         string(s.Alias),
		IntegrationID: string(s.IntegrationID),
		ProcessedAt:   s.ProcessedAt.Time,
	}, nil
}

type statusData struct {
	IsSuccess     looseBool `json:"isSuccess"`
	Success       looseBool `json:"success"`
	Action        looseText `json:"action"`
	Status        looseText `json:"status"`
	AlertID       looseText `json:"alertId"`
	Alias         looseText `json:"alias"`
	IntegrationID looseText `json:"integrationId"`
	ProcessedAt   looseTime `json:"processedAt"`
}

// Ping tells the heartbeat with the given name that its sender is alive.
func (c *Client) Ping(ctx context.Context, heartbeatName string) (requestID string, err error) {
	const op = "ping heartbeat"
	if err := c.unsupported(op, insteadPing); err != nil {
		return "", err
	}
	name, err := pathSegment(strings.TrimSpace(heartbeatName))
	if err != nil {
		return "", c.newError(op, fmt.Errorf("heartbeat: %w", err))
	}
	return c.act(ctx, op, &pingRequest{path: "/v2/heartbeats/" + name + "/ping"})
}

// pingRequest is the SDK's request of that name, which is unexported there. Its
// heartbeat client, which makes one, can only be had from the constructor that
// races with every other call.
type pingRequest struct {
	sdk.BaseRequest
	path string
}

func (r *pingRequest) Validate() error      { return nil }
func (r *pingRequest) Method() string       { return http.MethodGet }
func (r *pingRequest) ResourcePath() string { return r.path }

// alertData is an alert as the API sends it. It is not the SDK's, which refuses
// an alert whole when a time is empty or a detail is a number.
type alertData struct {
	ID             looseText       `json:"id"`
	TinyID         looseText       `json:"tinyId"`
	Alias          looseText       `json:"alias"`
	Message        looseText       `json:"message"`
	Status         looseText       `json:"status"`
	Acknowledged   looseBool       `json:"acknowledged"`
	Seen           looseBool       `json:"seen"`
	IsSeen         looseBool       `json:"isSeen"`
	Snoozed        looseBool       `json:"snoozed"`
	SnoozedUntil   looseTime       `json:"snoozedUntil"`
	Tags           looseList       `json:"tags"`
	Count          looseInt        `json:"count"`
	CreatedAt      looseTime       `json:"createdAt"`
	UpdatedAt      looseTime       `json:"updatedAt"`
	LastOccurredAt looseTime       `json:"lastOccurredAt"`
	Source         looseText       `json:"source"`
	Owner          looseText       `json:"owner"`
	Priority       loosePriority   `json:"priority"`
	Responders     looseResponders `json:"responders"`
	Integration    struct {
		ID   looseText `json:"id"`
		Name looseText `json:"name"`
		Type looseText `json:"type"`
	} `json:"integration"`
	Description looseText `json:"description"`
	Details     looseMap  `json:"details"`
	Entity      looseText `json:"entity"`
	Actions     looseList `json:"actions"`
}

func (d *alertData) alert() Alert {
	return Alert{
		ID:             string(d.ID),
		TinyID:         string(d.TinyID),
		Alias:          string(d.Alias),
		Message:        string(d.Message),
		Status:         Status(d.Status),
		Acknowledged:   bool(d.Acknowledged),
		Seen:           bool(d.Seen || d.IsSeen),
		Snoozed:        bool(d.Snoozed),
		SnoozedUntil:   d.SnoozedUntil.Time,
		Tags:           d.Tags,
		Count:          int(d.Count),
		CreatedAt:      d.CreatedAt.Time,
		UpdatedAt:      d.UpdatedAt.Time,
		LastOccurredAt: d.LastOccurredAt.Time,
		Source:         string(d.Source),
		Owner:          string(d.Owner),
		Priority:       Priority(d.Priority),
		Responders:     d.Responders,
		Integration:    Integration{string(d.Integration.ID), string(d.Integration.Name), string(d.Integration.Type)},
		Description:    string(d.Description),
		Details:        d.Details,
		Entity:         string(d.Entity),
		Actions:        d.Actions,
	}
}
