package prometheustest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/faults"
)

// Fault makes queries fail. It first says which, and then how: of Status, Hang and
// Cut at most one is set. A fault with none of them only delays, or adds to the
// answer what it says.
type Fault struct {
	// Query chooses queries whose expression holds it. The zero value chooses all.
	Query string
	// Match chooses further. It must not call the Fake. Nil chooses all.
	Match func(Call) bool
	// Times is how many queries the fault meets before it is used up. Defaults to
	// 1; a negative number is never used up.
	Times int

	// Delay passes before anything else happens.
	Delay time.Duration
	// Status is answered, with Header, and Body or else the API's form of an error
	// of Type, such as "execution", with the text of Error.
	Status      int
	Type, Error string
	Header      http.Header
	Body        string
	// Hang answers nothing until the client leaves or the Fake is closed.
	Hang bool
	// Cut closes the connection.
	Cut Cut

	// Warnings and Infos come beside the points, and Partial is how VictoriaMetrics
	// says that some are missing.
	Warnings, Infos []string
	Partial         bool
}

// Cut says where a connection is cut.
type Cut int

// The places of a [Cut].
const (
	NoCut     Cut = iota
	CutBefore     // before the answer
	CutMiddle     // in the middle of its body
)

// RateLimited is a fault that answers one query with 429, as Mimir and proxies do,
// and with a Retry-After of whole seconds unless that is 0.
func RateLimited(after time.Duration) Fault {
	f := Fault{Status: http.StatusTooManyRequests, Type: "too_many_requests", Error: "too many outstanding requests"}
	if after > 0 {
		f.Header = http.Header{"Retry-After": {strconv.Itoa(int(after / time.Second))}}
	}
	return f
}

// TimedOut is a fault that answers one query as one that takes the server too long.
func TimedOut() Fault {
	return Fault{
		Status: http.StatusServiceUnavailable, Type: "timeout", Error: "query timed out in expression evaluation",
		Delay: 100 * time.Millisecond,
	}
}

// HTMLPage is a fault that answers one query with the page of a proxy, such as one
// that wants somebody to log in.
func HTMLPage(status int) Fault {
	return Fault{
		Status: status, Body: "<!DOCTYPE html><title>Log in</title>",
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
	}
}

// Inject adds faults. A query meets the first that fits it; one that is used up is
// gone. Queries are recorded all the same.
func (f *Fake) Inject(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		f.faults.Add(fault, 0, fault.Times)
	}
}

// ClearFaults removes all faults. A query that hangs goes on hanging.
func (f *Fake) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

func (c *Call) chosenBy(fault *Fault) bool {
	return strings.Contains(c.Query, fault.Query) && (fault.Match == nil || fault.Match(*c))
}

// before is what happens ahead of the answer. It reports false if there is to be
// none.
func (fault *Fault) before(f *Fake, r *http.Request) bool {
	d := max(fault.Delay, 0)
	if fault.Hang {
		d = -1
	}
	return faults.Pause(r.Context(), f.ctx.Done(), d) && fault.Cut != CutBefore
}

// answer is that of a fault with a Status.
func (fault *Fault) answer() answer {
	a := (&refusal{fault.Status, fault.Type, fault.Error}).answer()
	a.header = fault.Header
	if fault.Body != "" {
		a.body = []byte(fault.Body)
	}
	return a
}
