package statuspage_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/statuspage"
)

// Each path has one handler, whatever the base path.
func TestHandler(t *testing.T) {
	record := statuspage.Record{Name: "api", State: statuspage.Green, FirstAt: time.Now()}
	for _, base := range []string{"", "/status"} {
		p := webPage(t, statuspage.Site{BasePath: base}, record)
		for _, row := range []struct {
			method, path string
			status       int
			kind         string
		}{
			{"GET", "/nothing", 404, "text/html"},
			{"GET", "/api/nothing", 404, "application/json"},
			{"POST", "/api/v2/nothing.json", 404, "application/json"},
			{"GET", "/api", 404, "text/html"},
			{"GET", "/services/api/nothing", 404, "text/html"},
			{"GET", "/webhook", 405, "application/json"},
			{"GET", "/webhook/", 404, "text/html"},
			{"POST", "/webhook", 400, "application/json"},
			{"POST", "/", 405, "text/plain"},
			{"POST", "/history.atom", 405, "application/json"},
			{"GET", "/", 200, "text/html"},
			{"GET", "/services/api", 200, "text/html"},
			{"GET", "/history", 200, "text/html"},
			{"GET", "/maintenance.ics", 200, "text/calendar"},
			{"GET", "/api/services", 200, "application/json"},
			{"GET", "/api/services/api", 200, "application/json"},
			{"GET", "/api/v2/summary.json", 200, "application/json"},
			{"GET", "/history.atom", 200, "application/atom+xml"},
			{"GET", "/services/api/history.atom", 200, "application/atom+xml"},
			{"GET", "/badge.svg", 200, "image/svg+xml"},
			{"GET", "/healthz", 200, "text/plain"},
		} {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(row.method, base+row.path, strings.NewReader("no webhook")))
			assert.Equal(t, row.status, w.Code, "%s %s%s", row.method, base, row.path)
			assert.Contains(t, w.Header().Get("Content-Type"), row.kind, "%s %s%s", row.method, base, row.path)
			assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'", "%s %s%s", row.method, base, row.path)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/elsewhere/api/services", nil))
		assert.Equal(t, 404, w.Code)
	}
}
