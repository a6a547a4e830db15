package statuspage_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// TestModel plays random histories of webhooks in random orders, some of them
// doubled, and compares what the page says with a model that knows the whole
// history and nothing of merging. ROUTEWATCH_TEST_SEED repeats one history.
func TestModel(t *testing.T) {
	if s := os.Getenv("ROUTEWATCH_TEST_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		synctest.Test(t, func(t *testing.T) { playModel(t, seed) })
		return
	}
	for range 60 {
		seed := rand.Uint64()
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playModel(t, seed) })
		})
	}
}

func playModel(t *testing.T, seed uint64) {
	time.Sleep(time.Until(at(24 * 60))) // the bubble's clock begins in 2000
	rnd := rand.New(rand.NewPCG(seed, 0))
	history := newHistory(rnd)
	want := history.model()
	kind := []string{"one by one", "at once"}[rnd.IntN(2)]

	var incidents string
	for order := range 6 {
		events := slices.Clone(history.events)
		if order > 0 { // the first is as it happened
			for _, e := range history.events {
				if rnd.IntN(3) == 0 {
					events = append(events, e)
				}
			}
			rnd.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
		}
		s := newStore()
		p := newPage(t, kinds(s)[kind], nil)
		seen := map[*statuspage.Snapshot]string{}
		for _, e := range events {
			seen[p.Snapshot()] = recordsOf(t, p.Snapshot())
			apply(t, p, e)
			if order > 0 && rnd.IntN(3) == 0 {
				p.Snapshot().Incidents() // the next list is made from this one
			}
		}
		for snap, records := range seen {
			require.Equal(t, records, recordsOf(t, snap), "a snapshot has changed")
		}
		want.check(t, p)
		requireMirrors(t, s, p)
		got := incidentsOf(t, p)
		if order == 0 {
			incidents = got
		}
		requireSame(t, incidents, got, "order "+strconv.Itoa(order))
	}

	// Several replicas share a store. Each hears a part of it, at the same time.
	s := newStore()
	var pages []*statuspage.Page
	parts := make([][]opsgenie.Event, 2+rnd.IntN(3))
	for range parts {
		pages = append(pages, newPage(t, kinds(s)[kind], nil))
	}
	for _, e := range history.events {
		for n := range 1 + rnd.IntN(2) {
			part := &parts[(rnd.IntN(len(parts))+n)%len(parts)]
			*part = slices.Insert(*part, rnd.IntN(len(*part)+1), e)
		}
	}
	var wg sync.WaitGroup
	for n, p := range pages {
		wg.Go(func() {
			for k, e := range parts[n] {
				assert.NoError(t, p.Apply(t.Context(), e))
				if k%3 == 2 {
					p.Snapshot().Incidents()
				}
				if k%5 == 4 {
					assert.NoError(t, p.Refresh(t.Context()))
				}
			}
		})
	}
	wg.Wait()
	for range 2 { // what one brings together, the others see the time after
		for _, p := range pages {
			require.NoError(t, p.Refresh(t.Context()))
		}
	}
	for _, p := range append(pages, newPage(t, s, nil)) {
		want.check(t, p)
		requireMirrors(t, s, p)
		requireSame(t, incidents, incidentsOf(t, p), "replicas")
	}
}

func recordsOf(t testing.TB, snap *statuspage.Snapshot) string {
	all, err := json.Marshal(snap.Services)
	require.NoError(t, err)
	return string(all)
}

// incidentsOf is all that the page knows of alerts, as text.
func incidentsOf(t testing.TB, p *statuspage.Page) string {
	var b strings.Builder
	write := func(where string, i statuspage.Incident) {
		line, err := json.Marshal(i)
		require.NoError(t, err)
		fmt.Fprintf(&b, "%s: %s\n", where, line)
	}
	for _, i := range p.Snapshot().Incidents() {
		write("all", *i)
	}
	for _, r := range p.Snapshot().Services {
		for _, i := range r.Incidents {
			write(r.Name, i)
		}
	}
	return b.String()
}

// requireSame is require.Equal that shows the first line that differs, alone.
func requireSame(t testing.TB, want, got, what string) {
	t.Helper()
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for n := range min(len(a), len(b)) {
		if a[n] != b[n] {
			t.Fatalf("%s:\nwant %s\ngot  %s", what, a[n], b[n])
		}
	}
	require.Len(t, b, len(a), what)
}

