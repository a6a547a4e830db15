package opsgenie

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The caps of what is kept of an error answer, in runes and in fields.
const (
	maxErrorText   = 500
	maxErrorField  = 200
	maxErrorFields = 20
	maxErrorID     = 100
)

// errForeign is what is wrong with an answer that somebody on the way has given.
var errForeign = errors.New("the answer is not one of Opsgenie's: is the base URL right, is a proxy in between?")

// refused is the error of a call that was answered with a status other than 2xx.
// The body is Opsgenie's {message, took, requestId, code, errors{field: text}},
// or whatever a proxy says. A 404 decides what becomes of an alert, so that one of
// a proxy has a reason in Err.
func (c *Client) refused(op string, x *exchange) *Error {
	e := c.newError(op, nil)
	e.Status = x.status
	e.RetryAfter = retryAfter(x.status, x.header)
	e.RequestID = c.safe(x.header.Get("X-Request-Id"), maxErrorID)

	var body struct {
		Message   looseText                  `json:"message"`
		RequestID looseText                  `json:"requestId"`
		Code      looseInt                   `json:"code"`
		Errors    map[string]json.RawMessage `json:"errors"`
	}
	unread := json.Unmarshal(x.body, &body) // what it cannot read stays empty
	e.Message = c.safe(string(body.Message), maxErrorText)
	if e.Message == "" && len(body.Errors) == 0 {
		e.Message = c.safe(string(x.body), maxErrorField)
		if strings.Contains(x.header.Get("Content-Type"), "html") {
			e.Message = "an HTML page, so not Opsgenie's answer"
		}
	}
	e.Code = int(body.Code)
	if body.RequestID != "" {
		e.RequestID = c.safe(string(body.RequestID), maxErrorID)
	}
	names := slices.Sorted(maps.Keys(body.Errors))
	for _, name := range names[:min(len(names), maxErrorFields)] {
		if e.Fields == nil {
			e.Fields = make(map[string]string)
		}
		var value looseText
		if json.Unmarshal(body.Errors[name], &value) != nil || value == "" {
			value = looseText(body.Errors[name]) // a list or a map: as it is
		}
		e.Fields[c.safe(name, maxErrorField)] = c.safe(string(value), maxErrorField)
	}
	if e.Status == http.StatusNotFound {
		switch {
		case x.header.Get("X-Opsgenie-Errortype") == "RequestNotProcessed":
			e.Err = ErrPending
		case unread != nil:
			e.Err = errForeign
		}
	}
	return e
}

// gone reports whether an answer says that the alert is not there.
func gone(e *Error) bool { return e != nil && e.Status == http.StatusNotFound }
