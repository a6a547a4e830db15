package routewatch_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

var update = flag.Bool("update", false, "write the golden files anew; read them before you commit them")

// request is one that carries everything that must not leave the process.
func request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://user:s3cret-userinfo@shop.example.com/orders/17?token=s3cret-query&page=2&s3cret-name", strings.NewReader("s3cret-body"))
	r.TLS = &tls.ConnectionState{}
	r.Pattern = "POST /orders/{id}"
	r.RemoteAddr = "203.0.113.9:51234"
	r.Header = http.Header{
		"Authorization": {"Bearer s3cret-bearer"},
		"Cookie":        {"session=s3cret-cookie"},
		"X-Api-Key":     {"s3cret-apikey"},
		"X-Other":       {"s3cret-other"},
		"X-Request-Id":  {"0f8fad5b"},
		"Traceparent":   {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	}
	return r
}

func pageConfig(n routewatch.Notifier) routewatch.Config {
	return routewatch.Config{
		APIKey: "s3cret-key", Service: "shop", Environment: "production", Priority: opsgenie.P2, Notifier: n,
		StatusClasses: []string{"5XX"}, StatusCodes: []int{418}, LatencyThreshold: time.Second, LatencyRoutes: []string{"/orders"},
		Tags: []string{"routewatch", "team:payments"}, Details: map[string]string{"runbook": "https://wiki.example.com/shop", "env": "is routewatch's own"},
		ForwardedHeaders: []string{"x-request-id", "X-Absent"},
		Responders:       []opsgenie.Responder{{Type: opsgenie.Team, Name: "payments"}},
		StatusPage:       routewatch.StatusPage{Service: "website", Latency: routewatch.Green},
	}
}

func TestAlertGoldens(t *testing.T) {
	tests := []struct {
		name string
		do   func(*routewatch.Watcher)
	}{
		{"status-class", func(w *routewatch.Watcher) {
			w.Observe(routewatch.Observation{Request: request(), Status: 503, Duration: time.Second})
		}},
		{"status-code", func(w *routewatch.Watcher) {
			w.Observe(routewatch.Observation{Request: request(), Status: 418, Err: errors.New("short and stout")})
		}},
		{"status-no-route", func(w *routewatch.Watcher) {
			r := request()
			r.Pattern = ""
			w.Observe(routewatch.Observation{Request: r, Status: 500})
		}},
		{"latency", func(w *routewatch.Watcher) {
			w.Observe(routewatch.Observation{Request: request(), Status: 200, Duration: 3214567 * time.Microsecond})
		}},
		{"panic", func(w *routewatch.Watcher) {
			h := w.Handler(http.HandlerFunc(checkout))
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), request())
		}},
		{"handled", func(w *routewatch.Watcher) {
			w.RaiseExceptionAlert(t.Context(), fmt.Errorf("charging: %w", &declinedError{"no funds"}),
				routewatch.WithFunc("charge"), routewatch.WithDetail("order", "17"), routewatch.WithDetail("host", "over routewatch's own"),
				routewatch.WithPriority(opsgenie.P1), routewatch.WithRequest(request()))
		}},
		{"raised", func(w *routewatch.Watcher) {
			w.RaiseExceptionAlert(t.Context(), errors.New("no space left on device"), routewatch.WithPriority("P0"), nil)
		}},
		{"goroutine", func(w *routewatch.Watcher) {
			w.Go(t.Context(), "mailer", mail)
			synctest.Wait()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n recorder
				w := newWatcher(t, pageConfig(&n))
				tt.do(w)
				require.NoError(t, w.Flush(t.Context()))
				require.Len(t, n.alerts(), 1)
				got := golden(t, n.alerts()[0])
				assert.NotContains(t, string(got), "s3cret")
				file := filepath.Join("testdata", "alerts", tt.name+".json")
				if *update {
					require.NoError(t, os.WriteFile(file, got, 0o644))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.Equal(t, string(want), string(got))
			})
		})
	}
}

func checkout(http.ResponseWriter, *http.Request) { total(nil) }

func total(cart map[string]int) { cart["total"] = 1 }

func mail(context.Context) error { return fmt.Errorf("smtp: %w", &declinedError{"greylisted"}) }

