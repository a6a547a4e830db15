package opsgenie_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

func TestGet(t *testing.T) {
	rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"id":"i","tinyId":"7","alias":"a","message":"m","status":"open","acknowledged":true,"isSeen":true,
			"snoozed":true,"snoozedUntil":"2026-11-21T00:00:00Z","tags":["t"],"count":3,"createdAt":"2026-11-20T00:00:00Z",
			"updatedAt":"2026-11-20T01:00:00Z","lastOccurredAt":"2026-11-20T02:00:00Z","source":"s","owner":"o","priority":"P1",
			"responders":[{"type":"user","id":"u"}],"integration":{"id":"g","name":"n","type":"API"},"report":{"ackTime":1},
			"description":"d","details":{"k":"v"},"entity":"e","actions":["x"]},"took":0.1,"requestId":"r"}`)
	})
	got, err := newClient(t, opsgenie.Config{BaseURL: rec.URL}).Get(t.Context(), opsgenie.Alias("a b"))
	require.NoError(t, err)
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, opsgenie.Alert{
		ID: "i", TinyID: "7", Alias: "a", Message: "m", Status: opsgenie.StatusOpen, Acknowledged: true, Seen: true,
		Snoozed: true, SnoozedUntil: day.AddDate(0, 0, 1), Tags: []string{"t"}, Count: 3, CreatedAt: day,
		UpdatedAt: day.Add(time.Hour), LastOccurredAt: day.Add(2 * time.Hour), Source: "s", Owner: "o", Priority: opsgenie.P1,
		Responders:  []opsgenie.Responder{{Type: opsgenie.User, ID: "u"}},
		Integration: opsgenie.Integration{ID: "g", Name: "n", Type: "API"},
		Description: "d", Details: map[string]string{"k": "v"}, Entity: "e", Actions: []string{"x"},
	}, got)
	r := rec.one(t)
	assert.Equal(t, "GET /v2/alerts/a%20b identifierType=alias", r.Method+" "+r.URI+" "+r.Query.Encode())
}

func TestRequestStatus(t *testing.T) {
	tests := []struct {
		name    string
		resp    roundTrip
		want    opsgenie.RequestStatus
		pending bool
		status  int
	}{
		{name: "pending", resp: always(404, `{"message":"Request not found. It might not be processed, yet."}`, "X-Opsgenie-Errortype", "RequestNotProcessed"), pending: true, status: 404},
		{name: "unknown", resp: always(404, `{"message":"Request not found"}`), status: 404},
		{name: "another 404", resp: always(404, `{}`, "X-Opsgenie-Errortype", "NotFound"), status: 404},
		{name: "throttled", resp: always(429, `{}`, "X-Opsgenie-Errortype", "RequestNotProcessed"), status: 429},
		{
			name: "failed", resp: always(200, `{"data":{"isSuccess":false,"action":"Close","status":"Alert does not exist","processedAt":""}}`),
			want: opsgenie.RequestStatus{Action: "Close", Status: "Alert does not exist"},
		},
		{
			name: "done", resp: always(200, `{"data":{"success":true,"isSuccess":true,"action":"Create","status":"Created alert","alertId":"i","alias":"a","integrationId":"g","processedAt":"2026-11-20T00:00:00.1Z"}}`),
			want: opsgenie.RequestStatus{Success: true, Action: "Create", Status: "Created alert", AlertID: "i", Alias: "a", IntegrationID: "g", ProcessedAt: time.Date(2026, 11, 20, 0, 0, 0, 1e8, time.UTC)},
		},
		{name: "by its older name", resp: always(200, `{"data":{"success":true}}`), want: opsgenie.RequestStatus{Success: true}},
		{name: "without an envelope", resp: always(200, `{"isSuccess":true,"alertId":"i"}`), want: opsgenie.RequestStatus{Success: true, AlertID: "i"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := newClient(t, opsgenie.Config{Transport: tt.resp}).RequestStatus(t.Context(), "r/1")
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.pending, errors.Is(err, opsgenie.ErrPending))
			if tt.status == 0 {
				require.NoError(t, err)
				return
			}
			e := asError(t, err)
			assert.Equal(t, tt.status, e.Status)
			assert.Equal(t, tt.pending || tt.status == 429, e.Temporary())
		})
	}
}

// manyAlerts serves a list of n alerts with links as Opsgenie's, to host.
func manyAlerts(t *testing.T, n int, host string) *recorder {
	return newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		if limit == 0 {
			limit = 20
		}
		assert.Less(t, offset+limit, 20000)
		var data []map[string]any
		for i := offset; i < min(offset+limit, n); i++ {
			data = append(data, map[string]any{"id": fmt.Sprint(i), "status": "open"})
		}
		paging := map[string]string{}
		if offset+limit < n {
			q := r.URL.Query()
			q.Set("offset", fmt.Sprint(offset+limit))
			q.Set("limit", fmt.Sprint(limit))
			paging["next"] = host + "/v2/alerts?" + q.Encode()
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": data, "paging": paging})
	})
}

func TestListOptions(t *testing.T) {
	rec := manyAlerts(t, 300, "https://api.opsgenie.com")
	c := newClient(t, opsgenie.Config{BaseURL: rec.URL})
	const query = `status:open AND tag:"servicename:API"`
	o := opsgenie.ListOptions{Query: query, Offset: 40, Limit: 1000, Sort: opsgenie.ByUpdatedAt, Order: opsgenie.Ascending}
	page, err := c.List(t.Context(), o)
	require.NoError(t, err)
	want := url.Values{"query": {query}, "offset": {"40"}, "limit": {"100"}, "sort": {"updatedAt"}, "order": {"asc"}}
	assert.Equal(t, want, rec.one(t).Query)
	assert.Len(t, page.Alerts, 100)
	o.Offset, o.Limit = 140, 100
	assert.Equal(t, &o, page.Next)

	page, err = c.List(t.Context(), opsgenie.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, rec.one(t).Query)
	assert.Len(t, page.Alerts, 20)
}

func TestListNext(t *testing.T) {
	tests := []struct {
		name, paging string
		want         *opsgenie.ListOptions
	}{
		{"none", `{}`, nil},
		{"null", `null`, nil},
		{"empty", `{"next":""}`, nil},
		{"not a URL", `{"next":"::%zz"}`, nil},
		{"back to the start", `{"next":"https://x/?offset=0"}`, nil},
		{"here again", `{"next":"https://x/?offset=10"}`, nil},
		{"no offset", `{"next":"https://evil.example/?after=x"}`, &opsgenie.ListOptions{Query: "q", Offset: 11, Limit: 5}},
		{"huge limit", `{"next":"https://x/?offset=15&limit=9999"}`, &opsgenie.ListOptions{Query: "q", Offset: 15, Limit: 100}},
		{"another query", `{"next":"/v2/alerts?offset=15&limit=5&query=evil"}`, &opsgenie.ListOptions{Query: "q", Offset: 15, Limit: 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, opsgenie.Config{Transport: always(200, `{"data":[{"id":"1"}],"paging":`+tt.paging+`}`)})
			page, err := c.List(t.Context(), opsgenie.ListOptions{Query: "q", Offset: 10, Limit: 5})
			require.NoError(t, err)
			assert.Equal(t, tt.want, page.Next)
		})
	}
}

func TestListWindow(t *testing.T) {
	c := newClient(t, opsgenie.Config{Transport: always(200, `{"data":[]}`)})
	_, err := c.List(t.Context(), opsgenie.ListOptions{Offset: 19950, Limit: 50})
	require.ErrorIs(t, err, opsgenie.ErrWindow)
	assert.False(t, asError(t, err).Temporary())
	_, err = c.List(t.Context(), opsgenie.ListOptions{Offset: 19950, Limit: 49})
	assert.NoError(t, err)
}

func TestAll(t *testing.T) {
	collect := func(c *opsgenie.Client, o opsgenie.ListOptions) (ids []string, err error) {
		for a, e := range c.All(t.Context(), o) {
			if e != nil {
				return ids, e
			}
			ids = append(ids, a.ID)
		}
		return ids, nil
	}
	t.Run("never to another host", func(t *testing.T) {
		var stray []string
		rec := manyAlerts(t, 250, "https://evil.example")
		c := newClient(t, opsgenie.Config{BaseURL: rec.URL, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if "http://"+r.URL.Host != rec.URL {
				stray = append(stray, r.URL.Host)
			}
			return rec.Client().Transport.RoundTrip(r)
		})})
		ids, err := collect(c, opsgenie.ListOptions{Query: "status:open"})
		require.NoError(t, err)
		assert.Len(t, ids, 250)
		assert.Empty(t, stray)
		assert.Len(t, rec.got, 3)
	})
	t.Run("an error in the middle", func(t *testing.T) {
		n := 0
		c := newClient(t, opsgenie.Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			if n++; n == 2 {
				return answer(500, `{"message":"down"}`), nil
			}
			return answer(200, `{"data":[{"id":"1"}],"paging":{"next":"https://x/?offset=100"}}`), nil
		})})
		ids, err := collect(c, opsgenie.ListOptions{})
		assert.Equal(t, 500, asError(t, err).Status)
		assert.Equal(t, []string{"1"}, ids)
		assert.Equal(t, 2, n)
	})
	t.Run("the window", func(t *testing.T) {
		rec := manyAlerts(t, 30000, "https://api.opsgenie.com")
		ids, err := collect(newClient(t, opsgenie.Config{BaseURL: rec.URL}), opsgenie.ListOptions{})
		require.ErrorIs(t, err, opsgenie.ErrWindow)
		assert.Len(t, ids, 19999)
	})
	t.Run("a link that leads nowhere", func(t *testing.T) {
		c := newClient(t, opsgenie.Config{Transport: always(200, `{"data":[{"id":"1"}],"paging":{"next":"https://x/?offset=0"}}`)})
		ids, err := collect(c, opsgenie.ListOptions{})
		require.NoError(t, err)
		assert.Equal(t, []string{"1"}, ids)
	})
	t.Run("empty pages for ever", func(t *testing.T) {
		c := newClient(t, opsgenie.Config{Transport: always(200, `{"data":[],"paging":{"next":"https://x/?after=1"}}`)})
		ids, err := collect(c, opsgenie.ListOptions{})
		require.NoError(t, err)
		assert.Empty(t, ids)
	})
	t.Run("each alert once", func(t *testing.T) {
		n := 0
		c := newClient(t, opsgenie.Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return answer(200, `{"data":[{"id":"1"},{"id":"2"}],"paging":{"next":"https://x/?offset=2"}}`), nil
			}
			return answer(200, `{"data":[{"id":"2"},{"id":"3"}]}`), nil
		})})
		ids, err := collect(c, opsgenie.ListOptions{})
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "2", "3"}, ids)
	})
	t.Run("stopped by its reader, and again", func(t *testing.T) {
		rec := manyAlerts(t, 250, "https://api.opsgenie.com")
		all := newClient(t, opsgenie.Config{BaseURL: rec.URL}).All(t.Context(), opsgenie.ListOptions{Limit: 10})
		for range 2 {
			for a, err := range all {
				require.NoError(t, err)
				if a.ID == "15" {
					break
				}
			}
		}
		assert.Len(t, rec.got, 4, "two pages each time")
	})
}

func TestNotes(t *testing.T) {
	const body = `{"data":[{"note":"n","owner":"o","createdAt":"2026-11-20T00:00:00Z","offset":"1_a"}],
		"paging":{"first":"https://x/?direction=next","next":"https://evil.example/?offset=1_a&direction=next&limit=200&order=asc"}}`
	rec := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	c := newClient(t, opsgenie.Config{BaseURL: rec.URL})
	page, err := c.Notes(t.Context(), opsgenie.ID("i"), opsgenie.NotesOptions{Limit: 1000, Order: opsgenie.Ascending})
	require.NoError(t, err)
	assert.Equal(t, []opsgenie.Note{{Note: "n", Owner: "o", CreatedAt: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Offset: "1_a"}}, page.Notes)
	r := rec.one(t)
	assert.Equal(t, "/v2/alerts/i/notes?identifierType=id&limit=100&order=asc", r.URI+"?"+r.Query.Encode())
	want := &opsgenie.NotesOptions{Limit: 100, Order: opsgenie.Ascending, Offset: "1_a"}
	require.Equal(t, want, page.Next)

	page, err = c.Notes(t.Context(), opsgenie.ID("i"), *page.Next)
	require.NoError(t, err)
	assert.Nil(t, page.Next, "the link leads here")
	assert.Equal(t, "direction=next&identifierType=id&limit=100&offset=1_a&order=asc", rec.one(t).Query.Encode())

	_, err = c.Notes(t.Context(), opsgenie.ID("i"), opsgenie.NotesOptions{Offset: "x", Backward: true})
	require.NoError(t, err)
	assert.Equal(t, "direction=prev&identifierType=id&offset=x", rec.one(t).Query.Encode())
}
