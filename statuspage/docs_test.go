package statuspage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/statuspage"
)

var updateDocs = flag.Bool("update-docs", false, "write the examples of docs/api.md anew; read them before you commit them")

// An example in docs/api.md: its heading, what comes between, and the body.
var docExample = regexp.MustCompile("(?ms)^### `(GET|POST|DELETE) (\\S+)`\n((?:[^\n#`][^\n]*\n|\n|`[^`][^\n]*\n)*)```(\\w+)\n(.*?)```\n")

func TestDocs_examplesAreAnswers(t *testing.T) {
	const file = "../docs/api.md"
	doc, err := os.ReadFile(file)
	require.NoError(t, err)
	documented := map[string]bool{}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		s := docSite(t)
		doc = docExample.ReplaceAllFunc(doc, func(example []byte) []byte {
			m := docExample.FindSubmatch(example)
			method, path, kind, want := string(m[1]), string(m[2]), string(m[4]), string(m[5])
			documented[path] = true
			got := s.docAnswer(method, path, kind)
			if *updateDocs {
				return []byte(strings.TrimSuffix(string(example), want+"```\n") + got + "```\n")
			}
			assert.Equal(t, want, got, "%s %s: run go test -run TestDocs -update-docs ./statuspage", method, path)
			return example
		})
	})
	if *updateDocs {
		require.NoError(t, os.WriteFile(file, doc, 0o644))
	}
	for _, path := range append([]string{"/events", "/webhook", "/healthz", "/readyz", "/api/services/API/refresh", "/api/incidents/8c1f0d2e", "/maintenance.ics", "/api/metrics.json", "/api/metrics/latency.json"}, publicRoutes...) {
		ok := documented[path] || documented[strings.Replace(path, "/API/", "/Web%20shop/", 1)] ||
			documented[strings.Replace(path, "/API/", "/Web%20shop/", 1)+"?limit=1"]
		assert.True(t, ok, "docs/api.md has no example of %s", path)
	}
}

// docSite is the page of the examples.
func docSite(t *testing.T) *site {
	now := time.Now()
	s := newSite(t, func(c *statuspage.Config) {
		c.Site.Groups = []statuspage.Group{{Name: "Shop", Services: []string{"Web shop"}}}
		c.Site.Maintenance = []statuspage.Maintenance{{
			ID: "db-upgrade", Title: "Database upgrade", Text: "Orders can be read, but not made.", Services: []string{"Web shop"},
			Start: now.Add(24 * time.Hour), End: now.Add(26 * time.Hour),
		}}
	})
	shop := alert{id: "8c1f0d2e", message: "Checkout is slow", tags: tags("major", "Web shop"), created: now.Add(-25 * time.Hour)}
	api := alert{id: "052652ac", message: "API outage.", tags: tags("critical", "API"), created: now.Add(-10 * time.Minute)}
	for _, step := range []struct {
		of           alert
		action, note string
		after        time.Duration
	}{
		{shop, "Create", "", 0},
		{shop, "AddNote", "A query takes too long.", 5 * time.Minute},
		{shop, "Close", "", 30 * time.Minute},
		{api, "Create", "", 0},
		{api, "Acknowledge", "", 2 * time.Minute},
		{api, "AddNote", "A disk is full; we make room.", 4 * time.Minute},
	} {
		a := step.of
		a.action, a.note, a.updated = step.action, step.note, a.created.Add(step.after)
		s.tell(a)
	}
	latency := []float64{118.4, 121.9, 117.25, 240.6, 131, 119.8}
	measure(t, s.store, chartdoc.Chart{ID: "latency", Title: "API latency", Unit: "ms", Description: "Mean time of an answer."},
		every(5*time.Minute, now.Add(-30*time.Minute), now, func(n int) float64 { return latency[n] })...)
	require.NoError(t, s.page.Refresh(t.Context()))
	return s
}

// docAnswer is the body of an answer as docs show it.
func (s *site) docAnswer(method, path, kind string) string {
	s.t.Helper()
	if path == "/events" {
		ctx, cancel := context.WithTimeout(s.t.Context(), 21*time.Second)
		defer cancel()
		w := do(s.api, httptest.NewRequestWithContext(ctx, method, path, nil))
		body := regexp.MustCompile(`id: \w+-`).ReplaceAllString(w.Body.String(), "id: 2v8kq1-")
		return regexp.MustCompile(`retry: \d+`).ReplaceAllString(body, "retry: 3000")
	}
	h, body := http.Handler(s.page), ""
	if path == "/webhook" {
		body = `{"action":"Create","alert":{"alertId":"other"}}`
	}
	w := do(h, httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body)), "X-Api-Key", testKey)
	require.Equal(s.t, http.StatusOK, w.Code, path)
	if kind != "json" {
		return strings.ReplaceAll(w.Body.String(), "\r\n", "\n")
	}
	var b bytes.Buffer
	require.NoError(s.t, json.Indent(&b, w.Body.Bytes(), "", "  "))
	return b.String()
}
