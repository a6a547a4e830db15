package opsgenie_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

func TestErrorOfAnswer(t *testing.T) {
	tests := []struct {
		name      string
		base      string
		resp      roundTrip
		want      string
		temporary bool
	}{
		{
			"everything", "", always(422, `{"message":"Request body is not processable.","took":0.1,"requestId":"r-2","code":42201,"errors":{"message":"too long","alias":["a","b"]}}`),
			`opsgenie: create alert at api.opsgenie.com: 422 Unprocessable Entity: Request body is not processable. (alias: ["a","b"]; message: too long), request r-2`, false,
		},
		{
			"401 in the US", "", always(401, `{"message":"Could not authenticate"}`),
			"opsgenie: create alert at api.opsgenie.com: 401 Unauthorized: Could not authenticate; is it a key of an API integration, and is the account in the US? An EU account's base URL is https://api.eu.opsgenie.com", false,
		},
		{
			"401 in the EU", opsgenie.EU, always(401, `{"message":"no"}`),
			"opsgenie: create alert at api.eu.opsgenie.com: 401 Unauthorized: no; is it a key of an API integration, and is the account in the EU? A US account's base URL is https://api.opsgenie.com", false,
		},
		{
			"401 at JSM", opsgenie.JSM, always(401, `{"message":"no"}`),
			"opsgenie: create alert at api.atlassian.com: 401 Unauthorized: no; is it the key of an API integration of Jira Service Management?", false,
		},
		{
			"401 elsewhere", "https://gw.example", always(401, ``),
			"opsgenie: create alert at gw.example: 401 Unauthorized; is it a key of an API integration, and of an account at this base URL?", false,
		},
		{
			"key of API Key Management", "", always(403, `{"message":"You are not authorized","code":40301}`),
			"opsgenie: create alert at api.opsgenie.com: 403 Forbidden: You are not authorized; is it a key of an API integration (not of API Key Management, which may only read) with the right to do this?", false,
		},
		{
			"throttled", "", always(429, `{"message":"slow down"}`, "X-RateLimit-Period-In-Sec", "60"),
			"opsgenie: create alert at api.opsgenie.com: 429 Too Many Requests: slow down, retry after 1m0s", true,
		},
		{"bad gateway", "", always(502, "<html><h1>Bad", "Content-Type", "text/html"), "opsgenie: create alert at api.opsgenie.com: 502 Bad Gateway: an HTML page, so not Opsgenie's answer", true},
		{"plain text", "", always(500, "upstream\r\ndown\x1b[31m"), "opsgenie: create alert at api.opsgenie.com: 500 Internal Server Error: upstream down[31m", true},
		{"no body", "", always(503, ""), "opsgenie: create alert at api.opsgenie.com: 503 Service Unavailable", true},
		{"odd status", "", always(599, "null"), "opsgenie: create alert at api.opsgenie.com: 599: null", true},
		{"400", "", always(400, `{"message":""}`), `opsgenie: create alert at api.opsgenie.com: 400 Bad Request: {"message":""}`, false},
		{"402", "", always(402, `{"message":{"a":1},"errors":"x"}`), `opsgenie: create alert at api.opsgenie.com: 402 Payment Required: {"message":{"a":1},"errors":"x"}`, false},
		{"404", "", always(404, `{"message":"no","code":"404"}`), "opsgenie: create alert at api.opsgenie.com: 404 Not Found: no", false},
		{"404 of a proxy", "", always(404, "<html>no such page", "Content-Type", "text/html"), "opsgenie: create alert at api.opsgenie.com: 404 Not Found: an HTML page, so not Opsgenie's answer: the answer is not one of Opsgenie's: is the base URL right, is a proxy in between?", false},
		{"redirect", "", always(302, "", "Location", "https://x.example/?a"), "opsgenie: create alert at api.opsgenie.com: 302 Found; redirects are not followed: check the base URL", false},
		{"not JSON", "", always(200, "<html>login"), "opsgenie: create alert at api.opsgenie.com: 200 OK: the answer is not one of Opsgenie's: is the base URL right, is a proxy in between?", true},
		{"a list", "", always(202, "[]"), "opsgenie: create alert at api.opsgenie.com: 202 Accepted: the answer is not one of Opsgenie's: is the base URL right, is a proxy in between?", true},
		{"null", "", always(202, "null"), "opsgenie: create alert at api.opsgenie.com: 202 Accepted: the answer is not one of Opsgenie's: is the base URL right, is a proxy in between?", true},
		{"no content", "", always(204, ""), "opsgenie: create alert at api.opsgenie.com: 204 No Content: the answer is not one of Opsgenie's: is the base URL right, is a proxy in between?", true},
		{"too long", "", always(200, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`), "opsgenie: create alert at api.opsgenie.com: the answer is longer than 1048576 bytes; a smaller limit may help", true},
		{"body cut", "", cutBody(202), "opsgenie: create alert at api.opsgenie.com: reading the answer: unexpected EOF", true},
		{"error body cut", "", cutBody(400), `opsgenie: create alert at api.opsgenie.com: 400 Bad Request: {"mess`, false},
		{"no answer, no error", "", func(*http.Request) (*http.Response, error) { return nil, nil }, "opsgenie: create alert at api.opsgenie.com: the transport returned neither an answer nor an error", true},
		{"status 0", "", always(0, accepted), "opsgenie: create alert at api.opsgenie.com: the transport returned status 0, which is no answer", true},
		{"panic", "", func(*http.Request) (*http.Response, error) { panic("oh\nno") }, "opsgenie: create alert at api.opsgenie.com: the transport panicked: oh no", true},
		{
			"a transport's own URL", "", func(*http.Request) (*http.Response, error) {
				return nil, fmt.Errorf("wrapped: %w", &url.Error{Op: "Post", URL: "https://secret.example/path", Err: io.EOF})
			},
			"opsgenie: create alert at api.opsgenie.com: EOF", true,
		},
		{
			"a cancellation that is not the caller's", "", func(*http.Request) (*http.Response, error) { return nil, context.Canceled },
			"opsgenie: create alert at api.opsgenie.com: context canceled", true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, opsgenie.Config{BaseURL: tt.base, Transport: tt.resp})
			requestID, err := c.Create(t.Context(), newAlert)
			assert.EqualError(t, err, tt.want)
			assert.Equal(t, tt.temporary, asError(t, err).Temporary())
			assert.Empty(t, requestID)
		})
	}
}

func cutBody(status int) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		resp := answer(status, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"mess`), readFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF })))
		return resp, nil
	}
}

