package signalfxtest_test

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

func TestWindowRefuses(t *testing.T) {
	c := newCaller(t, &signalfxtest.Options{MaxPoints: 2000})
	c.AddSeries("q", signalfxtest.Series{}, signalfxtest.Series{})
	for _, test := range []struct {
		name, token, method, path string
		change                    url.Values
		status                    int
		want                      string
	}{
		{"no token", "", "GET", "/v1/timeserieswindow", nil, 401, "Unauthorized"},
		{"another path", "t", "GET", "/v2/timeserieswindow", nil, 404, "no such endpoint"},
		{"another method", "t", "POST", "/v1/timeserieswindow", nil, 404, "no such endpoint"},
		{"no query", "t", "GET", "/v1/timeserieswindow", url.Values{"query": {""}}, 400, "no query"},
		{"no start", "t", "GET", "/v1/timeserieswindow", url.Values{"startMs": nil}, 400, "startMs is missing"},
		{"seconds", "t", "GET", "/v1/timeserieswindow", url.Values{"endMs": {"945691200"}}, 400, "ends before it begins"},
		{"words", "t", "GET", "/v1/timeserieswindow", url.Values{"endMs": {"now"}}, 400, "endMs is no number"},
		{"a resolution that it does not know", "t", "GET", "/v1/timeserieswindow", url.Values{"resolution": {"120000"}}, 400, "3600000"},
		{"more than a day", "t", "GET", "/v1/timeserieswindow", url.Values{"endMs": {ms(after(1441))}}, 400, "longer than 24h"},
		{"too many points", "t", "GET", "/v1/timeserieswindow", url.Values{"endMs": {ms(after(1001))}}, 400, "more than 2000 data points"},
	} {
		q := url.Values{"query": {"q"}, "startMs": {ms(noon)}, "endMs": {ms(after(10))}, "resolution": {"60000"}}
		for name, values := range test.change {
			q[name] = values
			if values == nil {
				q.Del(name)
			}
		}
		c.token = test.token
		r, err := c.try(test.method, test.path, q, "")
		assert.NoError(t, err, test.name)
		assert.Equal(t, test.status, r.status, test.name)
		assert.Contains(t, r.body, test.want, test.name)
		assert.Contains(t, r.body, `"code":`+fmt.Sprint(test.status), test.name)
	}
	assert.Len(t, c.Calls(), 10)
}

func TestTokens(t *testing.T) {
	c := newCaller(t, &signalfxtest.Options{Tokens: []string{"right"}})
	assert.Equal(t, 401, c.window(noon, after(1), time.Minute).status)
	c.token = "right"
	assert.Equal(t, 200, c.window(noon, after(1), time.Minute).status)
}

func TestRollUps(t *testing.T) {
	byMinute := signalfxtest.Func(func(t time.Time) float64 { return t.Sub(noon).Minutes() })
	c := newCaller(t, nil)
	c.AddSeries("q",
		signalfxtest.Series{ID: "gauge", Value: byMinute},
		signalfxtest.Series{ID: "counter", Kind: signalfxtest.Counter, Value: byMinute},
		signalfxtest.Series{ID: "cumulative", Kind: signalfxtest.Cumulative, Value: byMinute},
		signalfxtest.Series{ID: "rare", Every: 10 * time.Minute, Value: byMinute},
		signalfxtest.Series{ID: "none", Value: func(time.Time) (float64, bool) { return 0, false }},
	)
	at := func(m int) string { return ms(after(m)) }
	assert.JSONEq(t, `{"errors":[],"data":{
		"gauge":[[`+at(0)+`,2],[`+at(5)+`,7]],
		"counter":[[`+at(0)+`,10],[`+at(5)+`,35]],
		"cumulative":[[`+at(0)+`,4],[`+at(5)+`,9]],
		"rare":[[`+at(0)+`,0]],
		"none":[]}}`, c.window(noon, after(10), 5*time.Minute).body)
	assert.JSONEq(t, `{"errors":[],"data":{"gauge":[[`+at(10)+`,10]],"counter":[[`+at(10)+`,10]],
		"cumulative":[[`+at(10)+`,10]],"rare":[[`+at(10)+`,10]],"none":[]}}`,
		c.window(after(10).Add(-time.Second), after(10).Add(time.Second), time.Minute).body, "the start is a multiple of the step")
}

func TestWindowOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &signalfxtest.Options{EndInclusive: true, MaxSeries: 1, NaN: `"NaN"`, Skew: -90 * time.Second})
		c.AddSeries("q", signalfxtest.Series{ID: "old"})
		c.AddSeries("q", signalfxtest.Series{ID: "new", Value: signalfxtest.Constant(math.NaN())})
		r := c.window(noon, after(1), time.Minute)
		assert.JSONEq(t, `{"errors":[],"data":{"new":[[`+ms(noon)+`,"NaN"],[`+ms(after(1))+`,"NaN"]]}}`, r.body)
		assert.Equal(t, "Fri, 31 Dec 1999 23:58:30 GMT", r.header.Get("Date"))

		now := time.Now()
		assert.Equal(t, 2, strings.Count(c.window(now.Add(-3*time.Minute), now, time.Minute).body, "NaN"),
			"there is nothing of what is to come by its clock")
		assert.JSONEq(t, `{"errors":[],"data":{}}`, func() string {
			r, err := c.try("GET", "/v1/timeserieswindow", url.Values{
				"query": {"another"}, "startMS": {ms(noon)}, "endMS": {ms(after(1))}, "resolution": {"1000"},
			}, "")
			assert.NoError(t, err)
			return r.body
		}())
	})
}

func TestCalls(t *testing.T) {
	c := newCaller(t, nil)
	c.window(noon, after(60), time.Minute)
	c.window(noon, after(90), 5*time.Minute)
	_, err := c.run("p", job(noon, after(300)))
	assert.NoError(t, err)
	calls := c.Calls()
	assert.Len(t, calls, 3)
	assert.Equal(t, signalfxtest.OpTimeSeries, calls[1].Op)
	assert.Equal(t, "q", calls[1].Text)
	assert.Equal(t, noon, calls[1].Start)
	assert.Equal(t, 5*time.Minute, calls[1].Resolution)
	assert.Equal(t, 200, calls[1].Status)
	assert.Equal(t, 90*time.Minute, c.LongestSpan(signalfxtest.OpTimeSeries))
	assert.Equal(t, 5*time.Hour, c.LongestSpan(signalfxtest.OpSignalFlow))
	assert.Equal(t, time.Second, calls[2].MaxDelay)
	assert.True(t, calls[2].Immediate)
	assert.Equal(t, 400, calls[2].Status, "nobody has added the program")
	assert.Len(t, c.CallsOf(signalfxtest.OpSignalFlow), 1)
}
