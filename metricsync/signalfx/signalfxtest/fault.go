package signalfxtest

import (
	"cmp"
	"net/http"
	"time"
)

// Fault makes calls fail. It first says which calls, and then how. A call meets one
// fault, so that what is to happen together is set together.
type Fault struct {
	// Op chooses calls, and Match further; Match must not call the Fake. The zero
	// values choose all.
	Op    Op
	Match func(Call) bool
	// Skip is how many of the chosen calls are left alone first.
	Skip int
	// Times is how many calls the fault meets before it is used up. Defaults to 1;
	// a negative number is never used up.
	Times int

	// Delay passes before anything else happens.
	Delay time.Duration
	// Status is answered, with Header and Body. Without a Body it is an error as
	// the API words it.
	Status int
	Header http.Header
	Body   string
	// Hang answers nothing until the client leaves or the Fake is closed.
	Hang bool
	// Cut ends the answer early: those that say so after At bytes of its body.
	Cut Cut
	At  int

	// Pause passes before each time of a stream, or each series of a window.
	Pause time.Duration
	// Resolution is the step at which a job runs, whatever it was asked for.
	Resolution time.Duration
	// Events are said in a stream before its time number Instants, counted from 0,
	// or at its end where it has fewer. The stream ends with one that is Final.
	Events   []Event
	Instants int
}

// Cut says how an answer ends early.
type Cut int

// The ways of a [Cut].
const (
	NoCut     Cut = iota
	CutBefore     // the connection is cut before the answer
	CutAt         // the connection is cut in its body
	EndAt         // the body ends as if it were whole
	StallAt       // nothing more comes until the client leaves
)

// Sentence is what SignalFx was seen to answer with status 200 where it was called
// too often.
const Sentence = "Your role doesn't let you perform this action."

// Throttled is what a client met that asked for time series faster than SignalFx
// likes: answers of 200 with a [Sentence], then 403, then all is well again.
func Throttled(sentences, forbidden int) []Fault {
	var faults []Fault
	if sentences != 0 {
		faults = append(faults, Fault{Op: OpTimeSeries, Times: sentences, Status: http.StatusOK, Body: Sentence})
	}
	if forbidden != 0 {
		faults = append(faults, Fault{Op: OpTimeSeries, Times: forbidden, Status: http.StatusForbidden})
	}
	return faults
}

// Inject adds faults. A call meets the first that fits it; one that is used up is
// gone.
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

// take finds the fault that a call meets, and uses it up. It is never nil.
func (f *Fake) take(c *Call) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cmp.Or(f.faults.Take(c.chosenBy), &Fault{})
}

func (c *Call) chosenBy(fault *Fault) bool {
	return (fault.Op == "" || fault.Op == c.Op) && (fault.Match == nil || fault.Match(*c))
}
