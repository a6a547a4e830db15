package routewatch

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/routewatch/routewatch/opsgenie"
)

const defaultRenotify = time.Minute

// The tags by which a status page knows an alert and the service it concerns,
// as in github.com/opsgenie/opsgenie-statuspage-demo.
const (
	statusPageTag = "statuspage"
	serviceTag    = "servicename:"
)

// settings are a Config in the form that the request path wants: checked,
// copied, and with everything compiled that can be.
type settings struct {
	Config
	host    string
	rules   rules
	aliases aliases
	tags    [numKinds][]string
	headers []forwardedHeader
}

type forwardedHeader struct {
	canonical string // for looking it up
	name      string // as the user wrote it, for the details
}

// Resolve returns c as [New] would use it, with the defaults of its zero fields
// filled in but for the aliases, which depend on the alert, and the error that
// New would return. It starts nothing and connects to nothing. The Config is
// useful beside an error too: to show what stands where.
func (c Config) Resolve() (Config, error) {
	s, err := compile(c)
	s.Notifier = c.Notifier // not the client that was made to see that it can be
	return s.Config, err
}

// compile checks cfg and prepares what it asks for, or tells every mistake. The
// settings are for showing only where there is an error.
func compile(cfg Config) (*settings, error) {
	var errs []error
	bad := func(field, value, reason string) {
		errs = append(errs, &ConfigError{field, value, reason})
	}

	s := &settings{Config: cfg}
	s.host, _ = os.Hostname()
	if s.host == "" {
		s.host = "unknown-host"
	}
	s.fillZeroes()

	s.rules = compileRules(&s.Config, bad)
	s.aliases = compileAliases(&s.Config, bad)
	s.tags = compileTags(&s.Config, bad)
	s.headers = compileHeaders(s.ForwardedHeaders, bad)
	s.Details = maps.Clone(s.Details)

	if !s.Priority.Valid() {
		bad("Priority", string(s.Priority), "is none of P1, P2, P3, P4, P5")
	}
	s.Responders = slices.Clone(s.Responders)
	for i, r := range s.Responders {
		if err := r.Validate(); err != nil {
			bad(index("Responders", i), "", err.Error())
		}
	}
	if n := len(s.Responders); n > opsgenie.MaxResponders {
		bad("Responders", "", fmt.Sprintf("%d are more than the %d that an alert takes", n, opsgenie.MaxResponders))
	}
	if s.Renotify < 0 {
		bad("Renotify", s.Renotify.String(), "is negative")
	}
	if s.ResolveAfter < 0 {
		bad("ResolveAfter", s.ResolveAfter.String(), "is negative")
	}
	if s.Trigger != PerRequest {
		bad("Trigger", string(s.Trigger), "is not known; there is per-request")
	}
	if s.Notifier == nil {
		s.connect(bad)
	}
	return s, errors.Join(errs...)
}

