package statuspage_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

const (
	green    = statuspage.Green
	major    = statuspage.Major
	critical = statuspage.Critical
)

// incident makes one that is bad for API from minute to minute; to 0 is open.
func incident(id string, from, to float64, severity statuspage.State) statuspage.Incident {
	i := statuspage.Incident{ID: id, CreatedAt: at(from)}
	i.Merge(statuspage.Change{ID: id, Said: statuspage.Said{Message: id, MessageAt: at(from)}, Tags: point(from, severity, "API")})
	if to != 0 {
		i.Merge(statuspage.Change{ID: id, ClosedAt: at(to)})
	}
	return i
}

func note(minute float64, text string) statuspage.Said {
	return statuspage.Said{Updates: []statuspage.Update{{At: at(minute), Text: text}}}
}

func point(minute float64, severity statuspage.State, services ...string) *statuspage.Point {
	return &statuspage.Point{At: at(minute), Page: true, Services: services, Severity: severity}
}

func TestIntervals(t *testing.T) {
	with := func(i statuspage.Incident, points ...*statuspage.Point) statuspage.Incident {
		for _, p := range points {
			i.Merge(statuspage.Change{ID: i.ID, Tags: p})
		}
		return i
	}
	span := func(from, to float64, s statuspage.State) statuspage.Interval {
		return statuspage.Interval{From: at(from), To: at(to), State: s}
	}
	no := point(5, critical, "API")
	no.Page = false
	tests := []struct {
		name      string
		incidents []statuspage.Incident
		want      []statuspage.Interval
	}{
		{"none", nil, nil},
		{"green is not bad", []statuspage.Incident{incident("a", 0, 10, green)}, nil},
		{"no severity", []statuspage.Incident{incident("a", 0, 10, "")}, nil},
		{"over before it began", []statuspage.Incident{incident("a", 10, 5, major)}, nil},
		{"of no length", []statuspage.Incident{incident("a", 10, 10, major)}, nil},
		{"another service", []statuspage.Incident{with(statuspage.Incident{ID: "a"}, point(0, major, "Web"))}, nil},
		{"one", []statuspage.Incident{incident("a", 0, 10, major)}, []statuspage.Interval{span(0, 10, major)}},
		{"open until now", []statuspage.Incident{incident("a", 0, 0, major)}, []statuspage.Interval{span(0, 60, major)}},
		{"apart", []statuspage.Incident{incident("a", 0, 10, major), incident("b", 20, 30, major)}, []statuspage.Interval{span(0, 10, major), span(20, 30, major)}},
		{"one after the other", []statuspage.Incident{incident("a", 0, 10, major), incident("b", 10, 30, major)}, []statuspage.Interval{span(0, 30, major)}},
		{"overlapping", []statuspage.Incident{incident("a", 0, 20, major), incident("b", 10, 30, major)}, []statuspage.Interval{span(0, 30, major)}},
		{"the same twice", []statuspage.Incident{incident("a", 0, 20, major), incident("b", 0, 20, major)}, []statuspage.Interval{span(0, 20, major)}},
		{"worse inside", []statuspage.Incident{incident("a", 0, 30, major), incident("b", 10, 20, critical)}, []statuspage.Interval{span(0, 10, major), span(10, 20, critical), span(20, 30, major)}},
		{"better inside", []statuspage.Incident{incident("a", 0, 30, critical), incident("b", 10, 20, major)}, []statuspage.Interval{span(0, 30, critical)}},
		{"better after", []statuspage.Incident{incident("a", 0, 20, critical), incident("b", 10, 30, major)}, []statuspage.Interval{span(0, 20, critical), span(20, 30, major)}},
		{
			"it gets worse and better",
			[]statuspage.Incident{with(incident("a", 0, 40, major), point(10, critical, "API"), point(20, major, "API"), point(30, green, "API"))},
			[]statuspage.Interval{span(0, 10, major), span(10, 20, critical), span(20, 30, major)},
		},
		{"it goes to another service and comes back", []statuspage.Incident{with(incident("a", 0, 40, major), point(10, major, "Web"), point(30, major, "API"))}, []statuspage.Interval{span(0, 10, major), span(30, 40, major)}},
		{"it leaves the page", []statuspage.Incident{with(incident("a", 0, 40, major), no)}, []statuspage.Interval{span(0, 5, major)}},
		{"tags after the end", []statuspage.Incident{with(incident("a", 0, 40, major), point(50, critical, "API"))}, []statuspage.Interval{span(0, 40, major)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := statuspage.Record{Name: "API", Incidents: tt.incidents}
			assert.Equal(t, tt.want, r.Intervals(at(60)))
		})
	}
}

