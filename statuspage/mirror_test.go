package statuspage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// TestMirror holds services/NAME.json to what the Status Page Reference puts
// there.
func TestMirror(t *testing.T) {
	s := newStore()
	p := newPage(t, s, nil)
	for _, step := range []struct {
		event opsgenie.Event
		want  string
	}{
		{event(create, "a", 0, tagged("Web shop", "Critical")...), `{"state":"critical","message":"message of a"}`},
		{event(closed, "a", 1), `{"state":"green","message":""}`},
	} {
		apply(t, p, step.event)
		require.Equal(t, step.want, s.text("services/Web shop.json"))
	}
}

// noMirrors makes the store fail where a record is stored and its mirror is not
// yet, as for a process that ends there.
func noMirrors(op, key string) error {
	if op == "update" && strings.HasPrefix(key, "services/") {
		return errStore
	}
	return nil
}

// TestMirrorIsMended: a record without its mirror does not stay so, though no
// webhook comes any more.
func TestMirrorIsMended(t *testing.T) {
	for name, mend := range map[string]func(t *testing.T, s *store, writer, other *statuspage.Page){
		"by the one that failed": func(t *testing.T, _ *store, writer, _ *statuspage.Page) {
			require.NoError(t, writer.Refresh(t.Context()))
		},
		"by another": func(t *testing.T, s *store, _, other *statuspage.Page) {
			require.NoError(t, other.Refresh(t.Context()))
			require.Contains(t, s.text("services/API.json"), "major", "its writer may be about to")
			require.NoError(t, other.Refresh(t.Context()))
		},
		"by the next": func(t *testing.T, s *store, _, _ *statuspage.Page) {
			require.NoError(t, newPage(t, s, nil).Refresh(t.Context()))
		},
		"by the next, which stores several at once": func(t *testing.T, s *store, _, _ *statuspage.Page) {
			require.NoError(t, newPage(t, batch{s}, nil).Refresh(t.Context()))
		},
		"years later": func(t *testing.T, s *store, _, _ *statuspage.Page) {
			time.Sleep(3 * 366 * 24 * time.Hour)
			running(t, newPage(t, s, nil), synctest.Wait)
		},
		"once the store is well again": func(t *testing.T, s *store, writer, _ *statuspage.Page) {
			s.fail = noMirrors
			require.ErrorIs(t, writer.Refresh(t.Context()), errStore)
			s.fail = nil
			require.NoError(t, writer.Refresh(t.Context()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				writer := newPage(t, s, nil)
				apply(t, writer, event(create, "a", 0, tagged("API", "major")...))
				other := newPage(t, s, nil)
				require.NoError(t, other.Refresh(t.Context()))

				s.fail = noMirrors
				require.ErrorIs(t, writer.Apply(t.Context(), event(closed, "a", 1)), errStore)
				s.fail = nil
				require.Contains(t, s.text("services/API.json"), "major")
				mend(t, s, writer, other)
				assert.JSONEq(t, `{"state":"green","message":""}`, s.text("services/API.json"))
			})
		})
	}
}

// TestMirrorOfTheNewest: who comes to the mirror last must have seen the newest
// record, and not only his own.
func TestMirrorOfTheNewest(t *testing.T) {
	s := newStore()
	p, other := newPage(t, s, nil), newPage(t, s, nil)
	between := false
	s.fail = func(op, key string) error {
		if op == "update" && key == "services/API.json" && !between {
			between = true
			require.NoError(t, other.Refresh(t.Context()))
			apply(t, other, event(closed, "a", 1))
		}
		return nil
	}
	apply(t, p, event(create, "a", 0, tagged("API", "major")...))
	require.True(t, between)
	assert.JSONEq(t, `{"state":"green","message":""}`, s.text("services/API.json"))
	require.NoError(t, p.Refresh(t.Context()))
	requireMirrors(t, s, p)
}

// TestMirrorsAreMendedAfterAll: of many services those come first that changed
// last, so that looking at all of them keeps nobody waiting.
func TestMirrorsAreMendedAfterAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const services = 450
		s := newStore()
		p := newPage(t, s, nil)
		for n := range services {
			time.Sleep(time.Second)
			apply(t, p, event(create, fmt.Sprint(n), 0, tagged(fmt.Sprintf("s%03d", n), "major")...))
		}
		for n := range services {
			s.docs[fmt.Sprintf("services/s%03d.json", n)] = doc{data: []byte("somebody was here")}
		}
		p = newPage(t, s, nil)
		for _, left := range []int{250, 50, 0} {
			require.NoError(t, p.Refresh(t.Context()))
			for n := range services {
				got := s.text(fmt.Sprintf("services/s%03d.json", n))
				require.Equal(t, n < left, got == "somebody was here", "%d, %d left", n, left)
			}
		}
		requireMirrors(t, s, p)
	})
}

// TestWhatAWebhookStoresAtOnce: a store that can do so gets all documents of all
// services of an event in one call, the records first.
func TestWhatAWebhookStoresAtOnce(t *testing.T) {
	s := newStore()
	calls := &counted{batch: batch{s}}
	p := newPage(t, calls, nil)
	apply(t, p, event(create, "a", 0, tagged("API", "major", "servicename:Web", "servicename:a/b")...))
	require.Len(t, calls.keys, 1)
	assert.Equal(t, []string{
		"records/API.json", "services/API.json", "records/Web.json", "services/Web.json", "records/a%2Fb.json", "services/a%2Fb.json",
	}, calls.keys[0], "where the process ends on the way, a mirror is behind its record and not before it")
	requireMirrors(t, s, p)

	// A damaged record keeps none of the others from being stored.
	require.NoError(t, s.Update(t.Context(), "records/Web.json", func([]byte) ([]byte, error) { return []byte("{"), nil }))
	assert.ErrorContains(t, p.Apply(t.Context(), event(closed, "a", 1)), `service "Web": the document is damaged`)
	assert.Equal(t, "green", look(p)["API"])
	assert.JSONEq(t, `{"state":"green","message":""}`, s.text("services/a%2Fb.json"))
	assert.Contains(t, s.text("services/Web.json"), "major")
}

// counted keeps the keys of each call that stores something.
type counted struct {
	batch
	keys [][]string
}

func (c *counted) Update(_ context.Context, key string, _ func([]byte) ([]byte, error)) error {
	return fmt.Errorf("%s is stored alone", key)
}

func (c *counted) UpdateAll(ctx context.Context, keys []string, change func([][]byte) ([][]byte, error)) error {
	c.keys = append(c.keys, keys)
	return c.batch.UpdateAll(ctx, keys, change)
}

// TestManyServicesAtOnce: of an event that names more services than any alert
// has, not all are in memory together.
func TestManyServicesAtOnce(t *testing.T) {
	s := newStore()
	calls := &counted{batch: batch{s}}
	p := newPage(t, calls, nil)
	tags := []string{"statuspage", "major"}
	for n := range 50 {
		tags = append(tags, fmt.Sprint("servicename:", n))
	}
	apply(t, p, event(create, "a", 0, tags...))
	require.Len(t, calls.keys, 3)
	assert.Len(t, calls.keys[2], 20)
	assert.Len(t, p.Snapshot().Services, 50)
	requireMirrors(t, s, p)
}
