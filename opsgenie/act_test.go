package opsgenie_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

func TestActRefuses(t *testing.T) {
	c := newClient(t, opsgenie.Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a request was made")
		return answer(202, accepted), nil
	})})
	none := opsgenie.Action{}
	id := opsgenie.ID("1")
	tests := map[string]func(context.Context) (string, error){
		"no message": func(ctx context.Context) (string, error) { return c.Create(ctx, opsgenie.NewAlert{}) },
		"bad priority": func(ctx context.Context) (string, error) {
			return c.Create(ctx, opsgenie.NewAlert{Message: "m", Priority: "P0"})
		},
		"empty id":    func(ctx context.Context) (string, error) { return c.Close(ctx, opsgenie.ID(""), none) },
		"blank alias": func(ctx context.Context) (string, error) { return c.Close(ctx, opsgenie.Alias(" \n"), none) },
		"dot":         func(ctx context.Context) (string, error) { return c.Close(ctx, opsgenie.ID("."), none) },
		"dots":        func(ctx context.Context) (string, error) { return c.Acknowledge(ctx, opsgenie.ID(".."), none) },
		"identifier type": func(ctx context.Context) (string, error) {
			return c.Close(ctx, opsgenie.Ref{By: "name", Value: "x"}, none)
		},
		"empty note":        func(ctx context.Context) (string, error) { return c.AddNote(ctx, id, " ", none) },
		"no tags":           func(ctx context.Context) (string, error) { return c.AddTags(ctx, id, nil, none) },
		"empty tags":        func(ctx context.Context) (string, error) { return c.AddTags(ctx, id, []string{"", "\u200b"}, none) },
		"no tags to remove": func(ctx context.Context) (string, error) { return c.RemoveTags(ctx, id, nil, none) },
		"comma in a tag":    func(ctx context.Context) (string, error) { return c.RemoveTags(ctx, id, []string{"a,b"}, none) },
		"no heartbeat":      func(ctx context.Context) (string, error) { return c.Ping(ctx, "") },
		"heartbeat dots":    func(ctx context.Context) (string, error) { return c.Ping(ctx, "..") },
		"status of nothing": func(ctx context.Context) (string, error) { _, err := c.RequestStatus(ctx, ""); return "", err },
		"get nothing":       func(ctx context.Context) (string, error) { _, err := c.Get(ctx, opsgenie.Ref{}); return "", err },
		"notes of nothing": func(ctx context.Context) (string, error) {
			_, err := c.Notes(ctx, opsgenie.Ref{}, opsgenie.NotesOptions{})
			return "", err
		},
		"negative notes": func(ctx context.Context) (string, error) {
			_, err := c.Notes(ctx, id, opsgenie.NotesOptions{Limit: -1})
			return "", err
		},
		"negative offset": func(ctx context.Context) (string, error) {
			_, err := c.List(ctx, opsgenie.ListOptions{Offset: -1})
			return "", err
		},
		"negative limit": func(ctx context.Context) (string, error) {
			_, err := c.List(ctx, opsgenie.ListOptions{Limit: -1})
			return "", err
		},
		"unknown identifier": func(ctx context.Context) (string, error) {
			_, err := c.Get(ctx, opsgenie.Ref{By: "x", Value: "y"})
			return "", err
		},
	}
	for name, do := range tests {
		t.Run(name, func(t *testing.T) {
			requestID, err := do(t.Context())
			require.ErrorIs(t, err, opsgenie.ErrInvalid)
			assert.False(t, asError(t, err).Temporary())
			assert.Empty(t, requestID)
		})
	}
}

