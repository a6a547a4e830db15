package statuspageiotest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

const day = 24 * time.Hour

func TestCallsThatAreWrong(t *testing.T) {
	c := newCaller(t, &statuspageiotest.Options{Keys: []string{"k1", "k2"}, PerMinute: -1, PerCall: 3}, "m1")
	ok := points("m1", ago(0), 1)
	for _, test := range []struct {
		method, path, body, auth string
		want                     int
	}{
		{"GET", "/v1/pages/page1/metrics", "", "", 401},
		{"GET", "/v1/pages/page1/metrics", "", "OAuth ", 401},
		{"GET", "/v1/pages/page1/metrics", "", "OAuth other", 401},
		{"GET", "/v1/pages/page1/metrics", "", "Bearer k1", 401},
		{"GET", "/v1/pages/page1/metrics?api_key=other", "", "", 401},
		{"GET", "/v1/pages/nowhere/metrics", "", "OAuth other", 401},
		{"GET", "/v1/pages/page2/metrics", "", "OAuth k1", 404},
		{"GET", "/pages/page1/metrics", "", "OAuth k1", 404},
		{"GET", "/v1/pages/page1", "", "OAuth k1", 404},
		{"GET", "/v1/pages/page1/components", "", "OAuth k1", 404},
		{"GET", "/v1/pages/page1/metrics/", "", "OAuth k1", 404},
		{"POST", "/v1/pages/page1/metrics//data", ok, "OAuth k1", 404},
		{"GET", "/v1/pages/page1/metrics/m2", "", "OAuth k1", 404},
		{"GET", "/v1/pages/page1/metrics/m1/data/x", "", "OAuth k1", 404},
		{"DELETE", "/v1/pages/page1/metrics/m2/data", "", "OAuth k1", 404},
		{"POST", "/v1/pages/page1/metrics/m2/data", `{"data":{"timestamp":1,"value":1}}`, "OAuth k1", 404},
		{"POST", "/v1/pages/page1/metrics", "{}", "OAuth k1", 405},
		{"PUT", "/v1/pages/page1/metrics/data", ok, "OAuth k1", 405},
		{"GET", "/v1/pages/page1/metrics/m1/data", "", "OAuth k1", 405},
		{"GET", "/v1/pages/page1/metrics?page=0", "", "OAuth k1", 400},
		{"GET", "/v1/pages/page1/metrics?per_page=many", "", "OAuth k1", 400},
		{"POST", "/v1/pages/page1/metrics/data", "", "OAuth k1", 400},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":[]}`, "OAuth k1", 400},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{"m1":[{"timestamp":1,"value":NaN}]}}`, "OAuth k1", 400},
		{"POST", "/v1/pages/page1/metrics/data", `{}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{"m1":[]}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{"m1":[{"timestamp":1.5,"value":1}]}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{"m1":[{"timestamp":"1","value":1}]}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{"m1":[{"timestamp":1,"value":null}]}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{"m1":[{"timestamp":1,"value":1e999}]}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", `{"data":{"m1":[{"value":1}]}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", points("m1", 1, 1, 2, 1, 3, 1, 4, 1), "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/data", points("m2", ago(0), 1), "OAuth k1", 404},
		{"POST", "/v1/pages/page1/metrics/m1/data", `{"data":{}}`, "OAuth k1", 422},
		{"POST", "/v1/pages/page1/metrics/m1/data", `[]`, "OAuth k1", 400},
		{"POST", "/v1/pages/page1/metrics/data", strings.Repeat(" ", 8<<20+1), "OAuth k1", 413},
	} {
		r, err := c.try(test.method, test.path, test.body, test.auth)
		require.NoError(t, err)
		assert.Equal(t, test.want, r.status, "%s %s %.60s", test.method, test.path, test.body)
		assert.NotEmpty(t, fmt.Sprint(r.at("message"), r.at("error")))
	}
	assert.Empty(t, c.f.Samples("m1"))
	for _, test := range []struct{ method, path, body, auth string }{
		{"GET", "/v1/pages/page1/metrics", "", "OAuth k2"},
		{"GET", "/v1/pages/page1/metrics.json?api_key=k1", "", ""},
		{"GET", "/v1/pages/page1/metrics/m1.json", "", "OAuth k1"},
		{"POST", "/v1/pages/page1/metrics/data.json", ok, "OAuth k1"},
	} {
		r, err := c.try(test.method, test.path, test.body, test.auth)
		require.NoError(t, err)
		assert.Less(t, r.status, 300, "%s %s", test.method, test.path)
	}
	assert.Equal(t, []float64{1}, c.values("m1"))
	for _, call := range c.f.Calls() {
		assert.NotContains(t, call.Query, "api_key")
	}
}

func TestList(t *testing.T) {
	c := newCaller(t, nil)
	for range 205 {
		c.f.Add(statuspageiotest.Metric{})
	}
	for path, want := range map[string]struct {
		n     int
		first any
	}{
		"":                        {100, "metric1"},
		"?page=2":                 {100, "metric101"},
		"?page=3&per_page=100":    {5, "metric201"},
		"?page=4":                 {0, nil},
		"?per_page=1000":          {100, "metric1"},
		"?page=2&per_page=7":      {7, "metric8"},
		"?page=999999999999":      {0, nil},
		"?page=103&per_page=2":    {1, "metric205"},
		"?page=2&per_page=100000": {100, "metric101"},
	} {
		r := c.do("GET", "/metrics"+path, "")
		require.Equal(t, 200, r.status, r.raw)
		assert.Len(t, r.body, want.n, path)
		assert.Equal(t, want.first, r.at(0, "id"), path)
	}
}

func TestMetricAsTheAPIWritesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil)
		c.f.Add(statuspageiotest.Metric{ID: "lat1", Name: "Latency", Identifier: "latency", Backfilled: true})
		r := c.do("GET", "/metrics/lat1", "")
		for name, want := range map[string]any{
			"id": "lat1", "name": "Latency", "metric_identifier": "latency", "backfilled": true, "backfill_percentage": 0.0,
			"most_recent_data_at": nil, "created_at": "2000-01-01T00:00:00.000Z", "reference_name": nil, "metrics_provider_id": "self",
		} {
			assert.Contains(t, r.body, name)
			assert.Equal(t, want, r.at(name), name)
		}
		c.send("lat1", ago(day), 1, ago(15*day), 2)
		r = c.do("GET", "/metrics", "")
		assert.Equal(t, "1999-12-31T00:00:00.000Z", r.at(0, "most_recent_data_at"))
		assert.EqualValues(t, 50, r.at(0, "backfill_percentage"))
	})
}

