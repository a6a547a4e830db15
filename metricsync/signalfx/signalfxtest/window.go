package signalfxtest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// window answers with a window of time series.
func (x *exchange) window() {
	c, opts := x.call, x.f.opts
	x.f.mu.Lock()
	series := x.f.series[c.Text]
	x.f.mu.Unlock()
	series = series[max(0, len(series)-opts.MaxSeries):]

	step := c.Resolution
	switch step {
	case time.Second, time.Minute, 5 * time.Minute, time.Hour:
	default:
		x.refuse(http.StatusBadRequest, "resolution must be one of 1000, 60000, 300000, 3600000")
		return
	}
	first, end := c.Start.Truncate(step), c.Stop
	if first.Before(c.Start) {
		first = first.Add(step)
	}
	if opts.EndInclusive {
		end = end.Add(time.Millisecond)
	}
	points := len(series) * int((end.Sub(first)+step-1)/step)
	switch {
	case c.Span() <= 0:
		x.refuse(http.StatusBadRequest, "the window ends before it begins")
		return
	case c.Span() > opts.MaxSpan:
		x.refuse(http.StatusBadRequest, fmt.Sprintf("the window is longer than %s", opts.MaxSpan))
		return
	case points > opts.MaxPoints:
		x.refuse(http.StatusBadRequest, fmt.Sprintf("the window has more than %d data points", opts.MaxPoints))
		return
	}

	x.w.Header().Set("Content-Type", "application/json")
	x.begin(http.StatusOK)
	now, sent := x.f.Now(), 0
	_, _ = x.out.WriteString(`{"data":{`)
	var line []byte
	for i := range series {
		x.pause(x.r.Context(), x.fault.Pause)
		s := &series[i]
		line = line[:0]
		if i > 0 {
			line = append(line, ',')
		}
		line = append(append(line, marshal(s.ID)...), ":["...)
		n := 0
		for t := first; t.Before(end); t = t.Add(step) {
			v, ok := s.at(t, step, now)
			if !ok {
				continue
			}
			if n++; n > 1 {
				line = append(line, ',')
			}
			line = append(strconv.AppendInt(append(line, '['), t.UnixMilli(), 10), ',')
			line = append(append(line, x.value(v)...), ']')
		}
		sent += n
		if _, err := x.out.Write(append(line, ']')); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	x.f.note(func() { c.Sent = sent })
	_, _ = x.out.WriteString(`},"errors":[]}`) // the client may have left
}
