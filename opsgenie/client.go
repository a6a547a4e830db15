package opsgenie

import (
	"context"
	"net/http"
	"time"
)

// Config is what a [Client] needs. Only APIKey is required.
type Config struct {
	// APIKey is the key of an API integration (a "GenieKey").
	APIKey string
	// BaseURL is where the API lives: US, EU, JSM, or any http(s) URL with a
	// host and an optional path prefix. Plain http goes to loopback alone.
	// Defaults to US.
	BaseURL string
	// Transport carries the requests, beneath all that this package adds to
	// them. Defaults to a transport of the client's own.
	Transport http.RoundTripper
	// Timeout bounds one call from its start to the end of its body. Defaults
	// to 10 s; negative means none but the context's.
	Timeout time.Duration
	// UserAgent is sent with every call. Defaults to "routewatch".
	UserAgent string
}

// Client talks to one account with one key. It is safe for concurrent use.
type Client struct{}

// New makes a client. It connects to nothing.
func New(cfg Config) (*Client, error) { return &Client{}, nil }

// Create raises an alert.
func (c *Client) Create(ctx context.Context, a NewAlert) (requestID string, err error) {
	return "", nil
}

// Close closes an alert.
func (c *Client) Close(ctx context.Context, ref Ref, act Action) (requestID string, err error) {
	return "", nil
}
