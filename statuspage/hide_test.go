package statuspage_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

func (s *site) delete(path string, headers ...string) *httptest.ResponseRecorder {
	return do(s.api, httptest.NewRequestWithContext(s.t.Context(), http.MethodDelete, path, nil), headers...)
}

func TestHide_answers(t *testing.T) {
	s := newSite(t)
	s.tell(alert{action: "Create", id: "id/1 ü", message: "secret", tags: tags("major", "API"), updated: time.Now()})
	const path = "/api/incidents/id%2F1%20%C3%BC"
	for _, row := range []struct {
		name, path string
		headers    []string
		want       int
	}{
		{"no key", path, nil, http.StatusUnauthorized},
		{"wrong key", path, []string{"X-Api-Key", "wrong"}, http.StatusUnauthorized},
		{"no such incident", "/api/incidents/1", []string{"X-Api-Key", testKey}, http.StatusNotFound},
		{"no id", "/api/incidents/", []string{"X-Api-Key", testKey}, http.StatusNotFound},
		{"more than an id", path + "/x", []string{"X-Api-Key", testKey}, http.StatusNotFound},
		{"a key", path, []string{"X-Api-Key", testKey}, http.StatusOK},
		{"again", path, []string{"Authorization", "Bearer " + testKey}, http.StatusOK},
	} {
		w := s.delete(row.path, row.headers...)
		assert.Equal(t, row.want, w.Code, row.name)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), row.name)
		assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), "no page may do so for its visitors")
		assert.Equal(t, row.want != http.StatusOK && !strings.HasPrefix(row.name, "again"), len(s.page.Snapshot().Incidents()) == 1, row.name)
		if row.want == http.StatusUnauthorized {
			assert.Empty(t, w.Body.String())
		}
	}
	assert.Equal(t, uint64(2), s.page.Stats().Webhooks.WrongKey)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		w := do(s.api, httptest.NewRequestWithContext(t.Context(), method, path, nil), "X-Api-Key", testKey)
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "DELETE, OPTIONS", w.Header().Get("Allow"))
	}
	s.tell(alert{action: "Create", id: "2", message: "secret", tags: tags("major", "API"), updated: time.Now()})
	s.store.failing.Store(true)
	w := s.delete("/api/incidents/2", "X-Api-Key", testKey)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "5", w.Header().Get("Retry-After"))
	assert.NotContains(t, w.Body.String(), "disk")
	s.store.failing.Store(false)
	assert.Equal(t, http.StatusOK, s.delete("/api/incidents/2", "X-Api-Key", testKey).Code)
}

// everythingPublic is all that a page answers, and what it hides from none.
func everythingPublic(t testing.TB, p *statuspage.Page, services ...string) string {
	var all strings.Builder
	get := func(h http.Handler, path string) {
		w := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		if path == "/events" {
			cancel()
		}
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		cancel()
		all.WriteString(w.Body.String())
	}
	paths := slices.Clone(publicRoutes[:0])
	for _, path := range publicRoutes {
		if !strings.Contains(path, "/API") {
			paths = append(paths, path)
			continue
		}
		for _, name := range services {
			paths = append(paths, strings.Replace(path, "/API", "/"+escapeName(name), 1))
		}
	}
	api := p.API()
	for _, path := range append(paths, "/events") {
		get(api, path)
	}
	for _, path := range []string{"/", "/fragment/dashboard", "/history", "/embed"} {
		get(p.Web(), path)
	}
	for _, name := range services {
		get(p.Web(), "/services/"+escapeName(name))
	}
	for _, i := range p.Snapshot().Services {
		for n := range i.Incidents {
			get(p.Web(), "/incidents/"+escapeName(i.Incidents[n].ID))
			get(p.Web(), "/fragment/incidents/"+escapeName(i.Incidents[n].ID))
		}
	}
	return all.String()
}

// kept is what a store keeps of alerts that services are known of.
func (s *store) kept() string {
	var all strings.Builder
	for _, key := range s.keys() {
		if !strings.HasPrefix(key, "early/") {
			all.WriteString(s.text(key))
		}
	}
	return all.String()
}

