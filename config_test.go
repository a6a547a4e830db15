package routewatch_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

const canaryKey = "c4n4ry-9d1e-k3y-0f-0ps63n13"

// TestConfigErrors names for each mistake the field, the value and a word of the
// reason, and sees that nothing else is found wrong.
func TestConfigErrors(t *testing.T) {
	twenty := slices.Repeat([]string{"tag"}, 20)
	tests := []struct {
		name   string
		change func(*routewatch.Config)
		want   string // "field: value: part of the reason"
	}{
		{"no key", func(c *routewatch.Config) { c.APIKey = "" }, "APIKey: : missing"},
		{"key with a line break", func(c *routewatch.Config) { c.APIKey = canaryKey + "\nx" }, "APIKey: : "},
		{"plain http", func(c *routewatch.Config) { c.APIURL = "http://opsgenie.example.com" }, "APIURL: http://opsgenie.example.com: http"},
		{"URL with a password", func(c *routewatch.Config) { c.APIURL = "https://u:hunter2@example.com" }, "APIURL: https://[redacted]@example.com: "},
		{"URL without a scheme", func(c *routewatch.Config) { c.APIURL = "api.opsgenie.com" }, "APIURL: api.opsgenie.com: "},
		{"URL with a query", func(c *routewatch.Config) { c.APIURL = "https://example.com/?key=hunter2" }, "APIURL: https://example.com/?[redacted]: "},
		{"status code 99", func(c *routewatch.Config) { c.StatusCodes = []int{500, 99} }, "StatusCodes[1]: 99: 100 to 599"},
		{"status code 600", func(c *routewatch.Config) { c.StatusCodes = []int{600} }, "StatusCodes[0]: 600: 100 to 599"},
		{"class 6XX", func(c *routewatch.Config) { c.StatusClasses = []string{"5XX", "6XX"} }, "StatusClasses[1]: 6XX: 1XX to 5XX"},
		{"class 0XX", func(c *routewatch.Config) { c.StatusClasses = []string{"0XX"} }, "StatusClasses[0]: 0XX: 1XX to 5XX"},
		{"class 500", func(c *routewatch.Config) { c.StatusClasses = []string{"500"} }, "StatusClasses[0]: 500: 1XX to 5XX"},
		{"bad regexp", func(c *routewatch.Config) { c.MonitoredRoutes = []string{"/ok", "(/x"} }, "MonitoredRoutes[1]: (/x: missing closing )"},
		{"regexp that only its wrapping mends", func(c *routewatch.Config) { c.IgnoredRoutes = []string{"a)(b"} }, "IgnoredRoutes[0]: a)(b: unexpected )"},
		{"look-ahead", func(c *routewatch.Config) { c.MonitoredRoutes = []string{"/(?!health)"} }, "MonitoredRoutes[0]: /(?!health): look-ahead is not possible in Go"},
		{"look-behind", func(c *routewatch.Config) { c.MonitoredRoutes = []string{"/x(?<=a)"} }, "MonitoredRoutes[0]: /x(?<=a): look-behind"},
		{"back-reference", func(c *routewatch.Config) { c.MonitoredRoutes = []string{`/(a)\1`} }, `MonitoredRoutes[0]: /(a)\1: back-reference`},
		{"open quantifier", func(c *routewatch.Config) { c.MonitoredRoutes = []string{`/a{,3}`} }, `MonitoredRoutes[0]: /a{,3}: write {0,3}`},
		{"empty pattern", func(c *routewatch.Config) { c.IgnoredRoutes = []string{""} }, `IgnoredRoutes[0]: : empty`},
		{"threshold without routes", func(c *routewatch.Config) { c.LatencyThreshold = time.Second }, "LatencyThreshold: 1s: no LatencyRoutes"},
		{"routes without threshold", func(c *routewatch.Config) { c.LatencyRoutes = []string{"/"} }, "LatencyRoutes: : no LatencyThreshold"},
		{"negative threshold", func(c *routewatch.Config) { c.LatencyThreshold, c.LatencyRoutes = -1, []string{"/"} }, "LatencyThreshold: -1ns: negative"},
		{"bad latency regexp", func(c *routewatch.Config) { c.LatencyThreshold, c.LatencyRoutes = 1, []string{"/", "["} }, "LatencyRoutes[1]: [: missing closing ]"},
		{"priority P0", func(c *routewatch.Config) { c.Priority = "P0" }, "Priority: P0: P1, P2, P3, P4, P5"},
		{"priority in lower case", func(c *routewatch.Config) { c.Priority = "p1" }, "Priority: p1: P1, P2, P3, P4, P5"},
		{"unknown responder", func(c *routewatch.Config) {
			c.Responders = []opsgenie.Responder{{Type: opsgenie.Team, Name: "x"}, {Type: "group", Name: "x"}}
		}, "Responders[1]: : group"},
		{"responder without a name", func(c *routewatch.Config) { c.Responders = []opsgenie.Responder{{Type: opsgenie.User}} }, "Responders[0]: : no id"},
		{"unknown placeholder", func(c *routewatch.Config) { c.StatusAlias = "{service}-{path}" }, "StatusAlias: {service}-{path}: {path} is not a placeholder"},
		{"open brace", func(c *routewatch.Config) { c.Alias = "{service" }, "Alias: {service: without"},
		{"closing brace", func(c *routewatch.Config) { c.ExceptionAlias = "service}" }, "ExceptionAlias: service}: without"},
		{"latency alias", func(c *routewatch.Config) { c.LatencyAlias = "{}" }, "LatencyAlias: {}: {} is not a placeholder"},
		{"authorization", func(c *routewatch.Config) { c.ForwardedHeaders = []string{"X-Request-Id", "authorization"} }, "ForwardedHeaders[1]: authorization: credentials"},
		{"cookie", func(c *routewatch.Config) { c.ForwardedHeaders = []string{"Cookie"} }, "ForwardedHeaders[0]: Cookie: credentials"},
		{"proxy authorization", func(c *routewatch.Config) { c.ForwardedHeaders = []string{"Proxy-Authorization"} }, "ForwardedHeaders[0]: Proxy-Authorization: credentials"},
		{"API key header", func(c *routewatch.Config) { c.ForwardedHeaders = []string{"X-Api-Key"} }, "ForwardedHeaders[0]: X-Api-Key: credentials"},
		{"token header", func(c *routewatch.Config) { c.ForwardedHeaders = []string{"X-CSRF-Token"} }, "ForwardedHeaders[0]: X-CSRF-Token: credentials"},
		{"no header name", func(c *routewatch.Config) { c.ForwardedHeaders = []string{"X Request"} }, "ForwardedHeaders[0]: X Request: no header name"},
		{"page service too long", func(c *routewatch.Config) { c.StatusPage.Service = strings.Repeat("x", 39) }, "StatusPage.Service: " + strings.Repeat("x", 39) + ": 38"},
		{"page service with a comma", func(c *routewatch.Config) { c.StatusPage.Service = "a,b" }, "StatusPage.Service: a,b: comma"},
		{"page service with a line break", func(c *routewatch.Config) { c.StatusPage.Service = "a\nb" }, "StatusPage.Service: a\nb: printed"},
		{"page severity", func(c *routewatch.Config) { c.StatusPage = routewatch.StatusPage{Service: "web", Status: "minor"} }, "StatusPage.Status: minor: green, major, critical"},
		{"page severity without a service", func(c *routewatch.Config) { c.StatusPage.Exception = "major" }, "StatusPage.Exception: major: without StatusPage.Service"},
		{"tag with a comma", func(c *routewatch.Config) { c.Tags = []string{"a", "b,c"} }, "Tags[1]: b,c: comma"},
		{"tag too long", func(c *routewatch.Config) { c.Tags = []string{strings.Repeat("é", 51)} }, "Tags[0]: " + strings.Repeat("é", 51) + ": 50"},
		{"21 tags", func(c *routewatch.Config) { c.Tags = append(slices.Clone(twenty), "x") }, "Tags: : 21"},
		{"20 tags and a status page", func(c *routewatch.Config) { c.Tags, c.StatusPage.Service = twenty, "web" }, "Tags: : 23"},
		{"negative renotify", func(c *routewatch.Config) { c.Renotify = -1 }, "Renotify: -1ns: negative"},
		{"negative resolve", func(c *routewatch.Config) { c.ResolveAfter = -time.Second }, "ResolveAfter: -1s: negative"},
		{"unknown trigger", func(c *routewatch.Config) { c.Trigger = "per-incident" }, "Trigger: per-incident: per-request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := routewatch.Config{APIKey: canaryKey}
			tt.change(&cfg)
			w, err := routewatch.New(cfg)
			require.Error(t, err)
			require.Nil(t, w)
			var ce *routewatch.ConfigError
			require.ErrorAs(t, err, &ce)
			assert.Len(t, strings.Split(strings.ReplaceAll(err.Error(), "\n\t", ""), "\nroutewatch"), 1, "one mistake: %v", err)
			field, rest, _ := strings.Cut(tt.want, ": ")
			value, reason, _ := strings.Cut(rest, ": ")
			assert.Equal(t, field, ce.Field)
			assert.Equal(t, value, ce.Value)
			assert.Contains(t, ce.Reason, reason)
			assert.True(t, strings.HasPrefix(err.Error(), "routewatch: "+field+": "), err.Error())
			for _, secret := range []string{canaryKey, "hunter2"} {
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestConfigTellsEveryMistakeAtOnce(t *testing.T) {
	_, err := routewatch.New(routewatch.Config{
		StatusCodes: []int{1}, StatusClasses: []string{"9XX"}, MonitoredRoutes: []string{"("},
		LatencyThreshold: 1, Priority: "P9", Alias: "{x}", Tags: []string{","}, APIURL: "ftp://x",
	})
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	fields := map[string]bool{}
	for _, e := range joined.Unwrap() {
		var ce *routewatch.ConfigError
		require.ErrorAs(t, e, &ce)
		fields[ce.Field] = true
	}
	want := []string{"APIKey", "APIURL", "Alias", "LatencyThreshold", "MonitoredRoutes[0]", "Priority", "StatusClasses[0]", "StatusCodes[0]", "Tags[0]"}
	assert.Equal(t, want, slices.Sorted(maps.Keys(fields)))
}

// What New was given may be changed afterwards.
func TestNewCopiesTheConfig(t *testing.T) {
	var n recorder
	cfg := routewatch.Config{
		StatusClasses: []string{"5XX"}, Tags: []string{"a"}, Details: map[string]string{"team": "x"},
		Responders: []opsgenie.Responder{{Type: opsgenie.Team, Name: "ops"}}, Notifier: &n,
	}
	w := newWatcher(t, cfg)
	cfg.StatusClasses[0], cfg.Tags[0], cfg.Details["team"], cfg.Responders[0].Name = "4XX", "b", "y", "others"
	w.Observe(routewatch.Observation{Status: 500})
	require.NoError(t, w.Flush(t.Context()))
	require.Len(t, n.alerts(), 1)
	a := n.alerts()[0]
	assert.Equal(t, []string{"a"}, a.Tags)
	assert.Equal(t, "x", a.Details["team"])
	assert.Equal(t, "ops", a.Responders[0].Name)
}

func TestConfigNeverShowsItsKey(t *testing.T) {
	cfg := routewatch.Config{APIKey: canaryKey, APIURL: "https://user:" + canaryKey + "@example.com/?k=" + canaryKey}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("config", "cfg", cfg, "ptr", &cfg, "in", struct{ C routewatch.Config }{cfg})
	}
	out := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		out += fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, &cfg) + fmt.Sprintf(verb, []routewatch.Config{cfg})
	}
	for _, v := range []any{cfg, &cfg, map[string]any{"c": cfg}} {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		out += string(b)
	}
	out += fmt.Sprint(errors.Join(fmt.Errorf("cfg: %v", cfg))) + cfg.String()
	assert.NotContains(t, out, canaryKey)
	assert.NotContains(t, out, fmt.Sprintf("%x", canaryKey))
	assert.Contains(t, out, "[redacted]")
	assert.Contains(t, out, "LatencyThreshold", "the rest is shown")
}
