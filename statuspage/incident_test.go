package statuspage_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

func prioritised(e opsgenie.Event, p opsgenie.Priority) opsgenie.Event {
	e.Alert.Priority = p
	return e
}

func noted(e opsgenie.Event, note string) opsgenie.Event {
	e.Alert.Note = note
	return e
}

// TestWhatReachesTheIncident: what is said of an alert beyond its state, in any
// order, and nothing of it while the alert is none of the visitors' business.
func TestWhatReachesTheIncident(t *testing.T) {
	on := tagged("API", "major")
	begin := prioritised(event(create, "a", 0, on...), opsgenie.P3)
	tests := []struct {
		name   string
		events []opsgenie.Event
		want   func(i *statuspage.Incident)
	}{
		{"Create", nil, func(*statuspage.Incident) {}},
		{"Acknowledge", []opsgenie.Event{event(opsgenie.EventAcknowledge, "a", 1, on...)}, func(i *statuspage.Incident) {
			i.Acked, i.AckedAt, i.MessageAt = true, at(1), at(1)
		}},
		{"Acknowledge, and back", []opsgenie.Event{
			event(opsgenie.EventAcknowledge, "a", 1, on...), event(opsgenie.EventUnacknowledge, "a", 2, on...),
		}, func(i *statuspage.Incident) {
			i.AckedAt, i.MessageAt = at(2), at(2)
		}},
		{"UpdatePriority", []opsgenie.Event{
			prioritised(event(opsgenie.EventUpdatePriority, "a", 1, on...), opsgenie.P1), prioritised(event(opsgenie.EventUpdatePriority, "a", 2, on...), "urgent"),
		}, func(i *statuspage.Incident) {
			i.Priority, i.PriorityAt, i.MessageAt = opsgenie.P1, at(1), at(2)
		}},
		{"UpdateMessage", []opsgenie.Event{
			said(event(opsgenie.EventUpdateMessage, "a", 1, on...), "half of it"), said(event(opsgenie.EventUpdateMessage, "a", 2, on...), "  all of it\n"),
		}, func(i *statuspage.Incident) {
			i.Message, i.MessageAt = "all of it", at(2)
		}},
		{"notes, of any action", []opsgenie.Event{
			noted(event(addNote, "a", 1, on...), "looking into it"), noted(event(closed, "a", 3, on...), "mended"),
			noted(event(addNote, "a", 2, on...), " \n"), noted(event(addNote, "a", 2, on...), "looking into it"),
		}, func(i *statuspage.Incident) {
			i.ResolvedAt, i.MessageAt = at(3), at(3)
			i.Updates = []statuspage.Update{
				{At: at(1), Text: "looking into it"}, {At: at(2), Text: "looking into it"}, {At: at(3), Text: "mended"},
			}
		}},
		{"it ends at the first of several ends", []opsgenie.Event{event(deleted, "a", 5), event(closed, "a", 3, on...)}, func(i *statuspage.Incident) {
			i.ResolvedAt, i.MessageAt = at(3), at(3)
		}},
		{"nothing of a Delete but its end", []opsgenie.Event{noted(said(event(deleted, "a", 2), "internal"), "internal")}, func(i *statuspage.Incident) {
			i.ResolvedAt = at(2)
		}},
		{"nothing of an Escalate", []opsgenie.Event{noted(said(event(opsgenie.EventEscalate, "a", 2), "internal"), "internal")}, func(*statuspage.Incident) {}},
		{"it begins at the first of several beginnings", []opsgenie.Event{
			func() opsgenie.Event {
				e := event(addNote, "a", 2, on...)
				e.Alert.CreatedAt = at(1)
				return e
			}(),
			func() opsgenie.Event {
				e := event(addNote, "a", 3, on...)
				e.Alert.CreatedAt = at(-1)
				return e
			}(),
		}, func(i *statuspage.Incident) {
			i.CreatedAt, i.MessageAt = at(-1), at(3)
		}},
		{"nothing while it is not tagged", []opsgenie.Event{
			noted(said(prioritised(removed(event(removeTags, "a", 1, "servicename:API", "major"), "statuspage"), opsgenie.P1), "internal"), "internal"),
			noted(event(opsgenie.EventAcknowledge, "a", 2, "servicename:API", "major"), "internal"),
		}, func(*statuspage.Incident) {}},
		{"its end also while it is not tagged", []opsgenie.Event{
			noted(event(closed, "a", 1, "servicename:API", "major"), "internal"),
		}, func(i *statuspage.Incident) {
			i.ResolvedAt = at(1)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := statuspage.Incident{
				ID: "a", CreatedAt: t0, Said: statuspage.Said{Message: "message of a", MessageAt: t0, Priority: opsgenie.P3, PriorityAt: t0},
			}
			tt.want(&want)
			events := append([]opsgenie.Event{begin}, tt.events...)
			for _, order := range []string{"in order", "backwards"} {
				p := newPage(t, newStore(), nil)
				apply(t, p, events...)
				require.NotNil(t, p.Snapshot().Service("API"), order)
				got := *p.Snapshot().Service("API").Incident("a")
				got.Points = nil // TestReference has those
				assert.Equal(t, want, got, order)
				slices.Reverse(events)
			}
		})
	}
}

// TestMergingIsTold: what is left out again at once, because there is too much of
// its kind, is nothing new, also the second time.
func TestMergingIsTold(t *testing.T) {
	var i statuspage.Incident
	add := func(n float64, severity statuspage.State) bool {
		return i.Merge(statuspage.Change{ID: "a", Tags: point(n, severity, "API")})
	}
	for n := range 200 {
		require.True(t, add(float64(n), []statuspage.State{major, critical}[n%2]))
		require.False(t, add(float64(n), []statuspage.State{major, critical}[n%2]))
	}
	require.Len(t, i.Points, 200)
	before := slices.Clone(i.Points)
	for range 2 {
		assert.False(t, add(-1, major), "older than all")
		assert.False(t, add(0.5, major), "repeats the one before")
		assert.Equal(t, before, i.Points)
	}
	assert.True(t, add(300, critical))
	assert.Len(t, i.Points, 200)
	assert.Equal(t, at(300), i.Now().At, "the newest stays, also where it repeats the one before")
	for n := range 100 {
		require.True(t, i.Merge(statuspage.Change{ID: "a", Said: note(float64(n), "x")}))
	}
	assert.False(t, i.Merge(statuspage.Change{ID: "a", Said: note(-1, "x")}))
	assert.True(t, i.Merge(statuspage.Change{ID: "a", Said: note(0.5, "x")}))
}
