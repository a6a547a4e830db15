package statuspage_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
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

// The public routes, for a page that has the service "API".
var publicRoutes = []string{
	"/api/services", "/api/services/API", "/api/services/API/incidents",
	"/api/v2/summary.json", "/api/v2/status.json", "/api/v2/components.json", "/api/v2/incidents.json",
	"/api/v2/incidents/unresolved.json", "/api/v2/scheduled-maintenances.json",
	"/api/v2/scheduled-maintenances/upcoming.json", "/api/v2/scheduled-maintenances/active.json",
	"/history.atom", "/history.rss", "/history.json",
	"/services/API/history.atom", "/services/API/history.rss", "/services/API/history.json",
	"/badge.svg", "/badge.json", "/services/API/badge.svg", "/services/API/badge.json",
}

func TestAPI_notFound(t *testing.T) {
	s := newSite(t)
	s.tell(outage("1"))
	for _, path := range []string{
		"/", "/api", "/api/services/", "/api/services/api", "/api/services/Nobody", "/api/services/API/", "/api/services/API/x",
		"/api/services/Nobody/incidents", "/api/v2", "/api/v2/summary", "/api/v2/subscribers.json", "/services/API", "/services//badge.svg",
		"/services/Nobody/badge.svg", "/services/Nobody/badge.json", "/services/Nobody/history.atom", "/services/Nobody/history.rss",
		"/services/Nobody/history.json", "/services/API/events", "/badge.png", "/webhook", "/status/api/services",
		"/api/services/..%2FAPI", "/api/services/%2e%2e", "/api/services/API%00", "/api/services/%ff", "/history.atom/",
	} {
		w := s.get(path)
		assert.Equal(t, http.StatusNotFound, w.Code, path)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), path)
		var body struct{ Error string }
		assert.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), path)
		assert.NotEmpty(t, body.Error, path)
		assert.NotContains(t, w.Body.String(), "Nobody", "nothing of the question is in the answer")
	}
}

func TestAPI_methods(t *testing.T) {
	s := newSite(t)
	s.tell(outage("1"))
	for _, path := range slices.Concat(publicRoutes, []string{"/api/metrics.json"}) {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, "BREW"} {
			w := do(s.api, httptest.NewRequestWithContext(t.Context(), method, path, nil))
			assert.Equal(t, http.StatusMethodNotAllowed, w.Code, "%s %s", method, path)
			assert.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"), path)
		}
		preflight := do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil),
			"Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET")
		assert.Equal(t, http.StatusNoContent, preflight.Code, path)
		assert.Equal(t, "*", preflight.Header().Get("Access-Control-Allow-Origin"), path)
		assert.Equal(t, "GET, HEAD", preflight.Header().Get("Access-Control-Allow-Methods"), path)
		assert.Empty(t, preflight.Header().Get("Access-Control-Allow-Credentials"), path)

		get := s.get(path)
		head := do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodHead, path, nil))
		assert.Equal(t, http.StatusOK, head.Code, path)
		assert.Empty(t, head.Body.String(), path)
		assert.Equal(t, get.Header(), head.Header(), path)
	}
	w := s.get("/api/services/API/refresh")
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, "POST, OPTIONS", w.Header().Get("Allow"))
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	w = do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/api/services/API/refresh", nil))
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), "no page may post for its visitors")
}

func TestAPI_headers(t *testing.T) {
	s := newSite(t)
	s.tell(outage("1"))
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"Content-Security-Policy":   "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Strict-Transport-Security": "max-age=31536000",
	}
	for _, path := range append([]string{"/healthz", "/readyz", "/nothing", "/api/services/Nobody", "/api/services/API/refresh"}, publicRoutes...) {
		for name, value := range want {
			assert.Equal(t, value, s.get(path).Header().Get(name), "%s of %s", name, path)
		}
		assert.Empty(t, s.get(path).Header().Get("Set-Cookie"))
	}
	for _, path := range publicRoutes {
		w := s.get(path, "Origin", "https://elsewhere.example", "X-Forwarded-Host", "evil.example", "Cookie", "a=b")
		assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), path)
		assert.Equal(t, "public, max-age=15, stale-if-error=600", w.Header().Get("Cache-Control"), path)
		assert.NotContains(t, w.Body.String(), "evil.example", path)
	}
	plain := newSite(t, func(c *statuspage.Config) { c.Site.URL = "" })
	assert.Empty(t, plain.get("/api/services", "X-Forwarded-Proto", "https").Header().Get("Strict-Transport-Security"))
}

