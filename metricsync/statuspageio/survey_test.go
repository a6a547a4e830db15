package statuspageio_test

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
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

func TestSurveyFails(t *testing.T) {
	const op = "statuspage.io: listing metrics at api.statuspage.io: "
	page := `[` + strings.Repeat(`{"id":"m"},`, 99) + `{"id":"m"}]`
	for name, test := range map[string]struct {
		transport roundTrip
		want      string
	}{
		"wrong key":      {always(401, `{"message":"Could not authenticate"}`), "401 Unauthorized: Could not authenticate; is the API key right, and still in use?"},
		"no right":       {always(403, ``), "403 Forbidden; may the API key change page page1?"},
		"no such page":   {always(404, `{"error":"Not Found"}`), "404 Not Found: Not Found; is page1 the page's id, and is the API key one of its organization's?"},
		"another answer": {always(200, `{"metrics":[]}`), "200 OK: the answer is not of the form that it should be: json: cannot unmarshal object into Go value of type []statuspageio.metric"},
		"nothing":        {always(200, ``), "200 OK: the answer is empty"},
		"null":           {always(200, `null`), "200 OK: the answer is null"},
		"a login":        {always(200, `<!doctype html>`), "200 OK: the answer is a page of HTML or XML, so not the API's answer: is the address right, is a proxy in between?"},
		"moved":          {always(301, ``, "Location", "https://elsewhere.example"), "301 Moved Permanently; redirects are not followed: check the base URL"},
		"huge":           {always(200, strings.Repeat(" ", 5<<20)), "200 OK: the answer is too long: more than 4194304 bytes"},
		"the second page": {func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("page") == "1" {
				return answer(200, page, "Date", "Sun, 01 Nov 2026 12:00:00 GMT"), nil
			}
			return answer(401, ""), nil
		}, "401 Unauthorized; is the API key right, and still in use?"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := client(t, test.transport).Survey(t.Context(), []metricsync.Target{{Name: "x"}})
				assert.EqualError(t, err, op+test.want)
				assert.Zero(t, got)
			})
		})
	}
}

func TestSurveyOfManyPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil)
		for n := range 250 {
			f.Add(statuspageiotest.Metric{ID: fmt.Sprintf("m%d", n+1), Name: fmt.Sprintf("Metric %d", n+1)})
		}
		pages := func(targets ...metricsync.Target) int {
			before := len(f.Calls())
			got, err := c.Survey(t.Context(), targets)
			require.NoError(t, err)
			require.Len(t, got.Metrics, len(targets))
			for i, found := range got.Metrics {
				assert.NoError(t, found.Err)
				if targets[i].ID != "" {
					assert.Equal(t, targets[i].ID, found.ID)
				}
			}
			return len(f.Calls()) - before
		}
		assert.Equal(t, 1, pages(metricsync.Target{ID: "m100"}, metricsync.Target{ID: "m1"}, metricsync.Target{ID: "m100"}))
		assert.Equal(t, 2, pages(metricsync.Target{ID: "m1"}, metricsync.Target{ID: "m101"}))
		assert.Equal(t, 3, pages(metricsync.Target{ID: "m1"}, metricsync.Target{Name: "Metric 1"}), "a second of the name may follow")
		assert.Equal(t, 3, pages(metricsync.Target{ID: "m250"}))
		assert.Equal(t, 1, pages())
		assert.Zero(t, f.Over())
	})
}

// A server that knows no pages gives all metrics as each page, and is not asked
// for ever.
func TestSurveyOfAServerWithoutPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		var list []string
		for n := range 150 {
			list = append(list, fmt.Sprintf(`{"id":"m%d"}`, n))
		}
		c := client(t, roundTrip(func(*http.Request) (*http.Response, error) {
			calls++
			return answer(200, "["+strings.Join(list, ",")+"]"), nil
		}))
		got, err := c.Survey(t.Context(), []metricsync.Target{{ID: "m149"}, {ID: "gone"}})
		require.NoError(t, err)
		assert.NoError(t, got.Metrics[0].Err)
		assert.Error(t, got.Metrics[1].Err)
		assert.Equal(t, 2, calls)
	})
	t.Run("nor one that has ever more", func(t *testing.T) {
		calls := 0
		c := client(t, roundTrip(func(*http.Request) (*http.Response, error) {
			var all []string
			for n := range 100 {
				all = append(all, fmt.Sprintf(`{"id":"m%d"}`, calls*100+n))
			}
			calls++
			return answer(200, "["+strings.Join(all, ",")+"]"), nil
		}), func(cfg *statuspageio.Config) { cfg.Interval = time.Nanosecond })
		_, err := c.Survey(t.Context(), []metricsync.Target{{ID: "gone"}})
		require.NoError(t, err)
		assert.Equal(t, 100, calls)
	})
}

