package statuspageiotest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Op is what a call asks for.
type Op string

// The calls that a [Fake] knows.
const (
	OpList    Op = "list metrics"
	OpGet     Op = "get metric"
	OpSend    Op = "send points of many metrics"
	OpSendOne Op = "send a point"
	OpReset   Op = "remove all points"
	OpUnknown Op = "unknown call"
)

// Call is one call that a [Fake] got, whatever became of it.
type Call struct {
	Op     Op
	Method string
	Path   string     // as it was sent, escaped, with the prefix
	Query  url.Values // without api_key; never nil
	At     time.Time  // by our clock
	// Points is how many points it has of each metric.
	Points map[string]int
	// Over says that the call was above the limit.
	Over bool
	// Status is the status of the answer; 0 while there is none, and for a call
	// that hung or was cut before its answer.
	Status int
}

// Size is how many points the call has, of all metrics.
func (c Call) Size() int {
	size := 0
	for _, n := range c.Points {
		size += n
	}
	return size
}

// Calls returns the calls so far, oldest first; of very many, the latest 10,000.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := make([]Call, 0, len(f.calls))
	for _, c := range f.calls {
		d := *c
		d.Query = url.Values(http.Header(c.Query).Clone())
		d.Points = maps.Clone(c.Points)
		calls = append(calls, d)
	}
	return calls
}

// CallsOf returns the calls of one kind so far, oldest first.
func (f *Fake) CallsOf(op Op) []Call {
	return slices.DeleteFunc(f.Calls(), func(c Call) bool { return c.Op != op })
}

// Over is how many calls there were above the limit.
func (f *Fake) Over() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over
}

// record keeps a call, and takes a place in the minute for it. Without one, it
// returns how long until there is. f.mu is held.
func (f *Fake) record(c *Call) (wait time.Duration) {
	if len(f.calls) >= keptCalls {
		f.calls = slices.Delete(f.calls, 0, keptCalls/10)
	}
	c.At = time.Now()
	f.calls = append(f.calls, c)
	if f.opts.PerMinute < 0 {
		return 0
	}
	f.recent = slices.DeleteFunc(f.recent, func(at time.Time) bool { return c.At.Sub(at) >= time.Minute })
	if len(f.recent) >= f.opts.PerMinute {
		c.Over = true
		f.over++
		return f.recent[len(f.recent)-f.opts.PerMinute].Add(time.Minute).Sub(c.At)
	}
	f.recent = append(f.recent, c.At)
	return 0
}

// route reads a method and a path without the prefix. The id is that of a metric.
func route(method, path, page string) (op Op, id string, status int) {
	parts := strings.Split(strings.TrimSuffix(path, ".json"), "/")
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil {
			return OpUnknown, "", http.StatusNotFound
		}
		parts[i] = part
	}
	if len(parts) < 4 || parts[0] != "" || parts[1] != "pages" || parts[2] != page || parts[3] != "metrics" {
		return OpUnknown, "", http.StatusNotFound
	}
	known := map[string]Op{}
	switch parts = parts[4:]; {
	case len(parts) > 0 && parts[0] == "":
		return OpUnknown, "", http.StatusNotFound
	case len(parts) == 0:
		known["GET"] = OpList
	case len(parts) == 1 && parts[0] == "data":
		known["POST"] = OpSend
	case len(parts) == 1:
		known["GET"], id = OpGet, parts[0]
	case len(parts) == 2 && parts[1] == "data":
		known["POST"], known["DELETE"], id = OpSendOne, OpReset, parts[0]
	default:
		return OpUnknown, "", http.StatusNotFound
	}
	if op, ok := known[method]; ok {
		return op, id, 0
	}
	return OpUnknown, id, http.StatusMethodNotAllowed
}
