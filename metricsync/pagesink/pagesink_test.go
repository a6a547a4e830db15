package pagesink_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/pagesink"
)

// t0 is when the tests begin: synctest's clock is moved to it.
var t0 = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(t0))
		test(t)
	})
}

func newSink(t testing.TB, s pagesink.Store, charts ...pagesink.Chart) *pagesink.Sink {
	t.Helper()
	sink, err := pagesink.New(pagesink.Config{Store: s, Charts: charts})
	require.NoError(t, err)
	return sink
}

// series is a metric with a value every step from a time on: its number.
func series(id string, from time.Time, step time.Duration, values int) metricsync.Series {
	out := metricsync.Series{ID: id}
	for n := range values {
		out.Samples = append(out.Samples, metricsync.Sample{At: from.Add(time.Duration(n) * step), Value: float64(n)})
	}
	return out
}

func survey(t testing.TB, s *pagesink.Sink, id string) metricsync.Found {
	t.Helper()
	found, err := s.Survey(t.Context(), []metricsync.Target{{ID: id}})
	require.NoError(t, err)
	require.Len(t, found.Metrics, 1)
	return found.Metrics[0]
}

func TestNew(t *testing.T) {
	_, err := pagesink.New(pagesink.Config{Charts: []pagesink.Chart{
		{ID: "a"},
		{Title: "x"},
		{ID: "a", Decimals: 7, Window: -1},
		{ID: ".."},
		{ID: "x\n"},
		{ID: strings.Repeat("x", 501)},
		{ID: "\xff"},
		{ID: "b", Window: 25 * time.Hour, Title: strings.Repeat("x", 1001), Unit: "\xff"},
		{ID: "c", Window: time.Millisecond},
	}})
	require.Error(t, err)
	var got []string
	for line := range strings.Lines(err.Error()) {
		got = append(got, strings.TrimSpace(line))
	}
	assert.ElementsMatch(t, []string{
		"pagesink: Store is missing",
		"pagesink: Charts[1].ID is missing",
		`pagesink: Charts[2].ID "a" is there twice`,
		"pagesink: Charts[2].Decimals is 7; 6 is the most",
		"pagesink: Charts[2].Window is -1ns; want whole seconds, up to a day",
		`pagesink: Charts[3].ID ".." is not fit for an address`,
		`pagesink: Charts[4].ID "x\n" is not fit for an address`,
		"pagesink: Charts[5].ID is longer than 500 bytes",
		`pagesink: Charts[6].ID "\xff" is not fit for an address`,
		"pagesink: Charts[7].Window is 25h0m0s; want whole seconds, up to a day",
		"pagesink: Charts[7].Title is longer than 1000 bytes, or no text",
		"pagesink: Charts[7].Unit is longer than 1000 bytes, or no text",
		"pagesink: Charts[8].Window is 1ms; want whole seconds, up to a day",
	}, got)
}

func TestSend_documents(t *testing.T) {
	at(t, func(t *testing.T) {
		s := newStore()
		sink := newSink(t, s,
			pagesink.Chart{ID: "other"},
			pagesink.Chart{ID: "lat/1", Title: "API latency", Unit: "ms", Decimals: -1, Description: "As measured.", Window: time.Hour})
		require.NoError(t, sink.Send(t.Context(), []metricsync.Series{
			series("lat/1", t0.Add(-13*time.Hour), time.Hour, 3),
			{ID: "plain", Samples: []metricsync.Sample{{At: t0.Add(-5*time.Minute + 29*time.Second), Value: 1.5}}},
		}))
		assert.Equal(t, map[string]string{
			"charts/lat%2F1.json": `{
 "id": "lat/1",
 "title": "API latency",
 "unit": "ms",
 "description": "As measured.",
 "decimals": -1,
 "position": 2,
 "window_seconds": 3600,
 "newest": "2026-11-20T01:00:00Z",
 "days": {
  "2026-11-19": "a2f7baeae0f8",
  "2026-11-20": "c5234c93892c"
 }
}
`,
			"points/2026-11-19/lat%2F1.json": `{
 "metric": "lat/1",
 "day": "2026-11-19",
 "points": {
  "23:00:00": 0
 }
}
`,
			"points/2026-11-20/lat%2F1.json": `{
 "metric": "lat/1",
 "day": "2026-11-20",
 "points": {
  "00:00:00": 1,
  "01:00:00": 2
 }
}
`,
			"charts/plain.json": `{
 "id": "plain",
 "title": "plain",
 "window_seconds": 300,
 "newest": "2026-11-20T11:55:00Z",
 "days": {
  "2026-11-20": "15a5c7e01dc2"
 }
}
`,
			"points/2026-11-20/plain.json": `{
 "metric": "plain",
 "day": "2026-11-20",
 "points": {
  "11:55:00": 1.5
 }
}
`,
		}, s.all())
	})
}

