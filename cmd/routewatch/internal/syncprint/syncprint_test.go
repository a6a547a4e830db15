package syncprint_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncprint"
	"github.com/routewatch/routewatch/metricsync"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func report() *metricsync.Report {
	return &metricsync.Report{
		Began: noon, Ended: noon.Add(30 * time.Second),
		Metrics: []metricsync.MetricReport{
			{
				Metric: "lat1", Sink: "statuspage.io", ID: "lat1", Plan: metricsync.PlanBackfill, From: noon.Add(-28 * 24 * time.Hour), Read: noon, Through: noon.Add(-5 * time.Minute), To: noon.Add(-5 * time.Minute),
				Points: 16128, Sent: 8064, Skipped: map[string]int{"no value": 3, "no requests": 12}, Newest: noon.Add(-10 * time.Minute),
			},
			{Metric: "idle", Sink: "statuspage.io", ID: "id2", Plan: metricsync.PlanContinue, From: noon, Through: noon, To: noon},
			{Metric: "gone", Sink: "statuspage.io", Err: errors.New(`there is no metric "gone"`)},
			{Metric: "err1", Sink: "page", ID: "err1", Plan: metricsync.PlanContinue, From: noon.Add(-time.Hour), Through: noon.Add(-30 * time.Minute), To: noon, Points: 6, Sent: 6, Newest: noon.Add(-35 * time.Minute), Err: errors.New("503")},
			{Metric: "slow", Sink: "page", ID: "slow", Plan: metricsync.PlanResume, From: noon.Add(-9 * 24 * time.Hour), Through: noon.Add(-3 * 24 * time.Hour), To: noon, Backfill: true, Newest: noon.Add(-3 * 24 * time.Hour)},
		},
	}
}

func TestReport(t *testing.T) {
	var b strings.Builder
	syncprint.Report(&b, report())
	want := `metric  to             from                          read   sent  skipped                     newest
lat1    statuspage.io  2026-11-02 12:00Z (backfill)  16128  8064  12 no requests, 3 no value  2026-11-30 11:50Z (10m ago)
idle    statuspage.io                                0      0                                 none
gone    statuspage.io                                0      0                                 
err1    page           2026-11-30 11:00Z             6      6                                 2026-11-30 11:25Z (35m ago)
slow    page           2026-11-21 12:00Z (resume)    0      0                                 2026-11-27 12:00Z (3d ago)
gone to statuspage.io: there is no metric "gone"
err1 to page stops at 2026-11-30 11:30Z: 503
slow to page is done up to 2026-11-27 12:00Z; the next run goes on from there
`
	assert.Equal(t, want, b.String())
}

