package opsgenie

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

var (
	// ErrInvalid is in the chain of the error of a call that was not made,
	// because what it was given can never succeed.
	ErrInvalid = errors.New("invalid argument")
	// ErrPending is in the chain of the error of [Client.RequestStatus] while
	// Opsgenie has not come to the request yet. Ask again later.
	ErrPending = errors.New("request not processed yet")
	// ErrWindow is in the chain of the error of [Client.List] and [Client.All]
	// when more alerts match than the API lets a caller page through.
	ErrWindow = errors.New("more alerts match than can be listed: narrow the query")
)

// Error is what a failed call returns. Its text names the host and never the
// whole URL. What the server said is cleaned and cut, and the client's key is
// replaced in it by [redacted].
type Error struct {
	Op         string            // what was tried, such as "create alert"
	Host       string            // where, such as "api.opsgenie.com"
	Status     int               // the HTTP status; 0 when no answer came
	Message    string            // what Opsgenie said
	Fields     map[string]string // what Opsgenie said of single fields
	Code       int               // Opsgenie's own code, such as 40301; often 0
	RequestID  string            // for Opsgenie's support
	RetryAfter time.Duration     // how long Opsgenie asks to wait, at most 10 minutes; 0 when it does not say
	Err        error             // why no answer came, or what was wrong with it, or nil
}

// Error says what was tried, where, and what came of it, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("opsgenie: " + e.Op)
	if e.Host != "" {
		b.WriteString(" at " + e.Host)
	}
	if e.Status != 0 {
		b.WriteString(strings.TrimSpace(fmt.Sprintf(": %d %s", e.Status, http.StatusText(e.Status))))
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	for i, name := range slices.Sorted(maps.Keys(e.Fields)) {
		b.WriteString([]string{" (", "; "}[min(i, 1)] + name + ": " + e.Fields[name])
	}
	if len(e.Fields) > 0 {
		b.WriteString(")")
	}
	if e.RequestID != "" {
		b.WriteString(", request " + e.RequestID)
	}
	if e.RetryAfter > 0 {
		b.WriteString(", retry after " + e.RetryAfter.String())
	}
	if hint := e.hint(); hint != "" {
		b.WriteString("; " + hint)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same call may succeed later: after a 429, a 5xx,
// no answer at all (a time-out too), an answer that is not Opsgenie's, and
// [ErrPending]. It is false when the caller cancelled the call and for
// [ErrInvalid].
func (e *Error) Temporary() bool {
	switch {
	case e.Status == http.StatusTooManyRequests, e.Status >= 500:
		return true
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, ErrInvalid), errors.Is(e.Err, ErrWindow):
		return false
	case e.Status < 300:
		return e.Err != nil
	}
	return errors.Is(e.Err, ErrPending)
}

// hint names the mistake that is mostly behind a status.
func (e *Error) hint() string {
	switch {
	case e.Status >= 300 && e.Status < 400:
		return "redirects are not followed: check the base URL"
	case e.Status != http.StatusUnauthorized && e.Status != http.StatusForbidden:
		return ""
	case e.Host == "api.atlassian.com":
		return "is it the key of an API integration of Jira Service Management?"
	case e.Status == http.StatusForbidden || e.Code/100 == http.StatusForbidden:
		return "is it a key of an API integration (not of API Key Management, which may only read) with the right to do this?"
	case e.Host == "api.opsgenie.com":
		return "is it a key of an API integration, and is the account in the US? An EU account's base URL is " + EU
	case e.Host == "api.eu.opsgenie.com":
		return "is it a key of an API integration, and is the account in the EU? A US account's base URL is " + US
	}
	return "is it a key of an API integration, and of an account at this base URL?"
}

// UnsupportedError is the error of a call that the service at the base URL does
// not offer to this kind of key. No request was made.
type UnsupportedError struct {
	Op      string // what was tried, such as "list alerts"
	Host    string // where
	Instead string // what does it
}

// Error says what is not offered and what to use.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("opsgenie: %s: %s does not offer it to a GenieKey; use %s", e.Op, e.Host, e.Instead)
}

// Unwrap returns [errors.ErrUnsupported].
func (e *UnsupportedError) Unwrap() error { return errors.ErrUnsupported }

// unsupported returns an error where a GenieKey may not do op.
// Jira Service Management's integration events are create, acknowledge, close,
// add note and request status: see
// developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2, "Integration events".
func (c *Client) unsupported(op, instead string) error {
	if !c.base.jsm {
		return nil
	}
	return &UnsupportedError{Op: op, Host: c.base.url.Hostname(), Instead: instead}
}

const (
	insteadAccount = "Jira Service Management's REST API with an account's own credentials (package opsgenie/jsmops lists alerts and reads notes)"
	insteadTags    = "the tags of the create call, or Jira Service Management's REST API with an account's own credentials"
	insteadPing    = "the heartbeat of a team in Jira Service Management's REST API, with an account's own credentials"
)
