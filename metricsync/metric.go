package metricsync

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Metric is one line of a chart: what is read, and what becomes of it.
type Metric struct {
	// ID is that of the metric in the sinks, as Statuspage.io shows it. Or else
	// Name is looked up there. One of them is required.
	ID, Name string

	// Source and Query say what is read. Of a Ratio, Query is what went wrong.
	// Required.
	Source Source
	Query  Query

	// Reduce makes one value of the points of a window. Defaults to Only.
	Reduce Reduce
	// Weights is the second query of a WeightedMean.
	Weights Query
	// Total is the second query of a Ratio: what it is a percentage of.
	Total Query

	// Window is how much time a value stands for. Windows begin at multiples of
	// their own length, in UTC. It divides a day, and is 30 seconds or more; with
	// more than 5 minutes Statuspage.io's day has gaps. Defaults to 5 minutes.
	Window time.Duration
	// Resolution is the time between two points of a series that the source is
	// asked for. Window is a multiple of it. Defaults to the coarsest that the
	// source has.
	Resolution time.Duration
}

// The windows that can be.
const (
	DefaultWindow = 5 * time.Minute
	// Slot is what Statuspage.io casts times to; the last value of a slot wins
	// (support.atlassian.com, "Display system metrics"). Windows are multiples.
	Slot = 30 * time.Second
	day  = 24 * time.Hour
)

// Key is how the metric is called in reports and by Options.Only: its ID or,
// without one, its Name.
func (m *Metric) Key() string { return cmp.Or(m.ID, m.Name) }

// settle fills in what is not set. Its errors begin with the name of the field.
func (m *Metric) settle() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if m.Key() == "" {
		bad("ID is missing, and so is Name")
	} else if m.ID != "" && m.Name != "" {
		bad("Name is set beside ID; one of them says which metric it is")
	}
	if m.Source == nil {
		bad("Source is missing")
	}
	if m.Query.Text == "" {
		bad("Query is missing")
	}
	if second := m.Reduce.second(); !m.Reduce.known() {
		bad("Reduce %q is none of %q", m.Reduce, Reductions)
	} else {
		for field, q := range map[string]Query{"Weights": m.Weights, "Total": m.Total} {
			switch {
			case field == second && q.Text == "":
				bad("%s is missing, which Reduce %q needs", field, m.Reduce)
			case field != second && q != Query{}:
				bad("%s is set, which Reduce %q has no use for", field, cmp.Or(m.Reduce, "only"))
			}
		}
	}
	m.Window = cmp.Or(m.Window, DefaultWindow)
	switch {
	case m.Window < Slot || m.Window > day || day%m.Window != 0 || m.Window%Slot != 0:
		bad("Window %s is not 30s, 1m, 2m, 5m or another length of whole half minutes that divides a day", m.Window)
	case m.Resolution < 0 || m.Resolution != 0 && m.Window%m.Resolution != 0:
		bad("Resolution %s does not divide the Window of %s", m.Resolution, m.Window)
	case m.Source != nil:
		want := cmp.Or(m.Resolution, m.Window)
		step, err := m.Source.Step(want)
		switch {
		case err != nil:
			bad("Resolution %s: %w", want, err)
		case m.Resolution != 0 && step != m.Resolution:
			bad("Resolution %s is none that the source has; %s is", m.Resolution, step)
		case step <= 0 || m.Window%step != 0:
			bad("Resolution: the source's step of %s does not divide the Window of %s", step, m.Window)
		}
		m.Resolution = step
	}
	return errors.Join(errs...)
}
