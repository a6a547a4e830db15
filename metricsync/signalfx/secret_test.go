package signalfx_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/metricsync"
)

// Whatever a call meets, its error does not show the token.
func TestNoCallShowsTheToken(t *testing.T) {
	failing := map[string]roundTrip{
		"an error with the token": keyed{canary}.RoundTrip,
		"an error with the request": func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("cannot send %v: %w", r.Header, io.EOF)
		},
		"an error with the address": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: "https://x/?t=" + canary, Err: errors.New(r.Header.Get("X-SF-Token"))}
		},
		"a body that fails": func(r *http.Request) (*http.Response, error) {
			resp, err := always(200, "", "")(r)
			resp.Body = io.NopCloser(readFunc(func([]byte) (int, error) { return 0, errors.New(r.Header.Get("X-SF-Token")) }))
			return resp, err
		},
	}
	bodies := map[string]func(*http.Request) string{
		"the request": func(r *http.Request) string {
			b, _ := httputil.DumpRequest(r, false)
			return string(b)
		},
		"the token":  func(*http.Request) string { return canary },
		"a sentence": func(*http.Request) string { return strings.Repeat("x", 280) + " " + canary },
		"an error": func(*http.Request) string {
			return fmt.Sprintf(`{"message":%q,"errors":[{%q:%q}],"code":%q,"data":{}}`, "bad "+canary, canary, canary, canary)
		},
		"parted": func(*http.Request) string { return `{"message":"` + canary[:9] + `\u200b` + canary[9:] + `"}` },
		"a failed": func(*http.Request) string {
			return "event: error\ndata: {\"errors\":[{\"code\":\"" + canary + "\"}]}\n\n"
		},
		"another failed": func(*http.Request) string {
			return "event: error\ndata: {\"errorType\":\"" + canary + "\",\"message\":\"" + canary + "\"}\n\n"
		},
		"an abort": func(*http.Request) string {
			return "event: control-message\ndata: {\"event\":\"CHANNEL_ABORT\",\"abortInfo\":\"" + canary + "\"}\n\n"
		},
		"labels": func(*http.Request) string {
			return "event: metadata\ndata: {\"tsId\":\"a\",\"properties\":{\"sf_streamLabel\":\"" + canary + "\"}}\n\n" + meta + endOfChannel
		},
		"a broken message": func(*http.Request) string { return "event: data\ndata: " + canary + "\n\n" },
	}
	for _, status := range []int{200, 202, 301, 307, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 599} {
		for name, body := range bodies {
			for _, kind := range []string{"application/json", "text/event-stream"} {
				failing[fmt.Sprintf("%d, %s, %s", status, kind, name)] = func(r *http.Request) (*http.Response, error) {
					resp, err := always(status, kind, body(r))(r)
					for _, h := range []string{"Location", "Retry-After", "X-Request-Id"} {
						resp.Header.Set(h, canary)
					}
					return resp, err
				}
			}
		}
	}
	for name, transport := range failing {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, transport)
			for _, src := range []metricsync.Source{c.TimeSeries(), c.SignalFlow()} {
				_, err := read(t.Context(), src, text("q"), minutes(0, 10))
				assert.Error(t, err, name)
				for ; err != nil; err = errors.Unwrap(err) {
					assertNoToken(t, shown(err))
				}
			}
		})
	}
}

// readFunc is a reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