func TestReportJSON(t *testing.T) {
	var b strings.Builder
	require.NoError(t, syncprint.ReportJSON(&b, report(), nil, false))
	assert.Equal(t, 1, strings.Count(b.String(), "\n"), "a line")
	var got struct {
		Error   *string
		Metrics []struct {
			Metric, ID, Plan, Error string
			Sent                    int
			Backfill                bool
			Newest                  *time.Time
			Age                     *float64 `json:"ageSeconds"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(b.String()), &got))
	require.Len(t, got.Metrics, 5)
	assert.Equal(t, 8064, got.Metrics[0].Sent)
	assert.InDelta(t, 630, *got.Metrics[0].Age, 0)
	assert.Nil(t, got.Metrics[1].Newest)
	assert.Contains(t, b.String(), `"newest":null`, "that there is none is said")
	assert.Equal(t, `there is no metric "gone"`, got.Metrics[2].Error)
	assert.True(t, got.Metrics[4].Backfill)
	assert.Nil(t, got.Error)

	b.Reset()
	require.NoError(t, syncprint.ReportJSON(&b, &metricsync.Report{Began: noon, Ended: noon}, errors.New("busy"), true))
	assert.JSONEq(t, `{"began":"2026-11-30T12:00:00Z","ended":"2026-11-30T12:00:00Z","dryRun":true,"error":"busy","metrics":[]}`, b.String())
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute: "0s", 0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 119 * time.Minute: "119m", 2 * time.Hour: "2h", 47 * time.Hour: "47h", 50 * time.Hour: "2d",
	} {
		assert.Equal(t, want, syncprint.Age(d))
	}
}

// samples are values at windows of 5 minutes; NaN is a window without one.
func samples(values ...float64) (all []metricsync.Sample) {
	for n, v := range values {
		if !math.IsNaN(v) {
			all = append(all, metricsync.Sample{At: noon.Add(time.Duration(n) * 5 * time.Minute), Value: v})
		}
	}
	return all
}

func TestChart(t *testing.T) {
	for want, values := range map[string][]float64{
		"":         {},
		"▅":        {7},
		"▅▅▅":      {7, 7, 7},
		"▁▂▃▄▅▆▇█": {0, 1, 2, 3, 4, 5, 6, 7},
		"▁ █":      {-5, math.NaN(), 5},
		"▁█":       {-math.MaxFloat64, math.MaxFloat64},
	} {
		assert.Equal(t, want, syncprint.Chart(samples(values...), 5*time.Minute))
	}
}

func checks() []metricsync.Check {
	found := func(newest time.Time, backfilled bool, err error) []metricsync.SinkCheck {
		return []metricsync.SinkCheck{{Sink: "statuspage.io", Found: metricsync.Found{ID: "1", Newest: newest, Backfilled: backfilled, Err: err}}}
	}
	return []metricsync.Check{
		{Metric: "lat1", Window: 5 * time.Minute, Sinks: found(noon.Add(-time.Hour), true, nil), Samples: samples(1, 2, 3), Points: 3, Skipped: map[string]int{"no value": 1}},
		{Metric: "new1", Window: time.Hour, Sinks: found(time.Time{}, false, nil), Samples: samples(12.3456789), Points: 1},
		{Metric: "past1", Window: 90 * time.Minute, Sinks: found(noon.Add(-time.Hour), false, nil)},
		{Metric: "bad1", Window: 30 * time.Second, Sinks: found(time.Time{}, false, errors.New("401 Unauthorized")), Err: errors.New("bad query")},
	}
}

func TestChecks(t *testing.T) {
	var b strings.Builder
	assert.False(t, syncprint.Checks(&b, checks(), noon))
	want := `lat1
  ok       statuspage.io: has values up to 2026-11-30 11:00Z (60m ago)
  ok       the source: 3 values, the last 3 at 2026-11-30 12:10Z; 1 no value
           ▁▄█  1 to 3, a column for 5m
new1
  ok       statuspage.io: has nothing yet, and gets 28 days
  ok       the source: 1 values, the last 12.3457 at 2026-11-30 12:00Z
           ▅  12.3457 to 12.3457, a column for 1h
past1
  ok       statuspage.io: has values up to 2026-11-30 11:00Z (60m ago), and wants the past 28 days
  warning  the source: no values in its newest windows of 1h30m: is the query right?
bad1
  wrong    statuspage.io: 401 Unauthorized
  wrong    the source: bad query
`
	assert.Equal(t, want, b.String())
	assert.True(t, syncprint.Checks(new(strings.Builder), checks()[:3], noon), "no values are a warning")
}

func TestChecksJSON(t *testing.T) {
	var b strings.Builder
	well, err := syncprint.ChecksJSON(&b, checks()[:1])
	require.NoError(t, err)
	assert.True(t, well)
	assert.JSONEq(t, `[{"metric":"lat1","windowSeconds":300,"sinks":[{"sink":"statuspage.io","id":"1","newest":"2026-11-30T11:00:00Z","backfilled":true}],
		"points":3,"skipped":{"no value":1},"samples":[[1796040000,1],[1796040300,2],[1796040600,3]]}]`, b.String())
	well, err = syncprint.ChecksJSON(new(strings.Builder), checks())
	require.NoError(t, err)
	assert.False(t, well)
}

// moving is a report of a backfill that has come to a part of its way.
func moving(part float64, sent int) *metricsync.Report {
	from, to := noon.Add(-28*24*time.Hour), noon
	through := from.Add(time.Duration(part * float64(to.Sub(from))))
	return &metricsync.Report{Metrics: []metricsync.MetricReport{
		{Metric: "m", Sink: "x", ID: "1", From: from, Read: through, Through: through, To: to, Sent: sent},
		{Metric: "idle", Sink: "x", ID: "2", From: to, Read: to, Through: to, To: to},
		{Metric: "wrong", Sink: "x", Err: errors.New("no")},
	}}
}

func TestProgressInLines(t *testing.T) {
	var b strings.Builder
	p := syncprint.NewProgress(&b, false)
	for _, part := range []float64{0, 0, 0.25, 0.25, 0.26, 1, 1} {
		p.Told(moving(part, int(8064*part)))
	}
	p.Done()
	assert.Equal(t, `m to x:  25%, up to 2026-11-09 12:00Z, 2016 values
m to x: 100%, up to 2026-11-30 12:00Z, 8064 values
`, b.String(), "each day once, and nothing of what is not due")
}

func TestARunWithLittleToDoHasNoProgress(t *testing.T) {
	var b strings.Builder
	p := syncprint.NewProgress(&b, false)
	p.Told(&metricsync.Report{Metrics: []metricsync.MetricReport{
		{Metric: "m", Sink: "x", ID: "1", From: noon.Add(-15 * time.Minute), Read: noon, Through: noon, To: noon, Sent: 3},
	}})
	assert.Empty(t, b.String())
}

func TestProgressAsABar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := syncprint.NewProgress(&b, true)
		p.Told(moving(0.25, 2016))
		time.Sleep(time.Second)
		p.Told(moving(0.5, 4032))
		time.Sleep(time.Second)
		p.Told(moving(1, 8064))
		p.Done()
		assert.Contains(t, b.String(), "25%")
		assert.Contains(t, b.String(), "2016 values m 9 Nov")
		assert.Contains(t, b.String(), "50%")
	})
}

type named string

func (n named) Name() string    { return string(n) }
func (n named) MaxSamples() int { return 1 }
func (n named) Survey(context.Context, []metricsync.Target) (metricsync.Survey, error) {
	return metricsync.Survey{}, nil
}
func (n named) Send(context.Context, []metricsync.Series) error { return nil }

func TestDry(t *testing.T) {
	var b strings.Builder
	syncprint.NewDry().Write(&b)
	assert.Equal(t, "nothing would be sent\n", b.String())
	b.Reset()
	d := syncprint.NewDry()
	d.Add(named("x"), []metricsync.Series{{ID: "a", Samples: samples(1, 2)}, {ID: "b", Samples: samples(7)}})
	d.Add(named("x"), []metricsync.Series{{ID: "a", Samples: samples(math.NaN(), math.NaN(), 3.5)}})
	d.Add(named("y"), []metricsync.Series{{ID: "a", Samples: samples(1)}})
	d.Write(&b)
	assert.Equal(t, `would send to a at x: 3 values, 1 at 2026-11-30 12:00Z to 3.5 at 2026-11-30 12:10Z
would send to b at x: 1 value, 7 at 2026-11-30 12:00Z
would send to a at y: 1 value, 1 at 2026-11-30 12:00Z
calls: 2 to x, 1 to y
`, b.String())
}
