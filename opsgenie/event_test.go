package opsgenie_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

func TestReadEventRefuses(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"empty", "", "not a JSON object"},
		{"null", "null", "not a JSON object"},
		{"list", `[{"action":"Create"}]`, "not a JSON object"},
		{"form", "payload=%7B%7D", "not a JSON object"},
		{"cut short", `{"action":"Create","alert":{"alertId":"a"`, "not a JSON object"},
		{"two bodies", `{"action":"Create","alert":{"alertId":"a"}}{}`, "not a JSON object"},
		{"deep", strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), "not a JSON object"},
		{"no action", `{"alert":{"alertId":"a"}}`, "no action"},
		{"blank action", `{"action":" ","alert":{"alertId":"a"}}`, "no action"},
		{"action is a map", `{"action":{},"alert":{"alertId":"a"}}`, "no action"},
		{"no alert", `{"action":"Create"}`, "no alert.alertId"},
		{"alert is text", `{"action":"Create","alert":"a"}`, "no alert.alertId"},
		{"alert is null", `{"action":"Create","alert":null}`, "no alert.alertId"},
		{"alert without id", `{"action":"Create","alert":{"alias":"a"}}`, "no alert.alertId"},
		{"OEC without alert", `{"requestId":"r","actionType":"x","entity":{"id":"a","type":"alert"},"action":"Create"}`, "Edge Connector"},
		{"SNS confirmation", `{"Type":"SubscriptionConfirmation","Message":"You have chosen","Token":"secret"}`, "SubscriptionConfirmation: confirm"},
		{"wrapped too deeply", `{"data":{"data":{"data":{"data":{"data":{}}}}}}`, "wrapped too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := opsgenie.ReadEvent(strings.NewReader(tt.body))
			require.ErrorIs(t, err, opsgenie.ErrNotEvent)
			assert.ErrorContains(t, err, tt.want)
			assert.Zero(t, got)
		})
	}
	t.Run("OEC", func(t *testing.T) {
		_, err := opsgenie.ReadEvent(bytes.NewReader(fixture(t, "oec.json")))
		assert.ErrorContains(t, err, "Edge Connector")
	})
	t.Run("too large", func(t *testing.T) {
		body := `{"action":"Create","alert":{"alertId":"a","message":"` + strings.Repeat("x", opsgenie.MaxEvent) + `"}}`
		_, err := opsgenie.ReadEvent(strings.NewReader(body))
		assert.ErrorIs(t, err, opsgenie.ErrEventTooLarge)
	})
	t.Run("cut connection", func(t *testing.T) {
		reset := errors.New("reset")
		_, err := opsgenie.ReadEvent(iotest.ErrReader(reset))
		require.ErrorIs(t, err, reset)
		assert.NotErrorIs(t, err, opsgenie.ErrNotEvent, "a repeat may help")
	})
}