func TestSurvey(t *testing.T) {
	at(t, func(t *testing.T) {
		s := newStore()
		sink := newSink(t, s)
		assert.Equal(t, "page", sink.Name())
		assert.Positive(t, sink.MaxSamples())
		require.NoError(t, sink.Send(t.Context(), []metricsync.Series{series("a", t0.Add(-time.Hour), 5*time.Minute, 3)}))
		s.put("charts/broken.json", `{"id":`)
		puts := s.puts

		got, err := sink.Survey(t.Context(), []metricsync.Target{
			{ID: "new"}, {ID: "a", Name: "not this"}, {Name: "a"}, {ID: "broken"}, {}, {ID: ".."},
		})
		require.NoError(t, err)
		require.Len(t, got.Metrics, 6)
		a := metricsync.Found{ID: "a", Newest: t0.Add(-50 * time.Minute), Backfilled: true}
		assert.Equal(t, []metricsync.Found{{ID: "new"}, a, a, {ID: "broken"}}, got.Metrics[:4])
		assert.EqualError(t, got.Metrics[4].Err, `page: taking metric "": is missing`)
		assert.EqualError(t, got.Metrics[5].Err, `page: taking metric "..": ".." is not fit for an address`)
		assert.Equal(t, puts, s.puts, "nothing is stored")

		time.Sleep(29 * 24 * time.Hour)
		assert.Equal(t, metricsync.Found{ID: "a"}, survey(t, sink, "a"), "nothing of it is kept any more")

		s.before = func(string, string) error { return errStore }
		_, err = sink.Survey(t.Context(), []metricsync.Target{{ID: "a"}})
		require.ErrorIs(t, err, errStore)
		var e *metricsync.Error
		require.ErrorAs(t, err, &e)
		assert.True(t, e.Temporary())
	})
}

// What is sent again is not stored again, and of two values the last one counts.
func TestSend_again(t *testing.T) {
	at(t, func(t *testing.T) {
		s := newStore()
		sink := newSink(t, s)
		day := series("a", t0.Add(-24*time.Hour), 5*time.Minute, 288)
		require.NoError(t, sink.Send(t.Context(), []metricsync.Series{day}))
		puts := s.puts
		for range 3 {
			require.NoError(t, sink.Send(t.Context(), []metricsync.Series{day}))
			require.NoError(t, sink.Send(t.Context(), []metricsync.Series{{ID: "a", Samples: day.Samples[100:200]}}))
		}
		assert.Equal(t, puts, s.puts)

		newer := metricsync.Sample{At: day.Samples[7].At, Value: -1}
		require.NoError(t, sink.Send(t.Context(), []metricsync.Series{
			{ID: "a", Samples: []metricsync.Sample{{At: newer.At, Value: -2}}}, {ID: "b"}, {ID: "a", Samples: []metricsync.Sample{newer}},
		}))
		assert.Equal(t, puts+2, s.puts, "the day, and what the page looks at")
		got := s.points(t, "a")
		assert.Len(t, got, 288)
		assert.InDelta(t, -1, got["2026-11-19 12:35:00"], 0)
		assert.Equal(t, day.Samples[287].At, survey(t, sink, "a").Newest, "what is older does not make it older")
		assert.NotContains(t, s.keys(), "charts/b.json", "without a sample there is no chart")
	})
}