func (s *settings) fillZeroes() {
	if s.Service == "" {
		s.Service = "go-service-" + s.host
	}
	if s.APIURL == "" {
		s.APIURL = opsgenie.US
	}
	if s.Environment == "" {
		s.Environment = "local"
	}
	if s.Priority == "" {
		s.Priority = opsgenie.P4
	}
	if s.Tags == nil {
		s.Tags = []string{"routewatch"}
	}
	if s.Renotify == 0 {
		s.Renotify = defaultRenotify
	}
	if s.Trigger == "" {
		s.Trigger = PerRequest
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	p := &s.StatusPage
	for severity, fallback := range map[*Severity]Severity{&p.Status: Major, &p.Latency: Major, &p.Exception: Critical} {
		if *severity == "" && p.Service != "" {
			*severity = fallback
		}
	}
}

// connect makes the client that delivers where the user brings no Notifier.
func (s *settings) connect(bad func(field, value, reason string)) {
	if s.APIKey == "" {
		bad("APIKey", "", "is missing; set the key of an API integration, or a Notifier")
		// The URL can be judged all the same.
		if _, err := opsgenie.New(opsgenie.Config{APIKey: "absent", BaseURL: s.APIURL}); err != nil {
			bad("APIURL", redactURL(s.APIURL), err.Error())
		}
		return
	}
	client, err := opsgenie.New(opsgenie.Config{APIKey: s.APIKey, BaseURL: s.APIURL})
	if err == nil {
		s.Notifier = client
		return
	}
	if _, urlErr := opsgenie.New(opsgenie.Config{APIKey: "other", BaseURL: s.APIURL}); urlErr != nil {
		bad("APIURL", redactURL(s.APIURL), urlErr.Error())
		return
	}
	bad("APIKey", "", err.Error())
}

func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// compileTags puts together the tags of each kind of alert. Those of the status
// page come first: Opsgenie drops the 21st without a word.
func compileTags(cfg *Config, bad func(field, value, reason string)) (tags [numKinds][]string) {
	for i, tag := range cfg.Tags {
		if reason := badTag(tag, opsgenie.MaxTag); reason != "" {
			bad(index("Tags", i), tag, reason)
		}
	}
	page := cfg.StatusPage
	severities := [numKinds]Severity{statusKind: page.Status, latencyKind: page.Latency, exceptionKind: page.Exception, handledKind: page.Exception}
	own := 0
	if page.Service != "" {
		own = 3
		if reason := badTag(page.Service, opsgenie.MaxTag-len(serviceTag)); reason != "" {
			bad("StatusPage.Service", page.Service, reason)
		}
	}
	for _, f := range []struct {
		field    string
		severity Severity
	}{
		{"StatusPage.Status", page.Status},
		{"StatusPage.Latency", page.Latency},
		{"StatusPage.Exception", page.Exception},
	} {
		switch {
		case f.severity == "":
		case !f.severity.valid():
			bad(f.field, string(f.severity), "is none of green, major, critical")
		case page.Service == "":
			bad(f.field, string(f.severity), "has no effect without StatusPage.Service")
		}
	}
	if n := len(cfg.Tags) + own; n > opsgenie.MaxTags {
		bad("Tags", "", fmt.Sprintf("%d with those of the status page are more than the %d that an alert takes", n, opsgenie.MaxTags))
	}
	for k := range tags {
		if page.Service != "" {
			tags[k] = []string{statusPageTag, serviceTag + page.Service, string(severities[k])}
		}
		tags[k] = append(tags[k], cfg.Tags...)
	}
	return tags
}

// badTag says why text does not fit a tag of limit characters. A comma would
// cut it in two in Opsgenie's webhooks and in the calls that remove tags.
func badTag(text string, limit int) string {
	switch {
	case text == "":
		return "is empty"
	case strings.TrimSpace(text) != text:
		return "begins or ends with a blank"
	case strings.Contains(text, ","):
		return "holds a comma, at which Opsgenie would cut the tag"
	case strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text):
		return "holds a character that cannot be printed"
	case utf8.RuneCountInString(text) > limit:
		return fmt.Sprintf("is longer than the %d characters that fit the tag; Opsgenie would cut it", limit)
	}
	return ""
}

// headerName is a token of RFC 9110, section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// credentialHeader finds the names of headers that carry credentials, by the
// words that such names are made of.
var credentialHeader = regexp.MustCompile(`(?i)auth|cookie|token|secret|passw|credential|session|signature|api-?key|private-?key|access-?key|csrf|xsrf|jwt|bearer|client-?cert`)

func compileHeaders(names []string, bad func(field, value, reason string)) []forwardedHeader {
	var headers []forwardedHeader
	for i, name := range names {
		switch {
		case !headerName.MatchString(name):
			bad(index("ForwardedHeaders", i), name, "is no header name")
		case credentialHeader.MatchString(name):
			bad(index("ForwardedHeaders", i), name, "carries credentials, which must not leave the process")
		default:
			headers = append(headers, forwardedHeader{http.CanonicalHeaderKey(name), name})
		}
	}
	return headers
}
