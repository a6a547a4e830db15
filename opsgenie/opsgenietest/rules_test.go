package opsgenietest_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// What becomes of an act shows in the request's status alone.
func TestOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		before []string // acts on alias a, which is open
		call   string
		body   string
		ok     bool
		says   string
	}{
		{"close of an unknown alias", nil, "POST /v2/alerts/other/close?identifierType=alias", "", false, "does not exist"},
		{"note on an unknown id", nil, "POST /v2/alerts/other/notes", `{"note":"n"}`, false, "does not exist"},
		{"close by alias of a closed one", []string{"close"}, "POST /v2/alerts/a/close?identifierType=alias", "", false, "does not exist"},
		{"close of a closed one", []string{"close"}, "POST /v2/alerts/1/close?identifierType=tiny", "", false, "already closed"},
		{"acknowledge twice", []string{"acknowledge"}, "POST /v2/alerts/1/acknowledge?identifierType=tiny", "", false, "already acknowledged"},
		{"acknowledge a closed one", []string{"close"}, "POST /v2/alerts/1/acknowledge?identifierType=tiny", "", false, "closed"},
		{"unacknowledge without need", nil, "POST /v2/alerts/1/unacknowledge?identifierType=tiny", "", false, "not acknowledged"},
		{"close", nil, "POST /v2/alerts/a/close?identifierType=alias", "", true, "Closed alert"},
		{"acknowledge", nil, "POST /v2/alerts/a/acknowledge?identifierType=alias", `{}`, true, "Acknowledged alert"},
		{"unacknowledge", []string{"acknowledge"}, "POST /v2/alerts/a/unacknowledge?identifierType=alias", `{}`, true, "UnAcknowledge"},
		{"note on a closed one", []string{"close"}, "POST /v2/alerts/1/notes?identifierType=tiny", `{"note":"n"}`, true, "AddNote"},
		{"delete", nil, "DELETE /v2/alerts/1?identifierType=tiny&user=me", "", true, "Deleted alert"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCaller(t, nil)
			c.create("m", "a")
			for _, act := range test.before {
				c.do("POST", "/v2/alerts/1/"+act+"?identifierType=tiny", "")
			}
			method, path := test.call[:len(test.call)-len(after(test.call))-1], after(test.call)
			r := c.do(method, path, test.body)
			require.Equal(t, 202, r.status, r.raw)
			assert.Equal(t, "Request will be processed", r.at("result"))
			assert.NotZero(t, r.at("took"))
			assert.Equal(t, r.at("requestId"), r.header.Get("X-Request-ID"))
			got := c.outcome(r.at("requestId").(string))
			assert.Equal(t, test.ok, got["isSuccess"])
			assert.Equal(t, test.ok, got["success"])
			assert.Contains(t, got["status"], test.says)
			if test.ok {
				assert.Equal(t, "a", got["alias"])
			}
		})
	}
}

func after(call string) string {
	for i := range call {
		if call[i] == ' ' {
			return call[i+1:]
		}
	}
	return ""
}

// A repeat of an open alert raises its count and changes nothing else.
func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil)
		c.create("first", "a", `"priority":"P1","tags":["x"],"details":{"k":"1"},"note":"n"`)
		first := c.f.RequireOpen(t, "a")
		time.Sleep(time.Minute)
		id := c.create("second", "a", `"priority":"P5","tags":["y"],"details":{"k":"2"},"note":"m"`)

		want := first.Alert
		want.Count, want.LastOccurredAt = 2, first.CreatedAt.Add(time.Minute)
		got := c.f.RequireCount(t, "a", 2)
		assert.Equal(t, want, got.Alert)
		assert.Len(t, got.Notes, 1)
		assert.Equal(t, first.ID, c.outcome(id)["alertId"])

		// The alias is case-sensitive, and free again after a close.
		c.create("third", "A")
		c.do("POST", "/v2/alerts/a/close?identifierType=alias", `{"user":"me"}`)
		c.f.RequireClosed(t, "a")
		c.create("fourth", "a")
		got = c.f.RequireOpen(t, "a")
		assert.Equal(t, "fourth", got.Message)
		assert.Equal(t, 1, got.Count)
		assert.Empty(t, c.aliases(url.QueryEscape("count > 2")))

		// Without an alias, every create is an alert.
		c.do("POST", "/v2/alerts", `{"message":"m"}`)
		c.do("POST", "/v2/alerts", `{"message":"m"}`)
		alerts := c.f.Alerts()
		require.Len(t, alerts, 5)
		assert.Equal(t, alerts[4].ID, alerts[4].Alias)
	})
}

