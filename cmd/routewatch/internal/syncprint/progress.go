package syncprint

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/routewatch/routewatch/metricsync"
)

// Progress shows how far a run has come: a bar on a terminal, and lines elsewhere.
type Progress struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // nil before there is anything to show
	said     map[string]time.Time     // by metric and sink: up to where it was told
}

// NewProgress makes one that has nothing to show yet.
func NewProgress(w io.Writer, terminal bool) *Progress {
	return &Progress{w: w, terminal: terminal, said: map[string]time.Time{}}
}

func newBar(w io.Writer, max int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(max,
		progressbar.OptionSetWriter(w), progressbar.OptionFullWidth(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "·", BarStart: "", BarEnd: ""}))
}

// Told shows a report of a run that goes on. It is metricsync.Options.Progress.
func (p *Progress) Told(r *metricsync.Report) {
	if !p.terminal {
		p.lines(r)
		return
	}
	// What is due is so many minutes of metrics; what is read is half done, and what
	// is accepted is done.
	var all, done time.Duration
	sent := 0
	var now string
	for _, m := range r.Metrics {
		if m.Err != nil || !m.From.Before(m.To) {
			continue
		}
		all += 2 * m.To.Sub(m.From)
		done += max(m.Read.Sub(m.From), 0) + max(m.Through.Sub(m.From), 0)
		sent += m.Sent
		if m.Read.Before(m.To) && m.Read.After(m.From) {
			now = m.Metric + " " + m.Read.UTC().Format("2 Jan")
		}
	}
	if all <= 0 {
		return
	}
	if p.bar == nil {
		p.bar = newBar(p.w, int64(all/time.Minute))
	}
	p.bar.ChangeMax64(int64(all / time.Minute))
	_ = p.bar.Set64(int64(min(done, all) / time.Minute)) // a terminal that is gone
	p.bar.Describe(fmt.Sprintf("%d values %s", sent, now))
}

// lines tells of each day that was accepted, and of errors once.
func (p *Progress) lines(r *metricsync.Report) {
	for _, m := range r.Metrics {
		key := m.Metric + "\x00" + m.Sink
		last, known := p.said[key]
		switch {
		case m.Err != nil || m.To.Sub(m.From) <= 24*time.Hour:
			continue // the report at the end tells of it
		case known && m.Through.Sub(last) < 24*time.Hour && (m.Through.Before(m.To) || !last.Before(m.To)):
			continue
		case !known && !m.Through.After(m.From):
			continue
		}
		p.said[key] = m.Through
		part := float64(m.Through.Sub(m.From)) / float64(m.To.Sub(m.From))
		fmt.Fprintf(p.w, "%s to %s: %3.0f%%, up to %s, %d values\n", m.Metric, m.Sink, 100*max(min(part, 1), 0), stamp(m.Through), m.Sent)
	}
}

// Done takes the bar away.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish() // a terminal that is gone
		_ = p.bar.Clear()
	}
}

// Dry gathers what a run would send. Add is metricsync.Options.DryRun.
type Dry struct {
	order []string
	of    map[string]*dry
	calls map[string]int
}

type dry struct {
	sink, id    string
	n           int
	first, last metricsync.Sample
}

// NewDry makes one that has nothing.
func NewDry() *Dry { return &Dry{of: map[string]*dry{}, calls: map[string]int{}} }

// Add takes in a call that is not made.
func (d *Dry) Add(sink metricsync.Sink, series []metricsync.Series) {
	d.calls[sink.Name()]++
	for _, s := range series {
		key := sink.Name() + "\x00" + s.ID
		of := d.of[key]
		if of == nil {
			of = &dry{sink: sink.Name(), id: s.ID, first: s.Samples[0]}
			d.of[key], d.order = of, append(d.order, key)
		}
		of.n += len(s.Samples)
		of.last = s.Samples[len(s.Samples)-1]
	}
}

// Write tells what would have been sent.
func (d *Dry) Write(w io.Writer) {
	if len(d.order) == 0 {
		fmt.Fprintln(w, "nothing would be sent")
	}
	for _, key := range d.order {
		of := d.of[key]
		what := fmt.Sprintf("%d values, %s at %s to %s at %s", of.n, number(of.first.Value), stamp(of.first.At), number(of.last.Value), stamp(of.last.At))
		if of.n == 1 {
			what = fmt.Sprintf("1 value, %s at %s", number(of.first.Value), stamp(of.first.At))
		}
		fmt.Fprintf(w, "would send to %s at %s: %s\n", of.id, of.sink, what)
	}
	var calls []string
	for _, sink := range slices.Sorted(maps.Keys(d.calls)) {
		calls = append(calls, fmt.Sprintf("%d to %s", d.calls[sink], sink))
	}
	if len(calls) > 0 {
		fmt.Fprintf(w, "calls: %s\n", strings.Join(calls, ", "))
	}
}
