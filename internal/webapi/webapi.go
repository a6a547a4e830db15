// Package webapi has what every client of somebody's web API needs here: a base
// URL that was checked, a transport whose every wait ends, a Retry-After with a
// cap, and text that holds no secret.
package webapi

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// ParseBase checks a base URL and takes the slashes from its end. Its errors
// never repeat the URL: people put secrets in them. With secret, calls carry a
// secret, which plain http would show to the network; then http is for loopback
// alone.
func ParseBase(raw string, secret bool) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.Opaque != "":
		return nil, errors.New("want https:// and a host")
	case u.User != nil:
		return nil, errors.New("holds a user name or password: leave it out")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("holds a query or a fragment: leave it out")
	case secret && u.Scheme == "http" && !Loopback(u.Hostname()):
		return nil, fmt.Errorf("plain http to %s would show the credentials to the network: use https", u.Hostname())
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// Loopback reports whether a host is this machine by name or number.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// NewTransport returns a transport whose every wait but that for the rest of a
// body ends.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           8,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		// A connection whose other end vanished is otherwise used until the
		// kernel gives up on it, a quarter of an hour later.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// MaxRetryAfter caps what a server may ask for: a year would silence us for a
// year.
const MaxRetryAfter = 10 * time.Minute

// RetryAfter reads how long an answer asks to wait, in seconds or as a date:
// from 0 to MaxRetryAfter.
func RetryAfter(h http.Header) (d time.Duration, ok bool) {
	value := h.Get("Retry-After")
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), MaxRetryAfter), true
	}
	return Seconds(value)
}

// Seconds reads a whole number of seconds from a header, from 0 to
// MaxRetryAfter.
func Seconds(s string) (d time.Duration, ok bool) {
	s = strings.TrimSpace(s)
	digits := strings.TrimLeft(s, "+-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(s)-len(digits) > 1 {
		return 0, false
	}
	if s[0] == '-' {
		return 0, true
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > int64(MaxRetryAfter/time.Second) { // more than an int64 is more than the cap
		return MaxRetryAfter, true
	}
	return time.Duration(n) * time.Second, true
}

// Cleaner returns what makes one line of at most max runes of text from a server
// or a transport, without the secrets, as they are and as URLs escape them.
func Cleaner(secrets ...string) func(s string, max int) string {
	var pairs []string
	for _, s := range secrets {
		if len(s) >= 8 { // a test's "t" would only garble every message
			// The longest form goes first, so that no form leaves a part of another.
			for _, form := range []string{url.QueryEscape(s), url.PathEscape(s), s} {
				pairs = append(pairs, form, "[redacted]")
			}
		}
	}
	r := strings.NewReplacer(pairs...)
	// Cleaning comes first, since it can join what invisible characters part, and
	// cutting last, since it would leave the beginning of a secret.
	return func(s string, max int) string { return text.Cut(r.Replace(text.CleanLine(s)), max) }
}
