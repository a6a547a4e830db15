package statuspage

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// The history that is kept of a service.
const (
	historyFor   = 366 * 24 * time.Hour
	maxIncidents = 100     // closed ones, whole; older ones are kept as days
	maxWeight    = 1 << 20 // bytes of closed ones, about
	maxChanges   = 500
	maxGone      = 2000
)

// prune turns the oldest closed incidents into days where there are too many,
// and forgets what is older than history is kept.
func (r *Record) prune(now time.Time) {
	oldest := now.Add(-historyFor)
	gone := map[string]bool{}
	var kept, weight int
	for n := len(r.Incidents) - 1; n >= 0; n-- { // newest first
		i := &r.Incidents[n]
		if i.Open() {
			continue
		}
		kept++
		weight += i.weight()
		if kept > maxIncidents || weight > maxWeight && kept > 1 || i.ResolvedAt.Before(oldest) {
			gone[i.ID] = true
		}
	}
	if len(gone) > 0 {
		before := r.Intervals(now)
		r.Incidents = slices.DeleteFunc(r.Incidents, func(i Incident) bool {
			if gone[i.ID] {
				r.Gone = append(r.Gone, goneMark(i.ID))
			}
			return gone[i.ID]
		})
		r.Gone = keepLast(r.Gone, maxGone)
		// What goes may overlap with what stays. So the days take the
		// difference, and both together say the same as before.
		r.Days = addDays(r.Days, before, 1)
		r.Days = addDays(r.Days, r.Intervals(now), -1)
	}
	r.Days = slices.DeleteFunc(r.Days, func(d Day) bool {
		return d.Date < dateOf(oldest) || d.Major == 0 && d.Critical == 0
	})
	for len(r.Changes) > 1 && r.Changes[0].At.Before(oldest) {
		r.Changes = r.Changes[1:]
	}
}

// goneMark stands for the id of an alert. It is short, since there are many.
func goneMark(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// weight is about how many bytes an incident takes.
func (i *Incident) weight() int {
	w := 200 + len(i.ID) + i.Said.weight()
	if i.Aside != nil {
		w += i.Aside.weight()
	}
	for _, p := range i.Points {
		w += 80
		for _, s := range p.Services {
			w += 3 + len(s)
		}
	}
	return w
}
