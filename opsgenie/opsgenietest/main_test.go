package opsgenietest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// at follows a path of keys and indexes into the body.
func (r reply) at(path ...any) any {
	var v any = r.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// caller makes calls to a fake, in the process.
type caller struct {
	t   testing.TB
	f   *opsgenietest.Fake
	key string
}

func newCaller(t testing.TB, opts *opsgenietest.Options) *caller {
	t.Helper()
	return &caller{t: t, f: opsgenietest.NewFake(t, opts), key: "a-key"}
}

func (c *caller) do(method, path, body string) reply {
	c.t.Helper()
	r, err := c.try(method, path, body)
	require.NoError(c.t, err)
	return r
}

func (c *caller) try(method, path, body string) (reply, error) {
	c.t.Helper()
	url := path
	if !strings.HasPrefix(path, "http") {
		url = "https://api.opsgenie.test" + path
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, bytes.NewBufferString(body))
	require.NoError(c.t, err)
	if c.key != "" {
		r.Header.Set("Authorization", "GenieKey "+c.key)
	}
	resp, err := c.f.Transport().RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	got := reply{status: resp.StatusCode, header: resp.Header, raw: string(data)}
	if err != nil {
		return got, err
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		require.NoError(c.t, json.Unmarshal(data, &got.body), "body: %s", data)
	}
	return got, nil
}

// create raises an alert that must be accepted, and returns the request's id.
func (c *caller) create(message, alias string, more ...string) string {
	c.t.Helper()
	body := fmt.Sprintf(`{"message":%q,"alias":%q%s}`, message, alias, strings.Join(append([]string{""}, more...), ","))
	r := c.do("POST", "/v2/alerts", body)
	require.Equal(c.t, http.StatusAccepted, r.status, r.raw)
	return r.at("requestId").(string)
}

// outcome is the data of a request's status.
func (c *caller) outcome(requestID string) map[string]any {
	c.t.Helper()
	r := c.do("GET", "/v2/alerts/requests/"+requestID, "")
	require.Equal(c.t, http.StatusOK, r.status, r.raw)
	return r.at("data").(map[string]any)
}

// aliases lists the alerts that a query finds, by alias, comma separated.
func (c *caller) aliases(query string) string {
	c.t.Helper()
	r := c.do("GET", "/v2/alerts?order=asc&query="+query, "")
	require.Equal(c.t, http.StatusOK, r.status, r.raw)
	var names []string
	for _, item := range r.at("data").([]any) {
		names = append(names, item.(map[string]any)["alias"].(string))
	}
	return strings.Join(names, ",")
}

// tb is a test that is allowed to fail.
type tb struct {
	cleanups []func()
	errors   []string
}

func (b *tb) Helper()          {}
func (b *tb) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }
func (b *tb) Errorf(format string, args ...any) {
	b.errors = append(b.errors, fmt.Sprintf(format, args...))
}
func (b *tb) Fatalf(format string, args ...any) { b.Errorf(format, args...) }

func (b *tb) end() []string {
	for _, f := range b.cleanups {
		f()
	}
	return b.errors
}
