package opsgenie

import (
	"context"
	"errors"
	"net/http"
	"time"

	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"

	"github.com/routewatch/routewatch/internal/webapi"
)

const (
	defaultTimeout   = 10 * time.Second
	defaultUserAgent = "routewatch"
)

// Config is what a [Client] needs. Only APIKey is required. It prints without
// its key in every way.
type Config struct {
	// APIKey is the key of an API integration (a "GenieKey"). Blanks and line
	// breaks around it are taken off.
	APIKey string
	// BaseURL is where the API lives: US, EU, JSM, or any https URL with a
	// host and an optional path prefix. Plain http goes to loopback alone.
	// Defaults to US.
	BaseURL string
	// Transport carries the requests, beneath all that this package adds to
	// them, the key among it. Defaults to a transport of the client's own, with
	// keep-alive, time-outs and the environment's proxy.
	Transport http.RoundTripper
	// Timeout bounds one call from its start to the end of its body. Defaults
	// to 10 s; negative means none but the context's.
	Timeout time.Duration
	// UserAgent is sent with every call. Defaults to "routewatch".
	UserAgent string
}

// Client talks to one account with one key. It makes one attempt per call and
// never waits in between: when to try again is the caller's to decide, by
// [Error.Temporary] and [Error.RetryAfter].
//
// The zero Client is not usable: see [New]. A copy shares its connections. A
// Client is safe for concurrent use, has no goroutines but those of its idle
// connections (see CloseIdleConnections), logs nothing, and prints without its
// key.
type Client struct {
	base      base
	key       func() string // a func, so that no printer by reflection shows it
	redact    func(string) string
	transport http.RoundTripper
	timeout   time.Duration
	userAgent string
	sdk       *sdk.Config
}

// New makes a client. It connects to nothing. An error tells every mistake in
// cfg at once and shows neither the key nor the base URL.
func New(cfg Config) (*Client, error) {
	b, baseErr := parseBase(cfg.BaseURL)
	key, keyErr := parseKey(cfg.APIKey)
	if cfg.UserAgent == "" {
		cfg.UserAgent = defaultUserAgent
	}
	var agentErr error
	for i := range len(cfg.UserAgent) {
		if c := cfg.UserAgent[i]; c < ' ' || c >= 0x7f {
			agentErr = errors.New("opsgenie: UserAgent: holds a character that no header may have")
		}
	}
	shared, sdkErr := sharedSDK()
	if err := errors.Join(keyErr, baseErr, agentErr, sdkErr); err != nil {
		return nil, err
	}
	if cfg.Transport == nil {
		cfg.Transport = webapi.NewTransport()
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return &Client{
		base:      b,
		key:       func() string { return key },
		redact:    redactor(key),
		transport: cfg.Transport,
		timeout:   cfg.Timeout,
		userAgent: cfg.UserAgent,
		sdk:       shared,
	}, nil
}

// BaseURL returns where c talks to, with no slash at its end.
func (c *Client) BaseURL() string { return c.base.String() }

// CloseIdleConnections closes the connections that no call is using. The client
// stays usable.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// within returns ctx bounded by the client's time-out.
func (c *Client) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.timeout)
}
