package prometheus

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

// MaxPoints is how many points of a series one query of Prometheus may have.
// https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
const MaxPoints = 11_000

const defaultTimeout = 30 * time.Second

// Config is what a [Source] needs: its URL. It prints without its secrets in every
// way.
type Config struct {
	// URL is where the HTTP API lives, without /api/v1, such as
	// http://prometheus:9090, https://mimir.example.com/prometheus or
	// http://victoria:8481/select/0/prometheus. Plain http is for servers that
	// take no credentials, and for loopback.
	URL string

	// Token is sent as a bearer token; User and Password are those of basic
	// authentication. At most one of the two is set.
	Token, User, Password string

	// Header is sent with each query, such as X-Scope-OrgID, which names a tenant
	// of Mimir. Its values are printed as little as the credentials are.
	Header http.Header

	// MaxPoints is how many points of a series are asked for at once. Defaults to
	// the [MaxPoints] of Prometheus. More is for a server that allows more.
	MaxPoints int

	// AllowPartial takes the points of an answer that says that it is partial.
	// They may be wrong, and are not read again. Defaults to an error.
	AllowPartial bool

	// Timeout bounds one attempt at a query, until the last byte of its answer,
	// and at least 1 second. The server is asked to give up shortly before, so
	// that a query which is too slow is told from a server that is away. Defaults
	// to 30 seconds.
	Timeout time.Duration

	// Transport carries the requests. Defaults to one of the source's own.
	Transport http.RoundTripper

	// Logger gets what a server says about a query that it answered. Defaults to
	// slog.Default().
	Logger *slog.Logger
}

// secretHeader matches the names of headers that hold credentials, which plain
// http would show to the network.
var secretHeader = regexp.MustCompile(`(?i)authorization|cookie|key|secret|token|password`)

// call is the configuration of the client that c makes. The error tells every
// mistake at once and shows no secret.
func (c Config) call() (httpcall.Config, error) {
	var errs []error
	bad := func(field, format string, a ...any) {
		errs = append(errs, fmt.Errorf("prometheus: "+field+": "+format, a...))
	}
	out := httpcall.Config{Transport: c.Transport, Timeout: c.Timeout}
	out.Header, out.Scheme, out.Secret, out.Redact = c.credentials(bad)
	secret := out.Secret != ""
	for name, values := range c.Header {
		secret = secret || secretHeader.MatchString(name)
		out.Redact = append(out.Redact, values...)
	}
	c.checkHeader(bad)
	switch base, err := webapi.ParseBase(c.URL, secret); {
	case strings.TrimSpace(c.URL) == "":
		bad("URL", "required, such as http://prometheus:9090")
	case err != nil:
		bad("URL", "%w", err)
	case strings.Contains(base.Path+"/", "/api/v1/"):
		bad("URL", "ends before /api/v1: leave that out")
	default:
		out.Base = base
	}
	if c.MaxPoints < 0 {
		bad("MaxPoints", "%d: want at least 1", c.MaxPoints)
	}
	if c.Timeout < 0 || c.Timeout > 0 && c.Timeout < time.Second {
		bad("Timeout", "%s: want at least 1s", c.Timeout)
	}
	if out.Timeout == 0 {
		out.Timeout = defaultTimeout
	}
	if out.Transport == nil {
		t := webapi.NewTransport()
		t.ResponseHeaderTimeout = 0 // a query may take as long as the Timeout
		out.Transport = t
	}
	if len(c.Header) > 0 {
		out.Transport = &withHeader{out.Transport, c.Header.Clone()}
	}
	return out, errors.Join(errs...)
}

// credentials says where the secret goes, and what else no text may show.
func (c Config) credentials(bad func(field, format string, a ...any)) (header, scheme, secret string, redact []string) {
	const authorization = "Authorization"
	token := strings.TrimSpace(c.Token)
	basic := c.User != "" || c.Password != ""
	switch {
	case token != "" && basic:
		bad("Token", "is set beside User or Password: want one of the two")
	case strings.ContainsFunc(token, notVisible):
		bad("Token", "holds a blank, a line break or another character that no token has")
	case c.Password != "" && c.User == "":
		bad("User", "required beside Password")
	case strings.Contains(c.User, ":") || strings.ContainsFunc(c.User, isControl):
		bad("User", "holds a colon or a character that no name has")
	case strings.ContainsFunc(c.Password, isControl):
		bad("Password", "holds a line break or another character that no password has")
	case token != "":
		return authorization, "Bearer ", token, nil
	case basic:
		secret = base64.StdEncoding.EncodeToString([]byte(c.User + ":" + c.Password))
		return authorization, "Basic ", secret, []string{c.Password}
	}
	return "", "", "", nil
}

func notVisible(r rune) bool { return r <= ' ' || r >= 0x7f }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// headerName is the syntax of a header's name.
var headerName = regexp.MustCompile("^[0-9A-Za-z!#$%&'*+.^_`|~-]+$")

func (c Config) checkHeader(bad func(field, format string, a ...any)) {
	for name, values := range c.Header {
		switch http.CanonicalHeaderKey(name) {
		case "Authorization":
			bad("Header", "holds Authorization: use Token, or User and Password")
			continue
		case "Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Host", "Transfer-Encoding":
			bad("Header", "holds %s, which is not yours to set", http.CanonicalHeaderKey(name))
			continue
		}
		if !headerName.MatchString(name) {
			bad("Header", "%q is no name of a header", name)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, isControl) {
				bad("Header", "the value of %q holds a line break or another character that no header has", name)
			}
		}
	}
}

// withHeader sends a header with each request.
type withHeader struct {
	next   http.RoundTripper
	header http.Header
}

// RoundTrip implements [http.RoundTripper].
func (t *withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper must not change its request
	for name, values := range t.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return t.next.RoundTrip(r)
}

// CloseIdleConnections is called by the method of that name of an http.Client.
func (t *withHeader) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// String returns c without its secrets, and with no more of its URL than the host.
func (c Config) String() string {
	host := "[redacted]"
	if u, err := url.Parse(strings.TrimSpace(c.URL)); err == nil {
		host = u.Host
	}
	return fmt.Sprintf("prometheus.Config{Host:%q MaxPoints:%d AllowPartial:%t Timeout:%s}", host, c.MaxPoints, c.AllowPartial, c.Timeout)
}

// GoString returns c without its secrets.
func (c Config) GoString() string { return c.String() }

// Format prints c without its secrets, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON returns c without its secrets.
func (c Config) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", c.String()), nil }

// LogValue logs c without its secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