func TestErrorFields(t *testing.T) {
	many := make([]string, 0, 100)
	for i := range 100 {
		many = append(many, fmt.Sprintf(`"f%02d":%q`, i, strings.Repeat("x", 1000)))
	}
	c := newClient(t, opsgenie.Config{Transport: always(422, `{"message":"`+strings.Repeat("m", 5000)+`","code":40301,"errors":{`+strings.Join(many, ",")+`}}`)})
	_, err := c.Create(t.Context(), newAlert)
	e := asError(t, err)
	assert.Equal(t, 40301, e.Code)
	assert.Len(t, e.Fields, 20)
	assert.Len(t, []rune(e.Fields["f00"]), 200)
	assert.Len(t, []rune(e.Message), 500)
}

func TestTemporary(t *testing.T) {
	tests := []struct {
		e    opsgenie.Error
		want bool
	}{
		{opsgenie.Error{}, false},
		{opsgenie.Error{Status: 400}, false},
		{opsgenie.Error{Status: 408}, false},
		{opsgenie.Error{Status: 422, Err: io.EOF}, false},
		{opsgenie.Error{Err: context.Canceled}, false},
		{opsgenie.Error{Err: opsgenie.ErrInvalid}, false},
		{opsgenie.Error{Err: fmt.Errorf("x: %w", opsgenie.ErrWindow)}, false},
		{opsgenie.Error{Status: 302, Err: io.EOF}, false},
		{opsgenie.Error{Err: io.EOF}, true},
		{opsgenie.Error{Err: context.DeadlineExceeded}, true},
		{opsgenie.Error{Status: 200, Err: io.EOF}, true},
		{opsgenie.Error{Status: 404, Err: opsgenie.ErrPending}, true},
		{opsgenie.Error{Status: 429}, true},
		{opsgenie.Error{Status: 500}, true},
		{opsgenie.Error{Status: 599}, true},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, tt.e.Temporary(), "%d %v", tt.e.Status, tt.e.Err)
	}
}

