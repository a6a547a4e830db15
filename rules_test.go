package routewatch_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// TestRules is the table of what raises an alert. Its comments name what
// flask-opsgenie 0.5.4 does (github.com/djmgit/flask-opsgenie), where a row
// follows it or departs from it on purpose.
func TestRules(t *testing.T) {
	const (
		status    = "shop-response-status-alert"
		latency   = "shop-response-latency-alert"
		exception = "shop-exception-alert"
	)
	classes := func(c ...string) routewatch.Config { return routewatch.Config{StatusClasses: c} }
	tests := []struct {
		name    string
		cfg     routewatch.Config
		path    string // default /
		code    int    // default 200
		took    time.Duration
		panics  any
		headers http.Header // of the answer
		ctx     func(context.Context) context.Context
		want    []string // aliases
	}{
		{name: "nothing configured, 500", code: 500},
		{name: "listed code", cfg: routewatch.Config{StatusCodes: []int{404, 500}}, code: 404, want: []string{status}},
		{name: "code that is not listed", cfg: routewatch.Config{StatusCodes: []int{404}}, code: 500},
		{name: "class", cfg: classes("5XX"), code: 503, want: []string{status}},
		{name: "class in lower case", cfg: classes("4xx"), code: 404, want: []string{status}},
		{name: "first and last of a class", cfg: classes("5XX"), code: 599, want: []string{status}},
		{name: "the class next door", cfg: classes("5XX"), code: 499},
		{name: "a code beyond every class", cfg: classes("5XX"), code: 600},
		{name: "3XX and 2XX are classes too", cfg: classes("2XX"), code: 204, want: []string{status}},
		// As flask: a hit in both is one alert, reported as a code.
		{name: "code and class: one alert", cfg: routewatch.Config{StatusCodes: []int{500}, StatusClasses: []string{"5XX"}}, code: 500, want: []string{status}},

		// As flask: re.match, anchored at the start and open at the end.
		{name: "monitored, from the start", cfg: with(classes("5XX"), "/admin", ""), path: "/admin/x", code: 500, want: []string{status}},
		{name: "monitored, not in the middle", cfg: with(classes("5XX"), "/admin", ""), path: "/x/admin", code: 500},
		{name: "monitored, open at the end", cfg: with(classes("5XX"), "/s/5", ""), path: "/s/500", code: 500, want: []string{status}},
		{name: "monitored, pattern without a slash", cfg: with(classes("5XX"), "s/500", ""), path: "/s/500", code: 500},
		{name: "every branch is anchored", cfg: with(classes("5XX"), "/a|/b", ""), path: "/x/b", code: 500},
		{name: "second branch", cfg: with(classes("5XX"), "/a|/b", ""), path: "/b", code: 500, want: []string{status}},
		{name: "monitored, not listed", cfg: with(classes("5XX"), "/admin", ""), path: "/", code: 500},
		{name: "the path is decoded", cfg: with(classes("5XX"), "/a b", ""), path: "/a%20b", code: 500, want: []string{status}},
		{name: "never the query", cfg: with(classes("5XX"), ".*secret", ""), path: "/?secret", code: 500},
		{name: "never the host", cfg: with(classes("5XX"), ".*example", ""), path: "/", code: 500},
		{name: "ignored", cfg: with(classes("5XX"), "", "/health"), path: "/healthz", code: 500},
		{name: "not ignored", cfg: with(classes("5XX"), "", "/health"), path: "/x", code: 500, want: []string{status}},
		// Departs: flask does not look at IGNORED_ENDPOINTS once
		// MONITORED_ENDPOINTS is set.
		{name: "ignored wins over monitored", cfg: with(classes("5XX"), "/api", "/api/health"), path: "/api/health", code: 500},
		{name: "monitored beside ignored", cfg: with(classes("5XX"), "/api", "/api/health"), path: "/api/x", code: 500, want: []string{status}},

		// As flask: longer, not equal.
		{name: "slower than the threshold", cfg: slow("/"), took: time.Second + 1, want: []string{latency}},
		{name: "as slow as the threshold", cfg: slow("/"), took: time.Second},
		{name: "slow elsewhere", cfg: slow("/api"), took: time.Hour},
		// As flask: the lists for status alerts do not apply to latency.
		{name: "slow and ignored for status", cfg: func() routewatch.Config { c := slow("/"); c.IgnoredRoutes = []string{"/"}; return c }(), took: time.Hour, want: []string{latency}},
		{name: "slow and not monitored for status", cfg: func() routewatch.Config { c := slow("/"); c.MonitoredRoutes = []string{"/x"}; return c }(), took: time.Hour, want: []string{latency}},
		// As flask: independent, so one request may be two alerts.
		{name: "slow 500", cfg: func() routewatch.Config { c := slow("/"); c.StatusClasses = []string{"5XX"}; return c }(), took: time.Hour, code: 500, want: []string{latency, status}},
		{name: "a slow stream", cfg: slow("/"), took: time.Hour, headers: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}},
		{name: "a stream with a bad status", cfg: classes("5XX"), code: 500, headers: http.Header{"Content-Type": {"text/event-stream"}}, want: []string{status}},

		// Departs: flask alerts only where the application calls it.
		{name: "panic", panics: "boom", want: []string{exception}},
		{name: "panic with 5XX watched: one alert", cfg: classes("5XX"), panics: "boom", want: []string{exception}},
		{name: "panic on an ignored route", cfg: with(classes("5XX"), "", "/"), panics: "boom", want: []string{exception}},
		{name: "panic on a route that is not monitored", cfg: with(classes("5XX"), "/x", ""), panics: "boom", want: []string{exception}},
		{name: "slow panic: one alert", cfg: slow("/"), took: time.Hour, panics: "boom", want: []string{exception}},
		{name: "recovered panic with 5XX watched: one alert", cfg: func() routewatch.Config { c := classes("5XX"); c.RecoverPanics = true; return c }(), panics: "boom", want: []string{exception}},
		{name: "http.ErrAbortHandler", cfg: classes("5XX"), panics: http.ErrAbortHandler},

		{name: "the client has gone", cfg: func() routewatch.Config { c := slow("/"); c.StatusClasses = []string{"5XX"}; return c }(), took: time.Hour, code: 500, ctx: cancelled},
		{name: "the server's own deadline", cfg: classes("5XX"), code: 503, ctx: expired, want: []string{status}},
		{name: "panic after the client has gone", panics: "boom", ctx: cancelled, want: []string{exception}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n recorder
				tt.cfg.Notifier = &n
				w := newWatcher(t, tt.cfg)
				h := w.Handler(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
					time.Sleep(tt.took)
					for k, v := range tt.headers {
						rw.Header()[k] = v
					}
					if tt.panics != nil {
						panic(tt.panics)
					}
					if tt.code != 0 {
						rw.WriteHeader(tt.code)
					}
				}))
				path := tt.path
				if path == "" {
					path = "/"
				}
				r := httptest.NewRequest(http.MethodGet, "http://example.com"+path, nil)
				if tt.ctx != nil {
					r = r.WithContext(tt.ctx(r.Context()))
				}
				func() {
					defer func() { _ = recover() }()
					h.ServeHTTP(httptest.NewRecorder(), r)
				}()
				require.NoError(t, w.Flush(t.Context()))
				var got []string
				for _, a := range n.alerts() {
					got = append(got, a.Alias)
				}
				slices.Sort(got)
				assert.Equal(t, tt.want, got)
				assert.Empty(t, n.closes())
			})
		})
	}
}