// history is what happened to some alerts, and the webhooks of it.
type history struct {
	rnd    *rand.Rand
	alerts []*modelAlert
	events []opsgenie.Event
}

type modelAlert struct {
	id        string
	createdAt time.Time
	tags      []string
	message   string
	priority  opsgenie.Priority
	closed    bool
	steps     []step
}

// step is what was so from a time on, as one webhook told it.
type step struct {
	at       time.Time
	timeless bool // at is when the alert was created, since nothing better was told
	told     telling
	tags     []string // as far as they are told
	silent   bool     // it says nothing but that
	message  string
	priority opsgenie.Priority
	note     string
	acked    string // "" where it says nothing of that
}

// telling is what a webhook says of tags.
type telling int

const (
	toldAll   telling = iota
	toldAdded         // and not those that were there
	toldNone
)

func (s step) page() bool { return slices.Contains(s.tags, "statuspage") }

var (
	modelServices   = []string{"API", "Web shop", "a/b", "ü"}
	modelSeverities = []string{"major", "Critical", "green", "MAJOR", "nonsense"}
)

func newHistory(rnd *rand.Rand) *history {
	h := &history{rnd: rnd}
	ties := rnd.IntN(2) == 0 // some things happen at the same time
	minute := 0.0
	for n := range 1 + rnd.IntN(8) {
		minute++
		a := &modelAlert{id: fmt.Sprintf("alert-%d", n), createdAt: at(float64(rnd.IntN(4)) / 4)}
		a.message, a.priority = "message of "+a.id, opsgenie.P3
		h.alerts = append(h.alerts, a)
		a.tags = []string{"statuspage"}
		for range 1 + rnd.IntN(2) {
			a.add("servicename:" + modelServices[rnd.IntN(len(modelServices))])
		}
		a.add(modelSeverities[rnd.IntN(len(modelSeverities))])
		if rnd.IntN(6) == 0 { // its tags come later
			tags := a.tags
			a.tags = []string{}
			h.tell(create, a, a.createdAt, nil, nil, "")
			a.tags = tags
			h.tell(addTags, a, at(minute), tags, nil, "")
			continue
		}
		h.tell(create, a, a.createdAt, nil, nil, "")
	}
	for range rnd.IntN(40) {
		a := h.alerts[rnd.IntN(len(h.alerts))]
		if a.closed {
			continue
		}
		if minute++; ties && rnd.IntN(3) == 0 {
			minute--
		}
		h.happen(a, at(minute))
	}
	return h
}

func (h *history) happen(a *modelAlert, when time.Time) {
	switch h.rnd.IntN(16) {
	case 0:
		a.closed = true
		h.tell(closed, a, when, nil, nil, "")
	case 1:
		a.closed = true
		h.tell(deleted, a, when, nil, nil, "")
	case 3, 4:
		tag := modelSeverities[h.rnd.IntN(len(modelSeverities))]
		a.add(tag)
		h.tell(addTags, a, when, []string{tag}, nil, "")
	case 5:
		tag := "servicename:" + modelServices[h.rnd.IntN(len(modelServices))]
		a.add(tag)
		h.tell(addTags, a, when, []string{tag}, nil, "")
	case 6, 7: // a swap of the service
		from := a.drop(h.rnd, "servicename:")
		h.tell(removeTags, a, when, nil, from, "")
		to := "servicename:" + modelServices[h.rnd.IntN(len(modelServices))]
		a.add(to)
		h.tell(addTags, a, when.Add(time.Second), []string{to}, nil, "")
	case 2, 8:
		h.tell(removeTags, a, when, nil, a.drop(h.rnd, ""), "")
	case 9:
		h.tell(addNote, a, when, nil, nil, fmt.Sprintf("note %d", h.rnd.IntN(5)))
	case 10:
		a.message = fmt.Sprintf("message %d of %s", h.rnd.IntN(9), a.id)
		h.tell(opsgenie.EventUpdateMessage, a, when, nil, nil, "")
	case 11:
		h.tell(opsgenie.EventAcknowledge, a, when, nil, nil, "")
	case 12:
		h.tell(opsgenie.EventUnacknowledge, a, when, nil, nil, "")
	case 13:
		a.priority = opsgenie.Priority(fmt.Sprint("P", 1+h.rnd.IntN(5)))
		h.tell(opsgenie.EventUpdatePriority, a, when, nil, nil, "")
	case 14:
		h.tell(opsgenie.EventEscalateToNext, a, when, nil, nil, "")
		e := opsgenie.Event{Action: opsgenie.EventEscalate}
		e.Alert.ID = a.id
		h.events = append(h.events, e)
	case 15: // the page's tag comes back, where it went
		a.add("statuspage")
		h.tell(addTags, a, when, []string{"statuspage"}, nil, "")
	}
}

