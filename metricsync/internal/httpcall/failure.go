package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/routewatch/routewatch/internal/text"
	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/metricsync"
)

const (
	maxText    = 300      // runes of what a server said
	maxRefusal = 64 << 10 // bytes that are looked at to find it
)

// Fail is the error of a call whose answer turned out to be wrong while it was
// read. Err may hold text from outside.
func (c *Client) Fail(op string, status int, err error) *metricsync.Error {
	e := &metricsync.Error{Op: op, Host: c.Host(), Status: status, Err: c.clean(err)}
	c.hint(e)
	return e
}

// hint adds what to look at, where that is known.
func (c *Client) hint(e *metricsync.Error) {
	if c.cfg.Hint != nil && e.Hint == "" {
		e.Hint = c.cfg.Hint(e)
	}
}

// broken is the error of a call that was not made.
func (c *Client) broken(r *Request, err error) *metricsync.Error {
	return &metricsync.Error{Op: r.Op, Host: c.Host(), Err: err}
}

// unanswered is the error of an attempt that got no answer, or not all of it. The
// attempt ended with within, the caller gives up with ctx.
func (c *Client) unanswered(ctx, within context.Context, r *Request, err error) *metricsync.Error {
	switch {
	case ctx.Err() != nil:
		return c.broken(r, ended(ctx))
	case within.Err() != nil:
		return c.broken(r, fmt.Errorf("no answer within %s: %w", c.cfg.Timeout, context.DeadlineExceeded))
	}
	for ue := (*url.Error)(nil); errors.As(err, &ue) && ue.Err != nil; {
		err = ue.Err // without the address, which holds the query
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New(err.Error()) // not the caller's
	}
	return c.broken(r, c.clean(err))
}

// wrong is the error of an answer that is not what it should be.
func (c *Client) wrong(r *Request, resp *http.Response, err error) *metricsync.Error {
	return &metricsync.Error{Op: r.Op, Host: c.Host(), Status: resp.StatusCode, Err: c.clean(err)}
}

// refused is the error of an answer other than 2xx.
func (c *Client) refused(r *Request, resp *http.Response) *metricsync.Error {
	e := &metricsync.Error{Op: r.Op, Host: c.Host(), Status: resp.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what there is of it
	e.Message = c.safe(said(body, resp.Header.Get("Content-Type")), maxText)
	if c.cfg.Again(e) {
		e.RetryAfter, _ = webapi.RetryAfter(resp.Header)
	}
	if e.Status < 400 {
		e.Hint = "redirects are not followed: check the base URL"
	}
	return e
}

// page is what a proxy, a login or a wrong address answers with.
const page = "a page of HTML or XML, so not the API's answer: is the address right, is a proxy in between?"

func isPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// said is what the body of an error says: {"message"}, {"error"}, each a text or a
// list of texts, or else as it is.
func said(body []byte, contentType string) string {
	var known struct{ Message, Error any }
	if json.Unmarshal(body, &known) == nil {
		for _, v := range []any{known.Message, known.Error} {
			switch v := v.(type) {
			case string:
				if v != "" {
					return v
				}
			case []any:
				if len(v) > 0 {
					return strings.TrimSuffix(fmt.Sprintln(v...), "\n")
				}
			}
		}
	}
	if isPage(body) || strings.Contains(contentType, "html") {
		return page
	}
	return string(body)
}

// JSON returns a read for Do that decodes an answer into v. Null is not one.
func JSON(v any) func(body []byte) error {
	return func(body []byte) error {
		err := json.Unmarshal(body, v)
		if err != nil && json.Valid(body) {
			return fmt.Errorf("the answer is not of the form that it should be: %w", err)
		}
		body = bytes.TrimSpace(body)
		switch {
		case len(body) == 0:
			return errors.New("the answer is empty")
		case isPage(body):
			return errors.New("the answer is " + page)
		case err != nil:
			return fmt.Errorf("the answer is no JSON: %s", body[:min(len(body), maxRefusal)])
		case string(body) == "null":
			return errors.New("the answer is null")
		}
		return nil
	}
}

// clean makes an error fit to be shown: one short line without the secret. Where
// it had the secret in it, nothing can be unwrapped from it.
func (c *Client) clean(err error) error {
	safe := &cleaned{c.safe(err.Error(), maxText), err}
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if s := fmt.Sprintf(verb, e); c.safe(s, len(s)) != text.CleanLine(s) {
				safe.err = nil
			}
		}
	}
	return safe
}

// cleaned is an error with its text made fit.
type cleaned struct {
	text string
	err  error
}

func (e *cleaned) Error() string { return e.text }
func (e *cleaned) Unwrap() error { return e.err }

// ended is why ctx did, if it did.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); err != nil && !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}
