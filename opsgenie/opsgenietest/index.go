package opsgenietest

import (
	"time"
)

// index is what list and count see: rows that follow the alerts with a lag. The
// Fake's lock guards it.
type index struct {
	rows    map[string]*Alert
	pending []write // oldest first
}

// write is a change on its way to the index.
type write struct {
	at      time.Time
	alert   *Alert
	deleted bool
}

func newIndex() index { return index{rows: make(map[string]*Alert)} }

// put sends the state of an alert on its way.
func (i *index) put(alert *Alert, deleted bool, at time.Time) {
	i.pending = append(i.pending, write{at: at, alert: alert.row(), deleted: deleted})
	// Nobody may ever look, and then the newest state of each alert is enough.
	if len(i.pending) > keptRequests {
		i.catchUp(i.pending[keptRequests/2].at)
	}
}

// catchUp carries out the changes made until then.
func (i *index) catchUp(until time.Time) {
	n := 0
	for ; n < len(i.pending) && !i.pending[n].at.After(until); n++ {
		w := i.pending[n]
		if w.deleted {
			delete(i.rows, w.alert.ID)
		} else {
			i.rows[w.alert.ID] = w.alert
		}
	}
	i.pending = append([]write(nil), i.pending[n:]...)
}

// find returns copies of the rows that match.
func (f *Fake) find(m match) []*Alert {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := time.Now()
	f.index.catchUp(at.Add(-f.opts.ListLag))
	var found []*Alert
	for _, alert := range f.index.rows {
		alert.wake(at)
		if m(alert) {
			found = append(found, alert.row())
		}
	}
	return found
}
