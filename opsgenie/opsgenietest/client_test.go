package opsgenietest_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// Our own client, in a bubble: a day of Opsgenie in no time.
func TestClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := opsgenietest.NewFake(t, &opsgenietest.Options{ProcessingDelay: time.Hour, ListLag: time.Hour})
		c, err := opsgenie.New(opsgenie.Config{APIKey: "a-key", BaseURL: opsgenie.EU, Transport: f.Transport()})
		require.NoError(t, err)
		ctx, alias := t.Context(), "GET /a/{id}?"

		id, err := c.Create(ctx, opsgenie.NewAlert{Message: "m", Alias: alias, Tags: []string{"servicename:API"}})
		require.NoError(t, err)
		_, err = c.RequestStatus(ctx, id)
		require.ErrorIs(t, err, opsgenie.ErrPending)
		require.NoError(t, f.Settle(ctx))
		status, err := c.RequestStatus(ctx, id)
		require.NoError(t, err)
		assert.True(t, status.Success)
		alert, err := c.Get(ctx, opsgenie.Alias(alias))
		require.NoError(t, err)
		assert.Equal(t, f.RequireOpen(t, alias).CreatedAt, alert.CreatedAt)

		open := opsgenie.ListOptions{Query: `status:open AND tag:"servicename:API"`, Limit: 1}
		page, err := c.List(ctx, open)
		require.NoError(t, err)
		assert.Empty(t, page.Alerts)
		time.Sleep(time.Hour)
		for i := range 3 {
			f.Raise(opsgenie.NewAlert{Message: "m", Alias: fmt.Sprint(i), Tags: []string{"servicename:API"}})
		}
		f.SetListLag(0)
		n := 0
		for _, err := range c.All(ctx, open) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 4, n)

		f.Inject(opsgenietest.RateLimited(time.Minute))
		_, err = c.Close(ctx, opsgenie.Alias(alias), opsgenie.Action{})
		var failed *opsgenie.Error
		require.ErrorAs(t, err, &failed)
		assert.True(t, failed.Temporary())
		assert.Equal(t, time.Minute, failed.RetryAfter)
		_, err = c.Close(ctx, opsgenie.Alias(alias), opsgenie.Action{Note: "over"})
		require.NoError(t, err)
		require.NoError(t, f.Settle(ctx))
		assert.Equal(t, "over", f.RequireClosed(t, alias).Notes[0].Note)
	})
}

// Jira Service Management has the same path below another base.
func TestClientOfJSM(t *testing.T) {
	f := opsgenietest.NewFake(t, &opsgenietest.Options{JSM: true, Prefix: "/jsm/ops/integration"})
	c, err := opsgenie.New(opsgenie.Config{APIKey: "a-key", BaseURL: opsgenie.JSM, Transport: f.Transport()})
	require.NoError(t, err)
	_, err = c.Create(t.Context(), opsgenie.NewAlert{Message: "m", Alias: "a"})
	require.NoError(t, err)
	f.RequireOpen(t, "a")
	_, err = c.List(t.Context(), opsgenie.ListOptions{})
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

// What the webhooks say is what package opsgenie reads.
func TestReadEvent(t *testing.T) {
	f := opsgenietest.NewFake(t, nil)
	var h receiver
	require.NoError(t, f.AddWebhook(opsgenietest.Webhook{Handler: &h, Name: "page"}))
	f.Raise(opsgenie.NewAlert{Message: "m", Alias: "a", Priority: opsgenie.P2})
	for _, act := range []opsgenietest.Act{
		{Name: opsgenietest.ActAddTags, Tags: []string{"x", "y"}},
		{Name: opsgenietest.ActEscalate, Escalation: "ops"},
		{Name: "restart"},
		{Name: opsgenietest.ActDelete},
	} {
		act.Ref = opsgenie.Alias("a")
		_, err := f.Do(act)
		require.NoError(t, err)
	}
	require.NoError(t, f.Settle(t.Context()))
	var got []opsgenie.EventAction
	for _, d := range f.Deliveries() {
		e, err := opsgenie.ReadEvent(bytes.NewReader(d.Body))
		require.NoError(t, err)
		assert.Equal(t, d.AlertID, e.Alert.ID)
		got = append(got, e.Action)
	}
	assert.Equal(t, []opsgenie.EventAction{
		opsgenie.EventCreate, opsgenie.EventAddTags, opsgenie.EventEscalate, "restart", opsgenie.EventDelete,
	}, got)
}
