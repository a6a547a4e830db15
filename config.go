package routewatch

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Config says what to watch and whom to tell. Only APIKey is required, or
// Notifier in its stead; a Config with nothing but a key alerts on panics and
// on what is raised by hand.
//
// The name in brackets is the environment variable that [FromEnv] reads.
type Config struct {
	// APIKey is the key of an API integration of Opsgenie or of Jira Service
	// Management (a "GenieKey"). [OPSGENIE_TOKEN]
	APIKey string

	// APIURL is where alerts go: opsgenie.US, opsgenie.EU, opsgenie.JSM, or any
	// base URL with a path. Plain http goes to loopback alone. Defaults to
	// opsgenie.US. [OPSGENIE_API_BASE]
	APIURL string

	// StatusCodes are the codes that raise an alert, each 100 to 599. A listed
	// code wins over its class: one alert, never two. Defaults to none.
	// [ALERT_STATUS_CODES]
	StatusCodes []int

	// StatusClasses are the classes that raise an alert, "1XX" to "5XX" in any
	// case. Defaults to none. [ALERT_STATUS_CLASSES, ALERT_STATUS_CLASS]
	StatusClasses []string

	// MonitoredRoutes are regular expressions for the paths on which a status
	// raises an alert. They match from the start of the path and see nothing
	// else of the URL: "/admin" matches /admin/x, not /x/admin. Defaults to all
	// paths. Neither latency nor panics are limited by them.
	// [MONITORED_ENDPOINTS]
	MonitoredRoutes []string

	// IgnoredRoutes are regular expressions for the paths on which no status
	// raises an alert, also where MonitoredRoutes matches. Defaults to none.
	// [IGNORED_ENDPOINTS]
	IgnoredRoutes []string

	// LatencyThreshold is the duration above which a request on one of
	// LatencyRoutes raises an alert. Longer raises, equal does not. Streams
	// (server-sent events, hijacked connections) are not judged. Defaults to
	// off. [THRESHOLD_RESPONSE_TIME, in milliseconds]
	LatencyThreshold time.Duration

	// LatencyRoutes are regular expressions, as in MonitoredRoutes, for the
	// paths that LatencyThreshold judges. Required with it.
	// [RESPONSE_TIME_MONITORED_ENDPOINTS]
	LatencyRoutes []string

	// Service is the service's name in aliases, texts and details. Defaults to
	// "go-service-" and the host's name; set it where more than one host runs
	// the service, or each host raises alerts of its own. [SERVICE_ID]
	Service string

	// Environment is the name of the deployment, for details and the alias
	// placeholder {env}. Defaults to "local". [ENVTYPE]
	Environment string

	// Priority is that of every alert, P1 to P5. Defaults to P4.
	// [ALERT_PRIORITY]
	Priority opsgenie.Priority

	// Responders are notified beside those whom the integration names.
	// Defaults to none. [RESPONDER, a JSON list or object]
	Responders []opsgenie.Responder

	// Tags are put on every alert, after those of StatusPage. At most 20 in
	// all, of 50 characters each, without commas. Nil defaults to
	// "routewatch"; an empty slice is none. [ALERT_TAGS]
	Tags []string

	// Details are put on every alert, beneath routewatch's own: where the names
	// are the same, routewatch's stand. [ALERT_DETAILS, a JSON object]
	Details map[string]string

	// ForwardedHeaders are the request headers whose values are put into the
	// details, under their own names. Headers that carry credentials are
	// refused. Defaults to none. [FORWARDED_HEADER_KEYS]
	ForwardedHeaders []string

	// NoStackTrace leaves the stack out of exception alerts. [NO_TRACEBACK]
	NoStackTrace bool

	// RecoverPanics answers a panic with a plain 500 where nothing has been
	// written yet. By default, and everywhere else, the same panic goes on.
	// [RECOVER_PANICS]
	RecoverPanics bool

	// Alias is the alias of status and latency alerts that have none of their
	// own, and the ending of exception aliases. An alias may hold {service}
	// {env} {host} {method} {route} {status} {class} {exception} {func}.
	// Defaults to none: see StatusAlias and so on. [ALERT_ALIAS]
	Alias string

	// StatusAlias is the alias of status alerts. Defaults to Alias, else to
	// "{service}-response-status-alert". [ALERT_STATUS_ALIAS]
	StatusAlias string

	// LatencyAlias is the alias of latency alerts. Defaults to Alias, else to
	// "{service}-response-latency-alert". [ALERT_LATENCY_ALIAS]
	LatencyAlias string

	// ExceptionAlias is the ending of the alias of panics:
	// "{service}-{exception}-" and this. Defaults to Alias in its place, else
	// the alias is "{service}-exception-alert". [ALERT_EXCEPTION_ALIAS]
	ExceptionAlias string

	// StatusPage tags alerts for a status page. Defaults to off.
	StatusPage StatusPage

	// ResolveAfter closes an alert once every route that raised it has answered
	// well again and no hit came for this long. Alerts that no answer can clear
	// (raised by hand without a request) stay open. While such an alert waits
	// for its good answer, healthy requests are looked at more closely, which
	// costs them some 100 ns. Defaults to off. [ALERT_RESOLVE_AFTER]
	ResolveAfter time.Duration

	// Renotify is how often, at most, an open alert is sent again when there
	// were further hits, so that Opsgenie's count rises. Defaults to 1 minute.
	// [ALERT_RENOTIFY]
	Renotify time.Duration

	// Trigger decides which hit becomes an alert. Defaults to PerRequest.
	// [ALERT_TRIGGER]
	Trigger Trigger

	// Logger is told of what could not be delivered, once per reason. Defaults
	// to slog.Default().
	Logger *slog.Logger

	// Notifier delivers the alerts, in place of an opsgenie.Client on APIKey
	// and APIURL, which are then not looked at.
	Notifier Notifier
}

// StatusPage tags alerts so that a status page which takes Opsgenie's webhooks
// can tell which service is concerned and how badly. The zero value is off.
type StatusPage struct {
	// Service is the name of the service on the page: 1 to 38 characters, no
	// comma. [STATUSPAGE_SERVICE]
	Service string

	// How bad an alert of each kind is for the page. Status and Latency default
	// to Major, Exception to Critical. [STATUSPAGE_SEVERITY, for all three]
	Status, Latency, Exception Severity
}

// Severity is how badly a service is concerned, as its tag says it.
type Severity string

// The severities of a status page, from harmless to worst.
const (
	Green    Severity = "green"
	Major    Severity = "major"
	Critical Severity = "critical"
)

func (s Severity) valid() bool { return s == Green || s == Major || s == Critical }

// Trigger decides which hit becomes an alert.
type Trigger string

// PerRequest makes an alert of the first request that breaks a rule; what
// follows while the alert is open counts towards it.
const PerRequest Trigger = "per-request"

// ConfigError is one mistake in a [Config]. [New] returns all of them, joined:
// errors.As finds the first.
type ConfigError struct {
	Field  string // such as LatencyRoutes[1], or the environment variable's name
	Value  string // what stands there; empty for what is secret or absent
	Reason string // what is wrong with it, and what to do
}

func (e *ConfigError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("routewatch: %s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("routewatch: %s: %q: %s", e.Field, e.Value, e.Reason)
}
