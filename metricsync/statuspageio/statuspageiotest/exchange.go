package statuspageiotest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/faults"
)

// maxBody bounds the body of a call; 3,000 points have a fiftieth.
const maxBody = 8 << 20

// exchange is one call on its way to an answer.
type exchange struct {
	f    *Fake
	r    *http.Request
	call *Call
	id   string             // the metric in the path
	data map[string][]point // what the call sends
	body []byte
	no   *answer // what is wrong with the call
}

// answer is what goes back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// serve answers a call.
func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client left in the middle
	}
	x := &exchange{f: f, r: r, body: body}
	f.mu.Lock()
	x.read()
	wait := f.record(x.call)
	var fault *Fault
	if wait == 0 {
		fault = f.faults.Take(x.chosenBy)
	}
	busy := f.opts.Busy
	f.mu.Unlock()
	switch {
	case wait > 0:
		a := refusal(busy, "Rate limit exceeded")
		a.header.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
		x.send(w, a)
	case fault == nil:
		x.send(w, x.perform(false))
	default:
		x.fail(w, fault)
	}
}

// fail answers a call as a fault says.
func (x *exchange) fail(w http.ResponseWriter, fault *Fault) {
	if !faults.Pause(x.r.Context(), x.f.ctx.Done(), fault.Delay) {
		panic(http.ErrAbortHandler)
	}
	a := refusal(http.StatusInternalServerError, "")
	switch {
	case fault.Half:
		x.halve()
		a = x.perform(false)
	case fault.CarryOut || !fault.fails():
		a = x.perform(fault.Forget)
	case fault.Cut == CutMiddle:
		a = x.perform(true) // for something to cut
	}
	switch {
	case fault.Hang:
		faults.Pause(x.r.Context(), x.f.ctx.Done(), -1)
		panic(http.ErrAbortHandler)
	case fault.Cut == CutBefore:
		panic(http.ErrAbortHandler)
	case fault.Cut == CutMiddle:
		x.sendHalf(w, a)
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		a = refusal(fault.Status, http.StatusText(fault.Status))
		for key, values := range fault.Header {
			a.header[http.CanonicalHeaderKey(key)] = slices.Clone(values)
		}
		if fault.Body != "" {
			a.body = []byte(fault.Body)
		}
	}
	x.send(w, a)
}

// read reads a call and finds what is wrong with it in itself. f.mu is held.
func (x *exchange) read() {
	r := x.r
	x.call = &Call{Op: OpUnknown, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query()}
	x.call.Query.Del("api_key")
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), strings.TrimRight(x.f.opts.Prefix, "/"))
	status := http.StatusNotFound
	if ok {
		x.call.Op, x.id, status = route(r.Method, path, x.f.opts.Page)
	}
	switch {
	case !x.f.knows(r):
		x.refuse(http.StatusUnauthorized, "Could not authenticate")
	case status == http.StatusMethodNotAllowed:
		x.refuse(status, "Method not allowed")
	case status != 0:
		x.refuse(status, "Resource not found")
	case len(x.body) > maxBody:
		x.refuse(http.StatusRequestEntityTooLarge, "Request entity too large")
	case x.call.Op == OpSend:
		x.many()
	case x.call.Op == OpSendOne:
		x.one()
	}
	x.call.Points = make(map[string]int, len(x.data))
	for id, points := range x.data {
		x.call.Points[id] = len(points)
	}
}

// knows reports whether a call has a right key. f.mu is held.
func (f *Fake) knows(r *http.Request) bool {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok {
		key = r.URL.Query().Get("api_key")
	}
	key = strings.TrimSpace(key)
	return key != "" && (len(f.opts.Keys) == 0 || slices.Contains(f.opts.Keys, key))
}

// refuse is what a call that is wrong in itself gets.
func (x *exchange) refuse(status int, message string) {
	a := refusal(status, message)
	x.no = &a
}

// refusal is an answer that says no.
func refusal(status int, message string) answer {
	if status == http.StatusBadRequest || status == http.StatusUnprocessableEntity {
		return reply(status, map[string]any{"error": []string{message}})
	}
	return reply(status, map[string]any{"message": message})
}

func reply(status int, body any) answer {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("statuspageiotest: %v", err)) // only texts, numbers and times go in
	}
	return answer{status, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, data}
}

// send writes the answer.
func (x *exchange) send(w http.ResponseWriter, a answer) {
	x.f.mu.Lock()
	x.call.Status = a.status
	w.Header().Set("Date", x.f.now().Format(http.TimeFormat))
	x.f.mu.Unlock()
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may have left
}

// sendHalf announces the whole answer and writes half of it.
func (x *exchange) sendHalf(w http.ResponseWriter, a answer) {
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	a.body = a.body[:len(a.body)/2]
	x.send(w, a)
	_ = http.NewResponseController(w).Flush() // a writer that cannot flush has sent it
}
