package statuspage_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// TestBoundOfChanges: of a state that never rests the newest changes are kept.
func TestBoundOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(t0)) // the bubble's clock begins in 2000
		p := newPage(t, newStore(), nil)
		for n := range 600 {
			apply(t, p, event(addTags, "a", float64(n), tagged("API", []string{"major", "critical"}[n%2])...))
			time.Sleep(time.Minute)
		}
		r := p.Snapshot().Service("API")
		number := len(r.Changes)
		require.Equal(t, 500, number)
		for k, c := range r.Changes {
			n := 100 + k
			want := statuspage.StateChange{At: at(float64(n)), State: []statuspage.State{major, critical}[n%2], Message: "message of a"}
			require.Equal(t, want, c, n)
		}
		assert.Equal(t, at(599), r.Since)
	})
}

// TestBoundOfPoints: of an alert whose tags never rest the newest points are kept. The
// tags that the others told still hold where those only tell what was added.
func TestBoundOfPoints(t *testing.T) {
	events := []opsgenie.Event{event(create, "a", 0, tagged("API", "critical")...)}
	for n := range 300 {
		e := added(event(addTags, "a", float64(n+1)), []string{"major", "servicename:API"}[n%2])
		e.Alert.Tags = nil
		events = append(events, e)
	}
	backward := slices.Clone(events)
	slices.Reverse(backward)
	known := added(event(addTags, "a", 301), "statuspage", "servicename:API")
	known.Alert.Tags = nil
	for name, order := range map[string][]opsgenie.Event{
		"as it happened": events, "backward": backward, "backward, of one that is known": append([]opsgenie.Event{known}, backward...),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPage(t, newStore(), nil)
			apply(t, p, append(order, order[0], order[299])...)
			require.Equal(t, map[string]string{"API": "critical message of a"}, look(p))
			number := len(p.Snapshot().Service("API").Incident("a").Points)
			require.LessOrEqual(t, number, 200)
		})
	}
}

// TestBoundOfGone: of the alerts that are not kept any more the newest are
// remembered, so that a late copy of an old event brings none of them back.
func TestBoundOfGone(t *testing.T) {
	for name, atOnce := range map[string]bool{"one after the other": false, "all at once": true} {
		t.Run(name, func(t *testing.T) {
			r := statuspage.Record{Name: "API", State: green}
			for n := range 2200 {
				i := incident(fmt.Sprint("alert ", n), float64(n), float64(n)+0.5, major)
				r.Incidents = append(r.Incidents, i)
				if !atOnce || n == 2199 {
					r.Prune(at(2200))
				}
			}
			kept, gone := len(r.Incidents), len(r.Gone)
			require.Equal(t, 100, kept)
			require.Equal(t, 2000, gone)
			require.Equal(t, "alert 2100", r.Incidents[0].ID)

			s := newStore()
			require.NoError(t, s.Update(t.Context(), statuspage.KeyOf("records/", "API"), func([]byte) ([]byte, error) { return json.Marshal(r) }))
			p := newPage(t, s, nil)
			late := func(n int) string {
				apply(t, p, event(create, fmt.Sprint("alert ", n), float64(n), tagged("API", "critical")...))
				return look(p)["API"]
			}
			for n := 2199; n > 100; n -= 50 {
				require.Equal(t, "green", late(n), n)
			}
			require.Equal(t, "green", late(100))
			assert.Equal(t, "critical message of alert 99", late(99), "longer ago than is remembered")
		})
	}
}