// TestHide_anyHistory hides an alert at any moment of a random history, in random
// order: nothing of what it said is to be found, and the states and times of
// services are as if nobody had hidden it.
func TestHide_anyHistory(t *testing.T) {
	for range 8 {
		seed := rand.Uint64()
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(at(24 * 60)))
				rnd := rand.New(rand.NewPCG(seed, 0))
				history := newHistory(rnd)
				victim := history.alerts[rnd.IntN(len(history.alerts))].id
				events := slices.Clone(history.events)
				for n := range events {
					if events[n].Alert.Note != "" {
						events[n].Alert.Note += " of " + events[n].Alert.ID
					}
				}
				plain := newPage(t, newStore(), nil)
				apply(t, plain, events...)
				if rnd.IntN(2) == 0 {
					rnd.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
				}
				s := newStore()
				pages := []*statuspage.Page{newPage(t, s, nil), newPage(t, s, nil)}
				hidden, after := false, rnd.IntN(len(events)+1)
				for n, e := range events {
					apply(t, pages[rnd.IntN(2)], e)
					if n >= after && !hidden {
						var err error
						hidden, err = pages[rnd.IntN(2)].Hide(t.Context(), victim)
						require.NoError(t, err)
					}
				}
				for range 2 {
					for _, p := range pages {
						require.NoError(t, p.Refresh(t.Context()))
					}
				}
				known, err := pages[0].Hide(t.Context(), victim)
				require.NoError(t, err)
				require.NoError(t, pages[1].Refresh(t.Context()))
				require.NotContains(t, everythingPublic(t, pages[1], modelServices...), "of "+victim)
				for _, p := range append(pages, newPage(t, s, nil)) {
					require.Equal(t, known, s.kept() != strings.ReplaceAll(s.kept(), victim, ""), "it is known, and no more than that")
					require.NotContains(t, s.kept(), "of "+victim)
					require.Len(t, p.Snapshot().Services, len(plain.Snapshot().Services))
					for _, r := range p.Snapshot().Services {
						want := plain.Snapshot().Service(r.Name)
						require.Equal(t, want.State, r.State, r.Name)
						require.Equal(t, want.Intervals(time.Now()), r.Intervals(time.Now()), r.Name)
					}
					for _, i := range p.Snapshot().Incidents() {
						require.NotEqual(t, victim, i.ID)
					}
					requireMirrors(t, s, p)
				}
			})
		})
	}
}

// Whatever is told later, an incident that is hidden is in no list.
func TestHide_lateWebhooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		start := time.Now()
		s.tell(alert{action: "Create", id: "1", message: "secret", tags: tags("major", "API"), updated: start})
		require.Equal(t, http.StatusOK, s.delete("/api/incidents/1", "X-Api-Key", testKey).Code)
		for n, late := range []alert{
			{action: "Create", message: "secret", tags: tags("major", "API"), updated: start},
			{action: "UpdateMessage", message: "secret again", tags: tags("major", "API")},
			{action: "AddNote", message: "secret again", note: "secret note", tags: tags("major", "API")},
			{action: "AddTags", message: "secret again", tags: tags("critical", "API", "Web")},
			{action: "AddNote", message: "secret again", note: "public: secret note", tags: tags("critical", "API", "Web")},
			{action: "Close", message: "secret again", tags: tags("critical", "API", "Web")},
			{action: "Delete", message: "secret again"},
		} {
			late.id, late.created = "1", start
			if late.updated.IsZero() {
				late.updated = start.Add(time.Duration(n) * time.Second)
			}
			s.tell(late)
			for _, service := range []string{"API", "Web"} {
				if s.page.Snapshot().Service(service) == nil {
					continue
				}
				var got incidentPage
				s.getJSON("/api/services/"+service+"/incidents", &got)
				assert.Empty(t, got.Incidents, late.action)
				assert.NotContains(t, s.get("/services/"+service+"/history.rss").Body.String(), "<item>", late.action)
				assert.Contains(t, webGet(s.page, "/services/"+service).Body.String(), "No incidents.", late.action)
			}
			var got v2Answer
			s.getJSON("/api/v2/incidents.json", &got)
			assert.Empty(t, got.Incidents, late.action)
			assert.NotContains(t, s.get("/history.json").Body.String(), "/incidents/1", late.action)
			assert.NotContains(t, webGet(s.page, "/").Body.String(), "/incidents/1", late.action)
			assert.Equal(t, http.StatusNotFound, webGet(s.page, "/incidents/1").Code, late.action)
			for entry, err := range s.store.List(t.Context(), "") {
				require.NoError(t, err)
				doc, err := s.store.Get(t.Context(), entry.Key)
				require.NoError(t, err)
				assert.NotContains(t, string(doc), "secret", "%s after %s", entry.Key, late.action)
			}
		}
	})
}

// While it is open, the alert still decides, but says nothing.
func TestHide_openAlert(t *testing.T) {
	s := newStore()
	p := newPage(t, s, nil)
	apply(t, p,
		event(create, "a", 0, tagged("API", "critical")...),
		event(create, "b", 1, tagged("API", "major")...),
	)
	hide := func(id string) {
		known, err := p.Hide(t.Context(), id)
		require.NoError(t, err)
		require.True(t, known)
	}
	hide("a")
	assert.Equal(t, map[string]string{"API": "critical"}, look(p))
	assert.JSONEq(t, `{"state":"critical","message":""}`, s.text("services/API.json"))
	apply(t, p, event(create, "c", 2, tagged("API", "critical")...))
	assert.Equal(t, map[string]string{"API": "critical message of c"}, look(p), "one that may speak does")
	apply(t, p, event(closed, "c", 3), said(event(opsgenie.EventUpdateMessage, "a", 4, tagged("API", "critical")...), "secret"))
	assert.Equal(t, map[string]string{"API": "critical"}, look(p))
	apply(t, p, event(closed, "a", 5))
	assert.Equal(t, map[string]string{"API": "major message of b"}, look(p))
	requireMirrors(t, s, p)
}