func (a *modelAlert) add(tag string) {
	if !slices.Contains(a.tags, tag) {
		a.tags = append(slices.Clone(a.tags), tag)
	}
}

// drop takes off a tag that begins with prefix.
func (a *modelAlert) drop(rnd *rand.Rand, prefix string) []string {
	var some []string
	for _, tag := range a.tags {
		if strings.HasPrefix(tag, prefix) {
			some = append(some, tag)
		}
	}
	if len(some) == 0 {
		return []string{"nothing"}
	}
	tag := some[rnd.IntN(len(some))]
	a.tags = slices.DeleteFunc(slices.Clone(a.tags), func(t string) bool { return t == tag })
	return []string{tag}
}

// tell makes the webhook of something that happened, now and then without its
// time or without the tags that were there before, as a relay may.
func (h *history) tell(action opsgenie.EventAction, a *modelAlert, when time.Time, added, removed []string, note string) {
	e := opsgenie.Event{Action: action}
	e.Alert.ID, e.Alert.CreatedAt, e.Alert.UpdatedAt = a.id, a.createdAt, when
	e.Alert.Message, e.Alert.Priority, e.Alert.Note = a.message, a.priority, note
	e.Alert.AddedTags, e.Alert.RemovedTags = added, removed
	if h.rnd.IntN(12) == 0 {
		e.Alert.UpdatedAt = time.Time{}
	}
	s := step{
		timeless: e.Alert.UpdatedAt.IsZero(), at: cmp.Or(e.Alert.UpdatedAt, a.createdAt), message: a.message, priority: a.priority, note: note,
		acked: map[opsgenie.EventAction]string{opsgenie.EventAcknowledge: "yes", opsgenie.EventUnacknowledge: "no"}[action],
	}
	switch {
	case action == deleted:
		s.told, s.silent = toldNone, true
	case action == addTags && h.rnd.IntN(6) == 0:
		s.told, s.tags = toldAdded, added
	case action != addTags && h.rnd.IntN(10) == 0:
		s.told = toldNone
	default:
		s.told, s.tags = toldAll, a.tags
		e.Alert.Tags = append([]string{}, a.tags...)
	}
	a.steps = append(a.steps, s)
	h.events = append(h.events, e)
}

// expected is what the model says of the services, state and message, and of the
// alerts.
type expected struct {
	states map[string]string
	alerts map[string]shown
}

// shown is what visitors may know of an alert beside its tags.
type shown struct {
	message, priority, acked string
	notes                    []string
}

// model works out the states from what is so in the end: of each alert the tags
// that it had last.
func (h *history) model() expected {
	x := expected{states: map[string]string{}, alerts: map[string]shown{}}
	type bad struct {
		rank  int
		alert *modelAlert
		text  string
	}
	worst := map[string]bad{}
	for _, a := range h.alerts {
		for _, name := range a.services() {
			x.states[name] = "green"
		}
		this := a.shown()
		x.alerts[a.id] = this
		var last had
		for _, last = range a.over() {
		}
		if a.closed || !last.page() {
			continue
		}
		rank := 0
		for _, tag := range last.tags {
			rank = max(rank, map[string]int{"major": 1, "critical": 2}[strings.ToLower(tag)])
		}
		if rank == 0 {
			continue
		}
		for _, name := range last.services() {
			b := worst[name]
			if b.alert == nil || rank > b.rank || rank == b.rank && (a.createdAt.Before(b.alert.createdAt) ||
				a.createdAt.Equal(b.alert.createdAt) && a.id < b.alert.id) {
				worst[name] = bad{rank, a, this.message}
			}
		}
	}
	for name, b := range worst {
		x.states[name] = []string{"", "major ", "critical "}[b.rank] + b.text
	}
	return x
}

