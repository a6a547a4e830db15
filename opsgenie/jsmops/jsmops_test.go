package jsmops_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/jsmops"
	"github.com/routewatch/routewatch/opsgenie/jsmops/jsmopstest"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// site starts a site, and a client that knows it by its address alone.
func site(t *testing.T) (*opsgenietest.Fake, *atomic.Bool, *jsmops.Client) {
	t.Helper()
	fake := opsgenietest.NewFake(t, nil)
	var blind atomic.Bool
	srv := httptest.NewServer(&jsmopstest.Site{Alerts: fake, Blind: blind.Load})
	t.Cleanup(srv.Close)
	return fake, &blind, client(t, srv.URL, func(*jsmops.Config) {})
}

func client(t *testing.T, url string, change func(*jsmops.Config)) *jsmops.Client {
	t.Helper()
	cfg := jsmops.Config{Site: url, BaseURL: url, Email: jsmopstest.Email, Token: jsmopstest.Token}
	change(&cfg)
	c, err := jsmops.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func open(ctx context.Context, c *jsmops.Client) (alerts []opsgenie.Alert, err error) {
	for a, err := range c.Open(ctx, "statuspage") {
		if err != nil {
			return alerts, err
		}
		alerts = append(alerts, a)
	}
	return alerts, nil
}

func TestNewTellsEveryMistakeAndNoSecret(t *testing.T) {
	_, err := jsmops.New(jsmops.Config{CloudID: "../../x", Email: "a:b", Token: "se cret-token", BaseURL: "http://example.com"})
	require.Error(t, err)
	for _, want := range []string{"CloudID", "Email", "Token", "BaseURL: plain http to example.com"} {
		assert.Contains(t, err.Error(), want)
	}
	assert.NotContains(t, err.Error(), "se cret")

	for name, cfg := range map[string]jsmops.Config{
		"Site: required":         {},
		"Site: is a host alone":  {Site: "https://acme.atlassian.net/jira"},
		"Site: plain http":       {Site: "http://acme.atlassian.net"},
		"Site: holds a user":     {Site: "https://me:pw@acme.atlassian.net"},
		"BaseURL: holds a query": {BaseURL: "https://api.atlassian.com?x=1"},
		"BaseURL: want https://": {BaseURL: "ftp://api.atlassian.com"},
	} {
		_, err := jsmops.New(cfg)
		assert.ErrorContains(t, err, name)
	}
	for _, s := range []string{"acme", "acme.atlassian.net", "https://acme.atlassian.net/", " acme\n"} {
		_, err := jsmops.New(jsmops.Config{Site: s, Email: "me@example.com", Token: "t\n"})
		assert.NoError(t, err, s)
	}
}

func TestConfigAndClientPrintWithoutTheToken(t *testing.T) {
	cfg := jsmops.Config{Site: "acme", Email: "me@example.com", Token: "canary-token-0123"}
	c, err := jsmops.New(cfg)
	require.NoError(t, err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		assert.NotContains(t, fmt.Sprintf(format, cfg), "canary")
		assert.NotContains(t, fmt.Sprintf(format, c), "canary")
	}
	asJSON, err := json.Marshal(cfg)
	require.NoError(t, err)
	assert.NotContains(t, string(asJSON), "canary")
}

func TestOpenListsAllPagesAndNoClosedAlert(t *testing.T) {
	fake, _, c := site(t)
	for n := range 250 {
		fake.Raise(opsgenie.NewAlert{Message: fmt.Sprint(n), Tags: []string{"statuspage", "servicename:API", "major"}})
	}
	fake.Raise(opsgenie.NewAlert{Message: "not for the page", Tags: []string{"other"}})
	closed := fake.Raise(opsgenie.NewAlert{Message: "closed", Tags: []string{"statuspage"}})
	_, err := fake.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.ID(closed.ID)})
	require.NoError(t, err)

	alerts, err := open(t.Context(), c)

	require.NoError(t, err)
	require.Len(t, alerts, 250)
	assert.Equal(t, "0", alerts[0].Message, "oldest first")
	assert.Equal(t, []string{"statuspage", "servicename:API", "major"}, alerts[249].Tags)
	assert.False(t, alerts[0].CreatedAt.IsZero())
	assert.False(t, alerts[0].LastOccurredAt.IsZero())
	assert.True(t, alerts[0].Open())
	assert.Len(t, fake.CallsOf(opsgenietest.OpList), 3)
}

