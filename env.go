package routewatch

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// FromEnv reads a [Config] from the environment, under the names that
// flask-opsgenie gave its options; each field of Config names its variable. A
// variable that is empty counts as one that is not set.
//
// Lists are separated by commas, with blanks trimmed; a value that starts with
// "[" is read as a JSON list instead, so that a regular expression may hold a
// comma. Durations are Go's ("90s"), except THRESHOLD_RESPONSE_TIME, which is in
// milliseconds. OPSGENIE_TOKEN_FILE names a file with the key, where
// OPSGENIE_TOKEN is not set.
//
// The error joins a *[ConfigError] for every value that cannot be read, each
// under the variable's name; the Config holds what could be. What the values
// mean together is for [New] to judge.
func FromEnv() (Config, error) {
	e := env{lookup: os.LookupEnv}
	c := Config{
		APIKey:           e.secret("OPSGENIE_TOKEN"),
		APIURL:           e.text("OPSGENIE_API_BASE"),
		StatusCodes:      e.codes("ALERT_STATUS_CODES"),
		StatusClasses:    append(e.list("ALERT_STATUS_CLASSES"), e.list("ALERT_STATUS_CLASS")...),
		MonitoredRoutes:  e.list("MONITORED_ENDPOINTS"),
		IgnoredRoutes:    e.list("IGNORED_ENDPOINTS"),
		LatencyThreshold: e.milliseconds("THRESHOLD_RESPONSE_TIME"),
		LatencyRoutes:    e.list("RESPONSE_TIME_MONITORED_ENDPOINTS"),
		Service:          e.text("SERVICE_ID"),
		Environment:      e.text("ENVTYPE"),
		Priority:         opsgenie.Priority(e.text("ALERT_PRIORITY")),
		Tags:             e.list("ALERT_TAGS"),
		ForwardedHeaders: e.list("FORWARDED_HEADER_KEYS"),
		NoStackTrace:     e.flag("NO_TRACEBACK"),
		RecoverPanics:    e.flag("RECOVER_PANICS"),
		Alias:            e.text("ALERT_ALIAS"),
		StatusAlias:      e.text("ALERT_STATUS_ALIAS"),
		LatencyAlias:     e.text("ALERT_LATENCY_ALIAS"),
		ExceptionAlias:   e.text("ALERT_EXCEPTION_ALIAS"),
		ResolveAfter:     e.duration("ALERT_RESOLVE_AFTER"),
		Renotify:         e.duration("ALERT_RENOTIFY"),
		Trigger:          Trigger(strings.ToLower(e.text("ALERT_TRIGGER"))),
	}
	e.responders("RESPONDER", &c.Responders)
	e.object("ALERT_DETAILS", &c.Details)
	severity := Severity(strings.ToLower(e.text("STATUSPAGE_SEVERITY")))
	c.StatusPage = StatusPage{e.text("STATUSPAGE_SERVICE"), severity, severity, severity}
	return c, errors.Join(e.errs...)
}

// env reads variables and gathers what is wrong with them.
type env struct {
	lookup func(string) (string, bool)
	errs   []error
}

func (e *env) bad(name, value, reason string) {
	e.errs = append(e.errs, &ConfigError{name, value, reason})
}

func (e *env) text(name string) string {
	v, _ := e.lookup(name)
	return strings.TrimSpace(v)
}

func (e *env) secret(name string) string {
	if v := e.text(name); v != "" {
		return v
	}
	file := e.text(name + "_FILE")
	if file == "" {
		return ""
	}
	b, err := os.ReadFile(file)
	if err != nil {
		e.bad(name+"_FILE", file, "cannot be read: "+errors.Unwrap(err).Error())
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (e *env) list(name string) []string {
	v := e.text(name)
	if v == "" {
		return nil
	}
	var list []string
	if strings.HasPrefix(v, "[") {
		if err := json.Unmarshal([]byte(v), &list); err != nil {
			e.bad(name, v, `begins with "[" and is no JSON list of strings; write ["…", "…"], with each backslash doubled`)
		}
		return list
	}
	for item := range strings.SplitSeq(v, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func (e *env) codes(name string) []int {
	v := e.text(name)
	if strings.HasPrefix(v, "[") {
		var codes []int
		if json.Unmarshal([]byte(v), &codes) == nil {
			return codes
		}
	}
	var codes []int
	for _, item := range e.list(name) {
		code, err := strconv.Atoi(item)
		if err != nil {
			e.bad(name, item, "is no status code; write numbers such as 500,503")
			continue
		}
		codes = append(codes, code)
	}
	return codes
}

func (e *env) milliseconds(name string) time.Duration {
	v := e.text(name)
	if v == "" {
		return 0
	}
	ms, err := strconv.ParseFloat(v, 64)
	if d := ms * float64(time.Millisecond); err == nil && math.Abs(d) <= math.MaxInt64/2 {
		return time.Duration(math.Round(d))
	}
	e.bad(name, v, "is no number of milliseconds, such as 1500 or 0.5")
	return 0
}

func (e *env) duration(name string) time.Duration {
	v := e.text(name)
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		e.bad(name, v, "is no duration, such as 90s or 5m")
	}
	return d
}

func (e *env) flag(name string) bool {
	switch v := e.text(name); strings.ToLower(v) {
	case "1", "t", "true", "yes", "on":
		return true
	case "", "0", "f", "false", "no", "off":
		return false
	default:
		e.bad(name, v, "is neither true nor false")
		return false
	}
}

func (e *env) object(name string, to *map[string]string) {
	v := e.text(name)
	if v == "" {
		return
	}
	if err := json.Unmarshal([]byte(v), to); err != nil {
		*to = nil
		e.bad(name, v, `is no JSON object of strings; write {"team": "payments"}`)
	}
}

func (e *env) responders(name string, to *[]opsgenie.Responder) {
	v := e.text(name)
	if v == "" {
		return
	}
	var one opsgenie.Responder
	if json.Unmarshal([]byte(v), &one) == nil {
		*to = []opsgenie.Responder{one}
		return
	}
	if err := json.Unmarshal([]byte(v), to); err != nil {
		*to = nil
		e.bad(name, v, `is no JSON list of responders; write [{"type": "team", "name": "payments"}]`)
	}
}
