package signalfx

import (
	"cmp"
	"encoding/json"
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
)

const (
	defaultRealm    = "us0"
	defaultMaxDelay = time.Second
	defaultTimeout  = time.Minute
	longestMaxDelay = 15 * time.Minute // SignalFlow takes no more
)

// Config is what a [Client] needs: Token, and in most cases Realm. It prints
// without its token in every way.
type Config struct {
	// Realm is where the organisation is, such as "us1" or "eu0": its profile page
	// says so. Defaults to "us0".
	Realm string
	// APIURL is where the API is, and StreamURL where SignalFlow is. They default
	// to https://api.REALM.signalfx.com and https://stream.REALM.signalfx.com. The
	// hosts of 2026 are https://api.REALM.observability.splunkcloud.com and
	// https://stream.REALM.observability.splunkcloud.com. Plain http goes to
	// loopback alone.
	APIURL, StreamURL string
	// Token is one of the organisation with the scope API, or a user's session
	// token. SignalFlow wants the role admin or power.
	Token string
	// MaxDelay is how long a SignalFlow job waits for points that are late: whole
	// milliseconds up to 15 minutes. A job ends as much before now, so that
	// MaxDelay is to be shorter than the age at which a window counts as closed.
	// Defaults to 1 second.
	MaxDelay time.Duration
	// Timeout is how long an answer may take to begin, and how long it may say
	// nothing after that; at least 1 second. Reading one takes ten times as long
	// at most, not counting what its reader does in between. Defaults to 1 minute.
	Timeout time.Duration
	// Transport carries the requests. Defaults to one of the client's own.
	Transport http.RoundTripper
}

// realm is a part of host names.
var realm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// hosts are the checked base URLs of a Config.
type hosts struct{ api, stream *url.URL }

// check returns c with its defaults. The error tells every mistake at once.
func (c Config) check() (Config, hosts, error) {
	var errs []error
	bad := func(field, format string, a ...any) {
		errs = append(errs, fmt.Errorf("signalfx: "+field+": "+format, a...))
	}
	c.Realm = cmp.Or(strings.ToLower(strings.TrimSpace(c.Realm)), defaultRealm)
	if !realm.MatchString(c.Realm) {
		bad("Realm", "want letters and digits, such as us1")
	}
	base := func(field, raw, host string) *url.URL {
		if raw == "" {
			if !realm.MatchString(c.Realm) {
				return nil
			}
			raw = "https://" + host + "." + c.Realm + ".signalfx.com"
		}
		u, err := webapi.ParseBase(raw, true)
		if err != nil {
			bad(field, "%w", err)
		}
		return u
	}
	h := hosts{base("APIURL", c.APIURL, "api"), base("StreamURL", c.StreamURL, "stream")}
	switch c.Token = strings.TrimSpace(c.Token); { // files and environment variables end in line breaks
	case c.Token == "":
		bad("Token", "required")
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		bad("Token", "holds a blank, a line break or another character that no token has")
	}
	c.MaxDelay = cmp.Or(c.MaxDelay, defaultMaxDelay)
	if c.MaxDelay < time.Millisecond || c.MaxDelay > longestMaxDelay || c.MaxDelay%time.Millisecond != 0 {
		bad("MaxDelay", "%s: want whole milliseconds, at most %s", c.MaxDelay, longestMaxDelay)
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	if c.Timeout < time.Second {
		bad("Timeout", "%s: want at least 1s", c.Timeout)
	}
	if c.Transport == nil {
		t := webapi.NewTransport()
		t.ResponseHeaderTimeout = c.Timeout
		c.Transport = t
	}
	return c, h, errors.Join(errs...)
}

// String returns c without its token, and with no more of its URLs than the hosts.
func (c Config) String() string {
	return fmt.Sprintf("signalfx.Config{Realm:%q APIURL:%s StreamURL:%s MaxDelay:%s Timeout:%s}",
		c.shown(c.Realm), c.host(c.APIURL), c.host(c.StreamURL), c.MaxDelay, c.Timeout)
}

// host is the host of a URL, where it is one; else not even that is safe.
func (c Config) host(raw string) string {
	if raw == "" {
		return `""`
	}
	if u, err := webapi.ParseBase(raw, true); err == nil {
		return c.shown(u.Host)
	}
	return "[redacted]"
}

func (c Config) shown(s string) string { return webapi.Cleaner(strings.TrimSpace(c.Token))(s, 100) }

// GoString returns c without its token.
func (c Config) GoString() string { return c.String() }

// Format prints c without its token, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON returns c without its token.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// LogValue logs c without its token.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