func TestReadEventFixtures(t *testing.T) {
	const id = "052652ac-5d1c-464a-812a-7dd18bbfba8c"
	created := time.UnixMilli(1762000000000).UTC()
	updated := time.Unix(0, 1762000060000000001).UTC()
	want := map[string]opsgenie.Event{
		"addtags.json": {
			Action: opsgenie.EventAddTags, Source: opsgenie.EventSource{Type: "web"},
			Integration: opsgenie.Integration{ID: "37c8f316", Name: "page", Type: "Webhook"},
			Alert: opsgenie.EventAlert{
				ID: id, TinyID: "23", Alias: "api-down", Message: "API errors", Source: "web", Username: "a@example.com",
				Tags: []string{"statuspage", "servicename:API", "critical"}, AddedTags: []string{"statuspage", "critical"},
				Teams: []string{}, Priority: opsgenie.P2, OldPriority: opsgenie.P2, CreatedAt: created, UpdatedAt: updated,
			},
		},
		"delete.json": {
			Action: opsgenie.EventDelete, Source: opsgenie.EventSource{Type: "API"},
			Alert: opsgenie.EventAlert{ID: id, TinyID: "23", Alias: "api-down", Message: "API errors"},
		},
		"escalate.json": {
			Action: opsgenie.EventEscalate, Alert: opsgenie.EventAlert{ID: id},
			Escalation: &opsgenie.EventEscalation{
				ID: "e1", Name: "ops", Time: 5, RepeatCount: 1,
				Notify: opsgenie.Responder{Type: opsgenie.Team, ID: "t1", Name: "ops"},
			},
		},
		"create.json": {
			Action: opsgenie.EventCreate, Source: opsgenie.EventSource{Name: "shop", Type: "API"},
			Alert: opsgenie.EventAlert{
				ID: "a-1762000000000", TinyID: "24", Alias: "-", Message: "API errors", Tags: []string{}, Teams: []string{"t1"},
				Responders: []opsgenie.Responder{{Type: opsgenie.Team, ID: "t1", Name: "ops"}}, Actions: []string{"restart"},
				Priority: opsgenie.P2, CreatedAt: created, UpdatedAt: updated, InsertedAt: created,
				Description: "d", Details: map[string]string{"code": "500", "route": "/a"}, Team: "ops",
				// No one event has all of these; here each is told apart from the others.
				Recipient: "ann", Recipients: []string{"t1", "t2"}, Owner: "bob", Note: "on it", Entity: "shop-db",
				Source: "10.0.0.1", Username: "eve@example.com", UserID: "u1", OldPriority: opsgenie.P4,
			},
		},
		"snooze.json": {
			Action: opsgenie.EventSnooze,
			Alert: opsgenie.EventAlert{
				ID: "a", Priority: opsgenie.P3, SnoozedUntil: time.UnixMilli(1763632800000).UTC(),
				Tags: []string{"statuspage servicename:API critical"},
			},
		},
		"sns.json": {
			Action: opsgenie.EventClose,
			Alert:  opsgenie.EventAlert{ID: "a", Tags: []string{"statuspage", "critical"}},
		},
	}
	for name, event := range want {
		t.Run(name, func(t *testing.T) {
			body := fixture(t, name)
			got, err := opsgenie.ReadEvent(bytes.NewReader(body))
			require.NoError(t, err)
			assert.Equal(t, event, got)
			assert.NotContains(t, fmt.Sprintf("%+v", got), "canary-header", "echoed headers are kept")

			for _, wrapper := range []string{"data", "payload", "event"} {
				wrapped := fmt.Sprintf(`{"id":1,%q:%s}`, wrapper, body)
				got, err := opsgenie.ReadEvent(strings.NewReader(wrapped))
				require.NoError(t, err, wrapper)
				assert.Equal(t, event, got, wrapper)

				asText, _ := json.Marshal(string(body))
				got, err = opsgenie.ReadEvent(strings.NewReader(fmt.Sprintf(`{%q:%s}`, wrapper, asText)))
				require.NoError(t, err, wrapper)
				assert.Equal(t, event, got, wrapper+" as text")
			}
			got, err = opsgenie.ReadEvent(strings.NewReader("\xef\xbb\xbf" + string(body)))
			require.NoError(t, err)
			assert.Equal(t, event, got, "byte order mark")
		})
	}
}

