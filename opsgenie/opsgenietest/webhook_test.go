package opsgenietest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// receiver takes webhooks.
type receiver struct {
	mu     sync.Mutex
	bodies []map[string]any
	header http.Header
	status int
	delay  time.Duration
}

func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.delay > 0 {
		select {
		case <-time.After(h.delay):
		case <-r.Context().Done():
			return
		}
	}
	data, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(data, &body) // a wrong body shows as a nil map
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies, h.header = append(h.bodies, body), r.Header.Clone()
	if h.status != 0 {
		w.WriteHeader(h.status)
	}
}

func (h *receiver) got() []map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bodies
}

func TestWebhookRefusesOtherMachines(t *testing.T) {
	f := opsgenietest.NewFake(t, nil)
	for _, url := range []string{
		"http://example.com/", "http://10.0.0.1/", "http://[2001:db8::1]/", "http://localhost.example.com/",
		"ftp://127.0.0.1/", "127.0.0.1:80", "http://127.0.0.1:x/", "",
	} {
		assert.Error(t, f.AddWebhook(opsgenietest.Webhook{URL: url}), url)
	}
}

// Each act arrives, in order, in the documented schema.
func TestWebhook(t *testing.T) {
	var h receiver
	srv := httptest.NewServer(&h)
	defer srv.Close()
	c := newCaller(t, nil)
	require.NoError(t, c.f.AddWebhook(opsgenietest.Webhook{
		URL: srv.URL + "/hook", Header: http.Header{"x-api-key": {"secret"}}, Name: "page",
	}))
	c.create("m", "a", `"tags":["x"],"description":"d","details":{"k":"v"},"priority":"P2","responders":[{"type":"team","id":"t1"}]`)
	c.create("m", "a") // a repeat fires nothing
	const by = "?identifierType=alias"
	for _, call := range [][3]string{
		{"POST", "/tags" + by, `{"tags":["statuspage","critical"]}`},
		{"DELETE", "/tags" + by + "&tags=x,critical", ""},
		{"POST", "/notes" + by, `{"note":"n","user":"me"}`},
		{"POST", "/acknowledge" + by, `{"note":"mine"}`},
		{"POST", "/unacknowledge" + by, ""},
		{"PUT", "/priority" + by, `{"priority":"P1"}`},
		{"PUT", "/message" + by, `{"message":"new"}`},
		{"PUT", "/description" + by, `{"description":"new"}`},
		{"POST", "/details" + by, `{"details":{"a":"b"}}`}, // no webhook is documented
		{"POST", "/assign" + by, `{"owner":{"username":"me"}}`},
		{"POST", "/snooze" + by, `{"endTime":"2999-01-01T00:00:00Z"}`},
		{"POST", "/escalate" + by, `{"escalation":{"name":"ops"}}`},
		{"POST", "/actions/restart" + by, ""},
		{"POST", "/close" + by, ""},
	} {
		require.Equal(t, 202, c.do(call[0], "/v2/alerts/a"+call[1], call[2]).status)
	}
	c.do("DELETE", "/v2/alerts/1?identifierType=tiny", "")
	require.NoError(t, c.f.Settle(t.Context()))

	bodies, got := h.got(), ""
	for _, b := range bodies {
		got += " " + b["action"].(string)
	}
	require.Equal(t, " Create AddTags RemoveTags AddNote Acknowledge UnAcknowledge UpdatePriority UpdateMessage"+
		" UpdateDescription AssignOwnership Snooze Escalate restart Close Delete", got)
	assert.Equal(t, "secret", h.header.Get("X-Api-Key"))
	assert.Equal(t, "application/json", h.header.Get("Content-Type"))

	alert := func(n int) map[string]any { return bodies[n]["alert"].(map[string]any) }
	create := alert(0)
	assert.Equal(t, "page", bodies[0]["integrationName"])
	assert.Equal(t, "API", bodies[0]["source"].(map[string]any)["type"])
	assert.Equal(t, []any{"x"}, create["tags"])
	assert.Equal(t, []any{"t1"}, create["teams"])
	assert.Equal(t, "1", create["tinyId"])
	assert.Equal(t, "P2", create["priority"])
	assert.InDelta(t, time.Now().UnixMilli(), create["createdAt"], 60_000)
	assert.NotContains(t, create, "description")
	assert.NotContains(t, create, "details")

	assert.Equal(t, "statuspage,critical", alert(1)["addedTags"])
	assert.Equal(t, []any{"x", "statuspage", "critical"}, alert(1)["tags"])
	assert.Equal(t, "x,critical", alert(2)["removedTags"])
	assert.Equal(t, []any{"statuspage"}, alert(2)["tags"])
	assert.Equal(t, "n", alert(3)["note"])
	assert.Equal(t, "me", alert(3)["username"])
	assert.Equal(t, "mine", alert(4)["note"])
	assert.Equal(t, []any{"P2", "P1"}, []any{alert(6)["oldPriority"], alert(6)["priority"]})
	assert.Equal(t, "me", alert(9)["owner"])
	assert.Contains(t, alert(10), "snoozedUntil")
	assert.Equal(t, map[string]any{"alertId": create["alertId"]}, alert(11))
	assert.Equal(t, "ops", bodies[11]["escalationName"])
	assert.Contains(t, alert(13), "tags")
	assert.NotContains(t, alert(14), "tags")
	for i := range bodies {
		assert.Equal(t, create["alertId"], alert(i)["alertId"])
	}
	deliveries := c.f.Deliveries()
	assert.Len(t, deliveries, len(bodies))
	assert.Equal(t, 200, deliveries[0].Status)
}

