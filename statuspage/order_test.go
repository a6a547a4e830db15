package statuspage_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// TestEveryOrder plays small histories in every order there is, each event once, or
// the first of the order once more at its end. They are those in which an alert
// goes without the page's tag for a while, and in which events leave out what
// Opsgenie tells: TestModel plays longer ones in some orders.
func TestEveryOrder(t *testing.T) {
	begin := event(create, "a", 0, tagged("API", "major")...)
	gone := removed(event(removeTags, "a", 1, "servicename:API", "major"), "statuspage")
	bare := func(e opsgenie.Event) opsgenie.Event {
		e.Alert.Tags = nil
		return e
	}
	timeless := func(e opsgenie.Event) opsgenie.Event {
		e.Alert.UpdatedAt = t0.AddDate(-2000, 0, 0)
		return e
	}
	back := added(event(addTags, "a", 3), "statuspage")
	tests := []struct {
		name   string
		events []opsgenie.Event
		want   map[string]string
	}{
		{"it gets worse while it is gone, and comes back", []opsgenie.Event{
			begin, gone, added(event(addTags, "a", 2, "servicename:API", "major", "critical"), "critical"), back,
		}, map[string]string{"API": "critical message of a"}},
		{"it moves while it is gone, and comes back", []opsgenie.Event{
			begin, gone, removed(event(removeTags, "a", 2, "major"), "servicename:API"),
			added(event(addTags, "a", 2.5, "servicename:Web", "major"), "servicename:Web"), back,
		}, map[string]string{"API": "green", "Web": "major message of a"}},
		{"it moves while it is gone, and stays so", []opsgenie.Event{
			begin, gone, event(addNote, "a", 2, "servicename:Web", "critical"),
		}, map[string]string{"API": "green"}},
		{"its going is lost, and told by something else", []opsgenie.Event{
			begin, event(addNote, "a", 2, "servicename:API", "major"),
		}, map[string]string{"API": "green"}},
		{"two things in the moment when it goes", []opsgenie.Event{
			begin, gone, event(addNote, "a", 1, tagged("API", "critical")...), event(addNote, "a", 2, "servicename:API", "critical"), back,
		}, map[string]string{"API": "critical message of a"}},
		{"two things in the moment when it goes, which stays open", []opsgenie.Event{
			begin, gone, event(addNote, "a", 1, tagged("API", "critical")...),
		}, map[string]string{"API": "critical message of a"}},
		{"it is tagged only later", []opsgenie.Event{
			event(create, "a", 0, "servicename:API", "critical"), back,
		}, map[string]string{"API": "critical message of a"}},
		{"it is tagged in the moment of its beginning", []opsgenie.Event{
			event(create, "a", 0, "servicename:API"), added(event(addTags, "a", 0), "critical"), added(event(addTags, "a", 0), "statuspage"),
		}, map[string]string{"API": "critical message of a"}},
		{"a tag alone while it is gone", []opsgenie.Event{
			begin, gone, added(event(addTags, "a", 2), "servicename:Web"),
		}, map[string]string{"API": "green", "Web": "green"}},
		{"a tag alone in the moment when it goes", []opsgenie.Event{
			begin, gone, added(event(addTags, "a", 1), "servicename:Web", "critical"),
		}, map[string]string{"API": "green", "Web": "green"}},
		{"tags alone, of an alert that has nothing to do with the page", []opsgenie.Event{
			event(create, "a", 0, "db"), added(event(addTags, "a", 1), "servicename:API"), added(event(addTags, "a", 2), "critical"),
		}, map[string]string{}},
		{"what comes without a time counts from the beginning", []opsgenie.Event{
			begin, removed(event(removeTags, "a", 5, "statuspage", "servicename:API"), "major"), timeless(event(addTags, "a", 0, tagged("API", "critical")...)),
		}, map[string]string{"API": "green"}},
		{"what comes without tags or time leaves the state", []opsgenie.Event{
			begin, timeless(bare(event(removeTags, "a", 0))), bare(event(addNote, "a", 2)),
		}, map[string]string{"API": "major message of a"}},
		{"an Escalate that tells when it began", []opsgenie.Event{
			event(opsgenie.EventEscalate, "a", 1), func() opsgenie.Event {
				e := event(create, "a", 3, tagged("API", "major")...)
				e.Alert.CreatedAt = time.Time{}
				return e
			}(),
		}, map[string]string{"API": "major message of a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var first string
			for n, order := range orders(tt.events) {
				for _, again := range []int{0, 1} {
					s := newStore()
					p := newPage(t, s, nil)
					apply(t, p, append(order, order[:again]...)...)
					require.Equal(t, tt.want, look(p), "order %d", n)
					requireMirrors(t, s, p)
					if first == "" {
						first = incidentsOf(t, p)
					}
					requireSame(t, first, incidentsOf(t, p), "order "+strconv.Itoa(n))
				}
			}
		})
	}
}

