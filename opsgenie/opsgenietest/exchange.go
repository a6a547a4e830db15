package opsgenietest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/faults"
	"github.com/routewatch/routewatch/opsgenie"
)

// maxBody bounds the body of a call; the largest right one has far less.
const maxBody = 1 << 20

// exchange is one call on its way to an answer.
type exchange struct {
	f      *Fake
	r      *http.Request
	call   *Call
	name   string // the alert, request or heartbeat in the path
	act    Act    // what the call asks for, if it changes an alert
	search search // what it asks for, if it lists
	wrong  *refusal
	start  time.Time
}

// answer is what goes back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// refusal is an answer that says no.
type refusal struct {
	status  int
	code    int // 0 for none
	message string
	fields  map[string]string
}

// serveAPI answers a call of the API.
func (f *Fake) serveAPI(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client left in the middle
	}
	x := f.begin(r, body, start)
	f.record(x.call)
	fault := f.take(x)
	if fault == nil {
		x.send(w, x.perform("", false))
		return
	}
	if !faults.Pause(r.Context(), f.ctx.Done(), fault.Delay) {
		panic(http.ErrAbortHandler)
	}
	var a answer
	if fault.carriesOut() {
		a = x.perform(fault.Reject, fault.Forget)
	}
	switch {
	case fault.Hang:
		faults.Pause(r.Context(), f.ctx.Done(), -1)
		panic(http.ErrAbortHandler)
	case fault.Cut == CutBefore:
		panic(http.ErrAbortHandler)
	case fault.Cut == CutMiddle:
		if a.body == nil {
			a = x.accepted()
		}
		x.sendHalf(w, a)
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		a = x.faulty(fault)
	}
	x.send(w, a)
}

// begin reads a call and finds what is wrong with it.
func (f *Fake) begin(r *http.Request, body []byte, start time.Time) *exchange {
	path, inside := strings.CutPrefix(r.URL.EscapedPath(), f.opts.Prefix)
	op, name, rest := route(r.Method, path)
	if !inside {
		op, path = OpUnknown, r.URL.EscapedPath()
	}
	header := r.Header.Clone()
	header.Del("Authorization")
	x := &exchange{f: f, r: r, name: name, start: start, call: &Call{
		Op: op, Method: r.Method, Path: path, Query: r.URL.Query(), Header: header, Body: body,
		At: start, RequestID: newID(),
	}}
	switch {
	case op == OpUnknown:
		x.flag("no such call: %s %s (an alias in a path must be escaped, slashes too)", r.Method, path)
		x.wrong = &refusal{status: http.StatusNotFound, message: "No such endpoint: " + r.Method + " " + path}
	case len(body) > maxBody:
		x.flag("the body has more than %d bytes", maxBody)
		x.wrong = &refusal{status: http.StatusRequestEntityTooLarge, message: "Request body is too large"}
	default:
		x.ref()
		x.read(rest)
	}
	return x
}

// ref reads which alert the call is about.
func (x *exchange) ref() {
	switch x.call.Op {
	case OpCreate, OpList, OpCount, OpRequestStatus, OpPing:
		return
	}
	by := opsgenie.IdentifierType(x.call.Query.Get("identifierType"))
	switch by {
	case "":
		by = opsgenie.ByID
	case opsgenie.ByID, opsgenie.ByAlias, opsgenie.ByTinyID:
	default:
		x.refuse("identifierType", fmt.Sprintf("must be one of id, alias, tiny, not %q", string(by)))
	}
	x.call.Ref = opsgenie.Ref{By: by, Value: x.name}
	x.act.Ref = x.call.Ref
}

// flag complains about the call, to the test.
func (x *exchange) flag(format string, args ...any) {
	x.call.Invalid = append(x.call.Invalid, fmt.Sprintf(format, args...))
}