func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil)
		f.Add(
			statuspageiotest.Metric{ID: "a1", Name: "Latency", Identifier: "lat", Backfilled: true},
			statuspageiotest.Metric{ID: "a2", Name: "Errors", Identifier: "Latency of errors"},
			statuspageiotest.Metric{ID: "a3", Name: "Twice"},
			statuspageiotest.Metric{ID: "a4", Name: "Other", Identifier: "Twice"},
			statuspageiotest.Metric{ID: "Latency", Name: "an id that is a name"},
			statuspageiotest.Metric{ID: "a5", Name: "both", Identifier: "both"},
		)
		const all = `there are a1 (Latency), a2 (Errors), a3 (Twice), a4 (Other), Latency (an id that is a name), a5 (both)`
		for _, test := range []struct {
			target metricsync.Target
			id     string
			err    string
		}{
			{metricsync.Target{ID: "a2"}, "a2", ""},
			{metricsync.Target{ID: "a2", Name: "Latency"}, "a2", ""},
			{metricsync.Target{Name: "Latency"}, "a1", ""},
			{metricsync.Target{Name: "lat"}, "a1", ""},
			{metricsync.Target{Name: "Latency of errors"}, "a2", ""},
			{metricsync.Target{Name: "both"}, "a5", ""},
			{metricsync.Target{ID: "Latency"}, "Latency", ""},
			{metricsync.Target{Name: "Twice"}, "", `statuspage.io: several metrics have the name "Twice", so give an id; there are a3 (Twice), a4 (Other)`},
			{metricsync.Target{Name: "latency"}, "", `statuspage.io: page page1 has no metric with the name "latency"; ` + all},
			{metricsync.Target{Name: "a1"}, "", `statuspage.io: page page1 has no metric with the name "a1"; ` + all},
			{metricsync.Target{ID: "a9", Name: "Latency"}, "", `statuspage.io: page page1 has no metric with the id "a9"; ` + all},
			{metricsync.Target{}, "", `statuspage.io: a metric without id and name`},
		} {
			got, err := c.Survey(t.Context(), []metricsync.Target{test.target})
			require.NoError(t, err)
			require.Len(t, got.Metrics, 1)
			found := got.Metrics[0]
			assert.Equal(t, test.id, found.ID)
			if test.err != "" {
				assert.EqualError(t, found.Err, test.err)
				assert.Equal(t, metricsync.Found{Err: found.Err}, found)
				continue
			}
			assert.NoError(t, found.Err)
			assert.Equal(t, test.id == "a1", found.Backfilled)
		}
	})
}

func TestWhichThereAreIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil)
		_, err := c.Survey(t.Context(), nil)
		require.NoError(t, err)
		gone := []metricsync.Target{{ID: "gone"}}
		got, err := c.Survey(t.Context(), gone)
		require.NoError(t, err)
		assert.EqualError(t, got.Metrics[0].Err, `statuspage.io: page page1 has no metric with the id "gone"; there are none`)
		for n := range 90 {
			f.Add(statuspageiotest.Metric{Name: fmt.Sprintf("%d\n\u202e", n) + strings.Repeat("é", 1000)})
		}
		got, err = c.Survey(t.Context(), gone)
		require.NoError(t, err)
		text := got.Metrics[0].Err.Error()
		assert.Contains(t, text, "metric20 (19 é")
		assert.Contains(t, text, "…, and 70 more")
		assert.NotContains(t, text, "\n")
		assert.NotContains(t, text, "\u202e")
		assert.Less(t, len(text), 3000)
	})
}

