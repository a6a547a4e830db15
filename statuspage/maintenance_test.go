package statuspage_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/statuspage"
)

// A page that is kept is not kept for longer than it is true.
func TestWebMaintenanceTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		p := webPage(t, statuspage.Site{Maintenance: []statuspage.Maintenance{
			{ID: "m", Title: "Upgrade", Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)},
		}}, statuspage.Record{Name: "api", State: statuspage.Green, FirstAt: now})
		assert.Contains(t, webGet(p, "/").Body.String(), "Scheduled · all services")
		assert.Contains(t, webGet(p, "/").Body.String(), "All systems operational")
		time.Sleep(time.Hour)
		assert.Contains(t, webGet(p, "/").Body.String(), "In progress · all services")
		assert.Equal(t, "Under maintenance: api", heading(t, webGet(p, "/").Body.String()))
		time.Sleep(time.Hour)
		assert.NotContains(t, webGet(p, "/").Body.String(), "Upgrade")
		assert.Contains(t, webGet(p, "/history").Body.String(), "Upgrade")
	})
}

// Page and API agree at every second, also within a minute that is kept.
func TestWebMaintenanceTurnsWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Truncate(time.Minute)
		p := webPage(t, statuspage.Site{Maintenance: []statuspage.Maintenance{
			{ID: "m", Title: "Upgrade", Start: now.Add(10 * time.Second), End: now.Add(25 * time.Second)},
		}}, statuspage.Record{Name: "api", State: statuspage.Green, FirstAt: now})
		for range 40 {
			assert.Equal(t, p.Banner(time.Now()).Text, heading(t, webGet(p, "/").Body.String()), time.Now())
			time.Sleep(time.Second)
		}
	})
}

func TestWebMaintenanceCalendar(t *testing.T) {
	start := time.Date(2026, 11, 20, 22, 0, 0, 0, time.FixedZone("", 3600))
	p := webPage(t, statuspage.Site{Title: "Acme", URL: "https://status.acme.example", Maintenance: []statuspage.Maintenance{{
		ID: "db", Title: "Upgrade; of, the \\ database", Services: []string{"a", "b,c"}, Start: start, End: start.Add(time.Hour),
		Text: "Line one\nline two " + strings.Repeat("ü", 60),
	}}})
	w := webGet(p, "/maintenance.ics")
	assert.Equal(t, "text/calendar; charset=utf-8", w.Header().Get("Content-Type"))
	for method, want := range map[string]int{http.MethodGet: http.StatusOK, http.MethodOptions: http.StatusNoContent, http.MethodPost: http.StatusMethodNotAllowed} {
		for _, h := range []http.Handler{p, p.Web()} {
			w := do(h, httptest.NewRequestWithContext(t.Context(), method, "/maintenance.ics", nil), "Origin", "https://elsewhere.example")
			assert.Equal(t, want, w.Code, method)
			assert.Equal(t, want != http.StatusMethodNotAllowed, w.Header().Get("Access-Control-Allow-Origin") == "*", method)
			assert.Equal(t, method == http.MethodOptions, w.Header().Get("Access-Control-Allow-Headers") != "", method)
		}
	}
	body := w.Body.String()
	for line := range strings.SplitSeq(strings.TrimSuffix(body, "\r\n"), "\r\n") {
		assert.LessOrEqual(t, len(line), 75)
		assert.NotContains(t, line, "\n")
	}
	unfolded := strings.ReplaceAll(body, "\r\n ", "")
	for _, want := range []string{
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "UID:db@status.acme.example\r\n", "DTSTART:20261120T210000Z\r\n", "DTEND:20261120T220000Z\r\n",
		`SUMMARY:Upgrade\; of\, the \\ database` + "\r\n", `DESCRIPTION:Line one\nline two ü`, `CATEGORIES:a,b\,c` + "\r\n", "END:VCALENDAR\r\n",
	} {
		assert.Contains(t, unfolded, want)
	}
}
