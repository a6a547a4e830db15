package httpcall_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

// readFunc is a reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// once is a client that makes one attempt.
func once(t *testing.T, transport roundTrip) *httpcall.Client {
	t.Helper()
	cfg := config(t, transport)
	cfg.Tries = 1
	return httpcall.New(cfg)
}

func TestWhatAServerSaid(t *testing.T) {
	const page = "a page of HTML or XML, so not the API's answer: is the address right, is a proxy in between?"
	for _, test := range []struct {
		status int
		body   string
		header []string
		want   string
	}{
		{404, `{"message":"no such page"}`, nil, ": 404 Not Found: no such page"},
		{422, `{"error":["timestamp is missing","value is missing"]}`, nil, ": 422 Unprocessable Entity: timestamp is missing value is missing"},
		{422, `{"message":"","error":"bad query"}`, nil, ": 422 Unprocessable Entity: bad query"},
		{422, `{"message":[],"error":"bad query"}`, nil, ": 422 Unprocessable Entity: bad query"},
		{400, `{"status":"error","errorType":"bad_data","error":"parse error"}`, nil, ": 400 Bad Request: parse error"},
		{420, `{"code":420}`, nil, `: 420: {"code":420}`},
		{500, `null`, nil, ": 500 Internal Server Error: null"},
		{500, ``, nil, ": 500 Internal Server Error"},
		{502, "two\nlines\x00", nil, ": 502 Bad Gateway: two lines"},
		{502, " \n<html>", nil, ": 502 Bad Gateway: " + page},
		{502, "sign in", []string{"Content-Type", "text/html; charset=utf-8"}, ": 502 Bad Gateway: " + page},
		{503, strings.Repeat("é", 400), nil, ": 503 Service Unavailable: " + strings.Repeat("é", 299) + "…"},
		{302, "", []string{"Location", "/login"}, ": 302 Found; redirects are not followed: check the base URL"},
		{101, "", nil, ": status 101 is no answer"},
		{0, "", nil, ": status 0 is no answer"},
	} {
		_, err := once(t, says(test.status, test.body, test.header...)).Do(t.Context(), call, nil)
		assert.EqualError(t, err, "test: calling at api.example.com"+test.want)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for body, want := range map[string]string{
		"":                         "the answer is empty",
		" \n":                      "the answer is empty",
		"null":                     "the answer is null",
		"\n<!doctype html>":        "the answer is a page of HTML or XML",
		"You may not do this.":     "the answer is no JSON: You may not do this.",
		`{"n":1`:                   `the answer is no JSON: {"n":1`,
		`{"n":1} {}`:               `the answer is no JSON: {"n":1} {}`,
		`{"n":"one"}`:              "the answer is not of the form that it should be: json: cannot unmarshal string",
		`[]`:                       "the answer is not of the form that it should be",
		strings.Repeat("[", 20000): "the answer is no JSON: [[[",
	} {
		var got struct{ N int }
		_, err := once(t, says(200, body)).Do(t.Context(), call, httpcall.JSON(&got))
		e := asError(t, err)
		assert.Equal(t, 200, e.Status, body)
		assert.ErrorContains(t, e.Err, want, body)
		assert.False(t, e.Temporary())
		assert.Less(t, len(err.Error()), 500)
	}
	var got struct{ N int }
	_, err := once(t, says(200, ` {"n":1,"other":[null]} `)).Do(t.Context(), call, httpcall.JSON(&got))
	require.NoError(t, err)
	assert.Equal(t, 1, got.N)
}

func TestBrokenTransports(t *testing.T) {
	for want, step := range map[string]roundTrip{
		"the transport panicked: oh":           func(*http.Request) (*http.Response, error) { panic("oh") },
		"the transport panicked: end":          func(*http.Request) (*http.Response, error) { panic(errors.New("end")) },
		"neither an answer nor an error":       func(*http.Request) (*http.Response, error) { return nil, nil },
		"the transport returned neither":       func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil },
		"connection refused":                   func(*http.Request) (*http.Response, error) { return answer(200, ""), syscall.ECONNREFUSED },
		"reading the answer: the transport pa": bodyOf(func([]byte) (int, error) { panic("in the middle") }),
		"reading the answer: cannot":           bodyOf(func([]byte) (int, error) { return 0, errors.New("cannot") }),
	} {
		_, err := once(t, step).Do(t.Context(), call, nil)
		assert.ErrorContains(t, err, want)
		assert.True(t, asError(t, err).Temporary(), want)
	}
	resp, err := once(t, bodyOf(func([]byte) (int, error) { panic("in the middle") })).Open(t.Context(), call)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	assert.ErrorContains(t, err, "panicked")
}

func bodyOf(read readFunc) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		resp := answer(200, "")
		resp.Body = io.NopCloser(read)
		return resp, nil
	}
}

// What a caller may want to know of an error is still in it.
func TestChains(t *testing.T) {
	fail := func(err error) error {
		_, got := once(t, func(*http.Request) (*http.Response, error) { return nil, err }).Do(t.Context(), call, nil)
		return got
	}
	assert.ErrorIs(t, fail(&url.Error{Op: "Get", URL: "https://x/?q=query", Err: syscall.ECONNREFUSED}), syscall.ECONNREFUSED)
	assert.NotErrorIs(t, fail(fmt.Errorf("not yours: %w", context.Canceled)), context.Canceled)
	assert.NotErrorIs(t, fail(fmt.Errorf("%s: %w", canary, io.EOF)), io.EOF, "it has the secret")
	assert.NotErrorIs(t, fail(fmt.Errorf("x: %w", keyed{canary})), keyed{canary}, "it would show the secret")

	throttled := errors.New("throttled in disguise")
	_, err := once(t, says(200, "{}")).Do(t.Context(), call, func([]byte) error { return fmt.Errorf("oh: %w", throttled) })
	assert.ErrorIs(t, err, throttled)
	assert.Equal(t, 200, asError(t, err).Status)

	failed := once(t, hangs).Fail("test: calling", 200, fmt.Errorf("%s: %w", "two\nlines", io.ErrUnexpectedEOF))
	assert.ErrorIs(t, failed, io.ErrUnexpectedEOF)
	assert.EqualError(t, failed, "test: calling at api.example.com: 200 OK: two lines: unexpected EOF")
}