func TestRetryAfter(t *testing.T) {
	const most = 10 * time.Minute
	tests := []struct {
		name          string
		status        int
		after, period string
		want          time.Duration
	}{
		{"a year", 429, "31536000", "", most},
		{"overflow", 429, "99999999999", "", most},
		{"more than an int64", 429, strings.Repeat("9", 400), "", most},
		{"negative", 429, "-1", "60", 0},
		{"negative overflow", 429, "-99999999999999999999", "60", 0},
		{"zero", 429, "0", "60", 0},
		{"garbage", 429, "soon", "60", time.Minute},
		{"fraction", 429, "1.5", "1", time.Second},
		{"signs", 429, "--5", "60", time.Minute},
		{"two values", 429, "5, 7", "60", time.Minute},
		{"past date", 429, "Mon, 02 Jan 2006 15:04:05 GMT", "60", 0},
		{"far date", 429, "Fri, 31 Dec 9999 23:59:59 GMT", "", most},
		{"garbage period", 429, "", "x", 0},
		{"negative period", 429, "", "-60", 0},
		{"huge period", 429, "", "99999999999999999999", most},
		{"nothing", 429, "", "", 0},
		{"not for a 4xx", 400, "7", "60", 0},
		{"no period for a 5xx", 503, "", "60", 0},
		{"seconds", 429, "7", "60", 7 * time.Second},
		{"blanks", 429, " 7 ", "", 7 * time.Second},
		{"plus", 429, "+7", "", 7 * time.Second},
		{"5xx", 503, "7", "", 7 * time.Second},
		{"the cap", 429, "600", "", most},
		{"period", 429, "", "60", time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, opsgenie.Config{Transport: always(tt.status, `{}`, "Retry-After", tt.after, "X-RateLimit-Period-In-Sec", tt.period)})
			_, err := c.Create(t.Context(), newAlert)
			assert.Equal(t, tt.want, asError(t, err).RetryAfter)
		})
	}
	t.Run("date", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			at := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
			_, err := newClient(t, opsgenie.Config{Transport: always(503, ``, "Retry-After", at)}).Create(t.Context(), newAlert)
			assert.Equal(t, 30*time.Second, asError(t, err).RetryAfter)
		})
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "7", "-1", "1e9", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 02 Jan 0001 00:00:00 GMT", "+", "０", "7\x00"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, after, period string) {
		c, err := opsgenie.New(opsgenie.Config{APIKey: canary, Transport: always(429, `{}`, "Retry-After", after, "X-RateLimit-Period-In-Sec", period)})
		require.NoError(t, err)
		_, err = c.Ping(context.Background(), "h")
		if d := asError(t, err).RetryAfter; d < 0 || d > 10*time.Minute {
			t.Errorf("Retry-After %q, period %q: %s", after, period, d)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	f.Add([]byte(`{"message":"m","errors":{"a":"b"},"code":1,"requestId":"r"}`))
	f.Add([]byte(`{"message":"` + canary + `"}`))
	f.Add([]byte("<html>\xff\u202e"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := opsgenie.New(opsgenie.Config{APIKey: canary, Transport: always(400, string(body))})
		require.NoError(t, err)
		_, err = c.Ping(context.Background(), "h")
		var e *opsgenie.Error
		require.ErrorAs(t, err, &e)
		checkText(t, e.Message, 500, true)
		checkText(t, e.RequestID, 100, true)
		assert.NotContains(t, err.Error(), canary)
	})
}