// golden is an alert as it is sent, without what differs between machines.
func golden(t *testing.T, a opsgenie.NewAlert) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(a))
	host, err := os.Hostname()
	require.NoError(t, err)
	out := bytes.ReplaceAll(b.Bytes(), []byte(`"`+host+`"`), []byte(`"HOST"`))
	out = bytes.ReplaceAll(out, []byte(`Host: `+host), []byte(`Host: HOST`))
	out = regexp.MustCompile(`\\t[^\\]*/([^/\\]+\.(?:go|s)):\d+`).ReplaceAll(out, []byte(`\t$1:LINE`))
	// The frames below differ with the toolchain, and with what it inlines.
	return regexp.MustCompile(`(?:\\n)+(?:testing|runtime|internal|[^"\\]*TestAlertGoldens)[^"]*"`).ReplaceAll(out, []byte(`"`))
}

// Each alert has maps and slices of its own: what flask-opsgenie put into one
// came out in the next.
func TestAlertsShareNothing(t *testing.T) {
	var n recorder
	n.onCreate = func(_ context.Context, a opsgenie.NewAlert) error {
		a.Details["exception"], a.Tags[0], a.Responders[0].Name = "leaked", "leaked", "leaked"
		return nil
	}
	cfg := pageConfig(&n)
	w := newWatcher(t, cfg)
	w.RaiseExceptionAlert(t.Context(), errors.New("x"))
	require.NoError(t, w.Flush(t.Context()))
	w.Observe(routewatch.Observation{Request: request(), Status: 500})
	require.NoError(t, w.Flush(t.Context()))
	require.Len(t, n.alerts(), 2)
	assert.NotContains(t, cfg.Details, "exception", "the user's own map")
	assert.NotContains(t, n.alerts()[1].Details, "stack", "what was told of another alert")
	b, err := json.Marshal(n.alerts()[1])
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(b), "leaked"), "only what the second call was given: %s", b)
}

// Whatever an alert is made of, it fits.
func TestAlertsFit(t *testing.T) {
	long := strings.Repeat("ü\x00\u202e<b>", 20000)
	cfg := pageConfig(nil)
	cfg.Service = long[:3000]
	cfg.Details = map[string]string{"a": long}
	cfg.ForwardedHeaders = []string{"X-Long"}
	var n recorder
	cfg.Notifier = &n
	w := newWatcher(t, cfg)
	r := request()
	r.Header.Set("X-Long", long)
	r.URL.Path = "/orders/" + long
	r.URL.RawQuery = strings.Repeat("a=b&", 10000)
	w.Observe(routewatch.Observation{Request: r, Status: 500, Duration: time.Hour, Route: "/" + long})
	w.RaiseExceptionAlert(t.Context(), errors.New(long), routewatch.WithFunc(long), routewatch.WithDetail(long, long), routewatch.WithRequest(r))
	require.NoError(t, w.Flush(t.Context()))
	require.Len(t, n.alerts(), 3)
	for _, a := range n.alerts() {
		assert.LessOrEqual(t, utf8.RuneCountInString(a.Message), opsgenie.MaxMessage)
		assert.LessOrEqual(t, utf8.RuneCountInString(a.Alias), opsgenie.MaxAlias)
		assert.LessOrEqual(t, utf8.RuneCountInString(a.Description), opsgenie.MaxDescription)
		runes := 0
		for k, v := range a.Details {
			runes += utf8.RuneCountInString(k) + utf8.RuneCountInString(v)
		}
		assert.LessOrEqual(t, runes, opsgenie.MaxDetails)
		assert.NotContains(t, a.Message+a.Description, "\u202e")
		assert.Equal(t, []string{"statuspage", "servicename:website"}, a.Tags[:2])
	}
}

func TestMaskedURL(t *testing.T) {
	tests := []struct{ query, want string }{
		{"", ""},
		{"page=2", "?page=***"},
		{"a=1&b=2", "?a=***&b=***"},
		{"a[b]=1&c.d-e=2", "?a[b]=***&c.d-e=***"},
		{"s3cret", "?***"},
		{"=s3cret", "?***"},
		{"%73%33cret=1", "?s3cret=***"}, // a name is a name
		{"s3 cret=1", "?***"},
		{strings.Repeat("x", 40) + "=1", "?***"},
		{"a=1;b=s3cret", "?a=***"},
		{"a=%zz", "?a=***"},
		{"%zz=1", "?***"},
		{strings.Repeat("a=1&", 25), "?" + strings.Repeat("a=***&", 20) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			var n recorder
			w := newWatcher(t, routewatch.Config{StatusClasses: []string{"5XX"}, Notifier: &n})
			r := httptest.NewRequest(http.MethodGet, "http://example.com/p", nil)
			r.URL.RawQuery = tt.query
			w.Observe(routewatch.Observation{Request: r, Status: 500})
			require.NoError(t, w.Flush(t.Context()))
			require.Len(t, n.alerts(), 1)
			assert.Equal(t, "http://example.com/p"+tt.want, n.alerts()[0].Details["url"])
		})
	}
}

