package check

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// warning is something that is allowed and mostly not meant.
type warning struct {
	env, text string
}

// warnings looks at a configuration that has its defaults.
func warnings(c routewatch.Config) []warning {
	var all []warning
	warn := func(env, format string, args ...any) {
		all = append(all, warning{env, fmt.Sprintf(format, args...)})
	}
	status := len(c.StatusCodes)+len(c.StatusClasses) > 0
	if !status && c.LatencyThreshold == 0 {
		warn("ALERT_STATUS_CLASSES", "no status and no latency is watched: only panics, and errors raised by hand, become alerts; 5XX is a good start")
	}
	if !status && len(c.MonitoredRoutes) > 0 {
		warn("MONITORED_ENDPOINTS", "has no effect: it chooses paths for status alerts, and no status is watched")
	}
	if !status && len(c.IgnoredRoutes) > 0 {
		warn("IGNORED_ENDPOINTS", "has no effect: it chooses paths for status alerts, and no status is watched")
	}
	for _, class := range c.StatusClasses {
		if up := strings.ToUpper(class); slices.Contains([]string{"1XX", "2XX", "3XX"}, up) {
			warn("ALERT_STATUS_CLASSES", "%s are answers of a healthy service", up)
		}
	}
	if d := c.LatencyThreshold; d > 0 && d < 10*time.Millisecond {
		warn("THRESHOLD_RESPONSE_TIME", "is %s: the unit is milliseconds", d)
	}
	for _, p := range []struct {
		env      string
		patterns []string
	}{
		{"MONITORED_ENDPOINTS", c.MonitoredRoutes},
		{"IGNORED_ENDPOINTS", c.IgnoredRoutes},
		{"RESPONSE_TIME_MONITORED_ENDPOINTS", c.LatencyRoutes},
	} {
		for i, pattern := range p.patterns {
			if startsWithWord(pattern) {
				warn(fmt.Sprintf("%s[%d]", p.env, i), "%q matches no path: a pattern is matched from the start of the path, which is a slash", pattern)
			}
		}
	}
	if !isSet("SERVICE_ID") {
		warn("SERVICE_ID", "is not set: the name holds the host's, so each host raises alerts of its own")
	}
	warnOfBase(c.APIURL, warn)
	for _, env := range strangers() {
		warn(env, "is not read by routewatch: is its name right?")
	}
	return all
}

func warnOfBase(base string, warn func(env, format string, args ...any)) {
	u, err := url.Parse(strings.TrimSpace(base))
	switch {
	case err != nil:
	case u.Scheme == "http":
		warn("OPSGENIE_API_BASE", "is plain http, which goes to this machine alone: alerts reach a local Opsgenie, and nobody else")
	case strings.HasSuffix(u.Hostname(), ".opsgenie.com"):
		// Source: support.atlassian.com/opsgenie, "Opsgenie end of support".
		warn("OPSGENIE_API_BASE", "Opsgenie's API ends on 5 April 2027: %s is that of Jira Service Management", opsgenie.JSM)
	}
}

// startsWithWord says whether a pattern begins with a letter or a digit, as no
// path does. "(a|/b)" and the like it leaves alone.
func startsWithWord(pattern string) bool {
	c := strings.TrimPrefix(pattern, "^")
	if c == "" {
		return false
	}
	first := c[0] | 0x20
	// A word may still be optional: "a*/x".
	return (first >= 'a' && first <= 'z' || c[0] >= '0' && c[0] <= '9') && !strings.ContainsAny(c, "*?{|")
}

// strangers are variables that look like ours and are not.
func strangers() []string {
	known := slices.Clone(read)
	for _, s := range settings {
		known = append(known, s.env)
	}
	var names []string
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if strings.TrimSpace(value) == "" || slices.Contains(known, name) {
			continue
		}
		for _, prefix := range []string{"OPSGENIE_", "ALERT_", "STATUSPAGE_", "MONITORED_", "IGNORED_", "RESPONSE_TIME_", "FORWARDED_HEADER"} {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	return names
}
