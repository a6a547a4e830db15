package opsgenietest_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

func TestQuery(t *testing.T) {
	c := newCaller(t, &opsgenietest.Options{AllowInvalid: true})
	c.f.Raise(opsgenie.NewAlert{
		Message: "API is down", Alias: "api", Priority: "P1", Entity: "web 1", Source: "s",
		Tags: []string{"statuspage", "servicename:API", "critical"}, Details: map[string]string{"k": "v"},
		Responders: []opsgenie.Responder{{Type: opsgenie.Team, Name: "ops"}},
	})
	c.f.Raise(opsgenie.NewAlert{Message: "Disk of host 2 is full", Alias: "disk", Tags: []string{"statuspage", "two words"}})
	c.f.Raise(opsgenie.NewAlert{Message: "Old", Alias: "GET /old"})
	closing := opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.Alias("GET /old")}
	_, err := c.f.Do(closing)
	assert.NoError(t, err)
	c.f.Raise(opsgenie.NewAlert{Message: "API is down", Alias: "api"})

	const all, refused = "api,disk,GET /old", "refused"
	tests := []struct{ query, want string }{
		{"status: ", refused},
		{"status: opn", refused},
		{"colour: red", refused},
		{"open", refused},
		{"AND", refused},
		{"status: open AND", refused},
		{"status: open OR OR status: closed", refused},
		{"(status: open", refused},
		{"status: open)", refused},
		{"status: open tag: statuspage", refused},
		{"status: open NOT tag: statuspage", refused},
		{`status: open "x"`, refused},
		{"tag: servicename:API", refused},
		{`tag: "servicename`, refused},
		{"status > open", refused},
		{"createdAt > yesterday", refused},
		{"count: many", refused},
		{"message: a*b", refused},
		{"alias: a?", refused},
		{"priority: P0", refused},
		{"status open", refused},

		{"", all},
		{"status: open", "api,disk"},
		{"status:closed", "GET /old"},
		{"status: (open OR closed)", all},
		{"NOT status: open", "GET /old"},
		{"status: open AND tag: critical", "api"},
		{"status: open AND NOT tag: critical", "disk"},
		{"tag: critical OR tag: none AND status: closed", "api"},
		{"(tag: critical OR status: closed) AND NOT (status: closed)", "api"},
		{"tag: (statuspage AND critical)", "api"},
		{`tag: "servicename:API"`, "api"},
		{`tags:"servicename:api" AND tag: statuspage`, "api"},
		{`tag: "servicename"`, ""},
		{"tag: service*", "api"},
		{"tag: two words", "disk"},
		{`alias: "GET /old"`, "GET /old"},
		{"alias: GET /old", "GET /old"},
		{"alias: API", ""},
		{"message: down API", "api"},
		{`message: "down API"`, ""},
		{`message: "is full"`, "disk"},
		{"message: (down OR full)", "api,disk"},
		{"priority: P1", "api"},
		{"priority: P3", "disk,GET /old"},
		{"count >= 2", "api"},
		{"count < 2", "disk,GET /old"},
		{"tinyId: 2", "disk"},
		{"createdAt > 0", all},
		{"createdAt < 1000", ""},
		{"createdAt > 31-12-2020 AND createdAt <= 31-12-2999", all},
		{"acknowledged: true", ""},
		{"entity: web 1", "api"},
		{"teams: ops", "api"},
		{"details.key: k AND details.value: v", "api"},
		{"integration.type: API AND source: s", "api"},
	}
	for _, test := range tests {
		t.Run(test.query, func(t *testing.T) {
			r := c.do("GET", "/v2/alerts?query="+url.QueryEscape(test.query), "")
			if test.want == refused {
				assert.Equal(t, 422, r.status)
				assert.Contains(t, r.at("errors", "query"), "is not understood")
				return
			}
			assert.Equal(t, test.want, c.aliases(url.QueryEscape(test.query)))
		})
	}
}

// An index that splits tags into words finds more than was asked for.
func TestLooseTags(t *testing.T) {
	c := newCaller(t, &opsgenietest.Options{LooseTags: true})
	c.f.Raise(opsgenie.NewAlert{Message: "m", Alias: "a", Tags: []string{"servicename:API"}})
	c.f.Raise(opsgenie.NewAlert{Message: "m", Alias: "b", Tags: []string{"servicename:API gateway"}})
	assert.Equal(t, "a,b", c.aliases(url.QueryEscape(`tag:"servicename:API"`)))
	assert.Equal(t, "b", c.aliases("tag:gateway"))
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "status: open AND (tag:\"a\\\"b\" OR NOT count >= 2)", "((((", "tag:(a OR", "NOT NOT x:y"} {
		f.Add(seed)
	}
	fake := opsgenietest.New(opsgenietest.Options{})
	f.Cleanup(fake.Close)
	fake.Raise(opsgenie.NewAlert{Message: "m", Tags: []string{"a"}})
	f.Fuzz(func(t *testing.T, query string) {
		c := &caller{t: t, f: fake, key: "k"}
		r := c.do("GET", "/v2/alerts?query="+url.QueryEscape(query), "")
		assert.Contains(t, []int{200, 422}, r.status)
	})
}
