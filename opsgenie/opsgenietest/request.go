package opsgenietest

import (
	"net/http"
	"sync"
	"time"
)

// queue holds what was accepted and is not carried out yet, and what became of
// the rest. The Fake's lock guards it.
type queue struct {
	jobs   []*job // in the order of their arrival
	states map[string]*state
	order  []string // the keys of states, oldest first
}

// job is an accepted call.
type job struct {
	act    Act
	reject string // why the call fails although it is right, or ""
	due    time.Time
	timer  *time.Timer
}

// state is the status of a request; not done means that it still waits.
type state struct {
	done    bool
	act     string
	at      time.Time
	outcome outcome
	alertID string
	alias   string
}

func newQueue() queue { return queue{states: make(map[string]*state)} }

// accept takes a call that was found right. With forget set it is never carried
// out.
func (f *Fake) accept(act Act, reject string, forget bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := &f.queue
	if len(q.order) >= keptRequests {
		delete(q.states, q.order[0])
		q.order = q.order[1:]
	}
	q.states[act.requestID] = &state{act: act.Name}
	q.order = append(q.order, act.requestID)
	if forget || f.closed {
		return
	}
	j := &job{act: act, reject: reject, due: time.Now().Add(f.opts.ProcessingDelay)}
	if n := len(q.jobs); n > 0 && j.due.Before(q.jobs[n-1].due) {
		j.due = q.jobs[n-1].due // the delay was made shorter: keep the order
	}
	q.jobs = append(q.jobs, j)
	if len(q.jobs) == 1 && f.opts.ProcessingDelay <= 0 {
		f.process()
		return
	}
	f.work.Add(1)
	j.timer = time.AfterFunc(time.Until(j.due), func() {
		defer f.work.Done()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.process()
	})
}

// process carries out what is due. f.mu is held.
func (f *Fake) process() {
	at := time.Now()
	for !f.closed && len(f.queue.jobs) > 0 && !f.queue.jobs[0].due.After(at) {
		j := f.queue.jobs[0]
		f.queue.jobs = f.queue.jobs[1:]
		var out outcome
		if j.reject != "" {
			out = outcome{text: j.reject}
		} else {
			out = f.apply(j.act)
		}
		if s := f.queue.states[j.act.requestID]; s != nil {
			s.done, s.at, s.outcome = true, now(), out
			if out.alert != nil {
				s.alertID, s.alias = out.alert.ID, out.alert.Alias
			}
		}
		f.broadcast()
	}
}

// stop ends the timers that still run.
func (q *queue) stop(work *sync.WaitGroup) {
	for _, j := range q.jobs {
		if j.timer != nil && j.timer.Stop() {
			work.Done()
		}
	}
}

// requestStatus answers a question after the outcome of a call.
func (x *exchange) requestStatus() answer {
	x.f.mu.Lock()
	s := x.f.queue.states[x.name]
	var c state
	if s != nil {
		c = *s
	}
	x.f.mu.Unlock()
	if s == nil {
		return x.fail(&refusal{status: http.StatusNotFound, message: "Request not found"})
	}
	if !c.done {
		a := x.fail(&refusal{status: http.StatusNotFound, message: "Request not processed yet"})
		a.header.Set("X-Opsgenie-Errortype", "RequestNotProcessed")
		return a
	}
	return x.reply(http.StatusOK, map[string]any{"data": map[string]any{
		"success":       c.outcome.ok,
		"isSuccess":     c.outcome.ok,
		"action":        c.act,
		"processedAt":   c.at,
		"integrationId": apiIntegration.ID,
		"status":        c.outcome.text,
		"alertId":       c.alertID,
		"alias":         c.alias,
	}})
}
