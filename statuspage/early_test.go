package statuspage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
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

// besideA are ids of alerts whose early news is in one document with that of alert
// a. There are 4096 documents: these stand for 1.2 million alerts.
var besideA = sync.OnceValue(func() (ids []string) {
	for n := 0; len(ids) < 300; n++ {
		if id := fmt.Sprint("other ", n); statuspage.EarlyKey(id) == statuspage.EarlyKey("a") {
			ids = append(ids, id)
		}
	}
	return ids
})

// othersEnd are the ends of alerts that never concern the page, as an integration
// without a filter sends them.
func othersEnd(ids []string) (events []opsgenie.Event) {
	for n, id := range ids {
		events = append(events, []opsgenie.Event{
			stamped(event(closed, id, 1, "db", "P3")),
			stamped(event(deleted, id, 1)),
			stamped(removed(event(removeTags, id, 1, "db"), "P3")),
		}[n%3])
	}
	return events
}

// TestEarlyFlood: what is said of an alert before its Create still counts after
// a million other alerts were told of, of which nobody ever hears again.
func TestEarlyFlood(t *testing.T) {
	tests := []struct {
		name  string
		early func(id string) []opsgenie.Event
		want  string
	}{
		{"Delete", func(id string) []opsgenie.Event {
			return []opsgenie.Event{event(deleted, id, 5)}
		}, "green"},
		{"Close", func(id string) []opsgenie.Event {
			return []opsgenie.Event{event(closed, id, 5, "db")}
		}, "green"},
		{"RemoveTags of the page's tag", func(id string) []opsgenie.Event {
			return []opsgenie.Event{removed(event(removeTags, id, 5, "servicename:"+id, "major"), "statuspage")}
		}, "green"},
		{"RemoveTags of the service's tag", func(id string) []opsgenie.Event {
			return []opsgenie.Event{removed(event(removeTags, id, 5, "statuspage", "major"), "servicename:"+id)}
		}, "green"},
		{"AddTags that says only which", func(id string) []opsgenie.Event {
			return []opsgenie.Event{added(event(addTags, id, 5), "critical")}
		}, "critical message of ID"},
		{"UpdateMessage without tags", func(id string) []opsgenie.Event {
			return []opsgenie.Event{said(event(opsgenie.EventUpdateMessage, id, 5), "all of it")}
		}, "major all of it"},
		{"RemoveTags, and AddTags takes it back", func(id string) []opsgenie.Event {
			return []opsgenie.Event{
				removed(event(removeTags, id, 5, "servicename:"+id, "major"), "statuspage"),
				added(event(addTags, id, 6), "statuspage", "critical"),
			}
		}, "critical message of ID"},
	}
	ids, others := besideA()[:len(tests)], besideA()[len(tests):]
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := newPage(t, s, nil)
		now := time.Now()
		want := map[string]string{}
		for n, tt := range tests {
			for _, e := range tt.early(ids[n]) {
				apply(t, p, stamped(e))
			}
			want[ids[n]] = strings.ReplaceAll(tt.want, "ID", ids[n])
		}
		time.Sleep(time.Hour)
		apply(t, p, othersEnd(others)...)
		last := ids[len(tests)-1]
		assert.Equal(t, map[string]string{last: "critical message of " + last}, look(p), "all that it takes was said")
		assert.Less(t, len(s.text(statuspage.EarlyKey("a"))), 100*len(others))

		time.Sleep(5 * 24 * time.Hour)
		p = newPage(t, s, nil) // another process
		for n := range tests {
			up := event(create, ids[n], 0, tagged(ids[n], "major")...)
			up.Alert.CreatedAt, up.Alert.UpdatedAt = now, now
			apply(t, p, up)
		}
		assert.Equal(t, want, look(p))
		requireMirrors(t, s, p)
	})
}

