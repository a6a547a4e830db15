package opsgenietest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	"github.com/opsgenie/opsgenie-go-sdk-v2/client"
	"github.com/opsgenie/opsgenie-go-sdk-v2/heartbeat"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// The official SDK takes the fake for Opsgenie.
func TestOfficialSDK(t *testing.T) {
	s := opsgenietest.NewServer(t, &opsgenietest.Options{ProcessingDelay: 10 * time.Millisecond})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	cfg := &client.Config{
		ApiKey:         "a-key",
		OpsGenieAPIURL: client.ApiUrl(strings.TrimPrefix(s.URL, "http://")),
		HttpClient:     &http.Client{Transport: transport},
		Logger:         logger,
	}
	c, err := alert.NewClient(cfg)
	require.NoError(t, err)
	ctx := t.Context()

	created, err := c.Create(ctx, &alert.CreateAlertRequest{
		Message: "m", Alias: "a", Description: "d", Tags: []string{"x", "servicename:API"},
		Details:    map[string]string{"k": "v"},
		Priority:   alert.P2,
		Responders: []alert.Responder{{Type: alert.TeamResponder, Name: "ops"}, {Type: alert.UserResponder, Username: "u@example.com"}},
	})
	require.NoError(t, err)
	s.SetProcessingDelay(0) // one wait is enough: the SDK polls once a second
	assert.NotEmpty(t, created.RequestId)
	assert.NotZero(t, created.ResponseTime)
	assert.Equal(t, "OK", created.RateLimitState)
	status, err := created.RetrieveStatus(ctx) // polls until it is processed
	require.NoError(t, err)
	assert.True(t, status.IsSuccess)
	assert.Equal(t, "Create", status.Action)
	assert.Equal(t, "a", status.Alias)

	got, err := c.Get(ctx, &alert.GetAlertRequest{IdentifierType: alert.ALIAS, IdentifierValue: "a"})
	require.NoError(t, err)
	assert.Equal(t, status.AlertID, got.Id)
	assert.Equal(t, "d", got.Description)
	assert.Equal(t, map[string]string{"k": "v"}, got.Details)
	assert.Equal(t, alert.P2, got.Priority)
	assert.WithinDuration(t, time.Now(), got.CreatedAt, time.Minute)
	assert.Len(t, got.Responders, 2)

	added, err := c.AddNote(ctx, &alert.AddNoteRequest{IdentifierType: alert.ALIAS, IdentifierValue: "a", Note: "n", User: "me"})
	require.NoError(t, err)
	_, err = added.RetrieveStatus(ctx)
	require.NoError(t, err)
	notes, err := c.ListAlertNotes(ctx, &alert.ListAlertNotesRequest{IdentifierType: alert.ALIAS, IdentifierValue: "a"})
	require.NoError(t, err)
	require.Len(t, notes.AlertLog, 1)
	assert.Equal(t, "n", notes.AlertLog[0].Note)

	_, err = c.AddTags(ctx, &alert.AddTagsRequest{IdentifierType: alert.ALIAS, IdentifierValue: "a", Tags: []string{"y"}})
	require.NoError(t, err)
	_, err = c.RemoveTags(ctx, &alert.RemoveTagsRequest{IdentifierType: alert.ALIAS, IdentifierValue: "a", Tags: "x"})
	require.NoError(t, err)
	_, err = c.Acknowledge(ctx, &alert.AcknowledgeAlertRequest{IdentifierType: alert.ALIAS, IdentifierValue: "a"})
	require.NoError(t, err)
	require.NoError(t, s.Settle(ctx))
	list, err := c.List(ctx, &alert.ListAlertRequest{Query: `status: open AND tag: "servicename:API"`, Sort: alert.CreatedAt, Limit: 100})
	require.NoError(t, err)
	require.Len(t, list.Alerts, 1)
	assert.Equal(t, []string{"servicename:API", "y"}, list.Alerts[0].Tags)
	assert.True(t, list.Alerts[0].Acknowledged)

	closed, err := c.Close(ctx, &alert.CloseAlertRequest{IdentifierType: alert.ALIAS, IdentifierValue: "a", User: "me", Note: "done"})
	require.NoError(t, err)
	status, err = closed.RetrieveStatus(ctx)
	require.NoError(t, err)
	assert.True(t, status.IsSuccess)
	s.RequireClosed(t, "a")
	count, err := c.CountAlerts(ctx, &alert.CountAlertsRequest{Query: "status: closed"})
	require.NoError(t, err)
	assert.Equal(t, 1, count.Count)

	// What fails does so as the SDK expects it.
	closed, err = c.Close(ctx, &alert.CloseAlertRequest{IdentifierType: alert.ALIAS, IdentifierValue: "none"})
	require.NoError(t, err)
	status, err = closed.RetrieveStatus(ctx)
	require.NoError(t, err)
	assert.False(t, status.IsSuccess)
	_, err = c.List(ctx, &alert.ListAlertRequest{Limit: 101})
	var refused *client.ApiError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, 422, refused.StatusCode)
	assert.Contains(t, refused.Errors, "limit")
	assert.NotEmpty(t, refused.RequestId)
	assert.Len(t, s.TakeInvalid(), 1)

	hb, err := heartbeat.NewClient(cfg)
	require.NoError(t, err)
	pong, err := hb.Ping(ctx, "nightly")
	require.NoError(t, err)
	assert.Contains(t, pong.Message, "PONG")
	assert.Contains(t, s.Heartbeats(), "nightly")
}