func TestReadEventFields(t *testing.T) {
	alert := func(t *testing.T, field string) opsgenie.EventAlert {
		t.Helper()
		e, err := opsgenie.ReadEvent(strings.NewReader(`{"action":"x","alert":{"alertId":"a",` + field + `}}`))
		require.NoError(t, err)
		return e.Alert
	}
	ms := time.UnixMilli(1762000000123).UTC()
	times := []struct {
		in   string
		want time.Time
	}{
		{`"nonsense"`, time.Time{}},
		{`-1`, time.Time{}},
		{`0`, time.Time{}},
		{`null`, time.Time{}},
		{`{}`, time.Time{}},
		{`true`, time.Time{}},
		{`1e400`, time.Time{}},
		{`99999999999999999999`, time.Time{}},
		{`1762000000`, time.Unix(1762000000, 0).UTC()},
		{`1762000000123`, ms},
		{`"1762000000123"`, ms},
		{`1.762000000123e12`, ms},
		{`99999999999999`, time.UnixMilli(99999999999999).UTC()},
		{`100000000000000`, time.UnixMicro(100000000000000).UTC()},
		{`1762000000123456`, time.UnixMicro(1762000000123456).UTC()},
		{`1762000060000000001`, time.Unix(0, 1762000060000000001).UTC()},
		{`"1762000060000000001"`, time.Unix(0, 1762000060000000001).UTC()},
		{`"2025-11-01T12:26:40.123Z"`, ms},
		{`"2025-11-01T13:26:40.123+0100"`, ms},
	}
	for _, tt := range times {
		assert.Equal(t, tt.want, alert(t, `"updatedAt":`+tt.in).UpdatedAt, "updatedAt %s", tt.in)
		assert.Equal(t, tt.want, alert(t, `"snoozeEndDate":`+tt.in).SnoozedUntil, "snoozeEndDate %s", tt.in)
	}
	lists := []struct {
		in   string
		want []string
	}{
		{`null`, nil},
		{`1`, nil},
		{`{}`, nil},
		{`[]`, []string{}},
		{`""`, []string{}},
		{`[""]`, []string{}},
		{`[null,1,true,[],"a"]`, []string{"1", "true", "a"}},
		{`"a,b ,, c"`, []string{"a", "b", "c"}},
		{`"my tag"`, []string{"my tag"}},
		{`[" a b","servicename:Web shop"]`, []string{" a b", "servicename:Web shop"}},
		{`[{"id":"i","name":"n"},{"name":"n"}]`, []string{"i", "n"}},
	}
	for _, tt := range lists {
		assert.Equal(t, tt.want, alert(t, `"tags":`+tt.in).Tags, "tags %s", tt.in)
		assert.Equal(t, tt.want, alert(t, `"addedTags":`+tt.in).AddedTags, "addedTags %s", tt.in)
		assert.Equal(t, tt.want, alert(t, `"removedTags":`+tt.in).RemovedTags, "removedTags %s", tt.in)
	}
	priorities := map[string]opsgenie.Priority{
		`null`: "", `{}`: "", `2`: "P2", `"2"`: "P2", `"P3"`: "P3", `" p4 "`: "P4", `0`: "0", `"urgent"`: "URGENT", `9`: "9",
	}
	for in, want := range priorities {
		assert.Equal(t, want, alert(t, `"priority":`+in).Priority, "priority %s", in)
	}
	details := map[string]map[string]string{
		`null`: nil, `""`: nil, `[]`: nil, `7`: nil, `{}`: {},
		`"text"`: {"details": "text"}, `"{\"a\":1}"`: {"a": "1"}, `"{broken"`: {"details": "{broken"},
		`{"a":null,"b":{"c":1},"d":1.50}`: {"a": "", "b": `{"c":1}`, "d": "1.50"},
	}
	for in, want := range details {
		assert.Equal(t, want, alert(t, `"details":`+in).Details, "details %s", in)
	}
	assert.Equal(t, opsgenie.EventAction("x"), func() opsgenie.EventAction {
		e, err := opsgenie.ReadEvent(strings.NewReader(`{"data":{"action":"y","alert":{"alertId":"b"}},"action":"x","alert":{"alertId":"a"}}`))
		require.NoError(t, err)
		return e.Action
	}(), "an event is not searched for another")
	// What generated descriptions of the webhook invent says nothing.
	real, err := opsgenie.ReadEvent(strings.NewReader(`{"action":"Create","alert":{"alertId":"a","alias":"a","message":"m"}}`))
	require.NoError(t, err)
	invented, err := opsgenie.ReadEvent(strings.NewReader(`{"action":"Create","closedAt":1762000000123,"customAction":{"name":"x"},
		"escalation":{"id":"e","name":"n"},"alert":{"alertId":"a","alias":"a","message":"m","closedAt":"x","closed":true,"escalation":{},"status":[]}}`))
	require.NoError(t, err)
	assert.Equal(t, real, invented)
	assert.Equal(t, "a", real.Alert.Alias, "which some send for want of one")

	assert.Equal(t, "5", alert(t, `"tinyId":5`).TinyID)
	assert.Nil(t, alert(t, `"alias":"a"`).Tags, "not told")

	e, err := opsgenie.ReadEvent(strings.NewReader(`{"action":"Restart the shop","source":"web","alert":{"alertId":7}}`))
	require.NoError(t, err)
	assert.Equal(t, opsgenie.EventAction("Restart the shop"), e.Action)
	assert.False(t, e.Action.Known())
	assert.Equal(t, "web", e.Source.Type)
	assert.Equal(t, "7", e.Alert.ID)
}