func TestGet(t *testing.T) {
	fake, blind, c := site(t)
	raised := fake.Raise(opsgenie.NewAlert{
		Message: "down", Alias: "a/b", Description: "all of it", Details: map[string]string{"k": "v"}, Tags: []string{"statuspage"},
	})

	got, err := c.Get(t.Context(), raised.ID)
	require.NoError(t, err)
	want, _ := fake.Do(opsgenietest.Act{Name: opsgenietest.ActAcknowledge, Ref: opsgenie.ID(raised.ID)})
	assert.Equal(t, "down", got.Message)
	assert.Equal(t, "a/b", got.Alias)
	assert.Equal(t, "all of it", got.Description)
	assert.Equal(t, map[string]string{"k": "v"}, got.Details)
	assert.Equal(t, want.CreatedAt, got.CreatedAt)
	assert.True(t, got.Open())

	_, err = fake.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.ID(raised.ID)})
	require.NoError(t, err)
	got, err = c.Get(t.Context(), raised.ID)
	require.NoError(t, err)
	assert.False(t, got.Open())

	_, err = c.Get(t.Context(), "never-seen")
	var apiErr *opsgenie.Error
	require.ErrorAs(t, err, &apiErr)
	assert.Equal(t, http.StatusNotFound, apiErr.Status)

	_, err = c.Get(t.Context(), raised.TinyID)
	assert.Error(t, err, "the API goes by the full id alone")

	blind.Store(true)
	_, err = c.Get(t.Context(), raised.ID)
	require.ErrorIs(t, err, jsmops.ErrUnreadable)
	require.ErrorAs(t, err, &apiErr)
	assert.NotEqual(t, http.StatusNotFound, apiErr.Status, "a missing right must not pass for an alert that is gone")
	alerts, err := open(t.Context(), c)
	assert.NoError(t, err)
	assert.Empty(t, alerts)

	for _, id := range []string{"", " ", ".", ".."} {
		_, err := c.Get(t.Context(), id)
		assert.ErrorIs(t, err, opsgenie.ErrInvalid, "%q", id)
	}
}

func TestNotes(t *testing.T) {
	fake, _, c := site(t)
	raised := fake.Raise(opsgenie.NewAlert{Message: "down"})
	for n := range 120 {
		_, err := fake.Do(opsgenietest.Act{
			Name: opsgenietest.ActAddNote, Ref: opsgenie.ID(raised.ID), Action: opsgenie.Action{Note: fmt.Sprint(n), User: "me"},
		})
		require.NoError(t, err)
	}
	var notes []opsgenie.Note
	for n, err := range c.Notes(t.Context(), raised.ID) {
		require.NoError(t, err)
		notes = append(notes, n)
	}
	require.Len(t, notes, 120)
	assert.Equal(t, "119", notes[0].Note)
	assert.Equal(t, "me", notes[0].Owner)
	assert.False(t, notes[0].CreatedAt.IsZero())
	for _, err := range c.Notes(t.Context(), "..") {
		assert.ErrorIs(t, err, opsgenie.ErrInvalid)
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name       string
		fault      opsgenietest.Fault
		status     int
		temporary  bool
		retryAfter time.Duration
		want       string
	}{
		{"throttled", opsgenietest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, 429, true, 7 * time.Second, "retry after 7s"},
		{"throttled for a year", opsgenietest.Fault{Status: 429, Header: http.Header{"Retry-After": {"31536000"}}}, 429, true, 10 * time.Minute, ""},
		{"down", opsgenietest.Fault{Status: 503}, 503, true, 0, "Service Unavailable"},
		{"forbidden", opsgenietest.Fault{Status: 403}, 403, false, 0, "may the account read alerts"},
		{"redirected", opsgenietest.Fault{Status: 302, Header: http.Header{"Location": {"https://example.com/login"}}}, 302, false, 0, "redirects are not followed"},
		{"an HTML page", opsgenietest.Fault{Status: 502, Body: "<html>bad gateway", Header: http.Header{"Content-Type": {"text/html"}}}, 502, true, 0, "an HTML page"},
		{"cut", opsgenietest.Fault{Cut: opsgenietest.CutBefore, Times: -1}, 0, true, 0, ""},
		{"hanging", opsgenietest.Fault{Hang: true}, 0, true, 0, "no answer in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := opsgenietest.NewFake(t, nil)
			srv := httptest.NewServer(&jsmopstest.Site{Alerts: fake})
			t.Cleanup(srv.Close)
			c := client(t, srv.URL, func(cfg *jsmops.Config) {
				if test.fault.Hang {
					cfg.Timeout = 50 * time.Millisecond
				}
			})
			fake.Inject(test.fault)
			_, err := open(t.Context(), c)
			var apiErr *opsgenie.Error
			require.ErrorAs(t, err, &apiErr)
			assert.Equal(t, test.status, apiErr.Status)
			assert.Equal(t, test.temporary, apiErr.Temporary())
			assert.Equal(t, test.retryAfter, apiErr.RetryAfter)
			assert.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "GenieKey")
		})
	}
}

