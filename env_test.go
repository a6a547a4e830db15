package routewatch_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

func TestFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("from-file\n"), 0o600))
	tests := []struct {
		name string
		env  map[string]string
		want routewatch.Config
	}{
		{"nothing", nil, routewatch.Config{}},
		{"empty counts as not set", map[string]string{"OPSGENIE_TOKEN": "", "ALERT_STATUS_CODES": " "}, routewatch.Config{}},
		{"every option", map[string]string{
			"OPSGENIE_TOKEN": " key ", "OPSGENIE_API_BASE": opsgenie.EU,
			"ALERT_STATUS_CODES": "500, 503", "ALERT_STATUS_CLASSES": "4xx,5XX",
			"MONITORED_ENDPOINTS": "/api, /admin", "IGNORED_ENDPOINTS": `["/a{1,2}", "/b"]`,
			"THRESHOLD_RESPONSE_TIME": "1500", "RESPONSE_TIME_MONITORED_ENDPOINTS": "/",
			"SERVICE_ID": "shop", "ENVTYPE": "prod", "ALERT_PRIORITY": "P2",
			"RESPONDER":  `[{"type":"team","name":"ops"},{"type":"user","username":"a@example.com"}]`,
			"ALERT_TAGS": "a,b", "ALERT_DETAILS": `{"team":"x"}`, "FORWARDED_HEADER_KEYS": "X-Request-Id",
			"NO_TRACEBACK": "True", "RECOVER_PANICS": "1",
			"ALERT_ALIAS": "all", "ALERT_STATUS_ALIAS": "s", "ALERT_LATENCY_ALIAS": "l", "ALERT_EXCEPTION_ALIAS": "e",
			"STATUSPAGE_SERVICE": "website", "STATUSPAGE_SEVERITY": "Critical",
			"ALERT_RESOLVE_AFTER": "5m", "ALERT_RENOTIFY": "90s", "ALERT_TRIGGER": "per-request",
		}, routewatch.Config{
			APIKey: "key", APIURL: opsgenie.EU, StatusCodes: []int{500, 503}, StatusClasses: []string{"4xx", "5XX"},
			MonitoredRoutes: []string{"/api", "/admin"}, IgnoredRoutes: []string{"/a{1,2}", "/b"},
			LatencyThreshold: 1500 * time.Millisecond, LatencyRoutes: []string{"/"},
			Service: "shop", Environment: "prod", Priority: opsgenie.P2,
			Responders: []opsgenie.Responder{{Type: opsgenie.Team, Name: "ops"}, {Type: opsgenie.User, Username: "a@example.com"}},
			Tags:       []string{"a", "b"}, Details: map[string]string{"team": "x"}, ForwardedHeaders: []string{"X-Request-Id"},
			NoStackTrace: true, RecoverPanics: true, Alias: "all", StatusAlias: "s", LatencyAlias: "l", ExceptionAlias: "e",
			StatusPage:   routewatch.StatusPage{Service: "website", Status: "critical", Latency: "critical", Exception: "critical"},
			ResolveAfter: 5 * time.Minute, Renotify: 90 * time.Second, Trigger: routewatch.PerRequest,
		}},
		// flask-opsgenie's README calls it so, where its code does not look.
		{"ALERT_STATUS_CLASS", map[string]string{"ALERT_STATUS_CLASS": "5XX"}, routewatch.Config{StatusClasses: []string{"5XX"}}},
		{"codes as JSON", map[string]string{"ALERT_STATUS_CODES": "[500, 502]"}, routewatch.Config{StatusCodes: []int{500, 502}}},
		{"codes as JSON texts", map[string]string{"ALERT_STATUS_CODES": `["500"]`}, routewatch.Config{StatusCodes: []int{500}}},
		{"threshold with a fraction", map[string]string{"THRESHOLD_RESPONSE_TIME": "0.5"}, routewatch.Config{LatencyThreshold: 500 * time.Microsecond}},
		{"threshold of 0 is off", map[string]string{"THRESHOLD_RESPONSE_TIME": "0"}, routewatch.Config{}},
		{"one responder", map[string]string{"RESPONDER": `{"type":"schedule","id":"1"}`}, routewatch.Config{Responders: []opsgenie.Responder{{Type: opsgenie.Schedule, ID: "1"}}}},
		{"key from a file", map[string]string{"OPSGENIE_TOKEN_FILE": file}, routewatch.Config{APIKey: "from-file"}},
		{"key before the file", map[string]string{"OPSGENIE_TOKEN": "k", "OPSGENIE_TOKEN_FILE": "/nowhere"}, routewatch.Config{APIKey: "k"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			got, err := routewatch.FromEnv()
			require.NoError(t, err)
			assert.EqualExportedValues(t, tt.want, got)
			assert.Equal(t, tt.want.APIKey, got.APIKey)
		})
	}
}

func TestFromEnvErrors(t *testing.T) {
	bad := map[string]string{
		"ALERT_STATUS_CODES":      "500,abc",
		"MONITORED_ENDPOINTS":     `[a-z]+`,
		"THRESHOLD_RESPONSE_TIME": "1s",
		"RESPONDER":               `["ops"]`,
		"ALERT_DETAILS":           `{"a":{"b":1}}`,
		"NO_TRACEBACK":            "maybe",
		"ALERT_RESOLVE_AFTER":     "5",
		"ALERT_RENOTIFY":          "soon",
		"OPSGENIE_TOKEN_FILE":     "/nowhere/at/all",
	}
	for k, v := range bad {
		t.Setenv(k, v)
	}
	cfg, err := routewatch.FromEnv()
	require.Error(t, err)
	got := map[string]string{}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var ce *routewatch.ConfigError
		require.ErrorAs(t, e, &ce)
		got[ce.Field] = ce.Value
		assert.NotEmpty(t, ce.Reason)
	}
	bad["ALERT_STATUS_CODES"] = "abc" // the part that is wrong
	assert.Equal(t, bad, got)
	assert.Equal(t, []int{500}, cfg.StatusCodes, "what could be read")
}

func TestFromEnvThresholdIsANumber(t *testing.T) {
	for _, v := range []string{"NaN", "Inf", "1e400", "1e30"} {
		t.Run(v, func(t *testing.T) {
			t.Setenv("THRESHOLD_RESPONSE_TIME", v)
			_, err := routewatch.FromEnv()
			require.Error(t, err)
		})
	}
}
