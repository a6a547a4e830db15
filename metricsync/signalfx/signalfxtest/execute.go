package signalfxtest

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// finest is the shortest step of a job.
const finest = time.Second

// execute answers with the stream of a job.
func (x *exchange) execute() {
	c := x.call
	x.f.mu.Lock()
	streams, known := x.f.programs[c.Text]
	x.f.mu.Unlock()
	switch {
	case !known:
		x.refuse(http.StatusBadRequest, "the program cannot be compiled: nobody has added it")
		return
	case !c.Stop.IsZero() && !c.Stop.After(c.Start):
		x.refuse(http.StatusBadRequest, "the job stops before it starts")
		return
	}
	x.f.note(func() { x.f.jobs++ })
	defer x.f.note(func() { x.f.jobs-- })

	x.w.Header().Set("Content-Type", "text/event-stream;charset=UTF-8")
	x.begin(http.StatusOK)
	step := max(cmp.Or(x.fault.Resolution, c.Resolution), finest)
	x.opening(streams, step)
	endless := c.Stop.IsZero() && !c.Immediate
	stop := c.Stop
	// What may still change is not waited for.
	if open := x.f.Now().Add(-c.MaxDelay - step + 1); c.Immediate && (stop.IsZero() || open.Before(stop)) {
		stop = open
	}
	n := 0
	for t := c.Start.Truncate(step); endless || t.Before(stop); t = t.Add(step) {
		if n == x.fault.Instants {
			x.events()
		}
		n++
		x.pause(x.r.Context(), x.fault.Pause)
		x.pause(x.r.Context(), t.Add(step+c.MaxDelay).Sub(x.f.Now()))
		x.instant(t, step, streams)
	}
	if n <= x.fault.Instants {
		x.events()
	}
	x.event(control("END_OF_CHANNEL", x.f.Now(), nil))
}

// opening says what a job says before its values.
func (x *exchange) opening(streams []Stream, step time.Duration) {
	now := x.f.Now()
	_, _ = x.out.WriteString(": a comment\n\n") // the client may have left
	x.event(control("STREAM_START", now, nil))
	x.event(control("JOB_START", now, map[string]any{"handle": "AAAAHANDLE"}))
	x.event(control("JOB_PROGRESS", now, map[string]any{"progress": 100}))
	x.event(Info("JOB_RUNNING_RESOLUTION", map[string]any{"resolutionMs": step.Milliseconds()}))
	x.event(Info("JOB_INITIAL_MAX_DELAY", map[string]any{"maxDelayMs": x.call.MaxDelay.Milliseconds()}))
	for _, s := range streams {
		switch n, most := len(s.Series), x.f.opts.MaxSeries; {
		case n == 0:
			x.event(Info("FIND_MATCHED_NO_TIMESERIES", map[string]any{"query": "the query of the program"}))
		case n > most:
			x.event(Limited(n, most))
		}
	}
	for _, s := range streams {
		for _, series := range x.found(s) {
			properties := map[string]any{
				"sf_metric":       "_SF_COMP_AAAA",
				"sf_resolutionMs": cmp.Or(s.Resolution, step).Milliseconds(),
				"computationId":   fmt.Sprintf("job-%p", x),
			}
			for name, value := range series.Dimensions {
				properties[name] = value
			}
			if s.Label != "" {
				properties["sf_streamLabel"] = s.Label
			}
			x.event(Event{Name: "metadata", Data: marshal(map[string]any{"tsId": series.ID, "properties": properties})})
		}
	}
}

// found are the series that a stream gets.
func (x *exchange) found(s Stream) []Series {
	return s.Series[max(0, len(s.Series)-x.f.opts.MaxSeries):]
}

// instant says the values of a time, in one message or several.
func (x *exchange) instant(t time.Time, step time.Duration, streams []Stream) {
	var values []string
	said := 0
	say := func() {
		if len(values) > 0 {
			x.event(Event{Name: "data", Data: fmt.Sprintf("{\"logicalTimestampMs\":%d,\n \"data\":[%s]}",
				t.UnixMilli(), strings.Join(values, ","))})
		}
		said += len(values)
		values = values[:0]
	}
	now := x.f.Now()
	for _, s := range streams {
		for _, series := range x.found(s) {
			v, ok := series.at(t, step, now)
			if !ok {
				continue
			}
			values = append(values, fmt.Sprintf(`{"tsId":%q,"value":%s}`, series.ID, x.value(v)))
			if len(values) == x.f.opts.Batch {
				say()
			}
		}
	}
	say()
	x.flush()
	x.f.note(func() { x.call.Sent += said })
}

// events says those of the fault.
func (x *exchange) events() {
	for _, e := range x.fault.Events {
		x.event(e)
		if e.Final {
			x.flush()
			x.whole = true
			panic(over{})
		}
	}
}

// event says one.
func (x *exchange) event(e Event) {
	_, err := fmt.Fprintf(x.out, "event: %s\ndata: %s\n\n", e.Name, strings.ReplaceAll(e.Data, "\n", "\ndata: "))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}