func TestSend_refuses(t *testing.T) {
	at(t, func(t *testing.T) {
		s := newStore()
		sink := newSink(t, s)
		for _, sample := range []metricsync.Sample{
			{At: t0, Value: math.NaN()}, {At: t0, Value: math.Inf(-1)}, {At: t0.Add(2 * time.Hour), Value: 1},
		} {
			good := series("good", t0.Add(-time.Hour), time.Minute, 3)
			err := sink.Send(t.Context(), []metricsync.Series{good, {ID: "bad", Samples: []metricsync.Sample{sample}}})
			assert.ErrorContains(t, err, `page: taking metric "bad": a `)
			assert.Empty(t, s.keys(), "all or nothing")
		}
		assert.Error(t, sink.Send(t.Context(), []metricsync.Series{series("..", t0.Add(-time.Hour), time.Minute, 1)}))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, sink.Send(ctx, []metricsync.Series{series("a", t0.Add(-time.Hour), time.Minute, 1)}), context.Canceled)
		assert.Empty(t, s.keys())
	})
}

// After a month each day that comes takes one away.
func TestSend_forgets(t *testing.T) {
	at(t, func(t *testing.T) {
		s := newStore()
		sink := newSink(t, s)
		all := series("a", t0.Add(-40*24*time.Hour), time.Hour, 40*24)
		require.NoError(t, sink.Send(t.Context(), []metricsync.Series{all}))
		assert.Len(t, s.keys(), 29+1, "of what is older nothing is stored")
		assert.Len(t, s.points(t, "a"), 28*24)
		for n := range 60 {
			time.Sleep(24 * time.Hour)
			require.NoError(t, sink.Send(t.Context(), []metricsync.Series{series("a", t0.Add(time.Duration(n)*24*time.Hour), time.Hour, 24)}))
			assert.Len(t, s.keys(), 29+1)
		}
		assert.Contains(t, s.keys(), "points/2027-01-18/a.json")
		assert.NotContains(t, s.keys(), "points/2026-12-21/a.json")
	})
}

// The store fails at each of its calls in turn, before it does what it is asked and
// after. What was not accepted is sent again, and nothing is missing. What the
// survey calls newest has no hole behind it, at any time.
func TestSend_faults(t *testing.T) {
	at(t, func(t *testing.T) {
		sent := []metricsync.Series{
			series("a", t0.Add(-29*24*time.Hour), 3*time.Hour, 24), series("a", t0.Add(-5*24*time.Hour), 3*time.Hour, 20),
			series("a", t0.Add(-60*time.Hour), 3*time.Hour, 20), series("a", t0.Add(-50*time.Hour), time.Hour, 50),
		}
		clean := newStore()
		for _, s := range sent {
			require.NoError(t, newSink(t, clean).Send(t.Context(), []metricsync.Series{s}))
		}
		want := clean.all()
		for _, when := range []string{"before", "after"} {
			for n := 1; ; n++ {
				s := newStore()
				// A day that is to be forgotten, so that there is something to delete.
				s.put("charts/a.json", `{"id":"a","days":{"2026-09-21":"x"}}`)
				s.put("points/2026-09-21/a.json", `{"points":{"12:00:00":0}}`)
				calls := 0
				fault := func(string, string) error {
					if calls++; calls == n {
						return errStore
					}
					return nil
				}
				if when == "before" {
					s.before = fault
				} else {
					s.after = fault
				}
				sink, failures := newSink(t, s), 0
				for k, one := range sent {
					if err := sink.Send(t.Context(), []metricsync.Series{one}); err != nil {
						require.ErrorIs(t, err, errStore)
						failures++
						requireWhole(t, s, sink, sent[:k])
						require.NoError(t, sink.Send(t.Context(), []metricsync.Series{one}))
					}
					requireWhole(t, s, sink, sent[:k+1])
				}
				require.Equal(t, want, s.all(), "%s call %d", when, n)
				require.LessOrEqual(t, failures, 1)
				if calls < n {
					require.Greater(t, n, 15)
					break
				}
			}
		}
	})
}

