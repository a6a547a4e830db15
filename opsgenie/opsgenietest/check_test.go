package opsgenietest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// What Opsgenie would refuse or spoil fails the test of whoever sent it.
func TestInvalidCalls(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ä", n) }
	list := func(n int, item string) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	tags := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("%q", fmt.Sprint("t", i))
		}
		return "[" + strings.Join(names, ",") + "]"
	}
	create := func(fields string) [3]string {
		return [3]string{"POST", "/v2/alerts", `{"message":"m",` + fields + `}`}
	}
	tests := map[string]struct {
		call   [3]string
		status int
		field  string // in the errors of the answer
		says   string // to the test
	}{
		"body is no JSON":             {[3]string{"POST", "/v2/alerts", `{"message"`}, 400, "", "no JSON object"},
		"body is a list":              {[3]string{"POST", "/v2/alerts", `[]`}, 400, "", "no JSON object"},
		"create without body":         {[3]string{"POST", "/v2/alerts", ``}, 400, "", "no JSON object"},
		"no message":                  {[3]string{"POST", "/v2/alerts", `{"alias":"a"}`}, 422, "message", "can not be empty"},
		"blank message":               {[3]string{"POST", "/v2/alerts", `{"message":" "}`}, 422, "message", "can not be empty"},
		"message is a number":         {[3]string{"POST", "/v2/alerts", `{"message":1}`}, 422, "message", "must be a text"},
		"message too long":            {[3]string{"POST", "/v2/alerts", `{"message":"` + long(131) + `"}`}, 422, "message", "131 characters, at most 130"},
		"alias too long":              {create(`"alias":"` + long(513) + `"`), 422, "alias", "at most 512"},
		"description too long":        {create(`"description":"` + long(15001) + `"`), 422, "description", "at most 15000"},
		"entity too long":             {create(`"entity":"` + long(513) + `"`), 422, "entity", "at most 512"},
		"source too long":             {create(`"source":"` + long(101) + `"`), 422, "source", "at most 100"},
		"user too long":               {create(`"user":"` + long(101) + `"`), 422, "user", "at most 100"},
		"note too long":               {create(`"note":"` + long(25001) + `"`), 422, "note", "at most 25000"},
		"priority zero":               {create(`"priority":"P0"`), 422, "priority", `"P0"`},
		"priority in lower case":      {create(`"priority":"p1"`), 422, "priority", `"p1"`},
		"21st tag":                    {create(`"tags":` + tags(21)), 202, "", "tags are 21"},
		"tag too long":                {create(`"tags":["` + long(51) + `"]`), 202, "", "has 51 characters"},
		"tags as text":                {create(`"tags":"a,b"`), 422, "tags", "list of texts"},
		"11 actions":                  {create(`"actions":` + list(11, `"x"`)), 422, "actions", "at most 10"},
		"action too long":             {create(`"actions":["` + long(51) + `"]`), 422, "actions[0]", "at most 50"},
		"51 responders":               {create(`"responders":` + list(51, `{"type":"team","name":"x"}`)), 422, "responders", "at most 50"},
		"unknown responder type":      {create(`"responders":[{"type":"person","name":"x"}]`), 422, "responders[0]", "person"},
		"username of a team":          {create(`"responders":[{"type":"team","username":"x"}]`), 422, "responders[0]", "username"},
		"responder without a name":    {create(`"responders":[{"type":"team"}]`), 422, "responders[0]", "no id, name"},
		"visible to a schedule":       {create(`"visibleTo":[{"type":"schedule","name":"x"}]`), 422, "visibleTo[0]", "user or a team"},
		"nested details":              {create(`"details":{"a":{"b":"c"}}`), 422, "details", "flat map"},
		"list in details":             {create(`"details":{"a":["b"]}`), 422, "details", "flat map"},
		"details as text":             {create(`"details":"a"`), 422, "details", "map of texts"},
		"number in details":           {create(`"details":{"a":1}`), 202, "", "not a text"},
		"null in details":             {create(`"details":{"a":null}`), 202, "", "null"},
		"details too long":            {create(`"details":{"key":"` + long(7998) + `"}`), 422, "details", "at most 8000"},
		"alias with a bare slash":     {[3]string{"POST", "/v2/alerts/GET /a/b/close?identifierType=alias", `{}`}, 404, "", "must be escaped"},
		"wrong identifier type":       {[3]string{"GET", "/v2/alerts/x?identifierType=tinyId", ``}, 422, "identifierType", "tinyId"},
		"empty note":                  {[3]string{"POST", "/v2/alerts/x/notes", `{"note":""}`}, 422, "note", "can not be empty"},
		"no tags":                     {[3]string{"POST", "/v2/alerts/x/tags", `{"tags":[]}`}, 422, "tags", "can not be empty"},
		"no tags to remove":           {[3]string{"DELETE", "/v2/alerts/x/tags", ``}, 422, "tags", "can not be empty"},
		"no priority":                 {[3]string{"PUT", "/v2/alerts/x/priority", `{}`}, 422, "priority", "can not be empty"},
		"snooze into the past":        {[3]string{"POST", "/v2/alerts/x/snooze", `{"endTime":"2001-01-01T00:00:00Z","note":"x"}`}, 422, "endTime", "future"},
		"no such call":                {[3]string{"POST", "/v2/alert", `{}`}, 404, "", "no such call"},
		"version 1":                   {[3]string{"POST", "/v1/json/alert", `{}`}, 404, "", "no such call"},
		"no identifier":               {[3]string{"GET", "/v2/alerts/", ``}, 404, "", "no such call"},
		"limit over 100":              {[3]string{"GET", "/v2/alerts?limit=101", ``}, 422, "limit", "to 100"},
		"beyond the window":           {[3]string{"GET", "/v2/alerts?limit=100&offset=19900", ``}, 422, "offset", "below 20000"},
		"unknown sort":                {[3]string{"GET", "/v2/alerts?sort=age", ``}, 422, "sort", `"age"`},
		"unknown order":               {[3]string{"GET", "/v2/alerts?order=up", ``}, 422, "order", `"up"`},
		"two queries":                 {[3]string{"GET", "/v2/alerts?query=tag:a&query=tag:b", ``}, 422, "query", "2 times"},
		"unknown notes direction":     {[3]string{"GET", "/v2/alerts/x/notes?direction=up", ``}, 422, "direction", `"up"`},
		"unsupported query of counts": {[3]string{"GET", "/v2/alerts/count?query=colour:red", ``}, 422, "query", "no field"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var inner tb
			c := &caller{t: t, f: opsgenietest.NewFake(&inner, nil), key: "k"}
			r := c.do(test.call[0], strings.ReplaceAll(test.call[1], " ", "%20"), test.call[2])
			assert.Equal(t, test.status, r.status, r.raw)
			if test.field != "" {
				assert.Contains(t, r.at("errors"), test.field)
			}
			errors := inner.end()
			require.Len(t, errors, 1)
			assert.Contains(t, errors[0], test.says)
		})
	}
}

