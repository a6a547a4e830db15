package signalfxtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a program, which has 50,000 characters at most.
const maxBody = 1 << 20

// exchange is one call on its way to an answer.
type exchange struct {
	f     *Fake
	r     *http.Request
	w     http.ResponseWriter
	out   *bufio.Writer // the body, through cutter
	call  *Call
	fault *Fault
	wrong string // what is wrong with the call
	whole bool   // the answer was taken to its end
}

// serve answers a call.
func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	x := &exchange{f: f, r: r, w: w, call: &Call{Op: OpUnknown, At: time.Now()}}
	x.out = bufio.NewWriterSize(&cutter{x, 0}, 16<<10)
	x.read()
	f.record(x.call)
	x.fault = f.take(x.call)
	defer x.end()
	if x.fault.Delay > 0 && !f.pause(r.Context(), x.fault.Delay) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case x.fault.Hang:
		f.pause(r.Context(), -1)
		panic(http.ErrAbortHandler)
	case x.fault.Cut == CutBefore:
		panic(http.ErrAbortHandler)
	case x.fault.Status != 0:
		x.faulty()
	case !f.knows(r.Header.Get("X-Sf-Token")):
		x.refuse(http.StatusUnauthorized, "Unauthorized")
	case x.call.Op == OpUnknown:
		x.refuse(http.StatusNotFound, "no such endpoint: "+r.Method+" "+r.URL.Path)
	case x.wrong != "":
		x.refuse(http.StatusBadRequest, x.wrong)
	case x.call.Op == OpTimeSeries:
		x.window()
	default:
		x.execute()
	}
	x.whole = x.out.Flush() == nil
}

// over ends an answer as if it were whole.
type over struct{}

// end lets an answer end early that is to look whole, and notes who left.
func (x *exchange) end() {
	v := recover()
	if x.r.Context().Err() != nil && !x.whole {
		x.f.note(func() { x.call.Left = true })
	}
	if _, early := v.(over); v != nil && !early {
		panic(v)
	}
}

func (f *Fake) knows(token string) bool {
	if len(f.opts.Tokens) == 0 {
		return token != ""
	}
	return slices.Contains(f.opts.Tokens, token)
}

// read finds what the call asks for.
func (x *exchange) read() {
	q, c := x.r.URL.Query(), x.call
	switch {
	case x.r.Method == http.MethodGet && x.r.URL.Path == "/v1/timeserieswindow":
		c.Op, c.Text = OpTimeSeries, q.Get("query")
		// Both spellings are in use.
		c.Start, c.Stop = x.time(q, "startMs", "startMS"), x.time(q, "endMs", "endMS")
	case x.r.Method == http.MethodPost && x.r.URL.Path == "/v2/signalflow/execute":
		c.Op, c.Text = OpSignalFlow, x.program()
		c.Start = x.time(q, "start")
		if q.Has("stop") {
			c.Stop = x.time(q, "stop")
		}
		c.MaxDelay, c.Immediate = x.duration(q, "maxDelay"), q.Get("immediate") == "true"
	default:
		return
	}
	c.Resolution = x.duration(q, "resolution")
	if c.Text == "" && x.wrong == "" {
		x.wrong = "there is no query"
	}
}

// program reads the body: a program, or JSON that holds one.
func (x *exchange) program() string {
	body, err := io.ReadAll(io.LimitReader(x.r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // the client left in the middle
	}
	if strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/json") {
		var m struct{ ProgramText string }
		if err := json.Unmarshal(body, &m); err != nil {
			x.wrong = "the body is no JSON"
		}
		return m.ProgramText
	}
	return string(body)
}

func (x *exchange) time(q url.Values, names ...string) time.Time {
	for _, name := range names {
		if q.Has(name) {
			return time.UnixMilli(x.number(q, name)).UTC()
		}
	}
	x.wrong = names[0] + " is missing"
	return time.Time{}
}

func (x *exchange) duration(q url.Values, name string) time.Duration {
	if !q.Has(name) {
		return 0
	}
	return time.Duration(x.number(q, name)) * time.Millisecond
}

func (x *exchange) number(q url.Values, name string) int64 {
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	if err != nil {
		x.wrong = name + " is no number of milliseconds"
	}
	return n
}

// faulty is the answer of a fault with a status.
func (x *exchange) faulty() {
	maps.Copy(x.w.Header(), canonical(x.fault.Header))
	if x.fault.Body == "" {
		x.refuse(x.fault.Status, http.StatusText(x.fault.Status))
		return
	}
	if x.w.Header().Get("Content-Type") == "" {
		kind := "text/plain"
		if json.Valid([]byte(x.fault.Body)) {
			kind = "application/json"
		}
		x.w.Header().Set("Content-Type", kind)
	}
	x.begin(x.fault.Status)
	_, _ = x.out.WriteString(x.fault.Body)
}

func canonical(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		out[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	return out
}

// refuse answers with an error.
func (x *exchange) refuse(status int, message string) {
	body := map[string]any{"code": status, "message": message}
	if x.call.Op == OpSignalFlow {
		body["errorType"] = "ANALYTICS_PROGRAM_ERROR"
	} else {
		body["type"] = "error"
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.begin(status)
	_, _ = x.out.WriteString(marshal(body))
}

// begin sends the header.
func (x *exchange) begin(status int) {
	x.f.note(func() { x.call.Status = status })
	x.w.Header().Set("Date", x.f.Now().UTC().Format(http.TimeFormat))
	x.w.WriteHeader(status)
}

// flush sends what was written. It ends the call where nobody reads it.
func (x *exchange) flush() {
	err := x.out.Flush()
	if err == nil {
		_ = http.NewResponseController(x.w).Flush() // a writer that cannot flush has sent it
	}
	if err != nil || x.r.Context().Err() != nil || x.f.ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
}

// pause waits, and ends the call where nobody does.
func (x *exchange) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	x.flush()
	if !x.f.pause(ctx, d) {
		panic(http.ErrAbortHandler)
	}
}

// value writes a number, or what stands for none.
func (x *exchange) value(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return x.f.opts.NaN
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// cutter is the body of an answer, which a fault may end early.
type cutter struct {
	x    *exchange
	sent int
}

// Write implements [io.Writer].
func (c *cutter) Write(p []byte) (int, error) {
	x := c.x
	if left := x.fault.At - c.sent; x.fault.Cut >= CutAt && len(p) > left {
		_, _ = x.w.Write(p[:left]) // it is cut anyway
		_ = http.NewResponseController(x.w).Flush()
		switch x.fault.Cut {
		case EndAt:
			panic(over{})
		case StallAt:
			x.f.pause(x.r.Context(), -1)
		}
		panic(http.ErrAbortHandler)
	}
	n, err := x.w.Write(p)
	c.sent += n
	if err != nil {
		return n, fmt.Errorf("signalfxtest: the client left: %w", err)
	}
	return n, nil
}