func TestByDay(t *testing.T) {
	const h = time.Hour
	day := func(date string, major, critical time.Duration) statuspage.Day {
		return statuspage.Day{Date: date, Major: major, Critical: critical}
	}
	// t0 is the 20th, 10:00.
	tests := []struct {
		name      string
		days      []statuspage.Day
		incidents []statuspage.Incident
		want      []statuspage.Day
	}{
		{"none", nil, nil, nil},
		{"within a day", nil, []statuspage.Incident{incident("a", 0, 60, major)}, []statuspage.Day{day("2026-11-20", h, 0)}},
		{"until midnight", nil, []statuspage.Incident{incident("a", 0, 14*60, major)}, []statuspage.Day{day("2026-11-20", 14*h, 0)}},
		{"over midnight", nil, []statuspage.Incident{incident("a", 0, 15*60, critical)}, []statuspage.Day{day("2026-11-20", 0, 14*h), day("2026-11-21", 0, h)}},
		{"over two", nil, []statuspage.Incident{incident("a", 0, 39*60, critical)}, []statuspage.Day{day("2026-11-20", 0, 14*h), day("2026-11-21", 0, 24*h), day("2026-11-22", 0, h)}},
		{"both states", nil, []statuspage.Incident{incident("a", 0, 120, major), incident("b", 60, 180, critical)}, []statuspage.Day{day("2026-11-20", h, 2*h)}},
		{"with what was folded", []statuspage.Day{day("2026-11-19", h, 0), day("2026-11-20", 0, h)}, []statuspage.Incident{incident("a", 0, 120, major)}, []statuspage.Day{day("2026-11-19", h, 0), day("2026-11-20", 2*h, h)}},
		{"never more than a day", []statuspage.Day{day("2026-11-19", 20*h, 20*h)}, nil, []statuspage.Day{day("2026-11-19", 4*h, 20*h)}},
		{"nothing older than a year and a day", []statuspage.Day{day("2025-11-20", h, 0), day("2025-11-21", h, 0)}, nil, []statuspage.Day{day("2025-11-21", h, 0)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := statuspage.Record{Name: "API", Days: tt.days, Incidents: tt.incidents}
			assert.Equal(t, fmt.Sprint(tt.want), fmt.Sprint(r.ByDay(at(48*60))))
			assert.Equal(t, fmt.Sprint(tt.want), fmt.Sprint(r.ByDay(at(48*60))), "it changes nothing")
		})
	}
	r := statuspage.Record{Name: "API", Incidents: []statuspage.Incident{incident("a", -3*366*24*60, 0, critical)}}
	assert.Len(t, r.ByDay(t0), 367, "open for three years")
}

// TestPrune folds random histories into days and sums them up before and after.
func TestPrune(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		r := statuspage.Record{Name: "API"}
		now := at(60 * 24 * 60)
		open := 0
		for n := range 150 + rnd.IntN(200) {
			from := float64(rnd.IntN(60 * 24 * 60))
			to := from + float64(1+rnd.IntN(5*24*60))
			if to >= 60*24*60 {
				to = 0
				open++
			}
			i := incident(fmt.Sprint(n), from, to, []statuspage.State{major, critical, green}[rnd.IntN(3)])
			if rnd.IntN(2) == 0 {
				i.Merge(statuspage.Change{ID: i.ID, Tags: point(from+30, critical, "API")})
			}
			r.Incidents = append(r.Incidents, i)
		}
		before := r.ByDay(now)
		r.Prune(now)
		require.Len(t, r.Incidents, 100+open)
		require.Equal(t, before, r.ByDay(now), "seed %d", seed)

		// What is folded is over: a late word of it brings nothing back.
		require.NotEmpty(t, r.Gone)

		// A year later all is forgotten but what is open.
		later := now.AddDate(1, 0, 3)
		for n := range r.Incidents {
			if i := &r.Incidents[n]; i.Open() {
				i.Merge(statuspage.Change{ID: i.ID, ClosedAt: now})
			}
		}
		r.Prune(later)
		assert.Empty(t, r.Incidents)
		assert.Empty(t, r.Days)
	}
}