// What is odd but right is no error.
func TestValidCalls(t *testing.T) {
	tests := map[string][3]string{
		"everything at its limit": {"POST", "/v2/alerts", `{"message":"` + strings.Repeat("ä", 130) + `","alias":"` +
			strings.Repeat("ä", 512) + `","details":{"key":"` + strings.Repeat("ä", 7997) + `"}}`},
		"an empty username":            {"POST", "/v2/alerts", `{"message":"m","responders":[{"type":"team","name":"ops","username":""}]}`},
		"unknown fields":               {"POST", "/v2/alerts", `{"message":"m","IdentifierType":0,"x":{"y":1}}`},
		"null fields":                  {"POST", "/v2/alerts", `{"message":"m","tags":null,"details":null}`},
		"close without a body":         {"POST", "/v2/alerts/x/close", ``},
		"close of what is not there":   {"POST", "/v2/alerts/x/close?identifierType=alias", `{}`},
		"alias with an escaped slash":  {"POST", "/v2/alerts/GET%20%2Fa%2Fb%3Fc/close?identifierType=alias", `{}`},
		"status of an unknown request": {"GET", "/v2/alerts/requests/x", ``},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, nil)
			r := c.do(test[0], test[1], test[2])
			assert.Contains(t, []int{202, 404}, r.status, r.raw)
			assert.Empty(t, c.f.Invalid())
		})
	}
}

func TestInvalidIsAllowed(t *testing.T) {
	var inner tb
	c := &caller{t: t, f: opsgenietest.NewFake(&inner, &opsgenietest.Options{AllowInvalid: true}), key: "k"}
	assert.Equal(t, http.StatusUnprocessableEntity, c.do("POST", "/v2/alerts", `{}`).status)
	assert.Len(t, c.f.Invalid(), 1)
	assert.Empty(t, inner.end())
}

func TestInvalidIsTaken(t *testing.T) {
	var inner tb
	c := &caller{t: t, f: opsgenietest.NewFake(&inner, nil), key: "k"}
	c.do("POST", "/v2/alerts", `{}`)
	assert.Equal(t, []string{"create alert: message can not be empty"}, c.f.TakeInvalid())
	assert.Empty(t, inner.end())
}