// What there is of a metric is read in every form that it may have.
func TestMetricsInAllForms(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 30, 0, 0, time.UTC)
	for raw, want := range map[string]time.Time{
		`null`:                               {},
		`""`:                                 {},
		`0`:                                  {},
		`"2026-11-01T12:30:00Z"`:             at,
		`"2026-11-01T12:30:00.000Z"`:         at,
		`"2026-11-01T12:30:00.123456789Z"`:   at.Add(123456789),
		`"2026-11-01T12:30:00,5Z"`:           at.Add(500 * time.Millisecond),
		`"2026-11-01t12:30:00z"`:             at,
		`"2026-11-01T05:30:00.000-07:00"`:    at,
		`"2026-11-01T13:30:00+0100"`:         at,
		`"2026-11-01 12:30:00 UTC"`:          at,
		`"2026-11-01 13:30:00 +0100"`:        at,
		`"2026-11-01 12:30:00.000Z"`:         at,
		`" 2026-11-01T12:30:00Z "`:           at,
		`"2026-11-01T12:30:00\u005a"`:        at,
		fmt.Sprint(at.Unix()):                at,
		fmt.Sprint(at.UnixMilli()):           at,
		fmt.Sprintf(`"%d"`, at.Unix()):       at,
		fmt.Sprintf(`%d.25`, at.Unix()):      at.Add(250 * time.Millisecond),
		fmt.Sprintf(`%.9e`, float64(1e9+50)): time.Unix(1e9+50, 0).UTC(),
	} {
		c := client(t, always(200, `[{"id":"m1","backfilled":true,"most_recent_data_at":`+raw+`}]`))
		got, err := c.Survey(t.Context(), []metricsync.Target{{ID: "m1"}})
		require.NoError(t, err, raw)
		assert.NoError(t, got.Metrics[0].Err)
		assert.Equal(t, want, got.Metrics[0].Newest, raw)
	}
	for _, raw := range []string{
		`"yesterday"`, `"2026-11-01T12:30:00"`, `"2026-11-01"`, `"2026-02-31T00:00:00Z"`, `true`, `{}`, `[1]`, `-5`, `1e300`, `"NaN"`, `"Inf"`,
		`"0001-01-01T00:00:00Z"`, `"` + strings.Repeat("9", 500) + `"`,
	} {
		c := client(t, always(200, `[{"id":"m1","most_recent_data_at":`+raw+`},{"id":"m2"}]`), func(cfg *statuspageio.Config) { cfg.Interval = 1 })
		got, err := c.Survey(t.Context(), []metricsync.Target{{ID: "m1"}, {ID: "m2"}})
		require.NoError(t, err, raw)
		assert.ErrorContains(t, got.Metrics[0].Err, "statuspage.io: metric m1: its newest sample's time cannot be read", raw)
		assert.Less(t, len(got.Metrics[0].Err.Error()), 200)
		assert.NoError(t, got.Metrics[1].Err, "the others do not suffer")
	}
	for raw, want := range map[string]bool{`true`: true, `false`: false, `null`: false, `"true"`: false, `1`: false} {
		c := client(t, always(200, `[null,{"id":"m1","backfilled":`+raw+`}]`))
		got, err := c.Survey(t.Context(), []metricsync.Target{{ID: "m1"}})
		require.NoError(t, err, raw)
		assert.Equal(t, metricsync.Found{ID: "m1", Backfilled: want}, got.Metrics[0], raw)
	}
	c := client(t, always(200, `[{"name":"x"},{"id":"","name":"x"},{"id":"m2","name":null}]`))
	got, err := c.Survey(t.Context(), []metricsync.Target{{Name: "x"}})
	require.NoError(t, err)
	assert.Error(t, got.Metrics[0].Err, "what has no id cannot be sent to")

	c = client(t, always(200, `[{"id":"m1"}]`))
	got, err = c.Survey(t.Context(), []metricsync.Target{{ID: "m1"}})
	require.NoError(t, err)
	assert.Equal(t, metricsync.Survey{Metrics: []metricsync.Found{{ID: "m1"}}}, got, "no date, no time, no flag")
}

// Now is the service's time, as far as it tells.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := fake(t, &statuspageiotest.Options{Skew: -90 * time.Second})
		got, err := c.Survey(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, time.Now().Add(-90*time.Second).UTC(), got.Now)
		for _, date := range []string{"", "today"} {
			got, err = client(t, always(200, "[]", "Date", date)).Survey(t.Context(), nil)
			require.NoError(t, err)
			assert.Zero(t, got.Now)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{
		`null`, `""`, `0`, `1762000200`, `1762000200000`, `-1`, `1e308`, `"2026-11-01T12:30:00.5Z"`, `"2026-11-01 12:30:00 UTC"`,
		`"9999-12-31T23:59:59-23:59"`, `"1970-01-01T00:00:00Z"`, `"\ud800"`, `"`, "\xff", `0x1p-2`, `"1_000"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := statuspageio.ParseTime(raw)
		if err != nil {
			assert.Zero(t, got)
			assert.Less(t, len(err.Error()), 300)
			return
		}
		if got.IsZero() {
			return
		}
		assert.GreaterOrEqual(t, got.Year(), 1970)
		assert.Less(t, got.Year(), 10000)
		again, err := statuspageio.ParseTime([]byte(got.Format(`"` + time.RFC3339Nano + `"`)))
		require.NoError(t, err)
		assert.Equal(t, got, again)
	})
}
