package jsmops

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

	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/opsgenie"
)

const (
	maxBody      = 4 << 20 // of an answer
	maxErrorText = 500     // runes
)

// callError is what a call returns: an *opsgenie.Error with a text of its own,
// since that one's hints are about keys of integrations.
type callError struct{ api *opsgenie.Error }

func (e *callError) Unwrap() error { return e.api }

func (e *callError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "jsmops: %s at %s", e.api.Op, e.api.Host)
	if e.api.Status != 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf(": %d %s", e.api.Status, http.StatusText(e.api.Status)), " "))
	}
	if e.api.Message != "" {
		b.WriteString(": " + e.api.Message)
	}
	if e.api.Err != nil {
		b.WriteString(": " + e.api.Err.Error())
	}
	if e.api.RetryAfter > 0 {
		b.WriteString(", retry after " + e.api.RetryAfter.String())
	}
	switch s := e.api.Status; {
	case s >= 300 && s < 400:
		b.WriteString("; redirects are not followed: check the base URL and the site")
	case s == http.StatusUnauthorized:
		b.WriteString("; are e-mail and API token those of one account?")
	case s == http.StatusForbidden:
		b.WriteString("; may the account read alerts of Jira Service Management's operations?")
	}
	return b.String()
}

func newError(op string, at *url.URL, err error) error {
	return &callError{&opsgenie.Error{Op: op, Host: at.Hostname(), Err: err}}
}

// get reads one JSON object into result.
func (c *Client) get(ctx context.Context, op string, u *url.URL, credentials bool, result any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return newError(op, u, errors.New("the address cannot be asked"))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "routewatch")
	if credentials {
		req.Header.Set("Authorization", c.auth())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return newError(op, u, c.cause(ctx, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return c.refused(op, u, resp, body)
	case err != nil:
		err = fmt.Errorf("reading the answer: %w", c.cause(ctx, err))
	case len(body) > maxBody:
		err = fmt.Errorf("the answer is longer than %d bytes", maxBody)
	case !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) || json.Unmarshal(body, result) != nil:
		err = errors.New("the answer is not one of Atlassian's: is the base URL right, is a proxy in between?")
	default:
		return nil
	}
	return &callError{&opsgenie.Error{Op: op, Host: u.Hostname(), Status: resp.StatusCode, Err: err}}
}

// refused is the error of an answer other than 2xx. Its body is
// {"message": …} or {"errors":[{"title","detail"}]}, or what a proxy says.
func (c *Client) refused(op string, u *url.URL, resp *http.Response, body []byte) error {
	e := &opsgenie.Error{Op: op, Host: u.Hostname(), Status: resp.StatusCode}
	var said struct {
		Message any `json:"message"`
		Errors  []struct{ Title, Detail string }
	}
	_ = json.Unmarshal(body, &said) // what cannot be read stays empty
	switch message, _ := said.Message.(string); {
	case message != "":
		e.Message = c.safe(message, maxErrorText)
	case len(said.Errors) > 0:
		e.Message = c.safe(strings.TrimSpace(said.Errors[0].Title+" "+said.Errors[0].Detail), maxErrorText)
	case strings.Contains(resp.Header.Get("Content-Type"), "html"):
		e.Message = "an HTML page, so not Atlassian's answer"
	default:
		e.Message = c.safe(string(body), maxErrorText/2)
	}
	e.RequestID = c.safe(resp.Header.Get("Atl-Traceid"), 100)
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		e.RetryAfter, _ = webapi.RetryAfter(resp.Header)
	}
	return &callError{e}
}

// cause makes an error of a transport fit to be shown: without its URL, and
// without the credentials.
func (c *Client) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		if ue.Timeout() {
			return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
		}
		err = ue.Err
	}
	return errors.New(c.safe(err.Error(), maxErrorText))
}