// TestAnyEvents plays events that make no history: whatever is told, and left out,
// each order of it and each repetition comes to the same page. It knows nothing of
// what page that is. ROUTEWATCH_TEST_SEED repeats one set of events.
func TestAnyEvents(t *testing.T) {
	seeds := make([]uint64, 40)
	for n := range seeds {
		seeds[n] = rand.Uint64()
	}
	if s := os.Getenv("ROUTEWATCH_TEST_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		seeds = []uint64{seed}
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(24 * 60))) // the bubble's clock begins in 2000
		for _, seed := range seeds {
			rnd := rand.New(rand.NewPCG(seed, 1))
			events := make([]opsgenie.Event, 2+rnd.IntN(6))
			for n := range events {
				events[n] = anyEvent(rnd)
			}
			var first string
			for n := range 12 {
				order := slices.Clone(events)
				if n > 0 {
					order = append(order, events[rnd.IntN(len(events))])
				}
				rnd.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
				s := newStore()
				var pages []*statuspage.Page // replicas, of which each hears a part
				for range 1 + n/2%2 {
					pages = append(pages, newPage(t, kinds(s)[[]string{"one by one", "at once"}[n%2]], nil))
				}
				for _, e := range order {
					apply(t, pages[rnd.IntN(len(pages))], e)
				}
				for range 2 {
					for _, p := range pages {
						require.NoError(t, p.Refresh(t.Context()))
					}
				}
				for _, p := range pages {
					requireMirrors(t, s, p)
					got := fmt.Sprintf("%v\n%s", look(p), incidentsOf(t, p))
					if first == "" {
						first = got
					}
					requireSame(t, first, got, fmt.Sprintf("seed %d, order %d", seed, n))
				}
			}
		}
	})
}

// anyEvent is of one of two alerts, at one of a few times.
func anyEvent(rnd *rand.Rand) opsgenie.Event {
	some := func(all ...string) (tags []string) {
		for _, tag := range all {
			if rnd.IntN(2) == 0 {
				tags = append(tags, tag)
			}
		}
		return tags
	}
	actions := []opsgenie.EventAction{
		create, addTags, removeTags, addNote, opsgenie.EventAcknowledge, opsgenie.EventUnacknowledge,
		opsgenie.EventUpdateMessage, opsgenie.EventEscalate, "a custom action", addTags, removeTags, closed, deleted,
	}
	e := event(actions[rnd.IntN(len(actions)-rnd.IntN(3))], []string{"a", "b"}[rnd.IntN(2)], float64(rnd.IntN(4)))
	all := []string{"statuspage", "servicename:API", "servicename:Web", "major", "critical", "db"}
	if rnd.IntN(3) != 0 {
		e.Alert.Tags = append([]string{}, some(all...)...)
	}
	if rnd.IntN(2) == 0 {
		e.Alert.AddedTags = some(all...)
	}
	if rnd.IntN(6) == 0 {
		e.Alert.UpdatedAt = time.Time{}
	}
	if rnd.IntN(8) == 0 {
		e.Alert.CreatedAt = time.Time{}
	}
	e.Alert.Message = fmt.Sprint("message ", rnd.IntN(3))
	e.Alert.Note = []string{"", "", "note", "another"}[rnd.IntN(4)]
	return e
}

// orders are all orders of events.
func orders(events []opsgenie.Event) (all [][]opsgenie.Event) {
	if len(events) == 0 {
		return [][]opsgenie.Event{nil}
	}
	for n, e := range events {
		rest := append(append([]opsgenie.Event{}, events[:n]...), events[n+1:]...)
		for _, order := range orders(rest) {
			all = append(all, append([]opsgenie.Event{e}, order...))
		}
	}
	return all
}

