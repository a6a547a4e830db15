package routewatch

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
	"github.com/routewatch/routewatch/opsgenie"
)

// compose puts an alert into words. It is called by the loop, never on a
// request, and makes maps and slices of its own for each alert.
func (s *settings) compose(e *evidence, alias string, hits uint64) opsgenie.NewAlert {
	a := opsgenie.NewAlert{
		Alias:      alias,
		Message:    text.Cut(s.Service, maxServiceShown) + ": " + s.headline(e),
		Responders: s.Responders,
		Tags:       s.tags[e.kind],
		Priority:   s.Priority,
		Entity:     s.Service,
		Source:     s.host,
	}
	if e.priority != "" {
		a.Priority = e.priority
	}
	stack := e.stack
	if stack == "" {
		stack = stackText(e.pcs)
	}
	a.Details = s.details(e, stack)
	a.Description = s.describe(e, stack, hits)
	if alias == s.overflowAlias() {
		a.Message = text.Cut(s.Service, maxServiceShown) + ": too many different alerts; one of them: " + s.headline(e)
		a.Description = fmt.Sprintf("More than %d different alerts are open, and this one stands for all others. One of them:\n\n", maxAlarms) + a.Description
	}
	return a.Fit()
}

// maxServiceShown keeps the service's name from filling the message, in runes.
const maxServiceShown = 40

// overflowAlias is the alias of what finds no room.
func (s *settings) overflowAlias() string { return opsgenie.FitAlias(s.Service + "-too-many-alerts") }

// headline says what happened and where, in words that fit a phone.
func (s *settings) headline(e *evidence) string {
	switch e.kind {
	case statusKind:
		return fmt.Sprintf("%s answered %d", e.where(), e.status)
	case latencyKind:
		return fmt.Sprintf("%s took %s, over %s", e.where(), rounded(e.took), s.LatencyThreshold)
	}
	what := e.what()
	switch {
	case e.panicked && e.fn != "":
		return "panic in " + e.fn + ": " + what
	case e.panicked:
		return "panic in " + e.where() + ": " + what
	case e.fn != "":
		return e.fn + ": " + what
	case e.method != "":
		return e.where() + ": " + what
	}
	return what
}

// where is the method and the route or, where the route has no name, the path.
func (e *evidence) where() string {
	place := e.route
	if place == "" || place == unmatched {
		place = e.path
	}
	return strings.TrimSpace(e.method + " " + place)
}

// rounded keeps three digits or so.
func rounded(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// details are what flask-opsgenie puts there, as text, and what it left out.
// Those of the user's configuration lie beneath, those of the request's headers
// and of the call on top.
func (s *settings) details(e *evidence, stack string) map[string]string {
	own := map[string]string{
		"service_id": s.Service,
		"host":       s.host,
		"env":        s.Environment,
	}
	put := func(key, value string) {
		if value != "" {
			own[key] = value
		}
	}
	put("endpoint", e.path)
	put("url", e.url)
	put("method", e.method)
	put("trace_id", e.trace)
	if e.method != "" {
		put("route", e.route)
	}
	put("function", e.fn)
	switch e.kind {
	case statusKind:
		if e.byCode {
			own["status_code"] = strconv.Itoa(e.status)
		} else {
			own["status_class"] = class(e.status)
		}
		put("error", e.text)
	case latencyKind:
		own["response_time_ms"] = strconv.FormatFloat(float64(e.took.Microseconds())/1000, 'f', -1, 64)
		own["threshold"] = s.LatencyThreshold.String()
		put("error", e.text)
	default:
		put("exception", e.what())
		put("stack", stack)
	}
	all := maps.Clone(s.Details)
	if all == nil {
		all = map[string]string{}
	}
	for _, over := range []map[string]string{own, e.headers, e.details} {
		maps.Copy(all, over)
	}
	return all
}

// what is the type and the text of an exception.
func (e *evidence) what() string {
	if e.typeName == "" {
		return e.text
	}
	return e.typeName + ": " + e.text
}

// describe says the same in full: the first lines are what a phone shows.
func (s *settings) describe(e *evidence, stack string, hits uint64) string {
	var b strings.Builder
	b.WriteString(s.sentence(e))
	b.WriteString("\n\n")
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	line("Service", s.Service)
	line("Environment", s.Environment)
	line("Host", s.host)
	line("Request", strings.TrimSpace(e.method+" "+e.url))
	if e.method != "" && e.route != unmatched {
		line("Route", e.route)
	}
	line("Trace", e.trace)
	line("Time", e.at.UTC().Format(time.RFC3339))
	if hits > 1 {
		line("Hits so far", strconv.FormatUint(hits, 10))
	}
	if e.kind == statusKind || e.kind == latencyKind {
		line("Error", e.text)
	} else if stack != "" {
		b.WriteString("\nStack:\n")
		b.WriteString(stack)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (s *settings) sentence(e *evidence) string {
	switch e.kind {
	case statusKind:
		why := "status class " + class(e.status)
		if e.byCode {
			why = "status code " + strconv.Itoa(e.status)
		}
		return strings.TrimSpace(fmt.Sprintf("%s answered %d %s", e.where(), e.status, http.StatusText(e.status))) +
			", and " + why + " is watched."
	case latencyKind:
		return fmt.Sprintf("%s took %s. The threshold is %s.", e.where(), rounded(e.took), s.LatencyThreshold)
	}
	return upperFirst(s.headline(e))
}

func upperFirst(s string) string {
	if strings.HasPrefix(s, "panic in ") {
		return "P" + s[1:]
	}
	return s
}
