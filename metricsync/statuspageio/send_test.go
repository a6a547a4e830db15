package statuspageio_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// samples are n of them, a slot apart.
func samples(n int) (all []metricsync.Sample) {
	for i := range n {
		all = append(all, metricsync.Sample{At: noon.Add(time.Duration(i) * 30 * time.Second), Value: float64(i)})
	}
	return all
}

// What cannot be sent is an error before the call, and nobody's *Error: another
// attempt, or another series, does not help.
func TestSendRefuses(t *testing.T) {
	value := func(v float64) []metricsync.Series {
		return []metricsync.Series{
			{ID: "m1", Samples: []metricsync.Sample{{At: noon, Value: 1}}},
			{ID: "m2", Samples: []metricsync.Sample{{At: noon, Value: v}}},
		}
	}
	for _, test := range []struct {
		series []metricsync.Series
		want   string
	}{
		{value(math.NaN()), "statuspage.io: metric m2: the value at 2026-11-01T12:00:00Z is no number"},
		{value(math.Inf(-1)), "statuspage.io: metric m2: the value at 2026-11-01T12:00:00Z is no number"},
		{[]metricsync.Series{{Samples: samples(1)}}, "statuspage.io: samples of a metric without id"},
		{[]metricsync.Series{{ID: "m1", Samples: samples(3001)}}, "statuspage.io: a call has at most 3000 samples"},
		{[]metricsync.Series{{ID: "m1", Samples: samples(1500)}, {ID: "m2", Samples: samples(1501)}}, "statuspage.io: a call has at most 3000 samples"},
	} {
		f, c := fake(t, nil, "m1", "m2")
		err := c.Send(t.Context(), test.series)
		assert.EqualError(t, err, test.want)
		var e *metricsync.Error
		assert.NotErrorAs(t, err, &e)
		assert.Empty(t, f.Calls())
	}
}

func TestSendFails(t *testing.T) {
	const op = "statuspage.io: sending samples at api.statuspage.io: "
	const page = "200 OK: the answer is a page of HTML or XML, so not the API's answer: is the address right, is a proxy in between?"
	for name, test := range map[string]struct {
		transport roundTrip
		want      string
		temporary bool
	}{
		"wrong key":       {always(401, `{"message":"Could not authenticate"}`), "401 Unauthorized: Could not authenticate; is the API key right, and still in use?", false},
		"no right":        {always(403, ``), "403 Forbidden; may the API key change page page1?", false},
		"unknown metric":  {always(404, `{"error":"Not Found"}`), "404 Not Found: Not Found; is page1 the page's id, and does it have the metrics lat1, lat2?", false},
		"a wrong point":   {always(422, `{"error":["value is missing"]}`), "422 Unprocessable Entity: value is missing; is page1 the page's id, and does it have the metrics lat1, lat2?", false},
		"not that method": {always(405, ``), "405 Method Not Allowed", false},
		"too much":        {always(413, ``), "413 Request Entity Too Large", false},
		"down":            {always(500, `{}`), "500 Internal Server Error: {}", true},
		"busy":            {always(420, ``), "420; does something else use the API key? All share its 60 calls a minute", true},
		"busy, 429":       {always(429, ``, "Retry-After", "7"), "429 Too Many Requests, retry after 7s; does something else use the API key? All share its 60 calls a minute", true},
		"a login":         {always(200, `<html>`), page, false},
		"no JSON":         {always(202, `thanks`), "202 Accepted: the answer is no JSON: thanks", false},
		"moved":           {always(308, ``), "308 Permanent Redirect; redirects are not followed: check the base URL", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := client(t, test.transport).Send(t.Context(), []metricsync.Series{{ID: "lat2", Samples: samples(1)}, {ID: "lat1", Samples: samples(1)}})
				assert.EqualError(t, err, op+test.want)
				assert.Equal(t, test.temporary, asError(t, err).Temporary())
			})
		})
	}
	t.Run("with very many metrics", func(t *testing.T) {
		var all []metricsync.Series
		for n := range 300 {
			all = append(all, metricsync.Series{ID: fmt.Sprintf("m%03d", n), Samples: samples(1)})
		}
		err := client(t, always(404, "")).Send(t.Context(), all)
		assert.ErrorContains(t, err, "does it have the metrics m000, m001, ")
		assert.ErrorContains(t, err, "m019, and 280 more?")
	})
}

func TestSendIsAccepted(t *testing.T) {
	for status, body := range map[int]string{200: "{}", 201: " null ", 202: `{"data":{"m1":[]}}`, 204: ""} {
		assert.NoError(t, client(t, always(status, body)).Send(t.Context(), one("m1", 1)))
	}
	for _, nothing := range [][]metricsync.Series{nil, {}, {{ID: "m1"}, {ID: "m2"}}} {
		f, c := fake(t, nil)
		assert.NoError(t, c.Send(t.Context(), nothing))
		assert.Empty(t, f.Calls(), "there is nothing to send")
	}
}

