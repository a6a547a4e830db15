// Package syncprint shows people and machines what metric sync does.
package syncprint

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// Report writes what a run did, a line for each metric and sink, and the errors
// beneath.
func Report(w io.Writer, r *metricsync.Report) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "metric\tto\tfrom\tread\tsent\tskipped\tnewest")
	for _, m := range r.Metrics {
		from, newest := "", "none"
		if m.ID == "" {
			newest = ""
		} else if m.From.Before(m.To) {
			from = stamp(m.From)
			if m.Plan != metricsync.PlanContinue {
				from += " (" + m.Plan + ")"
			}
		}
		if !m.Newest.IsZero() {
			newest = stamp(m.Newest) + " (" + Age(r.Ended.Sub(m.Newest)) + " ago)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", m.Metric, m.Sink, from, m.Points, m.Sent, skipped(m.Skipped), newest)
	}
	_ = t.Flush() // a report that cannot be written has nobody to be told to
	Unfinished(w, r)
}

// Unfinished writes what a run left, and why.
func Unfinished(w io.Writer, r *metricsync.Report) {
	for _, m := range r.Metrics {
		switch {
		case m.Err != nil && m.ID != "" && !m.Through.IsZero():
			fmt.Fprintf(w, "%s to %s stops at %s: %s\n", m.Metric, m.Sink, stamp(m.Through), of(m.Sink, m.Err))
		case m.Err != nil:
			fmt.Fprintf(w, "%s to %s: %s\n", m.Metric, m.Sink, of(m.Sink, m.Err))
		case m.Through.Before(m.To):
			fmt.Fprintf(w, "%s to %s is done up to %s; the next run goes on from there\n", m.Metric, m.Sink, stamp(m.Through))
		}
	}
}

// of is what is wrong with a sink, without its name, which stands before it.
func of(sink string, err error) string { return strings.TrimPrefix(err.Error(), sink+": ") }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

func skipped(of map[string]int) string {
	var all []string
	for _, why := range slices.Sorted(maps.Keys(of)) {
		all = append(all, strconv.Itoa(of[why])+" "+why)
	}
	return strings.Join(all, ", ")
}

// Age says a duration roughly, as in 3m, 5h or 12d.
func Age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// reportJSON is a report for machines.
type reportJSON struct {
	Began   time.Time    `json:"began"`
	Ended   time.Time    `json:"ended"`
	DryRun  bool         `json:"dryRun,omitempty"`
	Error   string       `json:"error,omitempty"`
	Metrics []metricJSON `json:"metrics"`
}

type metricJSON struct {
	Metric   string         `json:"metric"`
	Sink     string         `json:"sink"`
	ID       string         `json:"id,omitempty"`
	Plan     string         `json:"plan,omitempty"`
	From     time.Time      `json:"from,omitzero"`
	Through  time.Time      `json:"through,omitzero"`
	To       time.Time      `json:"to,omitzero"`
	Backfill bool           `json:"backfill"`
	Points   int            `json:"points"`
	Sent     int            `json:"sent"`
	Skipped  map[string]int `json:"skipped,omitempty"`
	Newest   *time.Time     `json:"newest"`
	Age      *float64       `json:"ageSeconds"`
	Error    string         `json:"error,omitempty"`
}

// ReportJSON writes a report as one line of JSON.
func ReportJSON(w io.Writer, r *metricsync.Report, err error, dryRun bool) error {
	out := reportJSON{Began: r.Began.UTC(), Ended: r.Ended.UTC(), DryRun: dryRun, Error: text(err), Metrics: []metricJSON{}}
	for _, m := range r.Metrics {
		j := metricJSON{
			Metric: m.Metric, Sink: m.Sink, ID: m.ID, Plan: m.Plan, From: m.From.UTC(), Through: m.Through.UTC(), To: m.To.UTC(),
			Backfill: m.Backfill, Points: m.Points, Sent: m.Sent, Skipped: m.Skipped, Error: text(m.Err),
		}
		if !m.Newest.IsZero() {
			newest, age := m.Newest.UTC(), math.Round(r.Ended.Sub(m.Newest).Seconds())
			j.Newest, j.Age = &newest, &age
		}
		out.Metrics = append(out.Metrics, j)
	}
	return json.NewEncoder(w).Encode(out)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
