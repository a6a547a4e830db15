package opsgenie

import "time"

// Error is what a failed call returns.
type Error struct {
	Op         string            // what was tried, such as "create alert"
	Status     int               // the HTTP status; 0 when no answer came
	Message    string            // what Opsgenie said
	Fields     map[string]string // what Opsgenie said of single fields
	Code       int               // Opsgenie's own code, such as 40301; often 0
	RequestID  string            // for Opsgenie's support
	RetryAfter time.Duration     // how long Opsgenie asks to wait; 0 when it does not say
	Err        error             // why no answer came, or nil
}

func (e *Error) Error() string { return e.Op }
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same call may succeed later.
func (e *Error) Temporary() bool { return false }