// The body is what the API documents, with times and numbers that it can read.
func TestBody(t *testing.T) {
	var got string
	var contentType string
	c := client(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		got, contentType = string(body), r.Header.Get("Content-Type")
		return answer(202, ""), err
	}))
	local := time.FixedZone("", 3600)
	require.NoError(t, c.Send(t.Context(), []metricsync.Series{
		{ID: "m2", Samples: []metricsync.Sample{
			{At: noon.Add(-16 * time.Second), Value: 1},
			{At: noon.Add(-14 * time.Second), Value: 2},
			{At: noon.In(local), Value: 3},
			{At: noon.Add(15 * time.Second), Value: 4},
			{At: noon.Add(30*time.Second + time.Nanosecond), Value: 5},
		}},
		{ID: "m3"},
		{ID: "m1", Samples: []metricsync.Sample{
			{At: noon, Value: 1e21},
			{At: noon.Add(30 * time.Second), Value: -0.1},
			{At: noon.Add(time.Minute), Value: math.MaxFloat64},
			{At: noon.Add(90 * time.Second), Value: math.SmallestNonzeroFloat64},
			{At: noon.Add(2 * time.Minute), Value: 1 << 53},
		}},
	}))
	assert.Equal(t, "application/json", contentType)
	assert.JSONEq(t, `{"data":{"m1":[`+
		`{"timestamp":1793534400,"value":1e+21},{"timestamp":1793534430,"value":-0.1},{"timestamp":1793534460,"value":1.7976931348623157e+308},`+
		`{"timestamp":1793534490,"value":5e-324},{"timestamp":1793534520,"value":9007199254740992}],`+
		`"m2":[{"timestamp":1793534370,"value":1},{"timestamp":1793534400,"value":3},{"timestamp":1793534430,"value":5}]}}`, got)
}

// What the client moves to slots is what the service would.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil, "ours", "theirs")
		f.Set(func(o *statuspageiotest.Options) { o.PerMinute = -1 })
		start := time.Now().Add(-time.Hour)
		var all []metricsync.Sample
		for i := range 500 {
			all = append(all, metricsync.Sample{At: start.Add(time.Duration(i*i%13) + time.Duration(i)*7*time.Second), Value: float64(i)})
		}
		require.NoError(t, c.Send(t.Context(), []metricsync.Series{{ID: "ours", Samples: all}}))
		f.Put("theirs", all...)
		f.RequireSamples(t, "ours", f.Samples("theirs"))
		assert.Equal(t, len(f.Samples("ours")), f.Calls()[0].Size(), "one a slot")
	})
}

func TestSendAgain(t *testing.T) {
	for name, fault := range map[string]statuspageiotest.Fault{
		"it fails":                      {Status: 500, Times: 4},
		"it fails halfway":              {Status: 502, Half: true, Times: 4},
		"its answer is lost":            {Cut: statuspageiotest.CutBefore, CarryOut: true, Times: 4},
		"its answer is cut":             {Cut: statuspageiotest.CutMiddle, Times: 4},
		"it hangs":                      {Hang: true, Times: 4},
		"it is slow":                    {Delay: 29 * time.Second, Times: 4},
		"it is too slow":                {Delay: 31 * time.Second, Times: 4},
		"busy, without saying how long": {Status: 429, Times: 4},
		"down, and says for how long":   {Status: 503, Header: http.Header{"Retry-After": {"120"}}, Times: 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, c := fake(t, nil, "m1")
				f.Inject(fault)
				series := []metricsync.Series{{ID: "m1", Samples: one("m1", 1)[0].Samples}}
				require.NoError(t, c.Send(t.Context(), series))
				f.RequireSamples(t, "m1", series[0].Samples)
				assert.Zero(t, f.Over())
			})
		})
	}
	t.Run("not for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, c := fake(t, nil, "m1")
			f.Inject(statuspageiotest.Fault{Status: 500, Times: -1})
			assert.Equal(t, 500, asError(t, c.Send(t.Context(), one("m1", 1))).Status)
			assert.Len(t, f.Calls(), 5)
		})
	})
}

// MaxSamples is a setting, and the service's own limit is met by default.
func TestMaxSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := statuspageiotest.NewFake(t, nil)
		f.Add(statuspageiotest.Metric{ID: "m1"}, statuspageiotest.Metric{ID: "m2"})
		full := []metricsync.Series{{ID: "m1", Samples: samples(2000)}, {ID: "m2", Samples: samples(1000)}}
		require.NoError(t, client(t, f.Transport()).Send(t.Context(), full))
		assert.Equal(t, map[string]int{"m1": 2000, "m2": 1000}, f.Calls()[0].Points)

		set := func(n int) *statuspageio.Client {
			return client(t, f.Transport(), func(c *statuspageio.Config) { c.MaxSamples = n })
		}
		assert.Equal(t, 2999, set(2999).MaxSamples())
		assert.ErrorContains(t, set(2999).Send(t.Context(), full), "at most 2999")
		more := []metricsync.Series{{ID: "m1", Samples: samples(3001)}}
		assert.Equal(t, 422, asError(t, set(5000).Send(t.Context(), more)).Status)
		f.Set(func(o *statuspageiotest.Options) { o.PerCall = -1 })
		assert.NoError(t, set(5000).Send(t.Context(), more))
	})
}

func TestSendEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := fake(t, nil, "m1")
		f.Inject(statuspageiotest.Fault{Hang: true, Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, c.Send(ctx, one("m1", 1)), context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}
