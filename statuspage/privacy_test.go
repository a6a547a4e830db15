package statuspage_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of an alert that is for the page, visitors see its message, its notes, its
// services and how bad it is. The Status Page Reference showed all of it.
func TestPrivate_fields(t *testing.T) {
	s := newSite(t)
	body := `{"action":"AddNote","integrationId":"canary-1","integrationName":"canary-2","source":{"name":"canary-3","type":"web"},
		"escalationName":"canary-4","alert":{"alertId":"1","tinyId":"canary-5","alias":"canary-6","message":"API errors","description":"canary-7",
		"note":"we look","details":{"canary-8":"canary-9"},"entity":"canary-10","source":"canary-11","username":"canary-12@example.com","userId":"canary-13",
		"responders":[{"name":"canary-14","type":"team"}],"teams":["canary-15"],"recipients":["canary-16"],"actions":["canary-17"],"priority":"P1",
		"owner":"canary-18","tags":["statuspage","servicename:API","critical","canary-19"]}}`
	w := s.post(s.webhook, "/webhook", body, "X-Api-Key", testKey)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	public := everythingPublic(t, s.page, "API")
	assert.Contains(t, public, "API errors")
	assert.Contains(t, public, "we look")
	assert.NotContains(t, public, "canary")
	assert.NotContains(t, public, "P1")
	assert.NotContains(t, public, testKey)
	for entry, err := range s.store.List(t.Context(), "") {
		require.NoError(t, err)
		doc, err := s.store.Get(t.Context(), entry.Key)
		require.NoError(t, err)
		assert.NotContains(t, string(doc), "canary", "what nobody shows is not kept")
	}
}

// While an alert is not tagged for the page, what is said of it is nobody's
// business, also when it is tagged later, or was before. With the Reference anybody
// could read the notes of any alert.
func TestPrivate_whileNotTagged(t *testing.T) {
	for _, end := range []string{"Close", "Delete"} {
		synctest.Test(t, func(t *testing.T) { whileNotTagged(t, end) })
	}
	s := newSite(t)
	s.tell(outage("1"))
	s.tell(alert{action: "Create", id: "2", message: "x", tags: []string{"servicename:API", "critical"}, updated: time.Now()})
	assert.Equal(t, http.StatusOK, webGet(s.page, "/incidents/1").Code)
	assert.Equal(t, http.StatusNotFound, webGet(s.page, "/incidents/2").Code)
}

func whileNotTagged(t *testing.T, end string) {
	s := newSite(t)
	start := time.Now()
	with, without := tags("major", "API"), []string{"servicename:API", "major"}
	last := without
	if end == "Delete" {
		last = nil // it does not tell them
	}
	for n, step := range []struct {
		action, message, note string
		tags                  []string
	}{
		{"Create", "secret name", "", without},
		{"AddNote", "secret name", "secret note, before", without},
		{"UpdateMessage", "public name", "", without},
		{"AddTags", "public name", "", with},
		{"AddNote", "public name", "public note", with},
		{"RemoveTags", "public name", "", without},
		{"AddNote", "secret name", "secret note, between", without},
		{"UpdateMessage", "secret name", "", without},
		{"AddTags", "public name", "", with},
		{"RemoveTags", "public name", "", without},
		{"AddNote", "secret name", "secret note, after", without},
		{end, "secret name", "secret note, closing", last},
	} {
		time.Sleep(time.Minute)
		s.tell(alert{action: step.action, id: "1", message: step.message, note: step.note, tags: step.tags, created: start, updated: time.Now()})
		public := everythingPublic(t, s.page, "API")
		assert.NotContains(t, public, "secret", "step %d, %s", n, step.action)
		assert.Equal(t, n >= 3, strings.Contains(public, "public name"), "step %d, %s", n, step.action)
	}
	assert.Contains(t, everythingPublic(t, s.page, "API"), "public note")
}