// TestAside: what is said by a source that does not tell the tags is for visitors if
// the alert had the page's tag then, whatever is heard first.
func TestAside(t *testing.T) {
	begin := event(create, "a", 0, tagged("API", "major")...)
	gone := removed(event(removeTags, "a", 5, "servicename:API", "major"), "statuspage")
	back := added(event(addTags, "a", 8, tagged("API", "major")...), "statuspage")
	aside := func(minute float64) opsgenie.Event {
		return prioritised(noted(said(event(opsgenie.EventAcknowledge, "a", minute), "aside"), "noted"), opsgenie.P1)
	}
	tests := []struct {
		name   string
		events []opsgenie.Event
		want   string // the message; all else goes with it
	}{
		{"of one that is tagged", []opsgenie.Event{begin, aside(1)}, "aside"},
		{"before it was not any more", []opsgenie.Event{begin, aside(4), gone}, "aside"},
		{"when it was not any more", []opsgenie.Event{begin, gone, aside(6)}, "message of a"},
		{"when it was not, and is again", []opsgenie.Event{begin, gone, aside(7), back}, "message of a"},
		{"since it is again", []opsgenie.Event{begin, gone, back, aside(9)}, "aside"},
		{"before it first was", []opsgenie.Event{event(create, "a", 0, "servicename:API"), aside(7), back}, "message of a"},
		{"before anything else that was told of it", []opsgenie.Event{aside(7), back}, "message of a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range orders(tt.events) {
				p := newPage(t, newStore(), nil)
				apply(t, p, append(order, order[0])...)
				all := p.Snapshot().Incidents()
				require.Len(t, all, 1)
				i := all[0]
				assert.Equal(t, tt.want, i.Message)
				assert.Equal(t, tt.want == "aside", i.Acked)
				assert.Equal(t, tt.want == "aside", i.Priority == opsgenie.P1)
				assert.Equal(t, tt.want == "aside", len(i.Updates) == 1)
				assert.Equal(t, i.Message, p.Snapshot().Service("API").Incident("a").Visible().Message)
				if state := p.Snapshot().Service("API"); state.State != green {
					assert.Equal(t, tt.want, state.Message)
				}
			}
		})
	}
}

// TestNoteThatNobodyKnowsWhen: a note that comes without tags and without a time is
// one note from the beginning, however often and whenever it is heard. It is for
// visitors if the alert always had the page's tag.
func TestNoteThatNobodyKnowsWhen(t *testing.T) {
	begin := event(create, "a", 0, tagged("API", "major")...)
	gone := removed(event(removeTags, "a", 5, "servicename:API", "major"), "statuspage")
	back := added(event(addTags, "a", 8, tagged("API", "major")...), "statuspage")
	bare := noted(event(addNote, "a", 0), "noted")
	bare.Alert.Tags, bare.Alert.UpdatedAt = nil, time.Time{}
	always := []statuspage.Update{{At: t0, Text: "noted"}}
	for _, tt := range []struct {
		events []opsgenie.Event
		want   []statuspage.Update
	}{
		{[]opsgenie.Event{begin, bare, bare}, always},
		{[]opsgenie.Event{begin, gone, bare, back}, nil},
	} {
		for _, order := range orders(tt.events) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(at(60))) // the bubble's clock begins in 2000
				p := newPage(t, newStore(), nil)
				for _, e := range order {
					apply(t, p, e)
					time.Sleep(time.Minute)
				}
				require.Equal(t, tt.want, p.Snapshot().Incidents()[0].Updates)
			})
		}
	}
}

// TestAsideOfASnapshot: what others read stays as it is while more is said.
func TestAsideOfASnapshot(t *testing.T) {
	var i statuspage.Incident
	aside := func(minute float64) statuspage.Change {
		s := note(minute, "x")
		return statuspage.Change{ID: "a", Aside: &s}
	}
	for n := range 9 {
		i.Merge(aside(float64(10 - n)))
		read := i
		was := append([]statuspage.Update{}, read.Aside.Updates...)
		i.Merge(aside(float64(-n)))
		require.Equal(t, was, read.Aside.Updates)
	}
}

// TestTagsOfOneMoment: what is told in part, and in whole, of one moment is one piece
// of news.
func TestTagsOfOneMoment(t *testing.T) {
	for _, order := range orders([]opsgenie.Event{
		event(create, "a", 0, tagged("API", "critical")...),
		event(addNote, "a", 5, tagged("API", "major")...),
		added(event(addTags, "a", 5), "critical"),
	}) {
		s := newSite(t)
		apply(t, s.page, order...)
		assert.Equal(t, []string{"0s Investigating: message of a"}, s.entries("/history.json", t0))
	}
}