func TestActSends(t *testing.T) {
	by := opsgenie.Action{User: "u\n", Source: strings.Repeat("s", 101), Note: "a\nb\x00"}
	source := strings.Repeat("s", 99) + "…"
	ctx := context.Background()
	tests := []struct {
		name        string
		do          func(*opsgenie.Client) (string, error)
		method, uri string
		query       url.Values
		body        map[string]any
	}{
		{
			"create", func(c *opsgenie.Client) (string, error) {
				return c.Create(ctx, opsgenie.NewAlert{
					Message: "m\n" + strings.Repeat("x", 200), Alias: "a/b", Description: "d", Tags: []string{"t"}, Actions: []string{"act"},
					Details: map[string]string{"k": "v"}, Entity: "e", Source: "s", Priority: opsgenie.P1, User: "u", Note: "n",
					Responders: []opsgenie.Responder{{Type: opsgenie.Team, Name: "ops"}},
					VisibleTo:  []opsgenie.Responder{{Type: opsgenie.User, Username: "a@example.com"}},
				})
			},
			"POST", "/v2/alerts",
			url.Values{},
			map[string]any{
				"message": "m " + strings.Repeat("x", 127) + "…", "alias": "a/b", "description": "d", "tags": []any{"t"}, "actions": []any{"act"},
				"details": map[string]any{"k": "v"}, "entity": "e", "source": "s", "priority": "P1", "user": "u", "note": "n",
				"responders": []any{map[string]any{"type": "team", "name": "ops", "username": ""}},
				"visibleTo":  []any{map[string]any{"type": "user", "username": "a@example.com"}},
			},
		},
		{
			"create, least", func(c *opsgenie.Client) (string, error) { return c.Create(ctx, opsgenie.NewAlert{Message: "m"}) },
			"POST", "/v2/alerts",
			url.Values{},
			map[string]any{"message": "m"},
		},
		{
			"close", func(c *opsgenie.Client) (string, error) { return c.Close(ctx, opsgenie.TinyID("7"), by) },
			"POST", "/v2/alerts/7/close",
			url.Values{"identifierType": {"tiny"}},
			map[string]any{"IdentifierType": 2.0, "IdentifierValue": "7", "user": "u", "source": source, "note": "a\nb"},
		},
		{
			"acknowledge", func(c *opsgenie.Client) (string, error) { return c.Acknowledge(ctx, opsgenie.ID("i"), by) },
			"POST", "/v2/alerts/i/acknowledge",
			url.Values{"identifierType": {"id"}},
			map[string]any{"IdentifierType": 0.0, "IdentifierValue": "i", "user": "u", "source": source, "note": "a\nb"},
		},
		{
			"add note", func(c *opsgenie.Client) (string, error) {
				return c.AddNote(ctx, opsgenie.Ref{Value: "i"}, strings.Repeat("é", 25001), by)
			},
			"POST", "/v2/alerts/i/notes",
			url.Values{"identifierType": {"id"}},
			map[string]any{"IdentifierType": 0.0, "IdentifierValue": "i", "user": "u", "source": source, "note": strings.Repeat("é", 24999) + "…"},
		},
		{
			"add tags", func(c *opsgenie.Client) (string, error) {
				return c.AddTags(ctx, opsgenie.ID("i"), []string{"", "a b", strings.Repeat("t", 51)}, opsgenie.Action{})
			},
			"POST", "/v2/alerts/i/tags",
			url.Values{"identifierType": {"id"}},
			map[string]any{"IdentifierType": 0.0, "IdentifierValue": "i", "tags": []any{"a b", strings.Repeat("t", 49) + "…"}},
		},
		{
			"remove tags", func(c *opsgenie.Client) (string, error) {
				return c.RemoveTags(ctx, opsgenie.Alias("a/b c"), []string{"x&y", "z"}, opsgenie.Action{User: "u", Source: "s", Note: strings.Repeat("n", 501)})
			},
			"DELETE", "/v2/alerts/a%2Fb%20c/tags",
			url.Values{"identifierType": {"alias"}, "tags": {"x&y,z"}, "user": {"u"}, "source": {"s"}, "note": {strings.Repeat("n", 499) + "…"}},
			nil,
		},
		{
			"ping", func(c *opsgenie.Client) (string, error) { return c.Ping(ctx, " nightly / backup ") },
			"GET", "/v2/heartbeats/nightly%20%2F%20backup/ping",
			url.Values{},
			nil,
		},
	}
	rec := newRecorder(t, nil)
	c := newClient(t, opsgenie.Config{BaseURL: rec.URL})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requestID, err := tt.do(c)
			require.NoError(t, err)
			assert.Equal(t, "r-1", requestID)
			got := rec.one(t)
			assert.Equal(t, tt.method, got.Method)
			assert.Equal(t, tt.uri, got.URI)
			assert.Equal(t, tt.query, got.Query)
			assert.Equal(t, tt.body, got.Body)
			if tt.body == nil {
				assert.Empty(t, got.Header.Values("Content-Type"))
			} else {
				assert.Equal(t, "application/json; charset=utf-8", got.Header.Get("Content-Type"))
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name string
		resp roundTrip
		want string
	}{
		{"in the body", always(202, accepted, "X-Request-Id", "h"), "r-1"},
		{"in the header alone", always(202, `{}`, "X-Request-Id", "h"), "h"},
		{"nowhere", always(202, `{}`), ""},
		{"200 is fine", always(200, accepted), "r-1"},
		{"long and unclean", always(202, `{"requestId":"`+strings.Repeat("r", 200)+`\u202e"}`), strings.Repeat("r", 99) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := newClient(t, opsgenie.Config{Transport: tt.resp}).Create(t.Context(), newAlert)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestCloseOfNothing(t *testing.T) {
	for _, body := range []string{`{"message":"Alert does not exist","requestId":"r-4"}`, "", "gone"} {
		c := newClient(t, opsgenie.Config{Transport: always(404, body)})
		_, err := c.Close(t.Context(), opsgenie.Alias("a"), opsgenie.Action{})
		require.NoError(t, err, "closing what is not there is success")
		_, err = c.Acknowledge(t.Context(), opsgenie.Alias("a"), opsgenie.Action{})
		assert.Equal(t, 404, asError(t, err).Status)
	}
}

func TestLongAliasIsFoundAgain(t *testing.T) {
	rec := newRecorder(t, nil)
	c := newClient(t, opsgenie.Config{BaseURL: rec.URL})
	long := strings.Repeat("é/", 400)
	_, err := c.Create(t.Context(), opsgenie.NewAlert{Message: "m", Alias: long})
	require.NoError(t, err)
	alias := rec.one(t).Body["alias"].(string)
	assert.Equal(t, opsgenie.FitAlias(long), alias)
	_, err = c.Close(t.Context(), opsgenie.Alias(long), opsgenie.Action{})
	require.NoError(t, err)
	assert.Equal(t, "/v2/alerts/"+url.PathEscape(alias)+"/close", rec.one(t).URI)
}
