package opsgenietest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault makes calls fail. It first says which calls, and then how: of Status,
// Hang and Cut at most one is set. A fault with none of them, and neither
// Forget nor Reject, only delays.
type Fault struct {
	// Op, Method and Path choose calls: Path is a part of the escaped path. The
	// zero values choose all.
	Op     Op
	Method string
	Path   string
	// Match chooses further. It must not read the body nor call the Fake. Nil
	// chooses all.
	Match func(*http.Request) bool
	// Times is how many calls the fault meets before it is used up. Defaults to
	// 1; a negative number is never used up.
	Times int

	// Delay passes before anything else happens. A call whose client leaves in
	// that time is not carried out.
	Delay time.Duration
	// Status is answered, with Header and Body beside what every answer has.
	// Without a Body it is the error body of the API.
	Status int
	Header http.Header
	Body   string
	// Hang answers nothing until the client leaves or the Fake is closed.
	Hang bool
	// Cut closes the connection. Note that net/http repeats a GET by itself
	// when a connection that it used before is cut before the answer.
	Cut Cut
	// CarryOut carries the call out before it fails: what was asked for
	// happens, and the client does not get to know.
	CarryOut bool

	// Forget accepts a call with 202 and never carries it out: its request
	// stays unprocessed.
	Forget bool
	// Reject accepts a call with 202, does not carry it out, and gives this
	// text in the status of the request, which says that it failed.
	Reject string
}

// Cut says where a connection is cut.
type Cut int

// The places of a [Cut].
const (
	NoCut     Cut = iota
	CutBefore     // before the answer
	CutMiddle     // in the middle of its body
)

// RateLimited is a fault that answers one call with 429, as Opsgenie does when
// an account has used up its share of the given period (there are those of a
// second and of a minute).
func RateLimited(period time.Duration) Fault {
	return Fault{
		Status: http.StatusTooManyRequests,
		Header: http.Header{
			"X-Ratelimit-State":         {"THROTTLED"},
			"X-Ratelimit-Reason":        {"ACCOUNT"},
			"X-Ratelimit-Period-In-Sec": {fmt.Sprintf("%.0f", period.Seconds())},
		},
	}
}

// Inject adds faults. A call meets the first that fits it; one that is used up
// is gone. Calls get checked and recorded all the same.
func (f *Fake) Inject(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		f.faults.Add(fault, 0, fault.Times)
	}
}

// ClearFaults removes all faults. A call that hangs goes on hanging.
func (f *Fake) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// take finds the fault that a call meets, and uses it up.
func (f *Fake) take(x *exchange) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults.Take(x.chosenBy)
}

func (x *exchange) chosenBy(fault *Fault) bool {
	return (fault.Op == "" || fault.Op == x.call.Op) &&
		(fault.Method == "" || fault.Method == x.call.Method) &&
		strings.Contains(x.call.Path, fault.Path) &&
		(fault.Match == nil || fault.Match(x.r))
}

// carriesOut reports whether a call is carried out in spite of the fault, or
// accepted as if it would be.
func (fault *Fault) carriesOut() bool {
	return fault.CarryOut || !fault.Hang && fault.Cut == NoCut && fault.Status == 0
}

// faulty is the answer of a fault with a status.
func (x *exchange) faulty(fault *Fault) answer {
	message := http.StatusText(fault.Status)
	if fault.Status == http.StatusTooManyRequests {
		message = "You are making too many requests!"
	}
	a := x.fail(&refusal{status: fault.Status, message: message})
	for key, values := range fault.Header {
		a.header[http.CanonicalHeaderKey(key)] = slices.Clone(values)
	}
	if fault.Body != "" {
		a.body = []byte(fault.Body)
	}
	return a
}