// A state that is only raised as yet keeps the message of an alert that is closed.
func TestHide_messageThatOutlivesItsAlert(t *testing.T) {
	s := newStore()
	p := newPage(t, s, &apiAlerts{err: errors.New("down")})
	apply(t, p, event(create, "a", 0, tagged("API", "critical")...), event(closed, "a", 1))
	require.Equal(t, map[string]string{"API": "critical message of a"}, look(p))
	_, err := p.Hide(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"API": "critical"}, look(p))
	assert.NotContains(t, s.kept(), "message of a")
	requireMirrors(t, s, p)
}

// What the Alert API says of a hidden alert is as little public.
func TestHide_andReconcile(t *testing.T) {
	s := newStore()
	api := &apiAlerts{open: []opsgenie.Alert{{
		ID: "a", Message: "message of a, as listed", Tags: tagged("API", "major", "servicename:Web"), Status: opsgenie.StatusOpen, CreatedAt: t0, UpdatedAt: at(9),
	}}}
	p := newPage(t, s, api)
	apply(t, p, event(create, "a", 0, tagged("API", "major")...))
	_, err := p.Hide(t.Context(), "a")
	require.NoError(t, err)
	require.NoError(t, p.Reconcile(t.Context()))
	assert.Equal(t, map[string]string{"API": "major", "Web": "major"}, look(p))
	assert.NotContains(t, s.kept()+everythingPublic(t, p, "API", "Web"), "message of a")
}

// An alert that only another process knows is hidden too; one bad document is no
// reason to leave it where it is.
func TestHide_whatOthersKnow(t *testing.T) {
	s := newStore()
	p := newPage(t, s, nil)
	apply(t, newPage(t, s, nil), event(create, "a", 0, tagged("API", "major", "servicename:Web")...))
	require.NoError(t, s.Update(t.Context(), "records/Mail.json", func([]byte) ([]byte, error) { return []byte("{"), nil }))
	known, err := p.Hide(t.Context(), "a")
	require.NoError(t, err)
	assert.True(t, known)
	assert.Empty(t, p.Snapshot().Incidents())
	assert.NotContains(t, s.kept(), "message of a")
}

// What was said before it was known which service the alert concerns is forgotten
// too, also where a process says it that does not know yet.
func TestHide_whatWasHeardEarly(t *testing.T) {
	s := newStore()
	p, other := newPage(t, s, nil), newPage(t, s, nil)
	apply(t, p,
		noted(event(addNote, "a", 0, "statuspage"), "note of a"), event(addTags, "a", 1, tagged("API", "major")...),
		event(create, "b", 0, tagged("API", "major")...),
	)
	a, b := statuspage.EarlyKey("a"), statuspage.EarlyKey("b")
	require.Contains(t, s.text(a), "note of a")
	require.Empty(t, s.text(b))
	for _, id := range []string{"a", "b"} {
		_, err := p.Hide(t.Context(), id)
		require.NoError(t, err)
	}
	assert.NotContains(t, s.text(a), "of a")
	assert.Contains(t, s.text(a), `"points"`, "what its tags said stays")
	bare := noted(event(addNote, "b", 2), "note of b")
	bare.Alert.Tags = nil
	apply(t, other, bare)
	assert.NotContains(t, s.text(b), "of b")
}

// A process that has not heard of it yet brings nothing back.
func TestHide_besideOneThatDoesNotKnow(t *testing.T) {
	s := newStore()
	p, other := newPage(t, s, nil), newPage(t, s, nil)
	apply(t, p, event(create, "a", 0, tagged("API", "major", "servicename:Web")...))
	require.NoError(t, other.Refresh(t.Context()))
	_, err := p.Hide(t.Context(), "a")
	require.NoError(t, err)
	note := event(addNote, "a", 1, tagged("API", "major", "servicename:Web")...)
	note.Alert.Note = "note of a"
	apply(t, other, said(note, "another message of a"))
	for _, p := range []*statuspage.Page{p, other, newPage(t, s, nil)} {
		require.NoError(t, p.Refresh(t.Context()))
		assert.Empty(t, p.Snapshot().Incidents())
		assert.NotContains(t, s.kept()+everythingPublic(t, p, "API", "Web"), "of a")
	}
}

// Who looks at the page while an incident is hidden is told to look again.
func TestHide_isTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(c *statuspage.Config) { c.Logger = slog.New(slog.DiscardHandler) })
		s.tell(outage("1"))
		s.tell(alert{action: "Close", id: "1", message: "API errors", tags: tags("critical", "API"), updated: time.Now().Add(time.Second)})
		time.Sleep(time.Minute)
		before := s.get("/history.atom").Header().Get("Etag")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		time.AfterFunc(time.Second, func() { s.delete("/api/incidents/1", "X-Api-Key", testKey) })
		w := do(s.api, httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil))
		assert.Contains(t, w.Body.String(), "event: incident\ndata: {\"service\":\"API\"}")
		assert.Equal(t, http.StatusOK, s.get("/history.atom", "If-None-Match", before).Code)
		assert.Equal(t, http.StatusNotFound, webGet(s.page, "/incidents/1").Code)
		assert.Contains(t, webGet(s.page, "/history").Body.String(), "No incidents are on record.")
	})
}