// TestEarlyMeanwhile: a Delete that another replica hears while this one is about
// to store the Create finds no record yet, and is not lost.
func TestEarlyMeanwhile(t *testing.T) {
	s := newStore()
	p, other := newPage(t, s, nil), newPage(t, s, nil)
	heard := false
	s.fail = func(op, key string) error {
		if op == "update" && key == "records/API.json" && !heard {
			heard = true
			apply(t, other, event(deleted, "a", 1))
		}
		return nil
	}
	apply(t, p, event(create, "a", 0, tagged("API", "major")...))
	require.True(t, heard)
	assert.Equal(t, map[string]string{"API": "green"}, look(p))
	requireMirrors(t, s, p)
}

// TestEarlyMarksAddUp: of an alert that was made a mark of more than once, the
// first closing stays, and the last word on its tags.
func TestEarlyMarksAddUp(t *testing.T) {
	others := besideA()[:80]
	for _, early := range [][]opsgenie.Event{
		{event(deleted, "a", 5), removed(event(removeTags, "a", 3, "db"), "statuspage")},
		{removed(event(removeTags, "a", 3, "db"), "statuspage"), event(deleted, "a", 5)},
		{event(deleted, "a", 9), event(closed, "a", 5, "db")},
		{event(closed, "a", 5, "db"), event(deleted, "a", 9)},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore()
			p := newPage(t, s, nil)
			now := time.Now()
			for n, e := range early {
				e = stamped(e)
				apply(t, p, e)
				apply(t, p, othersEnd(others[n*40:][:40])...)
				require.Contains(t, s.text(statuspage.EarlyKey("a")), `"marks"`)
				require.NotContains(t, s.text(statuspage.EarlyKey("a")), `"message of a"`)
			}
			rev := s.rev
			apply(t, p, othersEnd(others[:40])...)
			assert.Equal(t, rev, s.rev, "what a mark says is not kept again")
			apply(t, p, stamped(event(create, "a", 0, tagged("API", "major")...)))
			assert.Equal(t, map[string]string{"API": "green"}, look(p))
			assert.Equal(t, now.Add(5*time.Minute), p.Snapshot().Service("API").Incident("a").ResolvedAt.Local())
		})
	}
}

// TestEarlyIsForgotten: after a week, and where there is too much of it; then it is
// told.
func TestEarlyIsForgotten(t *testing.T) {
	logged := func(t *testing.T, s statuspage.Store) (*statuspage.Page, *bytes.Buffer) {
		var log bytes.Buffer
		p, err := statuspage.New(t.Context(), statuspage.Config{
			Store: s, InsecureWebhook: true, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		return p, &log
	}
	raise := func(t *testing.T, p *statuspage.Page, id string) string {
		apply(t, p, stamped(event(create, id, 0, tagged(id, "major")...)))
		return look(p)[id]
	}
	t.Run("after a week", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			others := besideA()[:60]
			s := newStore()
			p, log := logged(t, s)
			apply(t, p, stamped(event(deleted, "a", 0)))
			apply(t, p, othersEnd(others[:50])...)
			time.Sleep(9 * 24 * time.Hour)
			apply(t, p, stamped(event(deleted, others[59], 0)))
			assert.NotContains(t, s.text(statuspage.EarlyKey("a")), "marks")
			assert.Equal(t, "major message of a", raise(t, p, "a"), "nobody waits for longer")
			assert.Empty(t, log.String())
		})
	})
	t.Run("a week after the last word", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, log := logged(t, newStore())
			apply(t, p, stamped(said(event(opsgenie.EventUpdateMessage, "a", 0), "first")))
			time.Sleep(6 * 24 * time.Hour)
			apply(t, p, stamped(event(deleted, "a", 0)))
			time.Sleep(6 * 24 * time.Hour)
			apply(t, p, stamped(event(deleted, besideA()[1], 0))) // which makes room
			assert.Equal(t, "green", raise(t, p, "a"))
			assert.Empty(t, log.String())
		})
	})
	t.Run("too many", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			others := besideA()[:35]
			full := map[string]any{}
			for n := range statuspage.MaxMarks {
				full[fmt.Sprintf("%016d", n)] = map[string]int64{"closed": time.Now().UnixNano()}
			}
			doc, err := json.Marshal(map[string]any{"marks": map[string]any{time.Now().UTC().Format(time.DateOnly): full}})
			require.NoError(t, err)
			time.Sleep(24 * time.Hour)
			s := newStore()
			require.NoError(t, s.Update(t.Context(), statuspage.EarlyKey("a"), func([]byte) ([]byte, error) { return doc, nil }))
			p, log := logged(t, s)
			apply(t, p, stamped(event(deleted, "a", 0)))
			apply(t, p, othersEnd(others)...)
			assert.Contains(t, log.String(), "some of it is forgotten")
			assert.Contains(t, log.String(), "alerts=1")
			assert.Less(t, len(s.text(statuspage.EarlyKey("a"))), len(doc)+2*statuspage.MaxEarlyNews, "it does not grow")
			assert.Equal(t, "green", raise(t, p, "a"), "the oldest go first")
		})
	})
	t.Run("too much that no mark can say", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			others := besideA()[:10]
			s := newStore()
			p, log := logged(t, s)
			apply(t, p, stamped(event(deleted, "a", 0)))
			for n, id := range others {
				time.Sleep(time.Minute)
				e := stamped(event(addNote, id, float64(n)))
				e.Alert.Note = strings.Repeat("日", 4000)
				apply(t, p, e, e)
				assert.Less(t, len(s.text(statuspage.EarlyKey("a"))), 2*statuspage.MaxEarlyNews, "only one may take more")
			}
			assert.Equal(t, 9, strings.Count(log.String(), "some of it is forgotten"))
			assert.Equal(t, "green", raise(t, p, "a"), "what can be a mark is no part of it")
		})
	})
}