// Tags that are too many or too long are lost without a word.
func TestTagsAreLost(t *testing.T) {
	c := newCaller(t, &opsgenietest.Options{AllowInvalid: true})
	tags := make([]string, 22)
	for i := range tags {
		tags[i] = fmt.Sprintf(`"%02d"`, i)
	}
	tags[0] = `"` + strings.Repeat("x", 60) + `"`
	c.create("m", "a", `"tags":[`+strings.Join(tags, ",")+`]`)
	got := c.f.RequireOpen(t, "a").Tags
	assert.Len(t, got, opsgenie.MaxTags)
	assert.Equal(t, strings.Repeat("x", 50), got[0])
	assert.Equal(t, "19", got[19])
	c.do("POST", "/v2/alerts/a/tags?identifierType=alias", `{"tags":["more"]}`)
	assert.NotContains(t, c.f.RequireOpen(t, "a").Tags, "more")
}

func TestKeys(t *testing.T) {
	opts := &opsgenietest.Options{Keys: []string{"integration"}, ReadKeys: []string{"management"}}
	tests := []struct {
		name, key, method string
		status            int
		code              any
	}{
		{"no key", "", "POST", 401, nil},
		{"unknown key", "other", "POST", 401, nil},
		{"unknown key, reading", "other", "GET", 401, nil},
		{"management key, creating", "management", "POST", 403, 40301.0},
		{"management key, reading", "management", "GET", 200, nil},
		{"integration key, creating", "integration", "POST", 202, nil},
		{"integration key, reading", "integration", "GET", 200, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCaller(t, opts)
			c.key = test.key
			r := c.do(test.method, "/v2/alerts", `{"message":"m"}`)
			assert.Equal(t, test.status, r.status)
			assert.Equal(t, test.code, r.at("code"))
			if test.status >= 400 {
				assert.NotEmpty(t, r.at("message"))
				c.f.RequireNone(t)
			}
		})
	}
}

// No key is kept, wherever one looks.
func TestKeyIsNotKept(t *testing.T) {
	c := newCaller(t, nil)
	c.key = "very-secret"
	c.create("m", "a")
	assert.NotContains(t, fmt.Sprintf("%+v %+v", c.f.Calls(), c.f.Alerts()), "very-secret")
}

func TestJSM(t *testing.T) {
	const prefix = "/jsm/ops/integration"
	tests := []struct {
		call   string
		body   string
		status int
	}{
		{"GET /v2/alerts", "", 404},
		{"GET /v2/alerts/count", "", 404},
		{"GET /v2/alerts/x", "", 404},
		{"DELETE /v2/alerts/x", "", 404},
		{"GET /v2/alerts/x/notes", "", 404},
		{"POST /v2/alerts/x/tags", `{"tags":["a"]}`, 404},
		{"DELETE /v2/alerts/x/tags?tags=a", "", 404},
		{"PUT /v2/alerts/x/message", `{"message":"m"}`, 404},
		{"POST /v2/alerts/x/unacknowledge", "", 404},
		{"GET /v2/heartbeats/x/ping", "", 404},
		{"POST /v2/alerts", `{"message":"m"}`, 202},
		{"POST /v2/alerts/x/close", "", 202},
		{"POST /v2/alerts/x/acknowledge", "", 202},
		{"POST /v2/alerts/x/notes", `{"note":"n"}`, 202},
	}
	for _, test := range tests {
		t.Run(test.call, func(t *testing.T) {
			c := newCaller(t, &opsgenietest.Options{JSM: true, Prefix: prefix})
			method, path, _ := strings.Cut(test.call, " ")
			r := c.do(method, prefix+path, test.body)
			assert.Equal(t, test.status, r.status, r.raw)
			if r.status == 202 {
				status := c.do("GET", prefix+"/v2/alerts/requests/"+r.at("requestId").(string), "").status
				assert.Equal(t, 200, status)
			}
		})
	}
}

func TestOutsideThePrefix(t *testing.T) {
	c := newCaller(t, &opsgenietest.Options{Prefix: "base/"})
	assert.Equal(t, 404, c.do("POST", "/v2/alerts", `{"message":"m"}`).status)
	assert.Len(t, c.f.TakeInvalid(), 1)
	assert.Equal(t, 202, c.do("POST", "/base/v2/alerts", `{"message":"m"}`).status)
	assert.Equal(t, "/v2/alerts", c.f.CallsOf(opsgenietest.OpCreate)[0].Path)
}
