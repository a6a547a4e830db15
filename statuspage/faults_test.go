package statuspage_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// TestStoreFaults lets each call of the store fail in turn, before it is carried
// out and after, as a process does that ends there. Either Apply says so, and
// doing it again heals it, or nothing is wrong.
func TestStoreFaults(t *testing.T) {
	history := []opsgenie.Event{
		event(deleted, "c", 9),
		event(create, "a", 0, tagged("API", "major", "servicename:Web")...),
		event(create, "b", 1, tagged("API", "critical")...),
		event(create, "c", 1, tagged("API", "critical")...),
		event(addTags, "a", 2, tagged("API", "critical", "servicename:Web", "servicename:New")...),
		event(closed, "b", 3, tagged("API", "critical")...),
		removed(event(removeTags, "a", 4, tagged("New", "major")...), "servicename:API", "servicename:Web", "critical"),
	}
	want := map[string]string{"API": "green", "Web": "green", "New": "major message of a"}
	// Opsgenie repeats what was not taken; or it does not, and somebody else
	// repeats the last.
	for kind := range kinds(nil) {
		for _, when := range []string{"before", "after"} {
			for n := int64(1); ; n++ {
				s := newStore()
				var calls atomic.Int64
				fault := func(string, string) error {
					if calls.Add(1) == n {
						return errStore
					}
					return nil
				}
				p := newPage(t, kinds(s)[kind], nil)
				if when == "before" {
					s.fail = fault
				} else {
					s.after = fault
				}
				failed := 0
				for _, e := range history {
					if err := p.Apply(t.Context(), e); err != nil {
						failed++
						require.ErrorIs(t, err, errStore)
						require.NoError(t, p.Apply(t.Context(), e), "the second time")
					}
				}
				which := fmt.Sprintf("%s, %s call %d", kind, when, n)
				require.Equal(t, want, look(p), which)
				requireMirrors(t, s, p)
				met := calls.Load() >= n
				s.fail, s.after = nil, nil
				other := newPage(t, s, nil)
				require.Equal(t, want, look(other), "%s, in another process", which)
				if !met {
					require.Greater(t, n, int64(20))
					break
				}
				assert.Equal(t, 1, failed, "%s was not told", which)
			}
		}
	}
}

// TestCrash ends a process between a record and what hangs on it, and starts
// another that gets no webhook any more.
func TestCrash(t *testing.T) {
	s := newStore()
	p := newPage(t, s, nil)
	apply(t, p, event(create, "a", 0, tagged("API", "major")...))
	s.fail = func(op, key string) error {
		if op == "update" && (strings.HasPrefix(key, "services/") || strings.Contains(key, "Web")) {
			return errStore
		}
		return nil
	}
	require.ErrorIs(t, p.Apply(t.Context(), event(addTags, "a", 1, tagged("API", "critical", "servicename:Web")...)), errStore)
	assert.Equal(t, map[string]string{"API": "critical message of a"}, look(p), "what is stored is shown")
	s.fail = nil

	p = newPage(t, s, nil)
	s.fail = func(op, key string) error {
		if op == "update" && strings.HasPrefix(key, "records/") {
			return errStore
		}
		return nil
	}
	require.ErrorIs(t, p.Refresh(t.Context()), errStore)
	s.fail = nil
	require.NoError(t, p.Refresh(t.Context()), "it tries again")
	want := map[string]string{"API": "critical message of a", "Web": "critical message of a"}
	assert.Equal(t, want, look(p), "the service that was not come to")
	running(t, p, func() {
		require.Eventually(t, func() bool { return strings.Contains(s.text("services/API.json"), "critical") }, waitLong, waitShort)
	})
	requireMirrors(t, s, p)
}

// TestDuplicate: what says nothing new is neither stored nor shown anew.
func TestDuplicate(t *testing.T) {
	s := newStore()
	p := newPage(t, s, nil)
	e := event(create, "a", 0, tagged("API", "critical", "servicename:Web")...)
	apply(t, p, e)
	before, changed := p.Changes()
	rev := s.rev
	apply(t, p, e, e)
	require.NoError(t, p.Refresh(t.Context()))
	after, _ := p.Changes()
	assert.Equal(t, before.Rev, after.Rev)
	assert.Equal(t, rev, s.rev)
	select {
	case <-changed:
		t.Error("told of a change")
	default:
	}
	apply(t, p, event(closed, "a", 1))
	<-changed
}

// TestServicesOfAnAlertAgree: what another replica has said of an alert meanwhile
// reaches the service that is new to it at once.
func TestServicesOfAnAlertAgree(t *testing.T) {
	for kind := range kinds(nil) {
		s := newStore()
		p, other := newPage(t, kinds(s)[kind], nil), newPage(t, s, nil)
		apply(t, p, event(create, "a", 0, tagged("API", "major")...))
		require.NoError(t, other.Refresh(t.Context()))
		apply(t, other, said(event(opsgenie.EventUpdateMessage, "a", 2, tagged("API", "major")...), "half of it"))
		apply(t, p, event(addTags, "a", 1, tagged("API", "major", "servicename:Web")...))
		assert.Equal(t, map[string]string{"API": "major half of it", "Web": "green"}, look(p), kind)
		require.NotNil(t, p.Snapshot().Service("Web").Incident("a"))
		assert.Equal(t, "half of it", p.Snapshot().Service("Web").Incident("a").Message, kind)
		requireMirrors(t, s, p)
	}
}

// TestOldReadLosesToNew: a record that is read while it changes must not put the
// page back to what it was.
func TestOldReadLosesToNew(t *testing.T) {
	s := newStore()
	p, other := newPage(t, s, nil), newPage(t, s, nil)
	apply(t, other, event(create, "a", 0, tagged("API", "green")...))
	first := true
	s.after = func(op, key string) error {
		if op == "get" && strings.HasPrefix(key, "records/") && first {
			first = false
			apply(t, p, event(create, "b", 0, tagged("API", "critical")...))
		}
		return nil
	}
	require.NoError(t, p.Refresh(t.Context()))
	assert.False(t, first)
	assert.Equal(t, map[string]string{"API": "critical message of b"}, look(p))
}

// TestDamagedRecord: one bad document must not take the page down.
func TestDamagedRecord(t *testing.T) {
	s := newStore()
	apply(t, newPage(t, s, nil), event(create, "a", 0, tagged("API", "critical", "servicename:Web")...))
	require.NoError(t, s.Update(t.Context(), "records/API.json", func([]byte) ([]byte, error) { return []byte("{"), nil }))
	p := newPage(t, s, nil)
	assert.Equal(t, map[string]string{"Web": "critical message of a"}, look(p))
	require.Error(t, p.Refresh(t.Context()), "it is told")
	require.Error(t, p.Apply(t.Context(), event(create, "b", 0, tagged("API", "critical")...)))
	apply(t, p, event(create, "b", 0, tagged("Web", "critical")...))
	apply(t, p, event(deleted, "foreign", 1)) // and again, which would be of no use

	// Others, who know what this one does not know yet.
	apply(t, newPage(t, s, nil), event(create, "c", 0, tagged("Shop", "major")...))
	apply(t, p, event(deleted, "c", 1))
	assert.Equal(t, map[string]string{"Web": "critical message of a", "Shop": "green"}, look(p))

	s.fail = func(op, _ string) error {
		if op == "list" {
			return errStore
		}
		return nil
	}
	_, err := statuspage.New(t.Context(), statuspage.Config{Store: s, InsecureWebhook: true})
	require.ErrorIs(t, err, errStore)
}
