package signalfx_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

func TestSteps(t *testing.T) {
	c := newClient(t, nil)
	for _, test := range []struct{ want, series, flow time.Duration }{
		{-time.Minute, 0, 0},
		{0, 0, 0},
		{time.Millisecond, 0, 0},
		{999 * time.Millisecond, 0, 0},
		{1500 * time.Millisecond, 0, 1500 * time.Millisecond},
		{time.Second + time.Microsecond, 0, 0},
		{time.Second, time.Second, time.Second},
		{90 * time.Second, time.Second, 90 * time.Second},
		{time.Minute, time.Minute, time.Minute},
		{7 * time.Minute, time.Minute, 7 * time.Minute},
		{5 * time.Minute, 5 * time.Minute, 5 * time.Minute},
		{15 * time.Minute, 5 * time.Minute, 15 * time.Minute},
		{90 * time.Minute, 5 * time.Minute, 90 * time.Minute},
		{time.Hour, time.Hour, time.Hour},
		{28 * day, time.Hour, 28 * day},
	} {
		for src, want := range map[metricsync.Source]time.Duration{c.TimeSeries(): test.series, c.SignalFlow(): test.flow} {
			got, err := src.Step(test.want)
			assert.Equal(t, want, got, "%s of %s", src, test.want)
			assert.Equal(t, want == 0, err != nil)
		}
	}
	_, err := c.TimeSeries().Step(1500 * time.Millisecond)
	assert.ErrorContains(t, err, "1s, 1m, 5m and 1h")
}

// What is asked for, to each span: a day at most, without a gap and without an
// overlap.
func TestSpans(t *testing.T) {
	for _, test := range []struct {
		name   string
		step   time.Duration
		offset time.Duration // of the start, from noon
		span   time.Duration
		pieces []time.Duration
	}{
		{"nothing", time.Minute, 0, 0, nil},
		{"backwards", time.Minute, 0, -time.Hour, nil},
		{"one step", time.Minute, 0, time.Minute, []time.Duration{time.Minute}},
		{"a minute's run", time.Minute, 3 * time.Minute, 15 * time.Minute, []time.Duration{15 * time.Minute}},
		{"a day", 5 * time.Minute, 0, day, []time.Duration{day}},
		{"a day and a step", 5 * time.Minute, -5 * time.Minute, day + 5*time.Minute, []time.Duration{day, 5 * time.Minute}},
		{"two days and a half", time.Hour, time.Hour, 60 * time.Hour, []time.Duration{day, day, 12 * time.Hour}},
		{"seconds", time.Second, time.Second, 2 * time.Hour, []time.Duration{2 * time.Hour}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := signalfxtest.NewFake(t, nil)
				series := gauges(1)
				series[0].Every = test.step
				f.AddSeries("q", series...)
				f.AddProgram("q", signalfxtest.Stream{Series: series})
				c := newClient(t, f.Transport())
				from := noon.Add(test.offset)
				s := metricsync.Span{From: from, To: from.Add(test.span), Step: test.step}
				for src, op := range map[metricsync.Source]signalfxtest.Op{
					c.TimeSeries(): signalfxtest.OpTimeSeries, c.SignalFlow(): signalfxtest.OpSignalFlow,
				} {
					points, err := read(t.Context(), src, text("q"), s)
					require.NoError(t, err)
					assertWhole(t, points, s, 1)
					var got []time.Duration
					at := s.From
					for _, call := range f.CallsOf(op) {
						got = append(got, call.Span())
						assert.Equal(t, at, call.Start)
						assert.Equal(t, test.step, call.Resolution)
						at = call.Stop
					}
					assert.Equal(t, test.pieces, got)
				}
			})
		})
	}
}

// A step that is no part of a day makes pieces of whole steps.
func TestSpansOfOddSteps(t *testing.T) {
	for step, want := range map[time.Duration]time.Duration{
		11 * time.Second: 7854 * 11 * time.Second, 7 * time.Hour: 21 * time.Hour, 100 * time.Hour: 100 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := signalfxtest.NewFake(t, nil)
			f.AddProgram("p", signalfxtest.Stream{Series: []signalfxtest.Series{{Every: step}}})
			from := time.UnixMilli(noon.UnixMilli() / step.Milliseconds() * step.Milliseconds()).Add(-3 * want)
			_, err := read(t.Context(), newClient(t, f.Transport()).SignalFlow(), text("p"), metricsync.Span{From: from, To: from.Add(3 * want), Step: step})
			require.NoError(t, err)
			assert.Equal(t, want, f.LongestSpan(signalfxtest.OpSignalFlow))
			assert.Len(t, f.Calls(), 3)
		})
	}
}

func TestWrongQuestionsAreNotAsked(t *testing.T) {
	f := signalfxtest.NewFake(t, nil)
	c := newClient(t, f.Transport())
	odd := minutes(0, 10)
	odd.From = odd.From.Add(time.Second)
	for _, test := range []struct {
		src  metricsync.Source
		q    metricsync.Query
		s    metricsync.Span
		want string
	}{
		{c.TimeSeries(), text(" "), minutes(0, 1), "the query is empty"},
		{c.SignalFlow(), metricsync.Query{Label: "A"}, minutes(0, 1), "the query is empty"},
		{c.TimeSeries(), text("q"), metricsync.Span{From: noon, To: after(4), Step: 2 * time.Minute}, "no steps of 2m0s, but of 1m0s"},
		{c.TimeSeries(), text("q"), metricsync.Span{From: noon, To: after(4)}, "1s, 1m, 5m and 1h"},
		{c.SignalFlow(), text("q"), metricsync.Span{From: noon, To: after(4), Step: 1}, "at least 1s"},
		{c.TimeSeries(), text("q"), odd, "not whole steps of 1m0s"},
		{c.SignalFlow(), text("q"), odd, "not whole steps of 1m0s"},
	} {
		points, err := read(t.Context(), test.src, test.q, test.s)
		assert.ErrorContains(t, err, test.want)
		assert.Empty(t, points)
	}
	assert.Empty(t, f.Calls())
}
