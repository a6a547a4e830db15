package statuspageio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

const (
	perPage   = 100 // the most that the API gives
	maxListed = 4 << 20
	maxPages  = 100
)

// Survey implements [metricsync.Sink]. A target's Name is compared with the name
// of a metric and with its identifier (metric_identifier), whole, in the same
// case; where several metrics have it, the target's error tells their ids. Now is
// the Date of the answer, in whole seconds, or zero where it has none.
//
// It makes one call for each hundred metrics of the page, fewer where all targets
// have ids.
func (c *Client) Survey(ctx context.Context, targets []metricsync.Target) (metricsync.Survey, error) {
	var s metricsync.Survey
	var all []metric
	ids := make(map[string]bool)
	for page := 1; page <= maxPages; page++ {
		var listed []metric
		header, err := c.call(ctx, httpcall.Request{
			Op:      "statuspage.io: listing metrics",
			Path:    c.path(""),
			Query:   url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)}},
			MaxBody: maxListed,
		}, httpcall.JSON(&listed))
		if err != nil {
			return metricsync.Survey{}, err
		}
		s.Now, _ = http.ParseTime(header.Get("Date"))
		before := len(all)
		for _, m := range listed {
			if m.ID != "" && !ids[m.ID] {
				ids[m.ID] = true
				all = append(all, m)
			}
		}
		// A server that knows no pages gives the same one for ever.
		if len(listed) < perPage || len(all) == before || areIDs(targets, ids) {
			break
		}
	}
	for _, t := range targets {
		s.Metrics = append(s.Metrics, c.find(t, all))
	}
	return s, nil
}

// areIDs reports whether all targets are among the ids.
func areIDs(targets []metricsync.Target, ids map[string]bool) bool {
	for _, t := range targets {
		if !ids[t.ID] {
			return false
		}
	}
	return true
}

// find looks a target up among all metrics.
func (c *Client) find(t metricsync.Target, all []metric) metricsync.Found {
	var found []metric
	for _, m := range all {
		if t.ID != "" && m.ID == t.ID || t.ID == "" && (m.Name == t.Name || m.Identifier == t.Name) {
			found = append(found, m)
		}
	}
	switch {
	case t.ID == "" && t.Name == "":
		return metricsync.Found{Err: errors.New("statuspage.io: a metric without id and name")}
	case len(found) == 0 && t.ID != "":
		return metricsync.Found{Err: fmt.Errorf("statuspage.io: page %s has no metric with the id %q; %s", c.page, t.ID, c.list(all))}
	case len(found) == 0:
		return metricsync.Found{Err: fmt.Errorf("statuspage.io: page %s has no metric with the name %q; %s", c.page, t.Name, c.list(all))}
	case len(found) > 1:
		return metricsync.Found{Err: fmt.Errorf("statuspage.io: several metrics have the name %q, so give an id; %s", t.Name, c.list(found))}
	}
	m := found[0]
	newest, err := parseTime(m.Newest)
	if err != nil {
		return metricsync.Found{Err: fmt.Errorf("statuspage.io: metric %s: its newest sample's time cannot be read: %s", c.http.Safe(m.ID, 40), c.http.Safe(err.Error(), 100))}
	}
	return metricsync.Found{ID: m.ID, Newest: newest, Backfilled: m.Backfilled == true}
}

// list says which metrics there are, of many the first.
func (c *Client) list(all []metric) string {
	const most = 20
	if len(all) == 0 {
		return "there are none"
	}
	var names []string
	for _, m := range all[:min(len(all), most)] {
		names = append(names, c.http.Safe(fmt.Sprintf("%s (%s)", m.ID, m.Name), 60))
	}
	if more := len(all) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return "there are " + strings.Join(names, ", ")
}
