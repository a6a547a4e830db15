package demo

import (
	"slices"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// State is what the page shows, at one time.
type State struct {
	Served       uint64           `json:"served"` // requests to the shop
	Answers      []Answer         `json:"answers"`
	Stats        routewatch.Stats `json:"stats"`
	OpsgenieDown bool             `json:"opsgenieDown"`
	Calls        uint64           `json:"calls"`  // to Opsgenie, whatever became of them
	Alerts       []Alert          `json:"alerts"` // open ones first, newest first
	Hidden       int              `json:"hidden"` // how many more there are
	Status       StatusState      `json:"status"` // of the shop, to its customers
}

// Alert is an alert with what Opsgenie keeps beside it.
type Alert struct {
	opsgenie.Alert
	Notes    []opsgenie.Note `json:"notes"`
	ClosedAt time.Time       `json:"closedAt,omitzero"`
	ClosedBy string          `json:"closedBy,omitempty"`
}

// maxShown bounds the alerts on the page.
const maxShown = 50

func (d *Demo) state() State {
	s := State{
		Served: d.shop.served.Load(), Answers: d.presser.log(), Stats: d.watcher.Stats(),
		OpsgenieDown: d.down.Load(), Calls: d.calls.Load(), Alerts: []Alert{}, Status: d.status.state(),
	}
	alerts := d.opsgenie.Alerts()
	slices.Reverse(alerts)
	slices.SortStableFunc(alerts, func(a, b opsgenietest.Alert) int {
		switch {
		case a.Open() == b.Open():
			return 0
		case a.Open():
			return -1
		}
		return 1
	})
	if n := len(alerts) - maxShown; n > 0 {
		s.Hidden, alerts = n, alerts[:maxShown]
	}
	for _, a := range alerts {
		s.Alerts = append(s.Alerts, Alert{Alert: a.Alert, Notes: a.Notes, ClosedAt: a.ClosedAt, ClosedBy: a.ClosedBy})
	}
	return s
}
