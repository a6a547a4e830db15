// Package httpcall calls the web APIs of sources and sinks: each call with a few
// attempts, a time to wait between them that the server may name, and errors that
// are fit to be shown.
package httpcall

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/metricsync"
)

// Config says whom a Client calls, and how.
type Config struct {
	// Base is the checked base URL; see webapi.ParseBase.
	Base *url.URL
	// Header and Scheme are where the Secret goes, as in "Authorization" and
	// "OAuth ". Without a Secret there is none.
	Header, Scheme, Secret string

	// Transport carries the requests. Defaults to webapi.NewTransport().
	Transport http.RoundTripper
	// Timeout bounds an attempt, until the last byte of Do's answer, or the first
	// of Open's. Defaults to 30 seconds.
	Timeout time.Duration
	// Tries is how many attempts a call makes. Defaults to 5.
	Tries int
	// Before is called before each attempt; its error ends the call. A limiter
	// waits here.
	Before func(context.Context) error
	// After is told of each attempt that failed. A limiter that all calls share
	// slows down here.
	After func(*metricsync.Error)
	// Again reports whether another attempt may do better. Defaults to
	// (*metricsync.Error).Temporary.
	Again func(*metricsync.Error) bool
	// Hint says what to look at after an error, or "".
	Hint func(*metricsync.Error) string
}

// Client makes calls. Make it with [New]. It is safe for concurrent use.
type Client struct {
	cfg  Config
	auth func() string // a method value would print its receiver, a string itself
	safe func(s string, max int) string
	http *http.Client
}

// Times and sizes that are nobody's choice.
const (
	maxText     = 300 // runes of what a server said
	maxRefusal  = 64 << 10
	firstWait   = time.Second
	longestWait = 30 * time.Second
)

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
	secret := cfg.Scheme + cfg.Secret
	c := &Client{
		auth: func() string { return secret },
		safe: webapi.Cleaner(cfg.Secret),
		http: &http.Client{
			Transport: cfg.Transport,
			// A redirect would carry the secret elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if cfg.Secret == "" {
		c.auth = nil
	}
	cfg.Secret = ""
	c.cfg = cfg
	return c
}

// Host is who is called.
func (c *Client) Host() string { return c.cfg.Base.Hostname() }

// String names whom c calls.
func (c *Client) String() string {
	return fmt.Sprintf("httpcall.Client{%s://%s%s}", c.cfg.Base.Scheme, c.cfg.Base.Host, c.cfg.Base.Path)
}

// GoString names whom c calls.
func (c *Client) GoString() string { return c.String() }

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// Safe makes one line of at most max runes of text from outside, without the
// secret.
func (c *Client) Safe(s string, max int) string { return c.safe(s, max) }

// Request is one call.
type Request struct {
	Op     string // as in "signalfx: reading a time series"
	Method string // defaults to GET
	// Path is below the base, its segments escaped.
	Path  string
	Query url.Values
	// Body is sent as Type, which defaults to application/json.
	Body   []byte
	Type   string
	Accept string // defaults to application/json
	// MaxBody bounds what Do reads of an answer. Defaults to 1 MiB.
	MaxBody int64
}

// Do makes a call and hands the answer's body to read, unless it is nil. An error
// of read is that of an answer that is not what it should be. The answer's header
// is returned with every answer but those of failed attempts.
func (c *Client) Do(ctx context.Context, r Request, read func(body []byte) error) (http.Header, error) {
	if r.MaxBody == 0 {
		r.MaxBody = 1 << 20
	}
	var header http.Header
	err := c.try(ctx, &r, func(ctx context.Context) *metricsync.Error {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
		defer cancel()
		resp, failed := c.send(ctx, &r)
		if failed != nil {
			return failed
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, r.MaxBody+1))
		switch {
		case err != nil:
			e := c.failed(ctx, &r, err)
			e.Err = fmt.Errorf("reading the answer: %w", e.Err)
			return e
		case int64(len(body)) > r.MaxBody:
			return c.wrong(&r, resp, fmt.Errorf("the answer is longer than %d MiB", r.MaxBody>>20))
		}
		header = resp.Header
		if read != nil {
			if err := read(body); err != nil {
				return c.wrong(&r, resp, errors.New(c.safe(err.Error(), maxText)))
			}
		}
		return nil
	})
	return header, err
}

// JSON returns a read for Do that decodes an object into v.
func JSON(v any) func(body []byte) error {
	return func(body []byte) error {
		if !json.Valid(body) {
			return notJSON(body)
		}
		if err := json.Unmarshal(body, v); err != nil {
			return fmt.Errorf("the answer is not of the form that it should be: %w", err)
		}
		return nil
	}
}

func notJSON(body []byte) error {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return errors.New("the answer is empty")
	case body[0] == '<':
		return errors.New("the answer is HTML: is the address right, is a proxy in between?")
	}
	return fmt.Errorf("the answer is no JSON: %q", body[:min(len(body), 200)])
}

// Open makes a call and returns its answer, with a status of 2xx, to be read and
// closed. The time-out ends with the answer's header; what then bounds the reading
// is ctx.
func (c *Client) Open(ctx context.Context, r Request) (*http.Response, error) {
	var answer *http.Response
	err := c.try(ctx, &r, func(ctx context.Context) *metricsync.Error {
		// Only until the header: a body that is read for long must not be cut.
		ctx, cancel := context.WithCancelCause(ctx)
		timer := time.AfterFunc(c.cfg.Timeout, func() { cancel(context.DeadlineExceeded) })
		resp, failed := c.send(ctx, &r)
		if timer.Stop(); failed != nil {
			cancel(nil)
			return failed
		}
		answer = resp
		resp.Body = &canceling{resp.Body, func() { cancel(nil) }}
		return nil
	})
	return answer, err
}