func TestAPI_etag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.tell(outage("1"))
		twin := newSite(t)
		twin.tell(outage("1"))
		for _, path := range publicRoutes {
			first := s.get(path)
			tag := first.Header().Get("ETag")
			require.Regexp(t, `^"[\w-]{20}"$`, tag, path)
			assert.Equal(t, tag, twin.get(path).Header().Get("ETag"), "another process says the same: %s", path)
			for _, inm := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
				w := s.get(path, "If-None-Match", inm)
				assert.Equal(t, http.StatusNotModified, w.Code, "%s If-None-Match: %s", path, inm)
				assert.Empty(t, w.Body.String())
				assert.Equal(t, tag, w.Header().Get("ETag"))
				assert.Equal(t, "public, max-age=15, stale-if-error=600", w.Header().Get("Cache-Control"))
				assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), "a browser checks it on a 304 too")
			}
			assert.Equal(t, http.StatusOK, s.get(path, "If-None-Match", `"other"`).Code, path)
		}
		time.Sleep(time.Hour)
		before := map[string]string{}
		for _, path := range publicRoutes {
			before[path] = s.get(path).Header().Get("ETag")
			assert.Equal(t, http.StatusNotModified, s.get(path, "If-None-Match", before[path]).Code, "time alone changes nothing: %s", path)
		}
		s.tell(alert{action: "Close", id: "1", message: "API errors", tags: tags("critical", "API"), updated: time.Now()})
		for _, path := range publicRoutes {
			if !strings.Contains(path, "maintenance") {
				assert.Equal(t, http.StatusOK, s.get(path, "If-None-Match", before[path]).Code, path)
			}
		}
	})
}

func TestAPI_services(t *testing.T) {
	s := newSite(t)
	exactly(t, "{}", s.get("/api/services").Body.String())
	s.tell(alert{action: "Create", id: "1", message: "API outage.", tags: tags("critical", "API"), updated: time.Now()})
	s.tell(alert{action: "Create", id: "2", message: "slow", tags: tags("major", "Web <shop>"), updated: time.Now()})
	s.tell(alert{action: "Create", id: "3", message: "fyi", tags: tags("green", "Mail"), updated: time.Now()})
	exactly(t, `{"API":{"state":"critical","message":"API outage."},"Mail":{"state":"green","message":""},"Web \u003cshop\u003e":{"state":"major","message":"slow"}}`, s.get("/api/services").Body.String())
	assert.Equal(t, "application/json; charset=utf-8", s.get("/api/services").Header().Get("Content-Type"))
	exactly(t, `{"state":"critical","message":"API outage."}`, s.get("/api/services/API").Body.String())
}

func TestAPI_names(t *testing.T) {
	for _, name := range []string{
		"a/b", "/", "a//b", "../../etc/passwd", "..", "Zahlungen & Co.", "支払い", "100%", "%2F", "a?b#c", "incidents", "a b", "+", "\"<script>",
		"refresh", "x/badge.svg", "services/x",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.tell(alert{action: "Create", id: "1", message: "down", tags: tags("major", name), updated: time.Now()})
			s.tell(alert{action: "Create", id: "2", message: "x", tags: tags("critical", "other"), updated: time.Now()})
			escaped := escapeName(name)
			exactly(t, `{"state":"major","message":"down"}`, s.get("/api/services/"+escaped).Body.String())
			var got struct{ Incidents []struct{ ID string } }
			s.getJSON("/api/services/"+escaped+"/incidents", &got)
			assert.Len(t, got.Incidents, 1)
			for _, what := range []string{"badge.svg", "badge.json", "history.atom", "history.rss", "history.json"} {
				assert.Equal(t, http.StatusOK, s.get("/services/"+escaped+"/"+what).Code, what)
			}
			w := s.post(s.api, "/api/services/"+escaped+"/refresh", "", "X-Api-Key", testKey)
			assert.Equal(t, http.StatusOK, w.Code)
		})
	}
}

func TestAPI_basePath(t *testing.T) {
	s := newSite(t, func(c *statuspage.Config) { c.Site.BasePath, c.Site.URL = "/ops/status", "" })
	s.tell(outage("1"))
	for _, path := range append([]string{"/healthz", "/readyz"}, publicRoutes...) {
		assert.Equal(t, http.StatusNotFound, s.get(path).Code, path)
		assert.Equal(t, http.StatusNotFound, s.get("/ops/statusx"+path).Code, path)
		assert.Equal(t, http.StatusOK, s.get("/ops/status"+path).Code, path)
	}
	assert.Contains(t, s.get("/ops/status/history.atom").Body.String(), `href="http://example.com/ops/status/incidents/1"`)
	assert.Contains(t, s.get("/ops/status/api/v2/status.json").Body.String(), `"url":"http://example.com/ops/status"`)
}

func TestAPI_hostsDoNotMix(t *testing.T) {
	s := newSite(t, func(c *statuspage.Config) { c.Site.URL = "" })
	s.tell(outage("1"))
	for _, host := range []string{"a.example", "b.example", "a.example"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v2/status.json", nil)
		r.Host = host
		assert.Contains(t, do(s.api, r).Body.String(), `"url":"http://`+host+`"`)
	}
}

