package jsmops

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/webapi"
)

// BaseURL is where the API of all sites lives.
const BaseURL = "https://api.atlassian.com"

const defaultTimeout = 10 * time.Second

// Config is what a [Client] needs: one of Site and CloudID, Email and Token. It
// prints without its token in every way.
type Config struct {
	// Site is the Jira site, such as "acme" or "https://acme.atlassian.net". The
	// first call asks it for its cloud id, without credentials.
	Site string
	// CloudID is the id of the site. With it, Site is not asked.
	CloudID string
	// Email and Token are those of an account: the token is an API token, made
	// at id.atlassian.com. The account sees the alerts that its teams may see.
	Email, Token string
	// BaseURL is where the API lives, without /jsm. Defaults to [BaseURL]. Plain
	// http goes to loopback alone.
	BaseURL string
	// Transport carries the requests. Defaults to one of the client's own.
	Transport http.RoundTripper
	// Timeout bounds one call from its start to the end of its body. Defaults to
	// 10 s; negative means none but the context's.
	Timeout time.Duration
}

// Client reads the alerts of one site with the credentials of one account. It
// makes one attempt per call. Make it with [New]. It is safe for concurrent use,
// logs nothing, and prints without its token.
type Client struct {
	site *url.URL // nil where the cloud id was given
	base *url.URL
	auth func() string // a func, so that no printer by reflection shows it
	safe func(s string, max int) string
	http *http.Client

	mu    sync.Mutex // for cloud
	cloud string
}

// cloudID is what an id of a site looks like. It becomes a part of paths.
var cloudID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,63}$`)

// New makes a client. It connects to nothing. An error tells every mistake in
// cfg at once and does not show the token.
func New(cfg Config) (*Client, error) {
	var errs []error
	bad := func(field, format string, a ...any) {
		errs = append(errs, fmt.Errorf("jsmops: "+field+": "+format, a...))
	}
	c := &Client{cloud: strings.TrimSpace(cfg.CloudID)}
	switch {
	case c.cloud == "" && strings.TrimSpace(cfg.Site) == "":
		bad("Site", "required, or CloudID")
	case c.cloud == "":
		site, err := parseSite(cfg.Site)
		if err != nil {
			bad("Site", "%w", err)
		}
		c.site = site
	case !cloudID.MatchString(c.cloud):
		bad("CloudID", "has a form that no cloud id has, such as 11111111-2222-3333-4444-555555555555")
	}
	email, token := strings.TrimSpace(cfg.Email), strings.TrimSpace(cfg.Token)
	switch {
	case email == "":
		bad("Email", "required")
	case strings.ContainsFunc(email, notVisible) || strings.Contains(email, ":"):
		bad("Email", "holds a blank or a character that no address has")
	}
	switch {
	case token == "":
		bad("Token", "required")
	case strings.ContainsFunc(token, notVisible):
		bad("Token", "holds a blank, a line break or another character that no token has")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = BaseURL
	}
	base, err := webapi.ParseBase(cfg.BaseURL, true)
	if err != nil {
		bad("BaseURL", "%w", err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c.base = base
	basic := base64.StdEncoding.EncodeToString([]byte(email + ":" + token))
	c.auth = func() string { return "Basic " + basic }
	c.safe = webapi.Cleaner(token, basic)
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Transport == nil {
		cfg.Transport = webapi.NewTransport()
	}
	c.http = &http.Client{
		Transport: cfg.Transport,
		Timeout:   max(cfg.Timeout, 0),
		// A redirect would carry the credentials elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

func notVisible(r rune) bool { return r <= ' ' || r >= 0x7f }

// parseSite reads a site's name or address.
func parseSite(raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	if !strings.Contains(raw, "://") {
		if !strings.ContainsAny(raw, ".:/") {
			raw += ".atlassian.net"
		}
		raw = "https://" + raw
	}
	u, err := webapi.ParseBase(raw, true)
	if err != nil {
		return nil, err
	}
	if u.Path != "" {
		return nil, errors.New("is a host alone, such as acme.atlassian.net")
	}
	return u, nil
}

// id returns the site's cloud id, and asks the site for it where it must. A
// failure is not remembered.
func (c *Client) id(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cloud != "" {
		return c.cloud, nil
	}
	const op = "read the site's cloud id"
	var tenant struct{ CloudID string }
	if err := c.get(ctx, op, c.site.JoinPath("_edge", "tenant_info"), false, &tenant); err != nil {
		return "", err
	}
	if !cloudID.MatchString(tenant.CloudID) {
		return "", newError(op, c.site, errors.New("the answer holds none: is it a Jira site?"))
	}
	c.cloud = tenant.CloudID
	return c.cloud, nil
}

// String returns c without its token.
func (c Config) String() string {
	return fmt.Sprintf("jsmops.Config{Site:%q CloudID:%q Email:%q Token:[redacted]}", c.Site, c.CloudID, c.Email)
}

// GoString returns c without its token.
func (c Config) GoString() string { return c.String() }

// Format prints c without its token, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON returns c without its token.
func (c Config) MarshalJSON() ([]byte, error) { return []byte(fmt.Sprintf("%q", c.String())), nil }

// String returns where c talks to.
func (c *Client) String() string { return fmt.Sprintf("jsmops.Client{%s}", c.base) }
