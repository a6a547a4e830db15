package statuspageio

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

// statusCalm is "Enhance your calm", which the service answers as well as 429 to
// who calls too often.
const statusCalm = 420

// busyWait is how long nobody calls after such an answer that does not say for
// how long. The limit is that of a minute, and a call has five attempts.
const busyWait = 15 * time.Second

// Client is a [metricsync.Sink] of the metrics of one page. Make it with [New]. It
// is safe for concurrent use, logs nothing, and prints without its key.
type Client struct {
	page  string
	max   int
	limit *limiter
	http  *httpcall.Client
}

var _ metricsync.Sink = (*Client)(nil)

// New makes a client. It connects to nothing. An error tells every mistake in cfg
// at once and does not show the key.
func New(cfg Config) (*Client, error) {
	cfg, base, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	c := &Client{page: cfg.PageID, max: cfg.MaxSamples, limit: newLimiter(cfg.Interval)}
	c.http = httpcall.New(httpcall.Config{
		Base: base, Header: "Authorization", Scheme: "OAuth ", Secret: cfg.APIKey,
		Transport: cfg.Transport, Timeout: cfg.Timeout,
		Before: c.limit.wait, After: c.slow, Hint: c.hint,
	})
	return c, nil
}

// Name implements [metricsync.Sink].
func (c *Client) Name() string { return "statuspage.io" }

// MaxSamples implements [metricsync.Sink].
func (c *Client) MaxSamples() int { return c.max }

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// String returns which page c sends to.
func (c *Client) String() string {
	return fmt.Sprintf("statuspageio.Client{page %s at %s}", c.page, c.http.Host())
}

// GoString returns which page c sends to.
func (c *Client) GoString() string { return c.String() }

// path is that of the page's metrics, or below.
func (c *Client) path(rest string) string {
	return "/pages/" + url.PathEscape(c.page) + "/metrics" + rest
}

// call makes a call within the limit.
func (c *Client) call(ctx context.Context, r httpcall.Request, read func([]byte) error) (http.Header, error) {
	header, err := c.http.Do(ctx, r, read)
	if err == nil {
		c.limit.hold(0)
	}
	return header, err
}

// slow holds back all calls after one that failed.
func (c *Client) slow(e *metricsync.Error) {
	wait := e.RetryAfter
	if wait == 0 && (e.Status == statusCalm || e.Status == http.StatusTooManyRequests) {
		wait = busyWait
	}
	c.limit.hold(wait)
}

// hint says what to look at after an error.
func (c *Client) hint(e *metricsync.Error) string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "is the API key right, and still in use?"
	case http.StatusForbidden:
		return "may the API key change page " + c.page + "?"
	case http.StatusNotFound:
		return "is " + c.page + " the page's id, and is the API key one of its organization's?"
	case statusCalm, http.StatusTooManyRequests:
		return "does something else use the API key? All share its 60 calls a minute"
	}
	return ""
}
