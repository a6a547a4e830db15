package statuspageiotest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// rawPoint is a point as it arrives.
type rawPoint struct{ Timestamp, Value json.RawMessage }

// read reads a point. The error says what of it is wrong.
func (raw rawPoint) read() (p point, err error) {
	if p.at, err = strconv.ParseInt(string(raw.Timestamp), 10, 64); err != nil {
		return p, fmt.Errorf("timestamp must be a whole number of seconds")
	}
	if p.value, err = strconv.ParseFloat(string(raw.Value), 64); err != nil {
		return p, fmt.Errorf("value must be a number")
	}
	return p, nil
}

// many reads the points of many metrics.
func (x *exchange) many() {
	var sent struct{ Data map[string][]rawPoint }
	if json.Unmarshal(x.body, &sent) != nil {
		x.refuse(http.StatusBadRequest, "The body is not readable")
		return
	}
	x.data = make(map[string][]point)
	for id, points := range sent.Data {
		for i, raw := range points {
			p, err := raw.read()
			if err != nil {
				x.refuse(http.StatusUnprocessableEntity, fmt.Sprintf("data.%s[%d]: %v", id, i, err))
			}
			x.data[id] = append(x.data[id], p)
		}
	}
	if len(x.data) == 0 {
		x.refuse(http.StatusUnprocessableEntity, "data is empty")
	}
}

// one reads the point of one metric.
func (x *exchange) one() {
	var sent struct{ Data rawPoint }
	if json.Unmarshal(x.body, &sent) != nil {
		x.refuse(http.StatusBadRequest, "The body is not readable")
		return
	}
	p, err := sent.Data.read()
	if err != nil {
		x.refuse(http.StatusUnprocessableEntity, "data: "+err.Error())
	}
	x.data = map[string][]point{x.id: {p}}
}

// halve keeps the first half of the points.
func (x *exchange) halve() {
	left := x.call.Size() / 2
	for _, id := range slices.Sorted(maps.Keys(x.data)) {
		n := min(left, len(x.data[id]))
		x.data[id] = x.data[id][:n]
		left -= n
	}
}

// perform does what a call asks for, or, where that is to be forgotten, answers as
// if it would.
func (x *exchange) perform(forget bool) answer {
	f := x.f
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	if x.no != nil {
		return *x.no
	}
	m := f.find(x.id)
	if m == nil && x.id != "" {
		return refusal(http.StatusNotFound, "Metric not found")
	}
	switch x.call.Op {
	case OpList:
		return f.list(x.call.Query.Get("page"), x.call.Query.Get("per_page"))
	case OpReset:
		if !forget {
			f.reset(m)
		}
	case OpSendOne:
		p := x.data[x.id][0]
		if !forget {
			f.accept(x.data)
		}
		return reply(http.StatusCreated, map[string]any{"data": map[string]any{"timestamp": p.slot(), "value": p.value}})
	case OpSend:
		if no := f.refused(x.call); no != nil {
			return *no
		}
		if !forget {
			f.accept(x.data)
		}
		return answer{http.StatusAccepted, reply(http.StatusAccepted, nil).header, x.body}
	}
	return reply(http.StatusOK, f.object(m))
}

// refused is the answer to a call for many metrics that is not taken.
func (f *Fake) refused(c *Call) *answer {
	if f.opts.PerCall >= 0 && c.Size() > f.opts.PerCall {
		a := refusal(http.StatusUnprocessableEntity, fmt.Sprintf("data has %d points, more than %d", c.Size(), f.opts.PerCall))
		return &a
	}
	for _, id := range slices.Sorted(maps.Keys(c.Points)) {
		if f.find(id) == nil && f.opts.Unknown != http.StatusAccepted {
			a := refusal(f.opts.Unknown, fmt.Sprintf("Metric %s not found", id))
			return &a
		}
	}
	return nil
}

// list is a page of the metrics.
func (f *Fake) list(page, size string) answer {
	n, err := strconv.Atoi(cmp.Or(page, "1"))
	per, err2 := strconv.Atoi(cmp.Or(size, strconv.Itoa(PerPage)))
	if err != nil || err2 != nil || n < 1 || per < 1 {
		return refusal(http.StatusBadRequest, "page and per_page must be positive numbers")
	}
	per = min(per, PerPage)
	objects := []any{}
	for i := (n - 1) * per; i < min(n*per, len(f.metrics)); i++ {
		objects = append(objects, f.object(f.metrics[i]))
	}
	return reply(http.StatusOK, objects)
}

// object is a metric as the API writes it.
func (f *Fake) object(m *metric) map[string]any {
	shown := f.shown(m)
	stamp := func(at time.Time) any {
		if at.IsZero() {
			return nil
		}
		return at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	return map[string]any{
		"id":                  m.ID,
		"metrics_provider_id": "self",
		"metric_identifier":   m.Identifier,
		"name":                m.Name,
		"display":             true,
		"tooltip_description": nil,
		"backfilled":          m.Backfilled,
		"backfill_percentage": min(100, int(100*m.span()/Past)),
		"y_axis_min":          nil,
		"y_axis_max":          nil,
		"y_axis_hidden":       false,
		"suffix":              "",
		"decimal_places":      2,
		"most_recent_data_at": stamp(shown.Newest),
		"created_at":          stamp(m.created),
		"updated_at":          stamp(m.created),
		"last_fetched_at":     nil,
		"reference_name":      nil,
	}
}
