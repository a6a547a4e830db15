package statuspage_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// Whoever asks for the state of the page, in whatever form, is told the same.
func TestOneStateEverywhere(t *testing.T) {
	work := func(services ...string) statuspage.Maintenance {
		return statuspage.Maintenance{Title: "work", Services: services, Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}
	}
	for _, row := range []struct {
		name        string
		states      map[string]string
		work        bool // on API
		text        string
		icon        string
		badge       string
		indicator   string
		worst       string // of /api/services; "" where there are none
		component   string // of API
		serviceIcon string
	}{
		{"nothing", nil, false, "No data", "unknown", "no data", "none", "", "", ""},
		{"well", map[string]string{"API": "green", "Web": "green"}, false, "All systems operational", "green", "operational", "none", "green", "operational", "green"},
		{"work", map[string]string{"API": "green", "Web": "green"}, true, "Under maintenance: API", "maintenance", "maintenance", "maintenance", "green", "under_maintenance", "maintenance"},
		{"major", map[string]string{"API": "major", "Web": "green"}, false, "Partial outage: API", "major", "partial outage", "major", "major", "partial_outage", "major"},
		{"major in spite of work", map[string]string{"API": "major", "Web": "green"}, true, "Partial outage: API", "major", "partial outage", "major", "major", "partial_outage", "major"},
		{"major beside work", map[string]string{"API": "green", "Web": "major"}, true, "Partial outage: Web", "major", "partial outage", "major", "major", "under_maintenance", "maintenance"},
		{"critical", map[string]string{"API": "critical", "Web": "major"}, false, "Major outage: API", "critical", "major outage", "critical", "critical", "major_outage", "critical"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, func(c *statuspage.Config) {
					c.Site.EmbedIn = []string{"*"}
					if row.work {
						c.Site.Maintenance = []statuspage.Maintenance{work("API")}
					}
				})
				for name, state := range row.states {
					s.set(name, state, "x")
				}
				get := func(path string) string {
					w := httptest.NewRecorder()
					s.page.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
					require.Equal(t, http.StatusOK, w.Code, path)
					return w.Body.String()
				}
				page := get("/")
				assert.Equal(t, row.text, heading(t, page))
				assert.Contains(t, page, "<title>"+row.text+" – Acme</title>")
				assert.Contains(t, page, `<meta property="og:description" content="`+row.text+`">`)
				assert.Contains(t, page, `href="/assets/`+row.icon+`.svg"`)
				assert.Contains(t, page, `<section id="banner" class="banner s-`+row.icon+`"`)
				assert.Contains(t, get("/fragment/dashboard"), `data-state="`+row.icon+`" data-title="`+row.text+` – Acme"`)
				assert.Contains(t, get("/embed"), row.text)
				assert.Contains(t, get("/badge.svg"), `aria-label="Acme: `+row.badge+`"`)
				assert.Contains(t, get("/badge.json"), `"message":"`+row.badge+`"`)
				assert.Contains(t, get("/api/v2/status.json"), `{"indicator":"`+row.indicator+`","description":"`+row.text+`"}`)
				assert.Contains(t, get("/api/v2/summary.json"), `{"indicator":"`+row.indicator+`","description":"`+row.text+`"}`)
				worst := ""
				for _, state := range []string{"green", "major", "critical"} {
					if strings.Contains(get("/api/services"), `"state":"`+state+`"`) {
						worst = state
					}
				}
				assert.Equal(t, row.worst, worst)
				assert.Equal(t, row.text, s.page.Banner(time.Now()).Text)
				if row.states == nil {
					return
				}
				var v2 v2Answer
				s.getJSON("/api/v2/components.json", &v2)
				assert.Equal(t, row.component, v2.Components[0].Status)
				service := get("/services/API")
				assert.Contains(t, service, `class="banner s-`+row.serviceIcon+`"`)
				assert.Contains(t, service, `href="/assets/`+row.serviceIcon+`.svg"`)
				assert.Contains(t, service, "API: "+statuspage.DefaultWords[row.serviceIcon])
			})
		})
	}
}