// Opsgenie spells its actions so, and a constant that is spelled otherwise is a
// custom action to every reader.
func TestEventActions(t *testing.T) {
	for spelled, action := range map[string]opsgenie.EventAction{
		"Create":            opsgenie.EventCreate,
		"Close":             opsgenie.EventClose,
		"Delete":            opsgenie.EventDelete,
		"AddTags":           opsgenie.EventAddTags,
		"RemoveTags":        opsgenie.EventRemoveTags,
		"AddNote":           opsgenie.EventAddNote,
		"Acknowledge":       opsgenie.EventAcknowledge,
		"UnAcknowledge":     opsgenie.EventUnacknowledge,
		"AddTeam":           opsgenie.EventAddTeam,
		"AddRecipient":      opsgenie.EventAddRecipient,
		"AddResponder":      opsgenie.EventAddResponder,
		"AssignOwnership":   opsgenie.EventAssignOwnership,
		"TakeOwnership":     opsgenie.EventTakeOwnership,
		"Escalate":          opsgenie.EventEscalate,
		"EscalateToNext":    opsgenie.EventEscalateToNext,
		"Snooze":            opsgenie.EventSnooze,
		"SnoozeEnded":       opsgenie.EventSnoozeEnded,
		"UpdatePriority":    opsgenie.EventUpdatePriority,
		"UpdateMessage":     opsgenie.EventUpdateMessage,
		"UpdateDescription": opsgenie.EventUpdateDescription,
	} {
		e, err := opsgenie.ReadEvent(strings.NewReader(`{"action":"` + spelled + `","alert":{"alertId":"a"}}`))
		require.NoError(t, err, spelled)
		assert.Equal(t, action, e.Action)
		assert.True(t, e.Action.Known(), spelled)
	}
}

func TestAllTags(t *testing.T) {
	tests := []struct {
		name     string
		in, want []string
	}{
		{"not told", nil, nil},
		{"none", []string{}, []string{}},
		{"one each", []string{"statuspage", "critical"}, []string{"statuspage", "critical"}},
		{"joined by a relay", []string{"statuspage servicename:API critical"}, []string{"statuspage servicename:API critical", "statuspage", "servicename:API", "critical"}},
		{"a tag with a blank", []string{"servicename:Web shop", "shop"}, []string{"servicename:Web shop", "servicename:Web", "shop"}},
		{"blanks only", []string{" ", " a "}, []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, opsgenie.EventAlert{Tags: tt.in}.AllTags())
		})
	}
}

func FuzzReadEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/event/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no fixtures", err)
	}
	for _, name := range files {
		f.Add(fixture(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := opsgenie.ReadEvent(bytes.NewReader(body))
		if err != nil {
			assert.Zero(t, e)
			if !errors.Is(err, opsgenie.ErrNotEvent) && !errors.Is(err, opsgenie.ErrEventTooLarge) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if e.Action == "" || e.Alert.ID == "" {
			t.Errorf("event without action or alert: %+v", e)
		}
		e.Alert.AllTags()
		again, err := opsgenie.ReadEvent(bytes.NewReader(body))
		assert.NoError(t, err)
		assert.Equal(t, e, again)
	})
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "event", name))
	require.NoError(t, err)
	return bytes.TrimSpace(b)
}