// canceling is a body whose end ends its request's context.
type canceling struct {
	io.ReadCloser
	cancel func()
}

func (b *canceling) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// Fail is the error of a call whose answer turned out to be wrong while it was
// read. Err may hold text from outside.
func (c *Client) Fail(op string, status int, err error) *metricsync.Error {
	e := &metricsync.Error{Op: op, Host: c.Host(), Status: status, Err: errors.New(c.safe(err.Error(), maxText))}
	return c.hinted(e)
}

// try makes attempts until one is right, or none can be.
func (c *Client) try(ctx context.Context, r *Request, attempt func(context.Context) *metricsync.Error) error {
	wait := firstWait
	for n := 1; ; n++ {
		if c.cfg.Before != nil {
			if err := c.cfg.Before(ctx); err != nil {
				return &metricsync.Error{Op: r.Op, Host: c.Host(), Err: err}
			}
		}
		failed := attempt(ctx)
		if failed == nil {
			return nil
		}
		if ctx.Err() != nil {
			return failed // nothing that the other end did
		}
		if c.cfg.After != nil {
			c.cfg.After(failed)
		}
		if n >= c.cfg.Tries || !c.cfg.Again(failed) {
			return c.hinted(failed)
		}
		// Full jitter, so that those who failed together do not meet again. What
		// the server asks for is waited for whole.
		pause := rand.N(wait) + wait/4
		if failed.RetryAfter > 0 {
			pause = failed.RetryAfter + rand.N(time.Second)
		}
		wait = min(2*wait, longestWait)
		if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
			return c.hinted(failed) // it would only be waited for, and tells more than that the time was up
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return c.hinted(failed)
		case <-timer.C:
		}
	}
}

func (c *Client) hinted(e *metricsync.Error) *metricsync.Error {
	if c.cfg.Hint != nil && e.Hint == "" {
		e.Hint = c.cfg.Hint(e)
	}
	return e
}

// send makes one attempt, and returns an answer of 2xx.
func (c *Client) send(ctx context.Context, r *Request) (*http.Response, *metricsync.Error) {
	u := *c.cfg.Base
	u.RawPath = c.cfg.Base.EscapedPath() + r.Path
	path, err := url.PathUnescape(u.RawPath)
	if err != nil {
		return nil, &metricsync.Error{Op: r.Op, Host: c.Host(), Err: errors.New("the address cannot be asked")}
	}
	u.Path, u.RawQuery = path, r.Query.Encode()
	method, body := r.Method, io.Reader(nil)
	if method == "" {
		method = http.MethodGet
	}
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, &metricsync.Error{Op: r.Op, Host: c.Host(), Err: errors.New("the address cannot be asked")}
	}
	req.Header.Set("User-Agent", "routewatch")
	req.Header.Set("Accept", cmp.Or(r.Accept, "application/json"))
	if r.Body != nil {
		req.Header.Set("Content-Type", cmp.Or(r.Type, "application/json"))
	}
	if c.auth != nil {
		req.Header.Set(c.cfg.Header, c.auth())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(ctx, r, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, c.refused(r, resp)
	}
	return resp, nil
}

// failed is the error of an attempt that got no answer, or not all of it.
func (c *Client) failed(ctx context.Context, r *Request, err error) *metricsync.Error {
	e := &metricsync.Error{Op: r.Op, Host: c.Host()}
	for ue := (*url.Error)(nil); errors.As(err, &ue) && ue.Err != nil; {
		err = ue.Err // without the address, which holds the query
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.DeadlineExceeded):
		e.Err = fmt.Errorf("no answer in time: %w", cause)
	case cause != nil:
		e.Err = cause
	default:
		e.Err = errors.New(c.safe(err.Error(), maxText))
	}
	return e
}

// refused is the error of an answer other than 2xx.
func (c *Client) refused(r *Request, resp *http.Response) *metricsync.Error {
	e := &metricsync.Error{Op: r.Op, Host: c.Host(), Status: resp.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // with what there is of it
	e.Message = c.safe(said(body, resp.Header.Get("Content-Type")), maxText)
	if e.Temporary() {
		e.RetryAfter, _ = webapi.RetryAfter(resp.Header)
	}
	if e.Status >= 300 && e.Status < 400 {
		e.Hint = "redirects are not followed: check the base URL"
	}
	return e
}

func (c *Client) wrong(r *Request, resp *http.Response, err error) *metricsync.Error {
	return &metricsync.Error{Op: r.Op, Host: c.Host(), Status: resp.StatusCode, Err: err}
}

// said is what the body of an error says: {"message"}, {"error": text, or a list
// of texts}, or as it is.
func said(body []byte, contentType string) string {
	var known struct{ Message, Error, ErrorType any }
	if json.Unmarshal(body, &known) == nil {
		for _, v := range []any{known.Message, known.Error} {
			switch v := v.(type) {
			case string:
				return v
			case []any:
				var all []string
				for _, v := range v {
					all = append(all, fmt.Sprint(v))
				}
				return strings.Join(all, "; ")
			}
		}
	}
	if strings.Contains(contentType, "html") {
		return "an HTML page, so not the API's answer"
	}
	return string(body)
}
