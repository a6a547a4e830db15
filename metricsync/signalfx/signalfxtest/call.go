package signalfxtest

import (
	"slices"
	"time"
)

// Op is what a call asks for.
type Op string

// The calls that a [Fake] knows.
const (
	OpTimeSeries Op = "time series window"
	OpSignalFlow Op = "run SignalFlow program"
	OpUnknown    Op = "unknown call"
)

// keptCalls bounds what a Fake remembers, for programs that run for long.
const keptCalls = 10_000

// Call is one call that a [Fake] got, whatever became of it.
type Call struct {
	Op Op
	// Text is the query, or the program.
	Text       string
	Start      time.Time
	Stop       time.Time // zero in a job that is to run for ever
	Resolution time.Duration
	MaxDelay   time.Duration
	Immediate  bool
	// At is when the call came, by the clock of the process.
	At time.Time
	// Status is that of the answer; 0 while there is none, and for a call that hung
	// or was cut before.
	Status int
	// Sent is how many values were sent.
	Sent int
	// Left says that the client left before the end.
	Left bool
}

// Span is how much time the call asks for.
func (c Call) Span() time.Duration { return c.Stop.Sub(c.Start) }

// Calls returns the calls so far, oldest first; of very many, the latest 10,000.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := make([]Call, 0, len(f.calls))
	for _, c := range f.calls {
		calls = append(calls, *c)
	}
	return calls
}

// CallsOf returns the calls of one kind so far, oldest first.
func (f *Fake) CallsOf(op Op) []Call {
	return slices.DeleteFunc(f.Calls(), func(c Call) bool { return c.Op != op })
}

// LongestSpan is the longest that a call of a kind has asked for so far.
func (f *Fake) LongestSpan(op Op) time.Duration {
	var longest time.Duration
	for _, c := range f.CallsOf(op) {
		longest = max(longest, c.Span())
	}
	return longest
}

// Jobs is how many SignalFlow jobs are running.
func (f *Fake) Jobs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.jobs
}

// record keeps a call.
func (f *Fake) record(c *Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.calls) >= keptCalls {
		f.calls = slices.Delete(f.calls, 0, keptCalls/10)
	}
	f.calls = append(f.calls, c)
}

// note changes what is known of a call.
func (f *Fake) note(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}