type incidentPage struct {
	Incidents []struct {
		ID, Message, Severity, Status string
		Services                      []string
		CreatedAt, UpdatedAt          time.Time
		ResolvedAt                    *time.Time
		Updates                       []struct {
			At   time.Time
			Text string
		}
	}
	Next *string
}

func TestAPI_incidentsWrongQuestions(t *testing.T) {
	s := newSite(t)
	s.tell(outage("1"))
	for _, query := range []string{"limit=0", "limit=-1", "limit=x", "limit=1.5", "before=x", "before=%00", "before=MTIz", "limit=99999999999999999999"} {
		assert.Equal(t, http.StatusBadRequest, s.get("/api/services/API/incidents?"+query).Code, query)
	}
	var got incidentPage
	s.getJSON("/api/services/API/incidents?limit=1000000&x=y", &got)
	assert.Len(t, got.Incidents, 1)
}

func TestAPI_incidents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		start := time.Now()
		s.tell(outage("1"))
		s.tell(alert{action: "AddNote", id: "1", message: "API errors", tags: tags("critical", "API"), note: "we look", updated: start.Add(time.Minute)})
		s.tell(alert{action: "AddNote", id: "1", message: "API errors", tags: tags("critical", "API"), note: "we found it", updated: start.Add(2 * time.Minute)})
		time.Sleep(time.Hour)
		s.tell(alert{action: "Close", id: "1", message: "API errors", tags: tags("critical", "API"), created: start, updated: time.Now()})
		s.tell(alert{action: "Create", id: "2", message: "slow\u202e", tags: tags("major", "API", "Web"), updated: time.Now()})

		var got incidentPage
		s.getJSON("/api/services/API/incidents", &got)
		require.Len(t, got.Incidents, 2)
		assert.Nil(t, got.Next)
		open, closed := got.Incidents[0], got.Incidents[1]
		assert.Equal(t, "2", open.ID, "newest first")
		assert.Equal(t, "slow", open.Message, "marks that turn text round are dropped")
		assert.Equal(t, "open", open.Status)
		assert.Equal(t, "major", open.Severity)
		assert.Equal(t, []string{"API", "Web"}, open.Services)
		assert.Nil(t, open.ResolvedAt)
		assert.NotNil(t, open.Updates, "an empty list, not null")
		assert.Equal(t, "resolved", closed.Status)
		assert.WithinDuration(t, start.Add(time.Hour), *closed.ResolvedAt, 0)
		require.Len(t, closed.Updates, 2)
		assert.Equal(t, "we found it", closed.Updates[0].Text)
		assert.WithinDuration(t, start.Add(2*time.Minute), closed.Updates[0].At, 0)
	})
}

// An alert that was taken off the page, or off a service, is not open there: the
// page would be green beside it.
func TestAPI_incidentLosesItsTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		start := time.Now()
		s.tell(alert{action: "Create", id: "1", message: "x", tags: tags("major", "API", "Web"), updated: start})
		s.tell(alert{action: "RemoveTags", id: "1", message: "x", tags: tags("major", "Web"), created: start, updated: start.Add(time.Minute)})
		time.Sleep(time.Hour)
		s.tell(alert{action: "AddNote", id: "1", message: "x", tags: tags("major", "Web"), created: start, updated: time.Now()})
		var got incidentPage
		s.getJSON("/api/services/API/incidents", &got)
		require.Len(t, got.Incidents, 1)
		assert.Equal(t, "resolved", got.Incidents[0].Status)
		assert.WithinDuration(t, start.Add(time.Minute), *got.Incidents[0].ResolvedAt, 0)
		s.getJSON("/api/services/Web/incidents", &got)
		assert.Equal(t, "open", got.Incidents[0].Status)
		s.tell(alert{action: "RemoveTags", id: "1", message: "x", tags: []string{"servicename:Web", "major"}, created: start, updated: start.Add(61 * time.Minute)})
		s.getJSON("/api/services/Web/incidents", &got)
		assert.Equal(t, "resolved", got.Incidents[0].Status)
		var v2 v2Answer
		s.getJSON("/api/v2/summary.json", &v2)
		assert.Empty(t, v2.Incidents)
		assert.Equal(t, "none", v2.Status.Indicator)
	})
}

