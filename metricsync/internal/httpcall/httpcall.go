// Package httpcall calls the web APIs of sources and sinks: each call with a few
// attempts, a time to wait between them that the server may name, and errors that
// are fit to be shown.
package httpcall

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/metricsync"
)

// Config says whom a Client calls, and how. Its functions are called by all calls
// at once. It prints without its secrets.
type Config struct {
	// Base is the checked base URL; see webapi.ParseBase.
	Base *url.URL
	// Header and Scheme are where the Secret goes, as in "Authorization" and
	// "OAuth ". Without a Secret there is none.
	Header, Scheme, Secret string
	// Redact are further secrets, such as what the Transport adds, or what the
	// Secret was made of. No text that a server said shows them.
	Redact []string

	// Transport carries the requests. Defaults to webapi.NewTransport(), which
	// awaits an answer's header for 30 seconds at most, whatever Timeout says.
	Transport http.RoundTripper
	// Timeout bounds an attempt, until the last byte of Do's answer, or the end
	// of the header of Open's. Defaults to 30 seconds.
	Timeout time.Duration
	// Tries is how many attempts a call makes. Defaults to 5.
	Tries int
	// Before is called before each attempt; its error ends the call. A limiter
	// waits here.
	Before func(context.Context) error
	// After is told of each attempt that failed, unless the caller gave up on
	// it. A limiter that all calls share slows down here.
	After func(*metricsync.Error)
	// Again reports whether another attempt may do better. Defaults to
	// (*metricsync.Error).Temporary.
	Again func(*metricsync.Error) bool
	// Hint says what to look at after an error, or "".
	Hint func(*metricsync.Error) string
}

// Format prints the name of c's type alone, whatever the verb: c holds a secret.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "httpcall.Config{…}") }

// Client makes calls. Make it with [New]. It is safe for concurrent use.
type Client struct {
	cfg  Config        // without its secrets
	auth func() string // a method value would print its receiver, a string itself
	safe func(s string, max int) string
}

// New makes a Client. It connects to nothing.
func New(cfg Config) *Client {
	if cfg.Transport == nil {
		cfg.Transport = webapi.NewTransport()
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Tries == 0 {
		cfg.Tries = 5
	}
	if cfg.Again == nil {
		cfg.Again = (*metricsync.Error).Temporary
	}
	c := &Client{safe: webapi.Cleaner(append([]string{cfg.Secret}, cfg.Redact...)...)}
	if cfg.Secret != "" {
		value := cfg.Scheme + cfg.Secret
		c.auth = func() string { return value }
	}
	cfg.Secret, cfg.Redact = "", nil
	c.cfg = cfg
	return c
}

// Host is who is called.
func (c *Client) Host() string { return c.cfg.Base.Hostname() }

// String names whom c calls.
func (c *Client) String() string { return fmt.Sprintf("httpcall.Client{%s}", c.cfg.Base) }

// GoString names whom c calls.
func (c *Client) GoString() string { return c.String() }

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Safe makes one line of at most max runes of text from outside, without the
// secret.
func (c *Client) Safe(s string, max int) string { return c.safe(s, max) }
