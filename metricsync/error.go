package metricsync

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is what a call to a Source or a Sink ended with. Its text holds no
// credential, no query and no address but the host.
type Error struct {
	// Op is what was done, as in "signalfx: reading a time series".
	Op string
	// Host was called.
	Host string
	// Status is that of the answer; 0 is none.
	Status int
	// Message is what the answer said, one line, cut.
	Message string
	// RetryAfter is what the answer asked for, 0 to 10 minutes.
	RetryAfter time.Duration
	// Err is why there was no answer, or what was wrong with it.
	Err error
	// Hint says what to look at.
	Hint string
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Host != "" {
		b.WriteString(" at " + e.Host)
	}
	if e.Status != 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf(": %d %s", e.Status, http.StatusText(e.Status)), " "))
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RetryAfter > 0 {
		b.WriteString(", retry after " + e.RetryAfter.String())
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// enhanceYourCalm is what Statuspage.io answers beside 429 where it is called too
// often. It has no name in net/http.
const enhanceYourCalm = 420

// Temporary reports whether the same call may succeed later: there was no answer,
// the server failed, or it was called too often.
func (e *Error) Temporary() bool {
	switch e.Status {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests, enhanceYourCalm:
		return true
	}
	return e.Status >= 500
}
