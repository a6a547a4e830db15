package check_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/check"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

func TestMain(m *testing.M) {
	for _, entry := range os.Environ() { // the machine's own would tell on us
		name, _, _ := strings.Cut(entry, "=")
		for _, prefix := range []string{"OPSGENIE_", "ALERT_", "STATUSPAGE_"} {
			if strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
	goleak.VerifyTestMain(m)
}

const key = "c0ffee00-1234-5678-9abc-secretsecret"

// good is an environment with which nothing is wrong.
func good(t *testing.T, more ...string) {
	t.Helper()
	t.Setenv("OPSGENIE_TOKEN", key)
	t.Setenv("SERVICE_ID", "shop")
	t.Setenv("ALERT_STATUS_CLASSES", "5XX")
	for i := 0; i < len(more); i += 2 {
		t.Setenv(more[i], more[i+1])
	}
}

// run returns the report, which never holds the key.
func run(t *testing.T, ctx context.Context, o check.Options) (report string, err error) {
	t.Helper()
	var b bytes.Buffer
	err = check.Run(ctx, &b, o)
	for _, text := range []string{b.String(), errText(err)} {
		assert.NotContains(t, text, key)
		assert.NotContains(t, text, "secretsecret")
	}
	return b.String(), err
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestMistakesCarryTheirVariables(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		want string
	}{
		{"no key", []string{"OPSGENIE_TOKEN", ""}, "OPSGENIE_TOKEN: is missing; set the key of an API integration here, or the name of a file"},
		{"key file that is not there", []string{"OPSGENIE_TOKEN", "", "OPSGENIE_TOKEN_FILE", "/nonexistent"}, `OPSGENIE_TOKEN_FILE: "/nonexistent": cannot be read`},
		{"class", []string{"ALERT_STATUS_CLASSES", "5XX,6XX"}, `ALERT_STATUS_CLASSES[1]: "6XX"`},
		{"code that is no number", []string{"ALERT_STATUS_CODES", "five"}, `ALERT_STATUS_CODES: "five"`},
		{"code out of range", []string{"ALERT_STATUS_CODES", "99"}, `ALERT_STATUS_CODES[0]: "99"`},
		{"threshold without routes", []string{"THRESHOLD_RESPONSE_TIME", "900"}, "has no RESPONSE_TIME_MONITORED_ENDPOINTS to judge"},
		{"routes without threshold", []string{"RESPONSE_TIME_MONITORED_ENDPOINTS", "/"}, "have no THRESHOLD_RESPONSE_TIME to be judged by; set it, such as to 2000"},
		{"pattern", []string{"MONITORED_ENDPOINTS", "/a,/(b"}, `MONITORED_ENDPOINTS[1]: "/(b"`},
		{"priority", []string{"ALERT_PRIORITY", "P0"}, `ALERT_PRIORITY: "P0"`},
		{"responder", []string{"RESPONDER", "payments"}, `RESPONDER: "payments"`},
		{"alias", []string{"ALERT_STATUS_ALIAS", "{svc}"}, `ALERT_STATUS_ALIAS: "{svc}"`},
		{"severity without service", []string{"STATUSPAGE_SEVERITY", "major"}, "STATUSPAGE_SEVERITY: \"major\": has no effect without STATUSPAGE_SERVICE"},
		{"page's service", []string{"STATUSPAGE_SERVICE", "a,b"}, `STATUSPAGE_SERVICE: "a,b": holds a comma`},
		{"http", []string{"OPSGENIE_API_BASE", "http://example.com"}, "plain http to example.com would show the key"},
		{"credentials", []string{"FORWARDED_HEADER_KEYS", "Cookie"}, `FORWARDED_HEADER_KEYS[0]: "Cookie"`},
		{"duration", []string{"ALERT_RENOTIFY", "60"}, `ALERT_RENOTIFY: "60"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			good(t, test.env...)

			report, err := run(t, t.Context(), check.Options{})

			require.ErrorContains(t, err, "mistake")
			assert.Regexp(t, "(?m)^  wrong    .*"+regexp.QuoteMeta(test.want), report)
			assert.NotContains(t, report, "is complete and valid")
		})
	}
}

func TestEveryMistakeIsToldOnce(t *testing.T) {
	good(t, "OPSGENIE_TOKEN", "", "OPSGENIE_TOKEN_FILE", "/nonexistent", "ALERT_PRIORITY", "high", "ALERT_STATUS_CODES", "1,x",
		"THRESHOLD_RESPONSE_TIME", "fast", "RESPONSE_TIME_MONITORED_ENDPOINTS", "/")

	report, err := run(t, t.Context(), check.Options{})

	require.EqualError(t, err, "the environment has 5 mistakes")
	assert.Equal(t, 5, strings.Count(report, "  wrong "), report)
}

func TestMistakesKeepTheTestAlertBack(t *testing.T) {
	og := opsgenietest.NewServer(t, nil)
	good(t, "OPSGENIE_API_BASE", og.URL, "ALERT_PRIORITY", "P0")

	_, err := run(t, t.Context(), check.Options{Send: true})

	require.Error(t, err)
	assert.Empty(t, og.Calls())
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		want string // empty is none of them
	}{
		{"nothing watched", []string{"ALERT_STATUS_CLASSES", ""}, "no status and no latency is watched"},
		{"endpoints without status", []string{"ALERT_STATUS_CLASSES", "", "MONITORED_ENDPOINTS", "/a"}, "MONITORED_ENDPOINTS: has no effect"},
		{"ignored without status", []string{"ALERT_STATUS_CLASSES", "", "IGNORED_ENDPOINTS", "/a"}, "IGNORED_ENDPOINTS: has no effect"},
		{"healthy class", []string{"ALERT_STATUS_CLASSES", "5XX,2xx"}, "2XX are answers of a healthy service"},
		{"seconds for milliseconds", []string{"THRESHOLD_RESPONSE_TIME", "2", "RESPONSE_TIME_MONITORED_ENDPOINTS", "/"}, "is 2ms: the unit is milliseconds"},
		{"pattern without slash", []string{"MONITORED_ENDPOINTS", "/a,admin"}, `MONITORED_ENDPOINTS[1]: "admin" matches no path`},
		{"service by default", []string{"SERVICE_ID", ""}, "SERVICE_ID: is not set"},
		{"local", []string{"OPSGENIE_API_BASE", "http://127.0.0.1:1"}, "alerts reach a local Opsgenie"},
		{"the end of Opsgenie", nil, "ends on 5 April 2027: " + opsgenie.JSM},
		{"misspelt", []string{"ALERT_STATUS_CLASSSES", "5XX"}, "ALERT_STATUS_CLASSSES: is not read by routewatch"},
		{"none", []string{"OPSGENIE_API_BASE", opsgenie.JSM, "ALERT_STATUS_CLASS", "4XX", "MONITORED_ENDPOINTS", "(a|/b),.*x"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			good(t, test.env...)

			report, err := run(t, t.Context(), check.Options{})

			require.NoError(t, err)
			assert.Contains(t, report, "ok       the configuration is complete and valid")
			if test.want == "" {
				assert.NotContains(t, report, "warning")
			} else {
				assert.Contains(t, report, test.want)
			}
		})
	}
}

func TestConfigurationSaysWhereItComesFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(key+"\n"), 0o600))
	good(t, "OPSGENIE_TOKEN", "", "OPSGENIE_TOKEN_FILE", file, "ALERT_RESOLVE_AFTER", "90m", "ALERT_TAGS", "a,b")

	report, err := run(t, t.Context(), check.Options{})

	require.NoError(t, err)
	for _, row := range [][3]string{
		{"OPSGENIE_TOKEN", "set (36 characters, not shown)", "OPSGENIE_TOKEN_FILE"},
		{"OPSGENIE_API_BASE", "https://api.opsgenie.com", "default"},
		{"SERVICE_ID", "shop", "environment"},
		{"ALERT_RESOLVE_AFTER", "1h30m", "environment"},
		{"ALERT_RENOTIFY", "1m", "default"},
		{"ALERT_TAGS", "a, b", "environment"},
	} {
		assert.Regexp(t, `(?m)^  `+row[0]+` +`+regexp.QuoteMeta(row[1])+` +`+row[2]+`$`, report)
	}
	assert.Contains(t, report, "not set: ALERT_STATUS_CODES, MONITORED_ENDPOINTS")
	assert.NotContains(t, report, "\x1b")
}

func TestColorsOnlyOnRequest(t *testing.T) {
	good(t)
	report, err := run(t, t.Context(), check.Options{Color: true})
	require.NoError(t, err)
	assert.Contains(t, report, "\x1b[32mok\x1b[0m")
}

func TestPathsAreJudgedAsRequestsAre(t *testing.T) {
	good(t,
		"ALERT_STATUS_CODES", "404", "MONITORED_ENDPOINTS", "/a,/health", "IGNORED_ENDPOINTS", "/health",
		"THRESHOLD_RESPONSE_TIME", "1500", "RESPONSE_TIME_MONITORED_ENDPOINTS", "/a/slow",
		"ALERT_STATUS_ALIAS", "{service}{route}-{class}")

	report, err := run(t, t.Context(), check.Options{Paths: []string{"/a/slow", "https://shop.example/health?x=1", "/x/a", "/a%2Fb"}})

	require.NoError(t, err)
	_, report, _ = strings.Cut(report, "On /a/slow\n")
	assert.Equal(t, `  status 404, 5XX  alert shop/a-5XX
  over 1.5s        alert shop-response-latency-alert
  panic            alert shop-exception-alert

On https://shop.example/health?x=1
  status 404, 5XX  no alert: IGNORED_ENDPOINTS leaves the path out
  over 1.5s        no alert: no pattern of RESPONSE_TIME_MONITORED_ENDPOINTS matches
  panic            alert shop-exception-alert

On /x/a
  status 404, 5XX  no alert: no pattern of MONITORED_ENDPOINTS matches
  over 1.5s        no alert: no pattern of RESPONSE_TIME_MONITORED_ENDPOINTS matches
  panic            alert shop-exception-alert

On /a%2Fb
  status 404, 5XX  alert shop/a-5XX
  over 1.5s        no alert: no pattern of RESPONSE_TIME_MONITORED_ENDPOINTS matches
  panic            alert shop-exception-alert
`, report)
}

func TestPathThatIsNone(t *testing.T) {
	good(t)
	for _, path := range []string{"admin", "%zz"} {
		_, err := run(t, t.Context(), check.Options{Paths: []string{path}})
		require.Error(t, err, path)
	}
}

// TestSettingsAreThoseOfFromEnv breaks when a variable is added to FromEnv, or
// renamed, and this command does not follow.
func TestSettingsAreThoseOfFromEnv(t *testing.T) {
	for field, example := range map[string]string{
		"APIKey:OPSGENIE_TOKEN": "k", "APIURL:OPSGENIE_API_BASE": opsgenie.EU,
		"StatusCodes:ALERT_STATUS_CODES": "500", "StatusClasses:ALERT_STATUS_CLASSES": "5XX",
		"MonitoredRoutes:MONITORED_ENDPOINTS": "/", "IgnoredRoutes:IGNORED_ENDPOINTS": "/",
		"LatencyThreshold:THRESHOLD_RESPONSE_TIME": "9", "LatencyRoutes:RESPONSE_TIME_MONITORED_ENDPOINTS": "/",
		"Service:SERVICE_ID": "s", "Environment:ENVTYPE": "e", "Priority:ALERT_PRIORITY": "P1",
		"Responders:RESPONDER": `{"type":"team","name":"a"}`, "Tags:ALERT_TAGS": "t", "Details:ALERT_DETAILS": `{"a":"b"}`,
		"ForwardedHeaders:FORWARDED_HEADER_KEYS": "X-A", "NoStackTrace:NO_TRACEBACK": "true", "RecoverPanics:RECOVER_PANICS": "true",
		"Alias:ALERT_ALIAS": "a", "StatusAlias:ALERT_STATUS_ALIAS": "a", "LatencyAlias:ALERT_LATENCY_ALIAS": "a",
		"ExceptionAlias:ALERT_EXCEPTION_ALIAS": "a", "StatusPage:STATUSPAGE_SERVICE": "w",
		"ResolveAfter:ALERT_RESOLVE_AFTER": "1m", "Renotify:ALERT_RENOTIFY": "1m", "Trigger:ALERT_TRIGGER": "per-request",
	} {
		name, env, _ := strings.Cut(field, ":")
		t.Run(name, func(t *testing.T) {
			t.Setenv(env, example)
			cfg, err := routewatch.FromEnv()
			require.NoError(t, err)
			assert.False(t, reflect.ValueOf(cfg).FieldByName(name).IsZero(), "%s is not read into %s", env, name)
			assert.Contains(t, check.Variables(), "  "+env+" ")
		})
	}
	known := 0
	for i := range reflect.TypeFor[routewatch.Config]().NumField() {
		if name := reflect.TypeFor[routewatch.Config]().Field(i).Name; name != "Logger" && name != "Notifier" {
			known++
		}
	}
	assert.Equal(t, 25, known, "a new field: does it have a variable, and is that in settings?")
}

func TestSend(t *testing.T) {
	og := opsgenietest.NewServer(t, &opsgenietest.Options{Keys: []string{key}, ProcessingDelay: 150 * time.Millisecond})
	good(t, "OPSGENIE_API_BASE", og.URL, "STATUSPAGE_SERVICE", "website", "ALERT_PRIORITY", "P1", "RESPONDER", `{"type":"team","name":"payments"}`)

	report, err := run(t, t.Context(), check.Options{Send: true, Timeout: 10 * time.Second})

	require.NoError(t, err, report)
	alerts := og.Alerts()
	require.Len(t, alerts, 1)
	a := alerts[0]
	assert.Equal(t, opsgenie.StatusClosed, a.Status)
	assert.Equal(t, opsgenie.P5, a.Priority)
	assert.Equal(t, []string{"routewatch"}, a.Tags, "no page may turn red")
	assert.Equal(t, "payments", a.Responders[0].Name)
	assert.Contains(t, report, "raised after")
	assert.Contains(t, report, a.Alias)
	assert.Contains(t, report, "closed after")
}

func TestSendThatFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		fault  opsgenietest.Fault
		want   string
		closed bool // told to close, though it could not be confirmed
	}{
		{"key that may only read", opsgenietest.Fault{Op: opsgenietest.OpCreate, Status: 403}, "403 Forbidden", false},
		{"server error", opsgenietest.Fault{Op: opsgenietest.OpCreate, Status: 500}, "500 Internal Server Error", false},
		{"hang", opsgenietest.Fault{Op: opsgenietest.OpCreate, Hang: true}, "no end after 1s", false},
		{"cut, but carried out", opsgenietest.Fault{Op: opsgenietest.OpCreate, Cut: opsgenietest.CutBefore, CarryOut: true}, "was not accepted", true},
		{"never processed", opsgenietest.Fault{Op: opsgenietest.OpCreate, Forget: true}, "no end after 1s", false},
		{"rejected later", opsgenietest.Fault{Op: opsgenietest.OpCreate, Reject: "Unknown responder"}, "the service says: Unknown responder", false},
		{"status not to be read", opsgenietest.Fault{Op: opsgenietest.OpRequestStatus, Status: 403, Times: -1}, "that it was raised cannot be confirmed", true},
		{"close refused", opsgenietest.Fault{Op: opsgenietest.OpClose, Status: 403, Times: -1}, "may still be open; close it by hand: shop-routewatch-check-", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			og := opsgenietest.NewServer(t, nil)
			og.Inject(test.fault)
			good(t, "OPSGENIE_API_BASE", og.URL)

			report, err := run(t, t.Context(), check.Options{Send: true, Timeout: time.Second})

			require.EqualError(t, err, "the test alert did not make it")
			assert.Contains(t, report, test.want)
			for _, a := range og.Alerts() {
				assert.Equal(t, test.closed, !a.Open(), report)
			}
			if test.closed {
				assert.Len(t, og.Alerts(), 1)
			}
		})
	}
}

func TestSendWithAWrongKey(t *testing.T) {
	og := opsgenietest.NewServer(t, &opsgenietest.Options{Keys: []string{"another"}})
	good(t, "OPSGENIE_API_BASE", og.URL)

	report, err := run(t, t.Context(), check.Options{Send: true, Timeout: 5 * time.Second})

	require.Error(t, err)
	assert.Contains(t, report, "401 Unauthorized")
	assert.NotContains(t, report, "close it by hand")
}

func TestSendToNobody(t *testing.T) {
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	good(t, "OPSGENIE_API_BASE", "http://"+ln.Addr().String())

	report, err := run(t, t.Context(), check.Options{Send: true, Timeout: 5 * time.Second})

	require.Error(t, err)
	assert.Contains(t, report, "connection refused")
}

func TestSendSurvivesThrottling(t *testing.T) {
	og := opsgenietest.NewServer(t, nil)
	limited := opsgenietest.RateLimited(time.Second)
	limited.Op = opsgenietest.OpRequestStatus
	og.Inject(limited)
	good(t, "OPSGENIE_API_BASE", og.URL)

	_, err := run(t, t.Context(), check.Options{Send: true, Timeout: 10 * time.Second})

	require.NoError(t, err)
	asked := og.CallsOf(opsgenietest.OpRequestStatus)
	require.GreaterOrEqual(t, len(asked), 2)
	assert.GreaterOrEqual(t, asked[1].At.Sub(asked[0].At), time.Second)
}

func TestSendInterruptedClosesItsAlert(t *testing.T) {
	og := opsgenietest.NewServer(t, nil)
	og.Inject(opsgenietest.Fault{Op: opsgenietest.OpRequestStatus, Hang: true})
	good(t, "OPSGENIE_API_BASE", og.URL)
	ctx, interrupt := context.WithCancelCause(t.Context())
	go func() {
		_ = og.Wait(ctx, func(alerts []opsgenietest.Alert) bool { return len(alerts) == 1 })
		interrupt(errors.New("the user gave up"))
	}()

	report, err := run(t, ctx, check.Options{Send: true, Timeout: 20 * time.Second})

	require.Error(t, err)
	assert.Contains(t, report, "the user gave up")
	require.Len(t, og.Alerts(), 1)
	assert.False(t, og.Alerts()[0].Open())
	assert.Contains(t, report, "was told to close: "+og.Alerts()[0].Alias)
}
