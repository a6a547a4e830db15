package syncprint

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// Checks writes what a check found, and reports whether all is well.
func Checks(w io.Writer, checks []metricsync.Check, now time.Time) (well bool) {
	well = true
	for _, c := range checks {
		fmt.Fprintf(w, "%s\n", c.Metric)
		for _, s := range c.Sinks {
			switch {
			case s.Err != nil:
				well = false
				line(w, "wrong", "%s: %s", s.Sink, of(s.Sink, s.Err))
			case s.Newest.IsZero():
				line(w, "ok", "%s: has nothing yet, and gets 28 days", s.Sink)
			case !s.Backfilled:
				line(w, "ok", "%s: has values up to %s (%s ago), and wants the past 28 days", s.Sink, stamp(s.Newest), Age(now.Sub(s.Newest)))
			default:
				line(w, "ok", "%s: has values up to %s (%s ago)", s.Sink, stamp(s.Newest), Age(now.Sub(s.Newest)))
			}
		}
		why := ""
		if s := skipped(c.Skipped); s != "" {
			why = "; " + s
		}
		switch {
		case c.Err != nil:
			well = false
			line(w, "wrong", "the source: %v", c.Err)
		case len(c.Samples) == 0:
			line(w, "warning", "the source: no values in its newest windows of %s%s: is the query right?", short(c.Window), why)
		default:
			last := c.Samples[len(c.Samples)-1]
			line(w, "ok", "the source: %d values, the last %s at %s%s", len(c.Samples), number(last.Value), stamp(last.At), why)
			low, high := span(c.Samples)
			fmt.Fprintf(w, "           %s  %s to %s, a column for %s\n", Chart(c.Samples, c.Window), number(low), number(high), short(c.Window))
		}
	}
	return well
}

func line(w io.Writer, mark, format string, args ...any) {
	fmt.Fprintf(w, "  %-7s  %s\n", mark, fmt.Sprintf(format, args...))
}

// short is a duration without what is 0 at its end.
func short(d time.Duration) string {
	s := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func span(samples []metricsync.Sample) (low, high float64) {
	low, high = samples[0].Value, samples[0].Value
	for _, s := range samples {
		low, high = min(low, s.Value), max(high, s.Value)
	}
	return low, high
}

// Chart draws samples as a line of columns, one for each window, with blanks where
// there is none.
func Chart(samples []metricsync.Sample, window time.Duration) string {
	if len(samples) == 0 {
		return ""
	}
	const columns = "▁▂▃▄▅▆▇█"
	heights := []rune(columns)
	low, high := span(samples)
	var b strings.Builder
	at := samples[0].At
	for _, s := range samples {
		for ; at.Before(s.At); at = at.Add(window) {
			b.WriteByte(' ')
		}
		height := len(heights) / 2
		if high > low {
			height = int((s.Value/2 - low/2) / (high/2 - low/2) * float64(len(heights)-1)) // halves, so that nothing overflows
		}
		b.WriteRune(heights[min(max(height, 0), len(heights)-1)])
		at = at.Add(window)
	}
	return b.String()
}

// checkJSON is a check for machines.
type checkJSON struct {
	Metric  string          `json:"metric"`
	Window  float64         `json:"windowSeconds"`
	Sinks   []sinkCheckJSON `json:"sinks"`
	Points  int             `json:"points"`
	Skipped map[string]int  `json:"skipped,omitempty"`
	Samples [][2]float64    `json:"samples"` // time in seconds since 1970, value
	Error   string          `json:"error,omitempty"`
}

type sinkCheckJSON struct {
	Sink       string     `json:"sink"`
	ID         string     `json:"id,omitempty"`
	Newest     *time.Time `json:"newest"`
	Backfilled bool       `json:"backfilled"`
	Error      string     `json:"error,omitempty"`
}

// ChecksJSON is Checks for machines.
func ChecksJSON(w io.Writer, checks []metricsync.Check) (well bool, err error) {
	well = true
	out := []checkJSON{}
	for _, c := range checks {
		j := checkJSON{Metric: c.Metric, Window: c.Window.Seconds(), Points: c.Points, Skipped: c.Skipped, Samples: [][2]float64{}, Error: text(c.Err)}
		well = well && c.Err == nil
		for _, s := range c.Sinks {
			well = well && s.Err == nil
			sink := sinkCheckJSON{Sink: s.Sink, ID: s.ID, Backfilled: s.Backfilled, Error: text(s.Err)}
			if !s.Newest.IsZero() {
				newest := s.Newest.UTC()
				sink.Newest = &newest
			}
			j.Sinks = append(j.Sinks, sink)
		}
		for _, s := range c.Samples {
			j.Samples = append(j.Samples, [2]float64{float64(s.At.Unix()), s.Value})
		}
		out = append(out, j)
	}
	return well, json.NewEncoder(w).Encode(out)
}