// In a bubble, a webhook is handed to a handler.
func TestWebhookInTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := opsgenietest.NewFake(t, nil)
		slow, failing := receiver{delay: time.Second}, receiver{status: 500}
		require.NoError(t, f.AddWebhook(opsgenietest.Webhook{
			Handler: &slow, Description: true, Details: true, RepeatCreate: true,
			Actions: []string{opsgenietest.ActCreate, opsgenietest.ActClose},
		}))
		require.NoError(t, f.AddWebhook(opsgenietest.Webhook{
			Handler: &failing,
			Filter:  func(a opsgenietest.Alert) bool { return a.Alias == "b" },
		}))
		n := opsgenie.NewAlert{Message: "m", Alias: "a", Description: strings.Repeat("d", 1001), Details: map[string]string{"k": "v"}}
		start := time.Now()
		f.Raise(n)
		f.Raise(n)
		f.Raise(opsgenie.NewAlert{Message: "m", Alias: "b"})
		for _, act := range []string{opsgenietest.ActAcknowledge, opsgenietest.ActClose} {
			_, err := f.Do(opsgenietest.Act{Name: act, Ref: opsgenie.Alias("a")})
			require.NoError(t, err)
		}
		assert.Zero(t, time.Since(start), "nobody waits for a webhook")
		require.NoError(t, f.Settle(t.Context()))
		assert.Equal(t, 4*time.Second, time.Since(start))
		var got []string
		for _, b := range slow.got() {
			a := b["alert"].(map[string]any)
			got = append(got, fmt.Sprintf("%v %v", b["action"], a["alias"]))
		}
		assert.Equal(t, []string{"Create a", "Create a", "Create b", "Close a"}, got)
		assert.Len(t, slow.got()[0]["alert"].(map[string]any)["description"], 1000)
		assert.Len(t, failing.got(), 1, "a webhook is tried once")

		// Close does not wait for what is not delivered.
		f.Raise(opsgenie.NewAlert{Message: "m", Alias: "c"})
		f.Close()
		assert.Len(t, slow.got(), 4)
	})
}

func TestDoFails(t *testing.T) {
	f := opsgenietest.NewFake(t, nil)
	_, err := f.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.ID("x")})
	assert.EqualError(t, err, "opsgenietest: Alert does not exist")
	alert := f.Raise(opsgenie.NewAlert{Message: "m"})
	alert, err = f.Do(opsgenietest.Act{Name: opsgenietest.ActUnacknowledge, Ref: opsgenie.TinyID(alert.TinyID)})
	assert.EqualError(t, err, "opsgenietest: Alert is not acknowledged")
	assert.Equal(t, "m", alert.Message)
}
