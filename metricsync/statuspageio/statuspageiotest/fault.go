package statuspageiotest

import (
	"net/http"
	"time"
)

// Fault makes calls fail. It first says which calls, and then how: of Status,
// Hang and Cut at most one is set. A fault with none of them, and neither Half nor
// Forget, only delays.
//
// Calls above the limit meet no faults.
type Fault struct {
	// Op chooses calls, Metric those that have points of a metric or are about it.
	// The zero values choose all.
	Op     Op
	Metric string
	// Match chooses further. It must not read the body nor call the Fake. Nil
	// chooses all.
	Match func(*http.Request) bool
	// Skip is how many of these calls pass before the fault begins.
	Skip int
	// Times is how many it then meets before it is used up. Defaults to 1; a
	// negative number is never used up.
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
	// Cut closes the connection. Note that net/http repeats a GET by itself when
	// a connection that it used before is cut before the answer.
	Cut Cut
	// CarryOut carries the call out before it fails: what was asked for happens,
	// and the client does not get to know.
	CarryOut bool
	// Half stores the first half of the points, in the order of the metrics' ids,
	// and not the others.
	Half bool

	// Forget accepts points with 202 and never stores them.
	Forget bool
}

// Cut says where a connection is cut.
type Cut int

// The places of a [Cut].
const (
	NoCut     Cut = iota
	CutBefore     // before the answer
	CutMiddle     // in the middle of its body
)

// Inject adds faults. A call meets the first that fits it and has no more to
// skip; one that is used up is gone. Calls are recorded all the same.
func (f *Fake) Inject(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		f.faults.Add(fault, fault.Skip, fault.Times)
	}
}

// ClearFaults removes all faults. A call that hangs goes on hanging.
func (f *Fake) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

func (x *exchange) chosenBy(fault *Fault) bool {
	_, has := x.data[fault.Metric]
	return (fault.Op == "" || fault.Op == x.call.Op) &&
		(fault.Metric == "" || fault.Metric == x.id || has) &&
		(fault.Match == nil || fault.Match(x.r))
}

// fails reports whether a call does not get its own answer.
func (fault *Fault) fails() bool { return fault.Hang || fault.Cut != NoCut || fault.Status != 0 }