// The errors of net/http's client repeat the URL that was asked for.
func TestErrorsLoseTheirURLsSecrets(t *testing.T) {
	tests := []struct{ text, want string }{
		{`Get "https://pay.example.com/v1?key=s3cret&x=1": EOF`, `Get "https://pay.example.com/v1?key=***&x=***": EOF`},
		{`dial postgres://app:s3cret@db:5432/shop: refused`, `dial postgres://***@db:5432/shop: refused`},
		{`(see https://x.example/?a=s3cret).`, `(see https://x.example/?a=***).`},
		{`Get "https://pay.example.com/v1?s3cret": EOF`, `Get "https://pay.example.com/v1?***": EOF`},
		{`no route for /v1?key=s3cret`, `no route for /v1?key=***`},
		{`see https://wiki.example.com/shop, please`, `see https://wiki.example.com/shop, please`},
		{`why? because x=1`, `why? because x=1`},
		{`is 2 > 1? yes`, `is 2 > 1? yes`},
		{`mail to ann@example.com failed`, `mail to ann@example.com failed`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var n recorder
			w := newWatcher(t, routewatch.Config{Notifier: &n})
			w.RaiseExceptionAlert(t.Context(), errors.New(tt.text))
			require.NoError(t, w.Flush(t.Context()))
			require.Len(t, n.alerts(), 1)
			a := n.alerts()[0]
			assert.Equal(t, tt.want, a.Details["exception"])
			assert.Equal(t, "shop: "+tt.want, a.Message)
			assert.NotContains(t, a.Description, "s3cret")
		})
	}
}

func TestTraceID(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	tests := []struct{ header, want string }{
		{"", ""},
		{"00-" + id + "-00f067aa0ba902b7-01", id},
		{"01-" + id + "-00f067aa0ba902b7-01-more", id},
		{"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01", ""},
		{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", ""},
		{"00-" + id, ""},
		{"<script>", ""},
	}
	for _, tt := range tests {
		t.Run(tt.header, func(t *testing.T) {
			var n recorder
			w := newWatcher(t, routewatch.Config{StatusClasses: []string{"5XX"}, Notifier: &n})
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("traceparent", tt.header)
			w.Observe(routewatch.Observation{Request: r, Status: 500})
			require.NoError(t, w.Flush(t.Context()))
			assert.Equal(t, tt.want, n.alerts()[0].Details["trace_id"])
		})
	}
}

// The user's details lie beneath routewatch's own, headers over these, and what a
// call says over all.
func TestDetailsLieOverEachOther(t *testing.T) {
	var n recorder
	w := newWatcher(t, routewatch.Config{
		Environment: "production", Notifier: &n, ForwardedHeaders: []string{"env", "zone"},
		Details: map[string]string{"service_id": "user's", "env": "user's", "zone": "user's", "team": "user's"},
	})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = http.Header{"Env": {"header's"}, "Zone": {"header's"}}
	w.RaiseExceptionAlert(t.Context(), errors.New("x"), routewatch.WithRequest(r), routewatch.WithDetail("zone", "call's"))
	require.NoError(t, w.Flush(t.Context()))
	details := n.alerts()[0].Details
	assert.Equal(t, "shop", details["service_id"])
	assert.Equal(t, "header's", details["env"])
	assert.Equal(t, "call's", details["zone"])
	assert.Equal(t, "user's", details["team"])
}

func TestNoStackTrace(t *testing.T) {
	for _, no := range []bool{false, true} {
		var n recorder
		w := newWatcher(t, routewatch.Config{NoStackTrace: no, Notifier: &n})
		w.RaiseExceptionAlert(t.Context(), errors.New("x"))
		w.Observe(routewatch.Observation{Panic: "y", Stack: []byte("frames of another goroutine"), Request: request()})
		require.NoError(t, w.Flush(t.Context()))
		require.NotEmpty(t, n.alerts())
		for _, a := range n.alerts() {
			assert.Equal(t, no, a.Details["stack"] == "")
			assert.Equal(t, no, !strings.Contains(a.Description, "Stack:"))
		}
	}
}