// A point counts for the nearest thirty seconds, and the last one stays.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil, "m1", "m2")
		base := ago(time.Hour)
		r := c.do("POST", "/metrics/data", points("m1", base, 1, base+14, 2, base+15, 3, base+30, 4, base+44, 5, base+61, 6))
		assert.Equal(t, 202, r.status)
		assert.Contains(t, r.raw, fmt.Sprintf(`"timestamp":%.0f`, base+14), "it echoes what came")
		want := []metricsync.Sample{sample(base, 2), sample(base+30, 5), sample(base+60, 6)}
		assert.Equal(t, want, c.f.Samples("m1"))
		assert.Empty(t, c.f.Samples("m2"))

		c.send("m1", base+29, 7)
		want[1].Value = 7
		assert.Equal(t, want, c.f.Samples("m1"))

		r = c.do("POST", "/metrics/m2/data", fmt.Sprintf(`{"data":{"timestamp":%.0f,"value":-0.5}}`, base+46))
		assert.Equal(t, 201, r.status)
		assert.Contains(t, r.raw, fmt.Sprintf(`"timestamp":%.0f`, base+60))
		assert.Equal(t, []metricsync.Sample{sample(base+60, -0.5)}, c.f.Samples("m2"))
	})
}

func TestTooOldOrInTheFuture(t *testing.T) {
	for name, skew := range map[string]time.Duration{"right clock": 0, "ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCaller(t, &statuspageiotest.Options{Skew: skew}, "m1")
				now := float64(time.Now().Add(skew).Unix())
				oldest := now - (28 * day).Seconds()
				c.send("m1", oldest-1, 1, oldest, 2, now, 3, now+1, 4, 9e18, 5, -9e18, 6)
				assert.Equal(t, []float64{2, 3}, c.values("m1"))
				var dropped []float64
				for _, s := range c.f.Dropped("m1") {
					dropped = append(dropped, s.Value)
				}
				assert.Equal(t, []float64{1, 4, 5, 6}, dropped)
				assert.Equal(t, time.Now().Add(skew).UTC(), c.f.Metric("m1").Newest)
				r := c.do("GET", "/metrics", "")
				assert.Equal(t, time.Now().Add(skew).UTC().Format(http.TimeFormat), r.header.Get("Date"))
				assert.Equal(t, time.Now().Add(skew).UTC(), c.f.Now())
			})
		})
	}
}

func TestStoredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &statuspageiotest.Options{StoreAfter: time.Minute}, "m1")
		at := ago(time.Hour)
		c.send("m1", at, 1, at+30, 1)
		time.Sleep(time.Minute - time.Nanosecond)
		assert.Empty(t, c.f.Samples("m1"))
		assert.True(t, c.f.Metric("m1").Newest.IsZero())
		assert.Nil(t, c.do("GET", "/metrics/m1", "").at("most_recent_data_at"))
		time.Sleep(time.Nanosecond)
		assert.Equal(t, []float64{1, 1}, c.values("m1"))
		assert.NotNil(t, c.do("GET", "/metrics/m1", "").at("most_recent_data_at"))

		// The order is that of arrival, also where the delay becomes shorter.
		c.send("m1", at, 2)
		c.f.Set(func(o *statuspageiotest.Options) { o.StoreAfter = 0 })
		c.send("m1", at, 3)
		assert.Equal(t, []float64{1, 1}, c.values("m1"))
		time.Sleep(time.Minute)
		assert.Equal(t, []float64{3, 1}, c.values("m1"))
	})
}

func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &statuspageiotest.Options{StoreAfter: time.Minute}, "m1", "m2")
		for _, reset := range []func(){
			func() {
				r := c.do("DELETE", "/metrics/m1/data", "")
				assert.Equal(t, 200, r.status)
				assert.Equal(t, "m1", r.at("id"))
				assert.Equal(t, false, r.at("backfilled"))
			},
			func() { c.f.Reset("m1") },
		} {
			at := ago(time.Hour)
			c.f.Put("m1", sample(at, 1))
			c.f.SetBackfilled("m1", true)
			c.send("m1", at+30, 2)
			c.send("m2", at+30, 2)
			reset()
			assert.Equal(t, statuspageiotest.Metric{ID: "m1", Name: "m1"}, c.f.Metric("m1"))
			time.Sleep(time.Hour)
			assert.Empty(t, c.f.Samples("m1"), "what was accepted before is gone too")
			assert.NotEmpty(t, c.f.Samples("m2"))
		}
	})
}

