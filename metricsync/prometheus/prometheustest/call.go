package prometheustest

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Call is a query that a [Fake] got, whatever became of it.
type Call struct {
	Method     string
	Query      string // the expression
	Start, End time.Time
	Step       time.Duration
	Form       url.Values  // all parameters
	Header     http.Header // without Authorization: credentials are not kept
	At         time.Time   // when it came
	// Status is that of the answer; 0 while there is none, and for a query that
	// hung or was cut before its answer.
	Status int
}

// Points is how many points of a series the query asked for.
func (c Call) Points() int {
	if c.Step <= 0 || c.End.Before(c.Start) {
		return 0
	}
	return int(c.End.Sub(c.Start)/c.Step) + 1
}

// Calls returns the queries so far, oldest first; of very many, the latest 10,000.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := make([]Call, 0, len(f.calls))
	for _, c := range f.calls {
		d := *c
		d.Form = url.Values(http.Header(c.Form).Clone())
		d.Header = c.Header.Clone()
		calls = append(calls, d)
	}
	return calls
}

// newCall reads a query, and says what is wrong with it in Prometheus's words.
func newCall(r *http.Request) (*Call, error) {
	c := &Call{Method: r.Method, Header: r.Header.Clone(), At: time.Now()}
	c.Header.Del("Authorization")
	err := r.ParseForm()
	c.Form, c.Query = r.Form, r.Form.Get("query")
	if err != nil {
		return c, badData("error parsing form values: %v", err)
	}
	times := []struct {
		name string
		to   *time.Time
	}{{"start", &c.Start}, {"end", &c.End}}
	for _, t := range times {
		at, ok := parseTime(c.Form.Get(t.name))
		if !ok {
			return c, badData("invalid parameter %q: cannot parse %q to a valid timestamp", t.name, c.Form.Get(t.name))
		}
		*t.to = at
	}
	if c.End.Before(c.Start) {
		return c, badData(`invalid parameter "end": end timestamp must not be before start time`)
	}
	for _, name := range []string{"step", "timeout"} {
		text := c.Form.Get(name)
		d, ok := parseDuration(text)
		if !ok && (name == "step" || text != "") {
			return c, badData("invalid parameter %q: cannot parse %q to a valid duration", name, text)
		}
		if name == "step" {
			c.Step = d
		}
	}
	if c.Step <= 0 {
		return c, badData(`invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer`)
	}
	return c, nil
}

// parseTime reads seconds since 1970 or RFC 3339.
func parseTime(s string) (time.Time, bool) {
	if unix, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(unix) < 1e11 {
		return time.UnixMilli(int64(math.Round(unix * 1000))).UTC(), true
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	return at, err == nil
}

// parseDuration reads seconds, or a duration such as 5m. Those of Prometheus with
// days, weeks and years are not known here.
func parseDuration(s string) (time.Duration, bool) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(seconds) < 1e9 {
		return time.Duration(math.Round(seconds*1000)) * time.Millisecond, true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

// meet records a query and returns the fault that it meets.
func (f *Fake) meet(c *Call) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.calls) >= keptCalls {
		f.calls = slices.Delete(f.calls, 0, keptCalls/10)
	}
	f.calls = append(f.calls, c)
	return f.faults.Take(c.chosenBy)
}

// answered keeps the status of a query's answer.
func (f *Fake) answered(c *Call, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.Status = status
}

// refusal is an error of the API.
type refusal struct {
	status     int
	kind, text string
}

func (e *refusal) Error() string { return e.text }

func badData(format string, a ...any) error {
	return &refusal{http.StatusBadRequest, "bad_data", fmt.Sprintf(format, a...)}
}