func TestAPI_incidentsByPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		const total = 57
		for n := range total { // several at the same time: the id decides
			s.tell(alert{action: "Create", id: named("i", n), message: "x", tags: tags("major", "API"), updated: time.Now().Add(time.Duration(n/4) * time.Second)})
		}
		for _, limit := range []string{"", "1", "7", "56", "57", "100"} {
			var ids []string
			next := ""
			for {
				var got incidentPage
				s.getJSON("/api/services/API/incidents?limit="+limit+"&before="+next, &got)
				for _, i := range got.Incidents {
					ids = append(ids, i.ID)
				}
				want := 20
				if limit != "" {
					want, _ = strconv.Atoi(limit)
				}
				assert.Len(t, got.Incidents, min(want, total-len(ids)+len(got.Incidents)), "limit %s", limit)
				if got.Next == nil {
					break
				}
				require.NotEmpty(t, got.Incidents)
				next = *got.Next
			}
			require.Len(t, ids, total, "limit %s", limit)
			for n, id := range ids {
				assert.Equal(t, named("i", total-1-n), id)
			}
		}
	})
}

func TestNotes(t *testing.T) {
	tests := map[statuspage.Notes][]string{
		statuspage.NoNotes:     {},
		statuspage.PublicNotes: {"third", "second"},
		statuspage.AllNotes:    {"publicity: no", "third", "second", "first secret"},
	}
	for mode, want := range tests {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, func(c *statuspage.Config) { c.Notes = mode })
				s.tell(outage("1"))
				for n, note := range []string{"first secret", "public: second", " PUBLIC:third", "publicity: no", "public:  "} {
					s.tell(alert{action: "AddNote", id: "1", message: "API errors", tags: tags("critical", "API"), note: note, updated: time.Now().Add(time.Duration(n+1) * time.Second)})
				}
				var got incidentPage
				s.getJSON("/api/services/API/incidents", &got)
				texts := []string{}
				for _, u := range got.Incidents[0].Updates {
					texts = append(texts, u.Text)
				}
				assert.Equal(t, want, texts)
				for _, path := range publicRoutes {
					body := s.get(path).Body.String()
					if mode != statuspage.AllNotes {
						assert.NotContains(t, body, "secret", path)
						assert.NotContains(t, body, "publicity", path)
					}
					assert.NotContains(t, strings.ToLower(body), "public:", path)
				}
			})
		})
	}
}

// apiAlerts is an Alert API with what it holds.
type apiAlerts struct {
	open []opsgenie.Alert
	err  error
}

func (a *apiAlerts) Open(context.Context, string) iter.Seq2[opsgenie.Alert, error] {
	return func(yield func(opsgenie.Alert, error) bool) {
		for _, one := range a.open {
			if !yield(one, nil) {
				return
			}
		}
		if a.err != nil {
			yield(opsgenie.Alert{}, a.err)
		}
	}
}

func (a *apiAlerts) Get(_ context.Context, id string) (opsgenie.Alert, error) {
	return opsgenie.Alert{}, &opsgenie.Error{Status: http.StatusNotFound}
}

func TestAPI_refresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alerts := &apiAlerts{err: errors.New("GET https://api.example: the token is abc")}
		s := newSite(t, func(c *statuspage.Config) { c.Alerts = alerts })
		s.tell(outage("1"))
		post := func(path, key string) *httptest.ResponseRecorder { return s.post(s.api, path, "", "X-Api-Key", key) }

		w := post("/api/services/API/refresh", "wrong")
		assert.Equal(t, http.StatusUnauthorized, w.Code)
		assert.Empty(t, w.Body.String())
		w = post("/api/services/API/refresh", testKey)
		assert.Equal(t, http.StatusBadGateway, w.Code)
		assert.NotContains(t, w.Body.String(), "token")
		assert.Equal(t, statuspage.Critical, s.page.Snapshot().Service("API").State)

		alerts.err = nil // and the alert is gone
		assert.Equal(t, http.StatusNotFound, post("/api/services/Nobody/refresh", testKey).Code)
		w = post("/api/services/API/refresh", testKey)
		assert.Equal(t, http.StatusOK, w.Code)
		assert.JSONEq(t, `{"state":"green","message":""}`, w.Body.String())
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	})
}

func TestAPI_health(t *testing.T) {
	s := newSite(t)
	s.store.failing.Store(true)
	assert.Equal(t, "ok\n", s.get("/healthz").Body.String())
	assert.Equal(t, http.StatusOK, s.get("/readyz").Code, "the page can be read without a store")
	s.page.Shutdown()
	s.page.Shutdown()
	assert.Equal(t, http.StatusOK, s.get("/healthz").Code)
	assert.Equal(t, http.StatusServiceUnavailable, s.get("/readyz").Code)
}

func TestAPI_manyHostsAreNotKept(t *testing.T) {
	s := newSite(t, func(c *statuspage.Config) { c.Site.URL = "" })
	s.tell(outage("1"))
	for n := range 6000 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/badge.json", nil)
		r.Host = named("h", n)
		require.Equal(t, http.StatusOK, do(s.api, r).Code)
	}
}
