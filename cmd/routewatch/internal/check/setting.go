package check

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/routewatch/routewatch"
)

// setting is one variable that [routewatch.FromEnv] reads.
type setting struct {
	env     string
	field   string // of routewatch.Config
	about   string
	without string // what holds without it, for the help
	show    func(routewatch.Config) string
}

// settings are in the order in which a person meets them.
var settings = []setting{
	{"OPSGENIE_TOKEN", "APIKey", "key of an API integration", "required, or OPSGENIE_TOKEN_FILE", showKey},
	{"OPSGENIE_API_BASE", "APIURL", "where alerts go", "https://api.opsgenie.com", func(c routewatch.Config) string { return c.APIURL }},
	{"SERVICE_ID", "Service", "name of the service", "go-service- and the host", func(c routewatch.Config) string { return c.Service }},
	{"ENVTYPE", "Environment", "name of the deployment", "local", func(c routewatch.Config) string { return c.Environment }},

	{"ALERT_STATUS_CODES", "StatusCodes", "codes that raise an alert: 500,503", "none", func(c routewatch.Config) string { return joinInts(c.StatusCodes) }},
	{"ALERT_STATUS_CLASSES", "StatusClasses", "classes that do: 5XX (or ALERT_STATUS_CLASS)", "none", func(c routewatch.Config) string { return list(c.StatusClasses) }},
	{"MONITORED_ENDPOINTS", "MonitoredRoutes", "patterns of the paths on which they do", "all paths", func(c routewatch.Config) string { return list(c.MonitoredRoutes) }},
	{"IGNORED_ENDPOINTS", "IgnoredRoutes", "patterns of the paths on which they do not", "none", func(c routewatch.Config) string { return list(c.IgnoredRoutes) }},
	{"THRESHOLD_RESPONSE_TIME", "LatencyThreshold", "milliseconds above which an answer is slow", "off", func(c routewatch.Config) string { return duration(c.LatencyThreshold) }},
	{"RESPONSE_TIME_MONITORED_ENDPOINTS", "LatencyRoutes", "patterns of the paths on which it counts", "none", func(c routewatch.Config) string { return list(c.LatencyRoutes) }},

	{"ALERT_PRIORITY", "Priority", "P1 to P5", "P4", func(c routewatch.Config) string { return string(c.Priority) }},
	{"RESPONDER", "Responders", "who is notified, as JSON", "as the integration says", func(c routewatch.Config) string { return asJSON(c.Responders, len(c.Responders)) }},
	{"ALERT_TAGS", "Tags", "tags of every alert", "routewatch", func(c routewatch.Config) string { return list(c.Tags) }},
	{"ALERT_DETAILS", "Details", "details of every alert, as JSON", "none", func(c routewatch.Config) string { return asJSON(c.Details, len(c.Details)) }},
	{"FORWARDED_HEADER_KEYS", "ForwardedHeaders", "request headers to put into the details", "none", func(c routewatch.Config) string { return list(c.ForwardedHeaders) }},
	{"NO_TRACEBACK", "NoStackTrace", "leave the stack out", "false", func(c routewatch.Config) string { return strconv.FormatBool(c.NoStackTrace) }},
	{"RECOVER_PANICS", "RecoverPanics", "answer a panic with 500", "false: it goes on", func(c routewatch.Config) string { return strconv.FormatBool(c.RecoverPanics) }},

	{"ALERT_ALIAS", "Alias", "alias of alerts without one of their own", "by kind of alert", func(c routewatch.Config) string { return c.Alias }},
	{"ALERT_STATUS_ALIAS", "StatusAlias", "alias of status alerts", "{service}-response-status-alert", func(c routewatch.Config) string { return c.StatusAlias }},
	{"ALERT_LATENCY_ALIAS", "LatencyAlias", "alias of latency alerts", "{service}-response-latency-alert", func(c routewatch.Config) string { return c.LatencyAlias }},
	{"ALERT_EXCEPTION_ALIAS", "ExceptionAlias", "ending of the alias of panics", "{service}-exception-alert as a whole", func(c routewatch.Config) string { return c.ExceptionAlias }},

	{"STATUSPAGE_SERVICE", "StatusPage", "service on the status page, as a tag", "off", func(c routewatch.Config) string { return c.StatusPage.Service }},
	{"STATUSPAGE_SEVERITY", "StatusPage", "green, major or critical", "major, and critical for exceptions", showSeverity},
	{"ALERT_RESOLVE_AFTER", "ResolveAfter", "quiet time after which an alert closes: 5m", "off", func(c routewatch.Config) string { return duration(c.ResolveAfter) }},
	{"ALERT_RENOTIFY", "Renotify", "how often an open alert's count is sent", "1m", func(c routewatch.Config) string { return duration(c.Renotify) }},
	{"ALERT_TRIGGER", "Trigger", "which hit becomes an alert", "per-request", func(c routewatch.Config) string { return string(c.Trigger) }},
}

// read are the variables that are read beside those of the settings.
var read = []string{"OPSGENIE_TOKEN_FILE", "ALERT_STATUS_CLASS"}

// source says where a setting comes from: a variable, or the default.
func (s setting) source() string {
	for _, env := range s.variables() {
		if isSet(env) {
			return env
		}
	}
	return ""
}

// variables are the names that the setting is read under.
func (s setting) variables() []string {
	switch s.field {
	case "APIKey":
		return []string{s.env, "OPSGENIE_TOKEN_FILE"}
	case "StatusClasses":
		return []string{s.env, "ALERT_STATUS_CLASS"}
	}
	return []string{s.env}
}

// isSet follows FromEnv, to which an empty variable is one that is not set.
func isSet(env string) bool { return strings.TrimSpace(os.Getenv(env)) != "" }

// Variables is the table of the environment for the help: one line a variable.
func Variables() string {
	var b strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&b, "  %-33s  %s (%s)\n", s.env, s.about, s.without)
	}
	return b.String()
}

func showKey(c routewatch.Config) string {
	if c.APIKey == "" {
		return ""
	}
	return fmt.Sprintf("set (%d characters, not shown)", utf8.RuneCountInString(strings.TrimSpace(c.APIKey)))
}

func showSeverity(c routewatch.Config) string {
	p := c.StatusPage
	if p.Status == p.Exception && p.Status == p.Latency {
		return string(p.Status)
	}
	return fmt.Sprintf("%s, and %s for exceptions", p.Status, p.Exception)
}

func list(items []string) string { return strings.Join(items, ", ") }

func joinInts(ns []int) string {
	items := make([]string, len(ns))
	for i, n := range ns {
		items[i] = strconv.Itoa(n)
	}
	return list(items)
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String()
	for _, end := range []string{"m0s", "h0m"} { // 1h0m0s is 1h
		if strings.HasSuffix(text, end) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func asJSON(v any, n int) string {
	if n == 0 {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "cannot be shown"
	}
	return string(b)
}