// refuse complains about a field, to the test and to the caller.
func (x *exchange) refuse(field, problem string) {
	x.flag("%s %s", field, problem)
	if x.wrong == nil {
		x.wrong = &refusal{
			status:  http.StatusUnprocessableEntity,
			message: "Request body is not processable. Please check the errors.",
			fields:  make(map[string]string),
		}
	}
	if x.wrong.fields != nil {
		x.wrong.fields[field] = problem
	}
}

// perform does what the call asks for. A right call that changes an alert is
// rejected later with the text reject, or forgotten.
func (x *exchange) perform(reject string, forget bool) answer {
	if no := x.f.authorize(x.r.Header.Get("Authorization"), x.call.Op); no != nil {
		return x.fail(no)
	}
	if x.f.opts.JSM && x.call.Op != OpUnknown && !x.call.Op.inJSM() {
		return x.fail(&refusal{
			status:  http.StatusNotFound,
			message: "Integration events have no such call: " + string(x.call.Op),
		})
	}
	if x.wrong != nil {
		return x.fail(x.wrong)
	}
	switch x.call.Op {
	case OpList:
		return x.list()
	case OpCount:
		return x.count()
	case OpGet:
		return x.get()
	case OpListNotes:
		return x.listNotes()
	case OpRequestStatus:
		return x.requestStatus()
	case OpPing:
		return x.ping()
	}
	x.act.requestID = x.call.RequestID
	x.act.client = clientIP(x.r)
	x.f.accept(x.act, reject, forget)
	return x.accepted()
}

// accepted is the answer to every call that changes an alert.
func (x *exchange) accepted() answer {
	return x.reply(http.StatusAccepted, map[string]any{"result": "Request will be processed"})
}

// ping notes a heartbeat.
func (x *exchange) ping() answer {
	x.f.mu.Lock()
	defer x.f.mu.Unlock()
	x.f.beats[x.name] = now()
	x.f.broadcast()
	return x.reply(http.StatusAccepted, map[string]any{"result": "PONG - Heartbeat received"})
}

// authorize checks the key of a call.
func (f *Fake) authorize(header string, op Op) *refusal {
	key, ok := strings.CutPrefix(header, "GenieKey ")
	key = strings.TrimSpace(key)
	anyKey := len(f.opts.Keys) == 0 && len(f.opts.ReadKeys) == 0
	switch {
	case !ok || key == "":
		return &refusal{status: http.StatusUnauthorized, message: "Could not authenticate: no GenieKey in the Authorization header"}
	case anyKey || slices.Contains(f.opts.Keys, key):
		return nil
	case !slices.Contains(f.opts.ReadKeys, key):
		return &refusal{status: http.StatusUnauthorized, message: "Could not authenticate"}
	case !op.reads():
		return &refusal{
			status: http.StatusForbidden, code: 40301,
			message: "You are not authorized to perform this action. Please use the key of an API integration.",
		}
	}
	return nil
}

// clientIP is what Opsgenie takes as the source of a call that names none.
func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// reply is an answer with the fields and what every answer has.
func (x *exchange) reply(status int, fields map[string]any) answer {
	took := max(time.Since(x.start).Seconds(), 0.001)
	body := map[string]any{"took": took, "requestId": x.call.RequestID}
	maps.Copy(body, fields)
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("opsgenietest: %v", err)) // only texts, numbers and times go in
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json;charset=UTF-8")
	header.Set("X-Request-Id", x.call.RequestID)
	header.Set("X-Response-Time", strconv.FormatFloat(took, 'f', 3, 64))
	header.Set("X-Ratelimit-State", "OK")
	return answer{status: status, header: header, body: data}
}

// fail is the answer that says no.
func (x *exchange) fail(no *refusal) answer {
	fields := map[string]any{"message": no.message}
	if no.code != 0 {
		fields["code"] = no.code
	}
	if len(no.fields) > 0 {
		fields["errors"] = no.fields
	}
	return x.reply(no.status, fields)
}

// send writes the answer.
func (x *exchange) send(w http.ResponseWriter, a answer) {
	x.f.answered(x.call, a.status)
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
