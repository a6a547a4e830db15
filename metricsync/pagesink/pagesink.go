// Package pagesink is a metricsync.Sink that puts metrics on a page of package
// statuspage, which draws them as charts:
//
//	sink, err := pagesink.New(pagesink.Config{
//		Store: store,
//		Charts: []pagesink.Chart{{ID: "latency", Title: "API latency", Unit: "ms"}},
//	})
//
// The two meet in the page's store and nowhere else. In a store that processes
// share, such as a bucket, they may run apart; a folder or memory they share only
// within one process.
package pagesink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/routewatch/routewatch/internal/chartdoc"
)

// Store is the part of a statuspage.Store that a Sink needs. Every such store is
// one.
type Store interface {
	// Update changes the document of a key: it calls change with the document as
	// it is, nil where there is none, and stores what that returns, nil being
	// nothing. It may call change more than once, and loses no update of another.
	Update(ctx context.Context, key string, change func(doc []byte) ([]byte, error)) error
	// Delete removes a document. That there is none is fine.
	Delete(ctx context.Context, key string) error
}

// Config says which page a Sink writes to, and how its charts look. Store is
// required.
type Config struct {
	// Store is that of the page. The Sink does not close it.
	Store Store
	// Charts are how metrics look, in the order in which the page shows them. A
	// metric that is not among them has its ID for a title, and comes last.
	Charts []Chart
}

// Chart is how a metric looks. ID is required.
type Chart struct {
	ID string
	// Title stands above the chart. Defaults to ID.
	Title string
	// Unit stands behind values, such as "ms" or "%". Defaults to none.
	Unit string
	// Decimals is how many are shown, up to 6. Defaults to three significant
	// digits; negative is none.
	Decimals int
	// Description is a sentence for who asks what this is. Defaults to none.
	Description string
	// Window is that of the metric: where the next point is further away, the
	// line has a gap. Defaults to 5 minutes.
	Window time.Duration
}

// Sink puts metrics on a page. It is safe for concurrent use, also of several
// processes on one store.
type Sink struct {
	store  Store
	charts map[string]chartdoc.Chart // by id
}

// New makes a Sink. The error joins all that is wrong with cfg.
func New(cfg Config) (*Sink, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("pagesink: "+format, args...)) }
	if cfg.Store == nil {
		bad("Store is missing")
	}
	s := &Sink{store: cfg.Store, charts: map[string]chartdoc.Chart{}}
	for n, c := range cfg.Charts {
		if err := checkID(c.ID); err != nil {
			bad("Charts[%d].ID %w", n, err)
			continue
		}
		if _, twice := s.charts[c.ID]; twice {
			bad("Charts[%d].ID %q is there twice", n, c.ID)
		}
		if c.Decimals > chartdoc.MaxDecimals {
			bad("Charts[%d].Decimals is %d; %d is the most", n, c.Decimals, chartdoc.MaxDecimals)
		}
		if c.Window < 0 || c.Window > maxWindow || c.Window%time.Second != 0 {
			bad("Charts[%d].Window is %s; want whole seconds, up to a day", n, c.Window)
		}
		for field, text := range map[string]string{"Title": c.Title, "Unit": c.Unit, "Description": c.Description} {
			if len(text) > maxText || !utf8.ValidString(text) {
				bad("Charts[%d].%s is longer than %d bytes, or no text", n, field, maxText)
			}
		}
		s.charts[c.ID] = chartdoc.Chart{
			ID: c.ID, Title: c.Title, Unit: c.Unit, Decimals: c.Decimals, Description: c.Description,
			WindowSeconds: int(c.Window / time.Second), Position: n + 1,
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

const (
	maxID     = 500 // bytes
	maxText   = 1000
	maxWindow = 24 * time.Hour
)

// checkID says why an id is none: it is a part of an address of the page.
func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("is missing")
	case len(id) > maxID:
		return fmt.Errorf("is longer than %d bytes", maxID)
	case id == "." || id == ".." || !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("%q is not fit for an address", id)
	}
	return nil
}

// describe makes a chart look as it is configured.
func (s *Sink) describe(c *chartdoc.Chart, id string) {
	is := s.charts[id]
	is.ID = id
	if is.Title == "" {
		is.Title = id
	}
	if is.WindowSeconds == 0 {
		is.WindowSeconds = int(chartdoc.DefaultWindow / time.Second)
	}
	is.Newest, is.Days = c.Newest, c.Days
	*c = is
}