// TestEarlyThatNoMarkCanSay: an alert that has lost its service's tag alone may get
// it back by an event that tells nothing else.
func TestEarlyThatNoMarkCanSay(t *testing.T) {
	others := besideA()[:80]
	synctest.Test(t, func(t *testing.T) {
		p := newPage(t, newStore(), nil)
		apply(t, p, stamped(removed(event(removeTags, "a", 3, "statuspage", "major"), "servicename:API")))
		apply(t, p, othersEnd(others[:40])...)
		apply(t, p, stamped(added(event(addTags, "a", 4), "servicename:API")))
		apply(t, p, othersEnd(others[40:])...)
		apply(t, p, stamped(event(create, "a", 0, tagged("API", "critical")...)))
		assert.Equal(t, map[string]string{"API": "major message of a"}, look(p))
	})
}

// TestForeignAlertsOfAService: an alert without the page's tag leaves nothing with
// the services that it names, or else it would push out what visitors see there.
func TestForeignAlertsOfAService(t *testing.T) {
	p := newPage(t, newStore(), nil)
	apply(t, p, event(create, "a", 0, tagged("API", "major")...), event(closed, "a", 1))
	for n := range 110 {
		id := fmt.Sprint("foreign ", n)
		apply(t, p, removed(event(removeTags, id, 2, "servicename:API", "db"), "servicename:API", "P3"), event(closed, id, 3, "servicename:API", "db"))
	}
	r := p.Snapshot().Service("API")
	assert.Len(t, r.Incidents, 1)
	assert.NotNil(t, r.Incident("a"))
}

// TestEarlyDamaged: a document that cannot be read is told and left aside.
func TestEarlyDamaged(t *testing.T) {
	s := newStore()
	p := newPage(t, s, nil)
	bad := func([]byte) ([]byte, error) { return []byte("{"), nil }
	require.NoError(t, s.Update(t.Context(), statuspage.EarlyKey("a"), bad))
	apply(t, p, event(deleted, "a", 5), event(create, "a", 0, tagged("API", "major")...))
	assert.Equal(t, map[string]string{"API": "green"}, look(p))
	require.NoError(t, s.Update(t.Context(), statuspage.EarlyKey("b"), bad))
	apply(t, p, event(create, "b", 0, tagged("Web", "major")...))
	assert.Equal(t, "major message of b", look(p)["Web"])
	assert.True(t, slices.ContainsFunc(s.keys(), func(key string) bool { return strings.HasPrefix(key, "early/") }))
}