// requireWhole holds a store to have all that was sent up to what the survey calls
// the newest.
func requireWhole(t *testing.T, s *store, sink *pagesink.Sink, sent []metricsync.Series) {
	t.Helper()
	before, after := s.before, s.after
	s.before, s.after = nil, nil
	defer func() { s.before, s.after = before, after }()
	newest := survey(t, sink, "a").Newest
	got := s.points(t, "a")
	for _, one := range sent {
		for _, sample := range one.Samples {
			if !sample.At.After(newest) && !sample.At.Before(t0.Add(-28*24*time.Hour)) {
				require.Contains(t, got, sample.At.Format("2006-01-02 15:04:05"))
			}
		}
	}
}

// A day that cannot be read is lost; that it is, is no secret: the next survey asks
// for everything again.
func TestSend_damage(t *testing.T) {
	at(t, func(t *testing.T) {
		s := newStore()
		sink := newSink(t, s, pagesink.Chart{ID: "a", Title: "A"})
		past := series("a", t0.Add(-48*time.Hour), time.Hour, 47)
		require.NoError(t, sink.Send(t.Context(), []metricsync.Series{past}))
		want := s.all()

		for _, day := range []string{"2026-11-18", "2026-11-20"} {
			s.put("points/"+day+"/a.json", "\x00\x00")
			require.NoError(t, sink.Send(t.Context(), []metricsync.Series{{ID: "a", Samples: past.Samples[5:]}}))
			assert.Equal(t, metricsync.Found{ID: "a"}, survey(t, sink, "a"))
			require.NoError(t, sink.Send(t.Context(), []metricsync.Series{past}))
			assert.Equal(t, want, s.all())
		}

		s.put("charts/a.json", "[]")
		assert.Equal(t, metricsync.Found{ID: "a"}, survey(t, sink, "a"))
		require.NoError(t, sink.Send(t.Context(), []metricsync.Series{past}))
		assert.Equal(t, want, s.all())
	})
}

// Many send at once, with and without each other's samples: the sum is there, and
// the survey tells the newest of all.
func TestSend_together(t *testing.T) {
	s := newStore()
	var all sync.WaitGroup
	from := time.Now().Add(-20 * time.Hour).Truncate(time.Hour)
	for w := range 6 {
		all.Go(func() {
			sink := newSink(t, s)
			for n := range 8 {
				var some []metricsync.Series
				for m := range 3 {
					some = append(some, series(fmt.Sprint("m", m), from.Add(time.Duration((w*7+n*5)%48)*20*time.Minute), 5*time.Minute, 8))
				}
				assert.NoError(t, sink.Send(t.Context(), some))
			}
		})
	}
	all.Wait()
	want := newStore()
	var last time.Time
	for w := range 6 {
		for n := range 8 {
			one := series("m0", from.Add(time.Duration((w*7+n*5)%48)*20*time.Minute), 5*time.Minute, 8)
			require.NoError(t, newSink(t, want).Send(t.Context(), []metricsync.Series{one}))
			if end := one.Samples[7].At; end.After(last) {
				last = end
			}
		}
	}
	for m := range 3 {
		id := fmt.Sprint("m", m)
		assert.Len(t, s.points(t, id), len(want.points(t, "m0")))
		assert.True(t, last.Equal(survey(t, newSink(t, s), id).Newest))
	}
}

// Where one metric cannot be stored, the others are.
func TestSend_oneFails(t *testing.T) {
	at(t, func(t *testing.T) {
		s := newStore()
		sink := newSink(t, s)
		s.before = func(_, key string) error {
			if strings.Contains(key, "bad") {
				return errStore
			}
			return nil
		}
		err := sink.Send(t.Context(), []metricsync.Series{
			series("a", t0.Add(-time.Hour), time.Minute, 1), series("bad", t0.Add(-time.Hour), time.Minute, 1), series("z", t0.Add(-time.Hour), time.Minute, 1),
		})
		require.ErrorIs(t, err, errStore)
		assert.Contains(t, err.Error(), `page: storing metric "bad": the disk is on fire`)
		var e *metricsync.Error
		require.ErrorAs(t, err, &e)
		assert.True(t, survey(t, sink, "a").Backfilled)
		assert.True(t, survey(t, sink, "z").Backfilled)
	})
}
