package check

import (
	"errors"
	"regexp"
	"strings"

	"github.com/routewatch/routewatch"
)

// mistake is something wrong, under the name of the variable that holds it.
type mistake struct {
	env, value, reason string
}

// follows names variables that New finds missing or alone when another could not
// be read, which FromEnv has told already.
var follows = map[string]string{
	"OPSGENIE_TOKEN":                    "OPSGENIE_TOKEN_FILE",
	"THRESHOLD_RESPONSE_TIME":           "RESPONSE_TIME_MONITORED_ENDPOINTS",
	"RESPONSE_TIME_MONITORED_ENDPOINTS": "THRESHOLD_RESPONSE_TIME",
}

// mistakes flattens joined errors and gives each the name that a person can
// change. What only follows from another is left out.
func mistakes(fromEnv, fromNew error) []mistake {
	var all []mistake
	told := map[string]bool{}
	for _, err := range flat(fromEnv) {
		m := inWords(err)
		all, told[m.env] = append(all, m), true
	}
	for _, err := range flat(fromNew) {
		if m := inWords(err); !told[follows[m.env]] {
			all = append(all, m)
		}
	}
	return all
}

func flat(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flat(e)...)
		}
		return all
	}
	return []error{err}
}

func inWords(err error) mistake {
	var c *routewatch.ConfigError
	if !errors.As(err, &c) {
		return mistake{reason: err.Error()}
	}
	return mistake{env: variableOf(c.Field), value: c.Value, reason: reasonInVariables(c.Reason)}
}

// variableOf translates a field such as LatencyRoutes[1].
func variableOf(field string) string {
	name, index := field, ""
	if i := strings.IndexByte(field, '['); i >= 0 {
		name, index = field[:i], field[i:]
	}
	switch name {
	case "StatusPage.Service":
		return "STATUSPAGE_SERVICE"
	case "StatusPage.Status", "StatusPage.Latency", "StatusPage.Exception":
		return "STATUSPAGE_SEVERITY"
	}
	for _, s := range settings {
		if s.field == name {
			return s.env + index
		}
	}
	return field // a variable already
}

// fieldName finds the fields in a reason by their form, so that the word "tags"
// in a sentence stays one.
var fieldName = regexp.MustCompile(`\b(?:APIKey|LatencyRoutes|LatencyThreshold|MonitoredRoutes|IgnoredRoutes|StatusCodes|StatusClasses|StatusPage\.Service)\b`)

// reasonInVariables says a reason in the words of the environment.
func reasonInVariables(reason string) string {
	reason = strings.TrimPrefix(reason, "opsgenie: BaseURL: ")
	reason = strings.TrimPrefix(reason, "opsgenie: APIKey: ")
	reason = strings.Replace(reason, ", or a Notifier", " here, or the name of a file with it in OPSGENIE_TOKEN_FILE", 1)
	reason = strings.Replace(reason, "such as to 2s", "such as to 2000, in milliseconds", 1)
	return fieldName.ReplaceAllStringFunc(reason, variableOf)
}