func with(cfg routewatch.Config, monitored, ignored string) routewatch.Config {
	if monitored != "" {
		cfg.MonitoredRoutes = []string{monitored}
	}
	if ignored != "" {
		cfg.IgnoredRoutes = []string{ignored}
	}
	return cfg
}

func slow(route string) routewatch.Config {
	return routewatch.Config{LatencyThreshold: time.Second, LatencyRoutes: []string{route}}
}

func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func expired(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, 0)
	defer cancel()
	<-ctx.Done()
	return ctx
}

// A listed code says so in the details; a class names the class.
func TestStatusCodeWinsOverClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n recorder
		w := newWatcher(t, routewatch.Config{
			StatusCodes: []int{500}, StatusClasses: []string{"5XX"}, StatusAlias: "{status}", Notifier: &n,
		})
		for _, code := range []int{500, 503} {
			w.Observe(routewatch.Observation{Request: httptest.NewRequest(http.MethodGet, "/", nil), Status: code})
		}
		require.NoError(t, w.Flush(t.Context()))
		details := map[string]map[string]string{}
		for _, a := range n.alerts() {
			details[a.Alias] = a.Details
		}
		assert.Equal(t, "500", details["500"]["status_code"])
		assert.NotContains(t, details["500"], "status_class")
		assert.Equal(t, "5XX", details["503"]["status_class"])
		assert.NotContains(t, details["503"], "status_code")
	})
}

// A hostile path costs what its first 2 KiB cost, and is judged by them.
func TestLongPath(t *testing.T) {
	var n recorder
	w := newWatcher(t, routewatch.Config{StatusClasses: []string{"5XX"}, MonitoredRoutes: []string{"/a+$"}, Notifier: &n})
	r := httptest.NewRequest(http.MethodGet, "/"+strings.Repeat("a", 1<<20), nil)
	w.Observe(routewatch.Observation{Request: r, Status: 500})
	require.NoError(t, w.Flush(t.Context()))
	assert.Len(t, n.alerts(), 1)
}