// Every act shows in the alert that is got.
func TestActs(t *testing.T) {
	tests := []struct {
		name, method, path, body string
		check                    func(t *testing.T, a opsgenietest.Alert)
	}{
		{"add tags", "POST", "tags", `{"tags":["y","x"]}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, []string{"x", "z", "y"}, a.Tags)
		}},
		{"remove tags", "DELETE", "tags?tags=x,other&note=gone", "", func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, []string{"z"}, a.Tags)
			assert.Equal(t, "gone", a.Notes[0].Note)
		}},
		{"add details", "POST", "details", `{"details":{"l":"2"}}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, map[string]string{"k": "1", "l": "2"}, a.Details)
		}},
		{"remove details", "DELETE", "details?keys=k", "", func(t *testing.T, a opsgenietest.Alert) {
			assert.Empty(t, a.Details)
		}},
		{"message", "PUT", "message", `{"message":"new"}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, "new", a.Message)
		}},
		{"description", "PUT", "description", `{"description":"new"}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, "new", a.Description)
		}},
		{"priority", "PUT", "priority", `{"priority":"P1"}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, opsgenie.P1, a.Priority)
		}},
		{"snooze", "POST", "snooze", `{"endTime":"2999-01-01T00:00:00Z"}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.True(t, a.Snoozed)
		}},
		{"assign", "POST", "assign", `{"owner":{"username":"me"}}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, "me", a.Owner)
		}},
		{"acknowledge", "POST", "acknowledge", `{"user":"me","note":"mine"}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.True(t, a.Acknowledged)
			assert.Equal(t, "me", a.AcknowledgedBy)
			assert.Equal(t, "mine", a.Notes[0].Note)
			assert.True(t, a.Open())
		}},
		{"close", "POST", "close", `{"user":"me","source":"s"}`, func(t *testing.T, a opsgenietest.Alert) {
			assert.False(t, a.Open())
			assert.Equal(t, "me", a.ClosedBy)
			entry := a.Log[len(a.Log)-1]
			assert.Equal(t, []string{opsgenietest.ActClose, "me", "s"}, []string{entry.Action, entry.User, entry.Source})
		}},
		{"custom", "POST", "actions/restart", ``, func(t *testing.T, a opsgenietest.Alert) {
			assert.Equal(t, "restart", a.Log[len(a.Log)-1].Action)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCaller(t, nil)
			c.create("m", "GET /a/{id}?", `"tags":["x","z"],"details":{"k":"1"}`)
			path, sep := test.path, "?"
			for i := range path {
				if path[i] == '?' {
					sep = "&"
				}
			}
			r := c.do(test.method, "/v2/alerts/"+url.PathEscape("GET /a/{id}?")+"/"+path+sep+"identifierType=alias", test.body)
			require.Equal(t, 202, r.status, r.raw)
			test.check(t, c.f.Alerts()[0])
		})
	}
}

func TestGet(t *testing.T) {
	c := newCaller(t, nil)
	c.create("m", "a/b", `"description":"d","entity":"e","actions":["x"],"details":{"k":"v"},"responders":[{"type":"team","name":"ops"}]`)
	id := c.f.RequireOpen(t, "a/b").ID
	for _, path := range []string{id, "a%2Fb?identifierType=alias", "1?identifierType=tiny"} {
		r := c.do("GET", "/v2/alerts/"+path, "")
		require.Equal(t, 200, r.status, path)
		assert.Equal(t, id, r.at("data", "id"))
		assert.Equal(t, "d", r.at("data", "description"))
		assert.Equal(t, "v", r.at("data", "details", "k"))
		assert.Equal(t, "P3", r.at("data", "priority"))
		assert.Equal(t, "127.0.0.1", r.at("data", "source"))
	}
	list := c.do("GET", "/v2/alerts", "").at("data", 0)
	assert.NotContains(t, list, "description")
	assert.NotContains(t, list, "details")
	assert.Equal(t, 404, c.do("GET", "/v2/alerts/none", "").status)
}

