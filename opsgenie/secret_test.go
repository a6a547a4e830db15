package opsgenie_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

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

func assertNoKey(t *testing.T, out string) {
	t.Helper()
	for _, form := range []string{canary, canary[:20], url.QueryEscape(canary), fmt.Sprintf("%x", canary)} {
		if i := strings.Index(out, form); i >= 0 {
			t.Fatalf("the key shows: …%s…", out[max(0, i-100):min(len(out), i+100)])
		}
	}
}

func TestPrintsWithoutKey(t *testing.T) {
	cfg := opsgenie.Config{APIKey: canary, BaseURL: "https://u:" + canary + "@gw.example/?k=" + canary, UserAgent: "x " + canary}
	ok := opsgenie.Config{APIKey: canary, BaseURL: "https://gw.example/" + canary, Transport: keyed{canary}}
	c := newClient(t, ok)
	for _, v := range []any{
		cfg, &cfg, ok,
		[]opsgenie.Config{cfg},
		map[string]opsgenie.Config{"a": ok},
		struct{ C opsgenie.Config }{ok},
		c,
		struct{ C *opsgenie.Client }{c},
		[]*opsgenie.Client{c},
	} {
		assertNoKey(t, shown(v))
	}
	assert.Equal(t, `opsgenie.Config{APIKey:"[redacted]" BaseURL:"https://api.opsgenie.com" Transport:<nil> Timeout:1s UserAgent:""}`,
		fmt.Sprint(opsgenie.Config{APIKey: canary, BaseURL: opsgenie.US, Timeout: time.Second}))
	assert.Contains(t, fmt.Sprintf("%#v", opsgenie.Config{}), `APIKey:""`, "a missing key is told")
	assert.Equal(t, `opsgenie.Client{BaseURL:"https://api.opsgenie.com"}`, fmt.Sprintf("%+v", newClient(t, opsgenie.Config{})))
}

// keyed is a transport that holds the key where printing finds it, and fails
// with an error that does.
type keyed struct{ Key string }

type keyedError struct{ Key string }

func (e keyedError) Error() string                              { return "failed" }
func (k keyed) RoundTrip(*http.Request) (*http.Response, error) { return nil, keyedError(k) }

func TestNoCallShowsKey(t *testing.T) {
	failing := map[string]http.RoundTripper{
		"keyed error": keyed{canary},
		"error with the request": roundTrip(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("cannot send %v: %w", r.Header, io.EOF)
		}),
		"error with the URL": roundTrip(func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: "https://x/?key=" + canary, Err: errors.New(r.Header.Get("Authorization"))}
		}),
		"key parted by invisible characters": roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, errors.New(canary[:10] + "\u200b" + canary[10:])
		}),
		"panic": roundTrip(func(r *http.Request) (*http.Response, error) { panic(fmt.Sprint("cannot send ", r.Header)) }),
		"panic with an error": roundTrip(func(r *http.Request) (*http.Response, error) {
			panic(fmt.Errorf("cannot send %v", r.Header))
		}),
		"body that fails": roundTrip(func(r *http.Request) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = io.NopCloser(readFunc(func([]byte) (int, error) { return 0, errors.New(r.Header.Get("Authorization")) }))
			return resp, nil
		}),
		"hang": roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, fmt.Errorf("%v: %w", r.Header, r.Context().Err())
		}),
	}
	bodies := map[string]func(*http.Request) string{
		"nothing": func(*http.Request) string { return "" },
		"garbage": func(*http.Request) string { return "\xff\x00{" + strings.Repeat("\u202e", 100) },
		"the request": func(r *http.Request) string {
			b, _ := httputil.DumpRequest(r, false)
			return string(b)
		},
		"the request after much else": func(r *http.Request) string {
			return strings.Repeat("x", 160) + r.Header.Get("Authorization")
		},
		"an error": func(r *http.Request) string {
			a := r.Header.Get("Authorization")
			return fmt.Sprintf(`{"message":%q,"requestId":%q,"errors":{%q:%q,"b":[%q]},"code":%q}`, "bad "+a, a, a, a, a, a)
		},
		"escaped": func(*http.Request) string {
			return `{"message":"` + strings.ReplaceAll(canary, "-", `\u002d`) + `\u200b"}`
		},
		"parted": func(*http.Request) string { return `{"message":"` + canary[:9] + `\u200b` + canary[9:] + `"}` },
	}
	for _, status := range []int{200, 202, 204, 301, 307, 400, 401, 402, 403, 404, 409, 422, 429, 500, 502, 503, 599} {
		for name, body := range bodies {
			failing[fmt.Sprintf("%d with %s", status, name)] = roundTrip(func(r *http.Request) (*http.Response, error) {
				a := r.Header.Get("Authorization")
				return answer(status, body(r), "X-Request-Id", a, "Location", "https://x.example/?"+a, "Retry-After", a,
					"X-RateLimit-Period-In-Sec", a, "Content-Type", a), nil
			})
		}
	}
	out := captureStderr(t, func() {
		for name, transport := range failing {
			t.Run(name, func(t *testing.T) {
				for _, call := range calls {
					synctest.Test(t, func(t *testing.T) {
						c := newClient(t, opsgenie.Config{Transport: transport})
						err := call.do(t.Context(), c)
						assertNoKey(t, shown(err))
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						defer cancel()
						assertNoKey(t, shown(call.do(ctx, c)))
					})
				}
			})
		}
	})
	assert.Empty(t, out, "standard error")
	t.Run("request id of a success", func(t *testing.T) {
		id, err := newClient(t, opsgenie.Config{Transport: always(202, `{"requestId":"`+canary+`"}`)}).Create(t.Context(), newAlert)
		require.NoError(t, err)
		assert.Equal(t, "[redacted]", id)
	})
	t.Run("nobody there", func(t *testing.T) {
		srv := httptest.NewServer(nil)
		srv.Close()
		for _, call := range calls {
			err := call.do(t.Context(), newClient(t, opsgenie.Config{BaseURL: srv.URL}))
			assertNoKey(t, shown(err))
			assert.True(t, asError(t, err).Temporary())
			assert.NotContains(t, err.Error(), "/v2/")
		}
	})
}

func TestChainOfTransportErrors(t *testing.T) {
	fail := func(err error) error {
		_, got := newClient(t, opsgenie.Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })}).
			Create(t.Context(), newAlert)
		return got
	}
	assert.ErrorIs(t, fail(fmt.Errorf("x: %w", io.EOF)), io.EOF, "a harmless chain stays")
	assert.NotErrorIs(t, fail(fmt.Errorf("%s: %w", canary, io.EOF)), io.EOF, "one with the key does not")
	var ke keyedError
	assert.NotErrorAs(t, fail(keyedError{canary}), &ke)
}
