package routewatch

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// evidence is what an alert tells of the hit that raised it. It is gathered on
// the request, because the request is not ours to keep, and put into words
// later.
type evidence struct {
	at     time.Time
	kind   kind
	status int
	byCode bool // the code was listed, not its class
	took   time.Duration

	// Of the request; empty without one.
	method, route  string
	path, url      string
	trace          string
	headers        map[string]string
	typeName, text string // the telling type, if any, and the words
	panicked       bool
	pcs            []uintptr
	stack          string
	fn             string
	details        map[string]string
	priority       opsgenie.Priority
}

func (s *settings) gather(h *hit) *evidence {
	e := &evidence{
		at: time.Now(), kind: h.kind, status: h.status, byCode: s.rules.codes.has(h.status), took: h.took,
		route: h.route, fn: h.fn, details: h.details, priority: h.priority, panicked: h.panicked != nil,
	}
	if v := h.value(); v != nil {
		e.text = scrub(fmt.Sprint(v)) // Sprint survives an Error method that panics
		e.typeName = h.typeName()
	}
	if !s.NoStackTrace {
		e.pcs, e.stack = slices.Clone(h.pcs), string(h.stack)
	}
	if r := h.request; r != nil {
		e.method = methodOf(r)
		e.trace = traceID(r.Header)
		for _, f := range s.headers {
			if v := r.Header.Values(f.canonical); len(v) > 0 {
				if e.headers == nil {
					e.headers = map[string]string{}
				}
				e.headers[f.name] = strings.Join(v, ", ")
			}
		}
		if r.URL != nil {
			e.path = r.URL.EscapedPath()
			e.url = maskedURL(r)
		}
	}
	return e
}

// maskedURL is the request's URL with its query's values masked: names tell what
// was asked for, values may be anybody's.
func maskedURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	// Behind a proxy that ends TLS. It is text for a person and decides nothing.
	if p := strings.ToLower(r.Header.Get("X-Forwarded-Proto")); p == "http" || p == "https" {
		scheme = p
	}
	u := scheme + "://" + r.Host + r.URL.EscapedPath()
	if r.URL.RawQuery == "" {
		return u
	}
	return u + "?" + maskQuery(r.URL.RawQuery)
}

// maxText bounds what is kept of an error's text, in bytes.
const maxText = 4 << 10

// urlInText finds what a URL in a text may give away: a user before the host,
// and a query. The errors of net/http's client, for one, repeat the whole URL
// that was asked for. A query without a URL before it must look like one.
var urlInText = regexp.MustCompile(`(://)([^\s/@"']+@)?([^\s?"'<>]*)(?:\?([^\s"'<>]+))?|\?([^\s?"'<>]*=[^\s"'<>]*)`)

// scrub masks the user and the query of each URL in a text, and cuts it.
func scrub(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	if !strings.ContainsAny(text, "?@") {
		return text
	}
	return replaceAllSubmatch(urlInText, text, func(m []string) string {
		out := m[1]
		if m[2] != "" {
			out += mask + "@"
		}
		out += m[3]
		if query := m[4] + m[5]; query != "" {
			end := len(strings.TrimRight(query, `.,:;)]}`)) // of the sentence, not the query
			out += "?" + maskQuery(query[:end]) + query[end:]
		}
		return out
	})
}

func replaceAllSubmatch(re *regexp.Regexp, s string, replace func(groups []string) string) string {
	return re.ReplaceAllStringFunc(s, func(m string) string { return replace(re.FindStringSubmatch(m)) })
}

const (
	mask      = "***"
	maxParams = 20
)

// queryName is a parameter's name as programmers give them. What looks
// otherwise may itself be the secret.
var queryName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.\-]{0,31}(\[[A-Za-z0-9_]{0,16}\])*$`)

// maskQuery keeps the names of a query's parameters and nothing else.
func maskQuery(raw string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(raw, "&") {
		if n++; n > maxParams {
			b.WriteString("&…")
			break
		}
		if n > 1 {
			b.WriteByte('&')
		}
		name, _, hasValue := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && hasValue && queryName.MatchString(plain) {
			b.WriteString(plain + "=")
		}
		b.WriteString(mask)
	}
	return b.String()
}

// traceParent is the header of www.w3.org/TR/trace-context: version, trace id,
// parent id, flags. Later versions may add fields behind.
var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)`)

func traceID(h http.Header) string {
	m := traceParent.FindStringSubmatch(h.Get("Traceparent"))
	if m == nil || strings.Trim(m[1], "0") == "" {
		return ""
	}
	return m[1]
}