// The 202 comes first; what it promised comes later, in order.
func TestProcessingDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &opsgenietest.Options{ProcessingDelay: time.Second})
		id := c.create("m", "a")
		c.f.SetProcessingDelay(0) // must not overtake
		c.do("POST", "/v2/alerts/a/close?identifierType=alias", "")

		time.Sleep(time.Second - 1)
		synctest.Wait()
		c.f.RequireNone(t)
		r := c.do("GET", "/v2/alerts/requests/"+id, "")
		assert.Equal(t, 404, r.status)
		assert.Equal(t, "RequestNotProcessed", r.header.Get("X-Opsgenie-Errortype"))
		r = c.do("GET", "/v2/alerts/requests/unknown", "")
		assert.Equal(t, 404, r.status)
		assert.Empty(t, r.header.Get("X-Opsgenie-Errortype"))

		require.NoError(t, c.f.Settle(t.Context()))
		c.f.RequireClosed(t, "a")
		assert.Equal(t, true, c.outcome(id)["isSuccess"])
	})
}

func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &opsgenietest.Options{ProcessingDelay: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		c.create("m", "a")
		assert.ErrorIs(t, c.f.Settle(ctx), context.DeadlineExceeded)
		c.f.AwaitOpen(t, "a")
		c.create("m", "a")
		c.f.AwaitCount(t, "a", 2)
		c.do("POST", "/v2/alerts/a/close?identifierType=alias", "")
		c.f.AwaitClosed(t, "a")

		var inner tb
		start := time.Now()
		c.f.AwaitOpen(&inner, "b")
		assert.Equal(t, 10*time.Second, time.Since(start))
		assert.Contains(t, inner.errors[0], `"a" closed`)
	})
}

// Assertions that do not hold end the test.
func TestAssertionsFail(t *testing.T) {
	c := newCaller(t, nil)
	c.create("m", "open")
	c.create("m", "closed")
	c.do("POST", "/v2/alerts/closed/close?identifierType=alias", "")
	tests := map[string]func(b opsgenietest.TB){
		"open, none":     func(b opsgenietest.TB) { c.f.RequireOpen(b, "none") },
		"open, closed":   func(b opsgenietest.TB) { c.f.RequireOpen(b, "closed") },
		"closed, none":   func(b opsgenietest.TB) { c.f.RequireClosed(b, "none") },
		"closed, open":   func(b opsgenietest.TB) { c.f.RequireClosed(b, "open") },
		"none, any":      func(b opsgenietest.TB) { c.f.RequireNone(b) },
		"none, closed":   func(b opsgenietest.TB) { c.f.RequireNone(b, "none", "closed") },
		"count, another": func(b opsgenietest.TB) { c.f.RequireCount(b, "open", 2) },
	}
	for name, fails := range tests {
		t.Run(name, func(t *testing.T) {
			var inner tb
			fails(&inner)
			require.Len(t, inner.errors, 1)
			assert.Contains(t, inner.errors[0], `"open" open ×1`)
		})
	}
	c.f.RequireNone(t, "none")
}

// The list is behind; getting one alert is not.
func TestListLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &opsgenietest.Options{ListLag: time.Second})
		c.create("m", "a")
		assert.Equal(t, 200, c.do("GET", "/v2/alerts/a?identifierType=alias", "").status)
		time.Sleep(time.Second - 1)
		assert.Empty(t, c.aliases("status:open"))
		time.Sleep(time.Nanosecond)
		assert.Equal(t, "a", c.aliases("status:open"))
		c.do("POST", "/v2/alerts/a/close?identifierType=alias", "")
		assert.Equal(t, "a", c.aliases("status:open"))
		assert.Equal(t, 404, c.do("GET", "/v2/alerts/a?identifierType=alias", "").status)
		c.f.SetListLag(0)
		assert.Empty(t, c.aliases("status:open"))
		c.do("DELETE", "/v2/alerts/1?identifierType=tiny", "")
		assert.Empty(t, c.aliases(""))
	})
}

func TestSnoozeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil)
		c.create("m", "a")
		until := time.Now().Add(time.Minute)
		_, err := c.f.Do(opsgenietest.Act{Name: opsgenietest.ActSnooze, Ref: opsgenie.Alias("a"), Until: until})
		require.NoError(t, err)
		assert.Equal(t, "a", c.aliases("snoozed:true"))
		time.Sleep(time.Minute)
		assert.Empty(t, c.aliases("snoozed:true"))
		assert.False(t, c.f.RequireOpen(t, "a").Snoozed)
	})
}

func TestPaging(t *testing.T) {
	c := newCaller(t, &opsgenietest.Options{Prefix: "/base"})
	for i := range 5 {
		c.f.Raise(opsgenie.NewAlert{Message: "m", Alias: fmt.Sprint(i), Tags: []string{"a b"}})
	}
	var got []string
	next, pages := "/base/v2/alerts?limit=2&sort=alias&order=asc&query="+url.QueryEscape(`tag:"a b"`), 0
	for ; next != ""; pages++ {
		r := c.do("GET", next, "")
		require.Equal(t, 200, r.status, r.raw)
		for i := range r.at("data").([]any) {
			got = append(got, r.at("data", i, "alias").(string))
		}
		next, _ = r.at("paging", "next").(string)
		assert.Equal(t, next, r.header.Get("X-Paging-Next"))
		if next != "" {
			assert.Regexp(t, `^https://api\.opsgenie\.test/base/v2/alerts\?`, next)
		}
	}
	assert.Equal(t, []string{"0", "1", "2", "3", "4"}, got)
	assert.Equal(t, 3, pages)
	r := c.do("GET", "/base/v2/alerts?offset=4&limit=2", "")
	assert.Contains(t, r.at("paging", "prev"), "offset=2")
	assert.Contains(t, r.at("paging", "last"), "offset=4")
	assert.Equal(t, "0", r.at("data", 0, "alias"), "newest first by default")
	assert.EqualValues(t, 5, c.do("GET", "/base/v2/alerts/count?query=status:open", "").at("data", "count"))
	assert.Equal(t, 404, c.do("GET", "/base/v2/alerts?searchIdentifier=x", "").status)
}

func TestNotes(t *testing.T) {
	c := newCaller(t, nil)
	c.create("m", "a")
	for i := range 5 {
		c.do("POST", "/v2/alerts/a/notes?identifierType=alias", fmt.Sprintf(`{"note":"n%d","user":"me"}`, i))
	}
	page := func(query string) (notes []string, r reply) {
		r = c.do("GET", "/v2/alerts/a/notes?identifierType=alias&"+query, "")
		require.Equal(t, 200, r.status, r.raw)
		for i := range r.at("data").([]any) {
			notes = append(notes, r.at("data", i, "note").(string))
		}
		return notes, r
	}
	all, r := page("")
	assert.Equal(t, []string{"n4", "n3", "n2", "n1", "n0"}, all)
	assert.Nil(t, r.at("paging", "next"))
	assert.Equal(t, "me", r.at("data", 0, "owner"))

	first, r := page("limit=2&order=asc")
	assert.Equal(t, []string{"n0", "n1"}, first)
	next := r.at("paging", "next").(string)
	r = c.do("GET", next, "")
	assert.Equal(t, "n2", r.at("data", 0, "note"))
	offset := url.QueryEscape(r.at("data", 1, "offset").(string))
	before, _ := page("limit=2&order=asc&direction=prev&offset=" + offset)
	assert.Equal(t, []string{"n1", "n2"}, before)
	assert.Equal(t, 404, c.do("GET", "/v2/alerts/none/notes", "").status)
}

func TestHeartbeat(t *testing.T) {
	c := newCaller(t, nil)
	for _, method := range []string{"GET", "POST"} {
		assert.Equal(t, 202, c.do(method, "/v2/heartbeats/nightly%2Fjob/ping", "").status)
	}
	assert.Contains(t, c.f.Heartbeats(), "nightly/job")
}