func TestBackfilled(t *testing.T) {
	test := func(name string, opts statuspageiotest.Options, f func(t *testing.T, c *caller)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newCaller(t, &opts, "m1")) })
		})
	}
	backfilled := func(c *caller) bool {
		shown := c.do("GET", "/metrics/m1", "").at("backfilled").(bool)
		assert.Equal(c.t, shown, c.f.Metric("m1").Backfilled)
		return shown
	}
	test("as soon as there is enough", statuspageiotest.Options{}, func(t *testing.T, c *caller) {
		c.send("m1", ago(28*day), 1)
		assert.False(t, backfilled(c), "the oldest alone is not enough")
		c.send("m1", ago(day+time.Minute), 1)
		assert.False(t, backfilled(c))
		c.send("m1", ago(day), 1)
		assert.True(t, backfilled(c))
	})
	test("some time later", statuspageiotest.Options{StoreAfter: time.Minute, BackfilledAfter: time.Hour}, func(t *testing.T, c *caller) {
		c.send("m1", ago(28*day), 1, ago(0), 1)
		time.Sleep(time.Hour + time.Minute - time.Nanosecond)
		assert.False(t, backfilled(c))
		time.Sleep(time.Nanosecond)
		assert.True(t, backfilled(c))
		c.f.Reset("m1")
		c.send("m1", ago(28*day), 1, ago(0), 1)
		time.Sleep(30 * time.Minute)
		assert.False(t, backfilled(c))
		c.f.Reset("m1")
		time.Sleep(day)
		assert.False(t, backfilled(c), "it begins anew")
		c.send("m1", ago(28*day), 1, ago(0), 1)
		time.Sleep(2 * time.Hour)
		assert.True(t, backfilled(c))
		c.f.SetBackfilled("m1", false)
		assert.False(t, backfilled(c))
	})
	test("never", statuspageiotest.Options{BackfilledAfter: -1}, func(t *testing.T, c *caller) {
		c.send("m1", ago(28*day), 1, ago(0), 1)
		time.Sleep(365 * day)
		assert.False(t, backfilled(c))
	})
	test("no more", statuspageiotest.Options{BackfilledAfter: time.Hour}, func(t *testing.T, c *caller) {
		c.send("m1", ago(28*day), 1, ago(0), 1)
		time.Sleep(time.Hour)
		c.f.Set(func(o *statuspageiotest.Options) { o.BackfilledAfter = -1 })
		assert.True(t, backfilled(c), "what was due by then has happened")
		c.f.Reset("m1")
		c.send("m1", ago(28*day), 1, ago(0), 1)
		time.Sleep(day)
		assert.False(t, backfilled(c))
	})
	test("early", statuspageiotest.Options{Enough: time.Minute}, func(t *testing.T, c *caller) {
		c.send("m1", ago(28*day), 1, ago(28*day-time.Minute), 1)
		assert.True(t, backfilled(c))
	})
	test("quiet until then", statuspageiotest.Options{QuietBackfill: true}, func(t *testing.T, c *caller) {
		c.send("m1", ago(28*day), 1)
		assert.Nil(t, c.do("GET", "/metrics", "").at(0, "most_recent_data_at"))
		assert.True(t, c.f.Metric("m1").Newest.IsZero())
		c.send("m1", ago(0), 1)
		assert.NotNil(t, c.do("GET", "/metrics", "").at(0, "most_recent_data_at"))
		assert.False(t, c.f.Metric("m1").Newest.IsZero())
	})
	test("by hand", statuspageiotest.Options{}, func(t *testing.T, c *caller) {
		c.f.Put("m1", sample(ago(300*day), 1), sample(ago(0), 1))
		assert.True(t, backfilled(c), "of any age")
		newest := time.Now().Add(-time.Hour).UTC()
		c.f.Add(statuspageiotest.Metric{ID: "m2", Newest: newest})
		assert.Equal(t, newest, c.f.Metric("m2").Newest)
		c.send("m2", ago(2*time.Hour), 1)
		assert.Equal(t, newest, c.f.Metric("m2").Newest, "an older point leaves it")
	})
}

func TestMetricThatIsNotThere(t *testing.T) {
	for status, stored := range map[int][]float64{404: nil, 422: nil, 202: {1}} {
		c := newCaller(t, &statuspageiotest.Options{Unknown: status}, "m1")
		r := c.do("POST", "/metrics/data", fmt.Sprintf(
			`{"data":{"m1":[{"timestamp":%.0f,"value":1}],"gone":[{"timestamp":1,"value":1}]}}`, ago(time.Hour)))
		assert.Equal(t, status, r.status)
		assert.Equal(t, stored, c.values("m1"))
		if status != 202 {
			assert.Contains(t, r.raw, "gone")
		}
	}
	c := newCaller(t, nil)
	assert.PanicsWithValue(t, `statuspageiotest: there is no metric "m1"`, func() { c.f.Samples("m1") })
}

func TestPointsPerCall(t *testing.T) {
	body := func(n int) string {
		var list []float64
		for i := range n {
			list = append(list, ago(time.Hour)+float64(30*(i%100)), 1)
		}
		return points("m1", list...)
	}
	c := newCaller(t, nil, "m1")
	assert.Equal(t, 202, c.do("POST", "/metrics/data", body(3000)).status)
	assert.Equal(t, 422, c.do("POST", "/metrics/data", body(3001)).status)
	assert.Equal(t, 3000, c.f.Calls()[0].Size())
	assert.Equal(t, map[string]int{"m1": 3001}, c.f.Calls()[1].Points)
	c = newCaller(t, &statuspageiotest.Options{PerCall: -1}, "m1")
	assert.Equal(t, 202, c.do("POST", "/metrics/data", body(30000)).status)
}