func TestStrangeAnswers(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"somebody else's object", `{"status":"ok"}`, "holds no list"},
		{"nothing", ``, "not one of Atlassian's"},
		{"a list", `[]`, "not one of Atlassian's"},
		{"cut JSON", `{"values":[{"id":`, "not one of Atlassian's"},
		{"a page", `<html>`, "not one of Atlassian's"},
		{"no id", `{"values":[{"message":"x"}]}`, "without an id"},
		{"null values", `{"values":null}`, "holds no list"},
		{"far too long", `{"values":[],"x":"` + strings.Repeat("x", 5<<20) + `"}`, "longer than"},
		{"the token", `{"error":"` + jsmopstest.Token + `"}`, "holds no list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(test.body)) }))
			t.Cleanup(srv.Close)
			c := client(t, srv.URL, func(cfg *jsmops.Config) { cfg.CloudID = jsmopstest.CloudID })
			_, err := open(t.Context(), c)
			assert.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), jsmopstest.Token)
		})
	}
}

func TestOddShapesDoNotCostTheAlert(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("offset") != "" {
			_, _ = w.Write([]byte(`{"values":[],"links":{}}`))
			return
		}
		_, _ = w.Write([]byte(`{"values":[{"id":"1","status":"CLOSED","count":"3","tags":null,"createdAt":1762000000000,
			"responders":"x","acknowledged":"true","extraProperties":{"n":1,"o":{"a":2}}},{"id":"2","status":"acked"}],
			"links":{"next":"https://evil.example/jsm?offset=2&size=2"}}`))
	}))
	t.Cleanup(srv.Close)
	c := client(t, srv.URL, func(cfg *jsmops.Config) { cfg.CloudID = jsmopstest.CloudID })
	alerts, err := open(t.Context(), c)
	require.NoError(t, err)
	require.Len(t, alerts, 2)
	assert.False(t, alerts[0].Open())
	assert.True(t, alerts[1].Open(), "everything that is not closed is open")
	assert.Equal(t, 3, alerts[0].Count)
	assert.True(t, alerts[0].Acknowledged)
	assert.Equal(t, time.UnixMilli(1762000000000).UTC(), alerts[0].CreatedAt)
	assert.Equal(t, map[string]string{"n": "1", "o": `{"a":2}`}, alerts[0].Details)
}

func TestPagingEndsWhateverTheLinksSay(t *testing.T) {
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = w.Write([]byte(`{"values":[{"id":"1"}],"links":{"next":"?offset=0"}}`))
	}))
	t.Cleanup(srv.Close)
	c := client(t, srv.URL, func(cfg *jsmops.Config) { cfg.CloudID = jsmopstest.CloudID })
	alerts, err := open(t.Context(), c)
	require.NoError(t, err)
	assert.Len(t, alerts, 1)
	for _, err := range c.Notes(t.Context(), "1") {
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, calls.Load(), int32(4))
	_, err = c.List(t.Context(), jsmops.ListOptions{Offset: opsgenie.MaxWindow})
	assert.ErrorIs(t, err, opsgenie.ErrWindow)
	_, err = c.List(t.Context(), jsmops.ListOptions{Offset: -1})
	assert.ErrorIs(t, err, opsgenie.ErrInvalid)
}

func TestTheSiteGetsNoCredentials(t *testing.T) {
	var asked []*http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r)
		_, _ = w.Write([]byte(`{"cloudId":"../../../evil"}`))
	}))
	t.Cleanup(srv.Close)
	c := client(t, srv.URL, func(*jsmops.Config) {})
	_, err := open(t.Context(), c)
	assert.ErrorContains(t, err, "holds none: is it a Jira site?")
	require.Len(t, asked, 1)
	assert.Empty(t, asked[0].Header.Get("Authorization"))
}

func TestWrongCredentialsAndWrongSite(t *testing.T) {
	srv := httptest.NewServer(&jsmopstest.Site{Alerts: opsgenietest.NewFake(t, nil)})
	t.Cleanup(srv.Close)
	_, err := open(t.Context(), client(t, srv.URL, func(cfg *jsmops.Config) { cfg.Token = "of-somebody-else" }))
	assert.ErrorContains(t, err, "are e-mail and API token those of one account?")
	_, err = open(t.Context(), client(t, srv.URL, func(cfg *jsmops.Config) { cfg.CloudID = "another" }))
	assert.ErrorContains(t, err, "404")
}

func TestACallersCancellationIsTheCallers(t *testing.T) {
	_, _, c := site(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := open(ctx, c)
	assert.ErrorIs(t, err, context.Canceled)
	var apiErr *opsgenie.Error
	require.ErrorAs(t, err, &apiErr)
	assert.False(t, apiErr.Temporary())
}