// keyed is an error that shows the secret to some verbs alone.
type keyed struct{ Key string }

func (keyed) Error() string { return "failed" }

// shown returns v in every way in which a program comes to show it.
func shown(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Error("m", "v", v, slog.Group("g", "v", v), "all", []any{v})
	}
	j, err := json.Marshal(map[string]any{"v": v})
	fmt.Fprintln(&b, string(j), err)
	if e, ok := v.(error); ok {
		for e = errors.Unwrap(e); e != nil; e = errors.Unwrap(e) {
			b.WriteString(shown(e))
		}
	}
	return b.String()
}

func assertNoSecret(t *testing.T, out string) {
	t.Helper()
	for _, form := range []string{canary, canary[:12], url.QueryEscape(canary), fmt.Sprintf("%x", canary), "query-of-the-user", "/things"} {
		if i := strings.Index(out, form); i >= 0 {
			t.Fatalf("it shows: …%s…", out[max(0, i-100):min(len(out), i+100)])
		}
	}
}

func TestNothingShowsTheSecret(t *testing.T) {
	failing := map[string]roundTrip{
		"keyed error": func(*http.Request) (*http.Response, error) { return nil, keyed{canary} },
		"error with the request": func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("cannot send %v: %w", r.Header, io.EOF)
		},
		"error with the URL": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: &url.Error{Op: "x", URL: canary, Err: errors.New(r.Header.Get("Authorization"))}}
		},
		"parted by invisible characters": func(*http.Request) (*http.Response, error) {
			return nil, errors.New(canary[:10] + "\u200b" + canary[10:])
		},
		"after much else": func(*http.Request) (*http.Response, error) {
			return nil, errors.New(strings.Repeat("x", 290) + canary)
		},
		"panic": func(r *http.Request) (*http.Response, error) { panic(fmt.Sprint("cannot send ", r.Header)) },
		"panic with an error": func(r *http.Request) (*http.Response, error) {
			panic(fmt.Errorf("cannot send %v", r.Header))
		},
		"body that fails": func(r *http.Request) (*http.Response, error) {
			return bodyOf(func([]byte) (int, error) { return 0, errors.New(r.Header.Get("Authorization")) })(r)
		},
		"hang": hangs,
	}
	bodies := map[string]func(*http.Request) string{
		"garbage": func(*http.Request) string { return "\xff\x00{" + strings.Repeat("\u202e", 100) },
		"the request": func(r *http.Request) string {
			b, _ := httputil.DumpRequest(r, false)
			return strings.ReplaceAll(strings.ReplaceAll(string(b), "query-of-the-user", "q"), "/things", "")
		},
		"it after much else": func(r *http.Request) string { return strings.Repeat("x", 180) + r.Header.Get("Authorization") },
		"a cut":              func(r *http.Request) string { return strings.Repeat("x", 285) + r.Header.Get("Authorization") },
		"an error": func(r *http.Request) string {
			a := r.Header.Get("Authorization")
			return fmt.Sprintf(`{"message":%q,"error":[%q,{%q:%q}],"n":%q}`, "bad "+a, a, a, a, a)
		},
		"a list": func(r *http.Request) string { return fmt.Sprintf(`{"error":[%q]}`, r.Header.Get("Authorization")) },
		"escaped": func(*http.Request) string {
			return `{"message":"` + strings.ReplaceAll(canary, "-", `\u002d`) + `\u200b"}`
		},
		"parted": func(*http.Request) string { return canary[:9] + "\u200b" + canary[9:] },
		"html":   func(*http.Request) string { return "<html>" + canary },
	}
	for _, status := range []int{101, 200, 202, 204, 301, 307, 400, 401, 403, 404, 420, 422, 429, 500, 503, 599} {
		for name, body := range bodies {
			failing[fmt.Sprintf("%d with %s", status, name)] = func(r *http.Request) (*http.Response, error) {
				a := r.Header.Get("Authorization")
				return answer(status, body(r), "Location", "https://x.example/?"+a, "Retry-After", a, "Content-Type", a), nil
			}
		}
	}
	for name, step := range failing {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config(t, step)
				cfg.Tries = 2
				var told []*metricsync.Error
				cfg.After = func(e *metricsync.Error) { told = append(told, e) }
				c := httpcall.New(cfg)
				ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
				defer cancel()
				var v []int // which no body is
				_, err := c.Do(ctx, call, httpcall.JSON(&v))
				require.Error(t, err)
				assertNoSecret(t, shown(err))
				for _, e := range told {
					assertNoSecret(t, shown(e))
				}
				assertNoSecret(t, shown(c)+shown(*c)+shown(struct{ C *httpcall.Client }{c}))
				assertNoSecret(t, shown(cfg)+shown(&cfg)+shown([]httpcall.Config{cfg}))
			})
		})
	}
	c := httpcall.New(config(t, nil))
	defer c.CloseIdleConnections()
	assert.Equal(t, "httpcall.Client{https://api.example.com/v1}", fmt.Sprint(c))
	assert.Equal(t, "api.example.com", c.Host())
	assert.Equal(t, "the key is [redacted]", c.Safe("the key\nis "+canary, 100))
	assertNoSecret(t, shown(c.Fail(call.Op, 200, errors.New("at "+canary))))
}
