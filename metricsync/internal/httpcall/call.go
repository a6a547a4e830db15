package httpcall

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// Between attempts that the server says nothing about.
const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
)

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
	// MaxBody bounds what Do reads of an answer, in bytes. Defaults to 1 MiB.
	MaxBody int64
}

// ErrTooLong is in the chain of Do's error where an answer is longer than MaxBody.
var ErrTooLong = errors.New("the answer is too long")

// Do makes a call and hands the answer's body to read, unless it is nil. An error
// of read is that of an answer that is not what it should be, and may hold text
// from outside. The header is that of the answer that was read, nil with an error.
func (c *Client) Do(ctx context.Context, r Request, read func(body []byte) error) (http.Header, error) {
	limit := cmp.Or(r.MaxBody, 1<<20)
	var header http.Header
	err := c.try(ctx, &r, func(req *http.Request) *metricsync.Error {
		within, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
		defer cancel()
		resp, failed := c.send(ctx, within, &r, req)
		if failed != nil {
			return failed
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
		switch {
		case err != nil:
			e := c.unanswered(ctx, within, &r, err)
			e.Err = fmt.Errorf("reading the answer: %w", e.Err)
			return e
		case int64(len(body)) > limit:
			return c.wrong(&r, resp, fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit))
		}
		if read != nil {
			if err := read(body); err != nil {
				return c.wrong(&r, resp, err)
			}
		}
		header = resp.Header
		return nil
	})
	return header, err
}

// Open makes a call and returns its answer, with a status of 2xx, to be read and
// closed. The time-out ends with the answer's header; what then bounds the reading
// is ctx.
func (c *Client) Open(ctx context.Context, r Request) (*http.Response, error) {
	var answer *http.Response
	err := c.try(ctx, &r, func(req *http.Request) *metricsync.Error {
		// Only until the header: a body that is read for long must not be cut.
		within, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(c.cfg.Timeout, cancel)
		resp, failed := c.send(ctx, within, &r, req)
		if !timer.Stop() && failed == nil { // the header was there, and too late
			resp.Body.Close()
			failed = c.unanswered(ctx, within, &r, context.DeadlineExceeded)
		}
		if failed != nil {
			cancel()
			return failed
		}
		answer = resp
		resp.Body = &ending{resp.Body, cancel}
		return nil
	})
	return answer, err
}

// ending is a body whose end ends its request's context.
type ending struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *ending) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// try makes attempts until one is right, or none can be. Its error is that of the
// last attempt, also where the time for another ran out: it tells more.
func (c *Client) try(ctx context.Context, r *Request, attempt func(*http.Request) *metricsync.Error) error {
	req, err := c.request(r)
	if err != nil {
		return c.broken(r, err)
	}
	var last *metricsync.Error
	wait := firstWait
	for n := 1; ; n++ {
		if err := c.ready(ctx); err != nil {
			if last == nil {
				last = c.broken(r, err)
			}
			return last
		}
		last = attempt(req)
		if last == nil {
			return nil
		}
		if last.Status == 0 && ctx.Err() != nil {
			return last // the caller gave up: nothing that the other end did
		}
		c.hint(last)
		if c.cfg.After != nil {
			c.cfg.After(last)
		}
		if n >= c.cfg.Tries || !c.cfg.Again(last) {
			return last
		}
		// Random, so that those who failed together do not meet again. What the
		// server asks for is waited for whole.
		pause := wait/4 + rand.N(wait)
		if last.RetryAfter > 0 {
			pause = last.RetryAfter + rand.N(time.Second)
		}
		wait = min(2*wait, longestWait)
		if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
			return last // it would only be waited for
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return last
		case <-timer.C:
		}
	}
}

// ready waits until there may be an attempt.
func (c *Client) ready(ctx context.Context) error {
	if c.cfg.Before != nil && ctx.Err() == nil {
		if err := c.cfg.Before(ctx); err != nil {
			return err
		}
	}
	return ended(ctx)
}

// request makes the request of which each attempt sends a copy.
func (c *Client) request(r *Request) (*http.Request, error) {
	path, err := url.PathUnescape(r.Path)
	if err != nil {
		return nil, errors.New("the address cannot be asked")
	}
	u := *c.cfg.Base
	u.Path, u.RawPath = c.cfg.Base.Path+path, c.cfg.Base.EscapedPath()+r.Path
	u.RawQuery = r.Query.Encode()
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(context.Background(), cmp.Or(r.Method, http.MethodGet), u.String(), body)
	if err != nil {
		return nil, errors.New("the address cannot be asked")
	}
	req.Header.Set("User-Agent", "routewatch")
	req.Header.Set("Accept", cmp.Or(r.Accept, "application/json"))
	if r.Body != nil {
		req.Header.Set("Content-Type", cmp.Or(r.Type, "application/json"))
	}
	if c.auth != nil {
		req.Header.Set(c.cfg.Header, c.auth())
	}
	return req, nil
}

// send makes one attempt that ends with within, for a caller whose context is
// ctx, and returns an answer of 2xx.
func (c *Client) send(ctx, within context.Context, r *Request, req *http.Request) (*http.Response, *metricsync.Error) {
	req = req.Clone(within)
	if req.GetBody != nil {
		req.Body, _ = req.GetBody() // of bytes: it cannot fail
	}
	resp, err := c.roundTrip(req)
	if err != nil {
		return nil, c.unanswered(ctx, within, r, err)
	}
	if resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, c.refused(r, resp)
	}
	return resp, nil
}

// roundTrip carries a request. The transport is called by itself, without an
// http.Client: a redirect would carry the secret elsewhere.
func (c *Client) roundTrip(req *http.Request) (resp *http.Response, err error) {
	defer unpanicked(&err)
	resp, err = c.cfg.Transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil || resp.Body == nil:
		return nil, errors.New("the transport returned neither an answer nor an error")
	case resp.StatusCode < 200: // 101, of which the body may never end
		resp.Body.Close()
		return nil, fmt.Errorf("status %d is no answer", resp.StatusCode)
	}
	resp.Body = guarded{resp.Body}
	return resp, nil
}

// guarded is a body that does not panic.
type guarded struct{ io.ReadCloser }

func (b guarded) Read(p []byte) (n int, err error) {
	defer unpanicked(&err)
	return b.ReadCloser.Read(p)
}

// unpanicked makes an error of a transport's panic, which must not take the other
// metrics down with it.
func unpanicked(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("the transport panicked: %v", v)
	}
}
