package statuspage_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

const (
	create     = opsgenie.EventCreate
	addTags    = opsgenie.EventAddTags
	removeTags = opsgenie.EventRemoveTags
	closed     = opsgenie.EventClose
	deleted    = opsgenie.EventDelete
	addNote    = opsgenie.EventAddNote
)

// added and removed say which tags an event brought and took.
func added(e opsgenie.Event, tags ...string) opsgenie.Event {
	e.Alert.AddedTags = tags
	return e
}

func removed(e opsgenie.Event, tags ...string) opsgenie.Event {
	e.Alert.RemovedTags = tags
	return e
}

func said(e opsgenie.Event, message string) opsgenie.Event {
	e.Alert.Message = message
	return e
}

// TestReference holds the page to the rules that the Status Page Reference
// documents, and to the opposite of each mistake that its code makes.
func TestReference(t *testing.T) {
	tests := []struct {
		name   string
		events []opsgenie.Event
		want   map[string]string
	}{
		// Its mistakes.
		{"a tag of the page is needed on Create", []opsgenie.Event{
			event(create, "a", 0, "servicename:API", "critical"),
		}, map[string]string{}},
		{"a tag of the page is needed on AddTags", []opsgenie.Event{
			event(create, "a", 0, "servicename:API"),
			added(event(addTags, "a", 1, "servicename:API", "critical"), "critical"),
		}, map[string]string{}},
		{"without a service nothing is written", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "critical"),
			event(closed, "a", 1, "statuspage", "critical"),
		}, map[string]string{}},
		{"a tag without effect leaves state and message", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major")...),
			event(create, "b", 1, "statuspage", "servicename:API", "blue"),
			added(event(addTags, "b", 2, "statuspage", "servicename:API", "blue", "sky"), "sky"),
		}, map[string]string{"API": "major message of a"}},
		{"severities in any case", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major")...),
			event(create, "b", 1, tagged("API", "Critical")...),
		}, map[string]string{"API": "critical message of b"}},
		{"severities in any case when recomputed", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "CRITICAL")...),
			event(create, "b", 1, tagged("API", "Major")...),
			event(closed, "a", 2, tagged("API", "CRITICAL")...),
		}, map[string]string{"API": "major message of b"}},
		{"a tag named like an object's member is no severity", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "servicename:API", "constructor", "toString", "__proto__", "major"),
		}, map[string]string{"API": "major message of a"}},
		{"of removed tags each counts", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major", "foo")...),
			removed(event(removeTags, "a", 1, "statuspage", "servicename:API"), "foo", "major"),
		}, map[string]string{"API": "green"}},
		{"a comma in a name", []opsgenie.Event{
			added(event(addTags, "a", 0, "statuspage", "servicename:Acme, Inc", "critical"), "servicename:Acme", "Inc"),
		}, map[string]string{"Acme, Inc": "critical message of a"}},
		{"AddTags whose tags are those of before", []opsgenie.Event{
			added(event(addTags, "a", 0, "statuspage", "major"), "servicename:API", "critical"),
		}, map[string]string{"API": "critical message of a"}},
		{"the tags of an alert come one by one", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "critical"),
			added(event(addTags, "a", 1), "servicename:API"),
		}, map[string]string{"API": "critical message of a"}},
		{"AddTags that does not say which", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "servicename:API"),
			event(addTags, "a", 1, tagged("API", "critical")...),
		}, map[string]string{"API": "critical message of a"}},
		{"AddTags that says only which", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "servicename:API"),
			added(event(addTags, "a", 1), "critical", "servicename:Web"),
		}, map[string]string{"API": "critical message of a", "Web": "critical message of a"}},
		{"AddTags that tells the tags of before", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "servicename:API"),
			added(event(addTags, "a", 1, "statuspage", "servicename:API"), "critical"),
		}, map[string]string{"API": "critical message of a"}},
		{"a Delete, which has no tags, turns it green", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			event(deleted, "a", 1),
		}, map[string]string{"API": "green"}},
		{"a swap of the service's tag recomputes both", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			added(event(addTags, "a", 1, "statuspage", "servicename:API", "critical", "servicename:Web"), "servicename:Web"),
			removed(event(removeTags, "a", 2, tagged("Web", "critical")...), "servicename:API"),
		}, map[string]string{"API": "green", "Web": "critical message of a"}},
		{"a Create after its Close", []opsgenie.Event{
			event(closed, "a", 5, tagged("API", "critical")...),
			event(create, "a", 0, tagged("API", "critical")...),
		}, map[string]string{"API": "green"}},
		{"a Create after its Delete", []opsgenie.Event{
			event(deleted, "a", 5),
			event(create, "a", 0, tagged("API", "critical")...),
		}, map[string]string{"API": "green"}},
		{"a lower alert leaves the message of the higher", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			event(create, "b", 1, tagged("API", "major")...),
			event(addTags, "b", 2, tagged("API", "major", "x")...),
		}, map[string]string{"API": "critical message of a"}},
		{"a prefix in the middle of a tag names no service", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "not-servicename:API", "critical"),
		}, map[string]string{}},

		// Its rules.
		{"Create raises", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major")...),
			event(create, "b", 1, tagged("API", "critical")...),
		}, map[string]string{"API": "critical message of b"}},
		{"Create never lowers", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			event(create, "b", 1, tagged("API", "green")...),
		}, map[string]string{"API": "critical message of a"}},
		{"AddTags raises", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major")...),
			added(event(addTags, "a", 1, tagged("API", "major", "critical")...), "critical"),
		}, map[string]string{"API": "critical message of a"}},
		{"AddTags never lowers", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			added(event(addTags, "a", 1, tagged("API", "critical", "green")...), "green"),
		}, map[string]string{"API": "critical message of a"}},
		{"green is green and has no message", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "green")...),
		}, map[string]string{"API": "green"}},
		{"Close leaves the highest of the others", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			event(create, "b", 1, tagged("API", "major")...),
			event(create, "c", 1, tagged("Web", "critical")...),
			event(closed, "a", 2, tagged("API", "critical")...),
		}, map[string]string{"API": "major message of b", "Web": "critical message of c"}},
		{"RemoveTags leaves the highest of the others", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			event(create, "b", 1, tagged("API", "major")...),
			removed(event(removeTags, "a", 2, "statuspage", "servicename:API"), "critical"),
		}, map[string]string{"API": "major message of b"}},
		{"RemoveTags of the page's tag", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "critical")...),
			removed(event(removeTags, "a", 2, "servicename:API", "critical"), "statuspage"),
		}, map[string]string{"API": "green"}},
		{"RemoveTags before its Create", []opsgenie.Event{
			removed(event(removeTags, "a", 2, "servicename:API", "critical"), "statuspage"),
			event(create, "a", 0, tagged("API", "critical")...),
		}, map[string]string{"API": "green"}},
		{"one alert, several services", []opsgenie.Event{
			event(create, "a", 0, "statuspage", "servicename:API", "servicename:Web", "major"),
		}, map[string]string{"API": "major message of a", "Web": "major message of a"}},
		{"among equals the oldest speaks", []opsgenie.Event{
			func() opsgenie.Event {
				e := event(create, "a", 3, tagged("API", "major")...)
				e.Alert.CreatedAt = at(3)
				return e
			}(),
			event(create, "b", 0, tagged("API", "major")...),
		}, map[string]string{"API": "major message of b"}},
		{"among those of one age the lower id speaks", []opsgenie.Event{
			event(create, "b", 0, tagged("API", "major")...),
			event(create, "a", 0, tagged("API", "major")...),
		}, map[string]string{"API": "major message of a"}},
		{"acknowledged and snoozed alerts are open", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major")...),
			event(opsgenie.EventAcknowledge, "a", 1, tagged("API", "major")...),
			event(opsgenie.EventSnooze, "a", 2, tagged("API", "major")...),
			event(opsgenie.EventEscalate, "a", 2),
		}, map[string]string{"API": "major message of a"}},
		{"UpdateMessage", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major")...),
			said(event(opsgenie.EventUpdateMessage, "a", 2, tagged("API", "major")...), "half of it"),
			said(event(addNote, "a", 1, tagged("API", "major")...), "all of it"),
		}, map[string]string{"API": "major half of it"}},
		{"all tags, and some that were added, as of the same time", []opsgenie.Event{
			event(create, "a", 0, tagged("API", "major")...),
			added(event(addTags, "a", 1), "critical"),
			event(removeTags, "a", 1, tagged("Web", "major")...),
		}, map[string]string{"API": "green", "Web": "critical message of a"}},
		{"what somebody else invented", []opsgenie.Event{
			event("Polish the brass", "a", 0, tagged("API", "major")...),
			event("", "a", 0),
		}, map[string]string{"API": "major message of a"}},
		{"no alert at all", []opsgenie.Event{event(create, "", 0, tagged("API", "major")...)}, map[string]string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for kind := range kinds(nil) {
				s := newStore()
				p := newPage(t, kinds(s)[kind], nil)
				apply(t, p, tt.events...)
				assert.Equal(t, tt.want, look(p), kind)
				requireMirrors(t, s, p)
				apply(t, p, tt.events...)
				assert.Equal(t, tt.want, look(p), "%s, the second time", kind)
				assert.Equal(t, tt.want, look(newPage(t, s, nil)), "%s, in another process", kind)
				for _, key := range s.keys() {
					assert.NotContains(t, key, "null")
					assert.NotContains(t, key, "undefined")
				}
			}
		})
	}
}

// TestConcurrentWebhooks: the reference reads, changes and writes without a
// guard, and loses the higher state.
func TestConcurrentWebhooks(t *testing.T) {
	for name := range kinds(nil) {
		t.Run(name, func(t *testing.T) { concurrentWebhooks(t, name) })
	}
}

func concurrentWebhooks(t *testing.T, kind string) {
	s := newStore()
	pages := []func(opsgenie.Event){}
	for range 3 {
		p := newPage(t, kinds(s)[kind], nil)
		pages = append(pages, func(e opsgenie.Event) { assert.NoError(t, p.Apply(t.Context(), e)) })
	}
	var wg sync.WaitGroup
	for n := range 60 {
		id, severity := strings.Repeat("x", n+1), "major"
		if n == 17 {
			severity = "critical"
		}
		wg.Go(func() { pages[n%3](event(create, id, 0, tagged("API", severity)...)) })
	}
	wg.Wait()
	p := newPage(t, s, nil)
	require.NotNil(t, p.Snapshot().Service("API"))
	assert.Len(t, p.Snapshot().Service("API").Incidents, 60)
	assert.Equal(t, map[string]string{"API": "critical message of " + strings.Repeat("x", 18)}, look(p))
	requireMirrors(t, s, p)
}
