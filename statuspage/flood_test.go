package statuspage_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// Opsgenie has room for 20 tags. Whoever has the key and sends thousands must not
// fill the store with services.
func TestWebhookWithThousandsOfServices(t *testing.T) {
	s := newSite(t)
	names := make([]string, 5000)
	for n := range names {
		names[n] = fmt.Sprintf("s%04d", n)
	}
	s.tell(alert{action: "Create", id: "many", message: "x", tags: tags("major", names...), updated: time.Now()})
	assert.Len(t, s.page.Snapshot().Services, 100)
}

// Without a configured address each host has answers of its own, and hosts can be
// made up: what is kept of them is bounded.
func TestAnswersKeptAreBounded(t *testing.T) {
	s := newSite(t, func(c *statuspage.Config) { c.Site.URL = "" })
	s.tell(alert{action: "Create", id: "1", message: strings.Repeat("x", 1000), tags: tags("major", "API"), updated: time.Now()})
	for n := range statuspage.MaxKept + 10 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v2/summary.json", nil)
		r.Host = fmt.Sprintf("h%d.example.com", n)
		require.Equal(t, http.StatusOK, do(s.api, r).Code)
	}
	number, bytes := statuspage.Kept(s.api)
	assert.LessOrEqual(t, number, statuspage.MaxKept)
	assert.LessOrEqual(t, bytes, statuspage.MaxKeptBytes)
	assert.Positive(t, bytes)
}

// A key that is set is asked for, whatever else is.
func TestInsecureWebhookDoesNotOpenALockedOne(t *testing.T) {
	s := newSite(t, func(c *statuspage.Config) { c.InsecureWebhook = true })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook", strings.NewReader(alert{action: "Create", id: "1"}.body(t)))
	r.Header.Set("Content-Type", "application/json")
	assert.Equal(t, http.StatusUnauthorized, do(s.webhook, r).Code)
}