// had are the tags that an alert had from a time on.
type had struct {
	at   time.Time
	tags []string
}

func (h had) page() bool { return slices.Contains(h.tags, "statuspage") }

func (h had) services() (names []string) {
	for _, tag := range h.tags {
		if name, ok := strings.CutPrefix(tag, "servicename:"); ok {
			names = append(names, name)
		}
	}
	return names
}

// over are the tags of an alert over time: those of all steps of a time, on top of
// those before where none of these tells them all.
func (a *modelAlert) over() (all []had) {
	steps := slices.DeleteFunc(slices.Clone(a.steps), func(s step) bool { return s.told == toldNone })
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	var tags []string
	for n := 0; n < len(steps); {
		var now []string
		whole, at := false, steps[n].at
		for ; n < len(steps) && steps[n].at.Equal(at); n++ {
			now, whole = append(now, steps[n].tags...), whole || steps[n].told == toldAll
		}
		if whole {
			tags = nil
		}
		tags = append(slices.Clone(tags), now...)
		all = append(all, had{at, tags})
	}
	return all
}

// services are those that the alert ever concerned: each that it had a tag of
// together with the page's; and where its tags were told in part, each at all.
func (a *modelAlert) services() (names []string) {
	all := a.over()
	if slices.ContainsFunc(a.steps, func(s step) bool { return s.told == toldAdded }) && slices.ContainsFunc(all, had.page) {
		for _, s := range a.steps {
			names = append(names, had{tags: s.tags}.services()...)
		}
	}
	for _, h := range all {
		if h.page() {
			names = append(names, h.services()...)
		}
	}
	return names
}

// shown is what was told of an alert together with the page's tag; and of what was
// told without saying whether the tag is there the newest, if it was there then.
func (a *modelAlert) shown() shown {
	tagged := func(at time.Time) bool {
		all := a.over()
		if at.IsZero() {
			return len(all) > 0 && !slices.ContainsFunc(all, func(h had) bool { return !h.page() })
		}
		n := len(all) - 1
		for n >= 0 && all[n].at.After(at) {
			n--
		}
		return n >= 0 && all[n].page()
	}
	var openly, aside []step
	for _, s := range a.steps {
		switch {
		case s.page():
			openly = append(openly, s)
		case s.told != toldAll && !s.silent:
			if s.timeless {
				s.at = time.Time{}
			}
			aside = append(aside, s)
		}
	}
	newest := func(of func(step) string) (value string) {
		var at time.Time
		look := func(s step) {
			if c := s.at.Compare(at); of(s) != "" && (c > 0 || c == 0 && of(s) > value) {
				value, at = of(s), s.at
			}
		}
		for _, s := range aside {
			look(s)
		}
		if !tagged(at) {
			value, at = "", time.Time{}
		}
		for _, s := range openly {
			look(s)
		}
		return value
	}
	s := shown{
		message:  newest(func(s step) string { return s.message }),
		priority: newest(func(s step) string { return string(s.priority) }),
		acked:    cmp.Or(newest(func(s step) string { return s.acked }), "no"),
	}
	notes := map[string]bool{}
	for _, s := range openly {
		if s.note != "" {
			notes[s.at.String()+s.note] = true
		}
	}
	for _, s := range aside {
		if s.note != "" && tagged(s.at) {
			notes[cmp.Or(s.at, a.createdAt).UTC().String()+s.note] = true
		}
	}
	s.notes = slices.Sorted(maps.Keys(notes))
	return s
}

func (x expected) check(t testing.TB, p *statuspage.Page) {
	t.Helper()
	require.Equal(t, x.states, look(p))
	for _, i := range p.Snapshot().Incidents() {
		got := shown{message: i.Message, priority: string(i.Priority), acked: map[bool]string{true: "yes", false: "no"}[i.Acked]}
		for _, u := range i.Updates {
			got.notes = append(got.notes, u.At.String()+u.Text)
		}
		slices.Sort(got.notes)
		require.Equal(t, x.alerts[i.ID], got, i.ID)
	}
}