// TestStateChanges: what a service's state was, and since when, for a year.
func TestStateChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(24 * 60))) // the bubble's clock begins in 2000
		p := newPage(t, newStore(), nil)
		began := time.Now().UTC()
		var want []statuspage.StateChange
		for n, step := range []struct {
			event   opsgenie.Event
			changes bool
			state   statuspage.State
			message string
			since   int // which step brought the state
		}{
			{event(create, "z", 0, tagged("API", "green")...), false, green, "", 0},
			{event(create, "a", 0, tagged("API", "major")...), true, major, "message of a", 1},
			{event(create, "b", 1, tagged("API", "critical")...), true, critical, "message of b", 2},
			{event(addNote, "a", 2, tagged("API", "major")...), false, critical, "message of b", 2},
			{event(closed, "b", 3), true, major, "message of a", 4},
			{said(event(opsgenie.EventUpdateMessage, "a", 4, tagged("API", "major")...), "half of it"), true, major, "half of it", 4},
			{event(closed, "a", 5), true, green, "", 6},
		} {
			apply(t, p, step.event)
			now := time.Now().UTC()
			if step.changes {
				want = append(want, statuspage.StateChange{At: now, State: step.state, Message: step.message})
			}
			r := p.Snapshot().Service("API")
			require.Equal(t, want, r.Changes, n)
			require.Equal(t, step.state, r.State, n)
			require.Equal(t, began.Add(time.Duration(step.since)*time.Minute), r.Since, n)
			require.Equal(t, began, r.FirstAt, n)
			time.Sleep(time.Minute)
		}
		time.Sleep(366*24*time.Hour - 4*time.Minute)
		apply(t, p, event(create, "c", 0, "statuspage", "servicename:API"))
		assert.Equal(t, want[2:], p.Snapshot().Service("API").Changes, "older than a year is forgotten")
		time.Sleep(3 * 366 * 24 * time.Hour)
		apply(t, p, event(create, "d", 0, "statuspage", "servicename:API"))
		assert.Equal(t, want[4:], p.Snapshot().Service("API").Changes, "but for the last, which still holds")
	})
}

// TestBounds: neither what never rests nor what means harm makes a record grow
// without end, and a storm loses no state.
func TestBounds(t *testing.T) {
	s := newStore()
	p := newPage(t, s, nil)
	for n := range 110 {
		id := fmt.Sprint("alert ", n)
		up := event(create, id, float64(n), tagged("API", "critical")...)
		apply(t, p, up)
		require.Equal(t, critical, p.Snapshot().Service("API").State)
		apply(t, p, event(closed, id, float64(n)+0.2, tagged("API", "critical")...))
		require.Equal(t, green, p.Snapshot().Service("API").State)
		// The same Create once more, long after.
		if n > 100 {
			apply(t, p, event(create, fmt.Sprint("alert ", n-100), float64(n-100), tagged("API", "critical")...))
			require.Equal(t, green, p.Snapshot().Service("API").State, n)
		}
	}
	long := event(addNote, "long", 1, tagged("Long", "critical")...)
	long.Alert.Note, long.Alert.Message = strings.Repeat("日", 50_000), strings.Repeat("日", 50_000)
	apply(t, p, long)
	assert.Less(t, len(s.text("records/Long.json")), 24<<10)
	assert.True(t, strings.HasSuffix(p.Snapshot().Service("Long").Incidents[0].Updates[0].Text, "日…"))
	for n := range 205 {
		e := event(addNote, "open", float64(n), tagged("Open", []string{"major", "critical"}[n%2])...)
		e.Alert.Note = fmt.Sprint(n)
		apply(t, p, e)
	}
	// It went from one service to another, and that is long forgotten.
	apply(t, p, event(create, "swap", 0, tagged("From", "critical")...))
	for n := range 205 {
		apply(t, p, event(addTags, "swap", float64(n+1), tagged("To", []string{"major", "critical"}[n%2])...))
	}
	require.NotContains(t, p.Snapshot().Service("To").Incident("swap").Services(), "From")
	apply(t, p, event(closed, "swap", 300))
	assert.False(t, p.Snapshot().Service("From").Incident("swap").Open(), "it ends there too")

	r := p.Snapshot().Service("API")
	assert.Len(t, r.Incidents, 100)
	assert.LessOrEqual(t, len(r.Changes), 500)
	r = p.Snapshot().Service("Open")
	assert.LessOrEqual(t, len(r.Incident("open").Points), 200)
	assert.LessOrEqual(t, len(r.Incident("open").Updates), 100)
	assert.Equal(t, "204", r.Incident("open").Updates[99].Text)

	// Long notes of many alerts.
	heavy := statuspage.Record{Name: "API"}
	for n := range 40 {
		i := incident(fmt.Sprint(n), float64(n), float64(n+1), critical)
		for k := range 100 {
			i.Merge(statuspage.Change{ID: i.ID, Said: note(float64(n), fmt.Sprint(k, strings.Repeat("x", 4000)))})
		}
		heavy.Incidents = append(heavy.Incidents, i)
	}
	before := heavy.ByDay(at(60))
	heavy.Prune(at(60))
	assert.Len(t, heavy.Incidents, 2)
	assert.Equal(t, before, heavy.ByDay(at(60)))
}
