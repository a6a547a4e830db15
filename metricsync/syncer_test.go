package metricsync_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
)

func linear(_ string, series int, at time.Time) float64 { return float64(at.Unix()/60 + int64(series)) }

func metric(id string, source metricsync.Source) metricsync.Metric {
	return metricsync.Metric{ID: id, Source: source, Query: metricsync.Query{Text: id}}
}

func newSyncer(t *testing.T, cfg metricsync.Config) *metricsync.Syncer {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := metricsync.New(cfg)
	require.NoError(t, err)
	return s
}

func syncOnce(t *testing.T, s *metricsync.Syncer, o metricsync.Options) *metricsync.Report {
	t.Helper()
	report, err := s.Sync(t.Context(), o)
	require.NoError(t, err)
	return report
}

func TestConfigMistakesAreToldAtOnce(t *testing.T) {
	source := &curve{value: linear, steps: []time.Duration{time.Second, time.Minute, 5 * time.Minute}}
	good := metric("a", source)
	with := func(change func(*metricsync.Metric)) metricsync.Metric {
		m := good
		m.ID = "b"
		change(&m)
		return m
	}
	tests := map[string]metricsync.Metric{
		"ID is missing":              with(func(m *metricsync.Metric) { m.ID = "" }),
		"Name is set beside ID":      with(func(m *metricsync.Metric) { m.Name = "x" }),
		"Source is missing":          with(func(m *metricsync.Metric) { m.Source = nil }),
		"Query is missing":           with(func(m *metricsync.Metric) { m.Query.Text = "" }),
		`Reduce "median" is none of`: with(func(m *metricsync.Metric) { m.Reduce = "median" }),
		"Total is missing":           with(func(m *metricsync.Metric) { m.Reduce = metricsync.Ratio }),
		"Weights is missing":         with(func(m *metricsync.Metric) { m.Reduce = metricsync.WeightedMean }),
		"Weights is set, which":      with(func(m *metricsync.Metric) { m.Weights.Text = "w" }),
		"Total is set, which":        with(func(m *metricsync.Metric) { m.Total.Text = "w" }),
		"Window 7m0s":                with(func(m *metricsync.Metric) { m.Window = 7 * time.Minute }),
		"Window 10s":                 with(func(m *metricsync.Metric) { m.Window = 10 * time.Second }),
		"Window 45s":                 with(func(m *metricsync.Metric) { m.Window = 45 * time.Second }),
		"Window 48h0m0s":             with(func(m *metricsync.Metric) { m.Window = 48 * time.Hour }),
		"Window -5m0s":               with(func(m *metricsync.Metric) { m.Window = -5 * time.Minute }),
		"Resolution 2m0s does not":   with(func(m *metricsync.Metric) { m.Resolution = 2 * time.Minute }),
		"Resolution 2m30s is none that the source has; 1s is": with(func(m *metricsync.Metric) { m.Resolution = 150 * time.Second }),
		"is Metrics[0] too": good,
	}
	cfg := metricsync.Config{Metrics: []metricsync.Metric{good}, Sinks: []metricsync.Sink{newBoard("x"), nil, newBoard("x")}}
	for _, m := range tests {
		cfg.Metrics = append(cfg.Metrics, m)
	}
	_, err := metricsync.New(cfg)
	require.Error(t, err)
	for want := range tests {
		assert.ErrorContains(t, err, want)
	}
	assert.ErrorContains(t, err, "Sinks[1] is missing")
	assert.ErrorContains(t, err, `Sinks[2] has the name "x" of another`)
	_, err = metricsync.New(metricsync.Config{})
	assert.ErrorContains(t, err, "Metrics are missing")
	assert.ErrorContains(t, err, "Sinks are missing")
	var wrong *metricsync.MetricError
	_, err = metricsync.New(metricsync.Config{Metrics: []metricsync.Metric{{}}, Sinks: []metricsync.Sink{newBoard("x")}})
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, 0, wrong.Index)
}

func TestBackfillFillsItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		b := newBoard("statuspage.io", "a", "b", "c")
		s := newSyncer(t, metricsync.Config{
			Metrics: []metricsync.Metric{metric("a", source), metric("b", source), metric("c", source)},
			Sinks:   []metricsync.Sink{b},
		})
		report := syncOnce(t, s, metricsync.Options{})
		require.NoError(t, report.Err())
		for _, m := range report.Metrics {
			assert.Equal(t, "backfill", m.Plan)
			assert.False(t, m.Backfill, "it is whole")
			assert.InDelta(t, 8064, m.Sent, 2)
			assert.Equal(t, m.To, m.Through)
		}
		assert.Equal(t, 9, b.sends, "3 x 8064 samples in calls of 3000")
		assert.Empty(t, b.violations)
		assert.Equal(t, 1, source.most, "one reading at a time")

		// Nothing new: nothing is read, nothing sent.
		reads := len(source.read)
		syncOnce(t, s, metricsync.Options{})
		assert.Len(t, source.read, reads)
		assert.Equal(t, 9, b.sends)
		assert.Equal(t, 2, b.surveys)

		// A window later: that one, and 10 minutes before it once more.
		time.Sleep(5 * time.Minute)
		report = syncOnce(t, s, metricsync.Options{})
		assert.Equal(t, 10, b.sends, "all three in one call")
		assert.Equal(t, 3, report.Metrics[0].Sent)
	})
}

func TestCurrentMetricsDoNotWaitForABackfill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		b := newBoard("statuspage.io", "new", "old")
		var order []string
		b.fail = func(series []metricsync.Series) error {
			for _, s := range series {
				order = append(order, s.ID)
			}
			return nil
		}
		b.metrics["old"].newest, b.metrics["old"].backfilled = time.Now().Add(-30*time.Minute), true
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("new", source), metric("old", source)}, Sinks: []metricsync.Sink{b}})
		syncOnce(t, s, metricsync.Options{})
		assert.Equal(t, []string{"old", "new", "new", "new"}, order)
	})
}

func TestAMetricThatIsNotThereStopsOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		b := newBoard("statuspage.io", "a", "gone")
		s := newSyncer(t, metricsync.Config{
			Metrics: []metricsync.Metric{metric("a", source), metric("nowhere", source), metric("gone", source)}, Sinks: []metricsync.Sink{b},
		})
		b.fail = func(series []metricsync.Series) error { // it is deleted between survey and sending
			for _, s := range series {
				if s.ID == "gone" {
					return &metricsync.Error{Op: "sending", Status: 404}
				}
			}
			return nil
		}
		report := syncOnce(t, s, metricsync.Options{})
		err := report.Err()
		assert.ErrorContains(t, err, `nowhere to statuspage.io: there is no metric "nowhere"`)
		assert.ErrorContains(t, err, "gone to statuspage.io: sending: 404")
		assert.NotContains(t, err.Error(), "a to")
		assert.InDelta(t, 8064, len(b.metrics["a"].samples), 2)
	})
}

func TestAWrongKeyIsNotTriedForEachMetric(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		b := newBoard("x", "a", "b", "c")
		for _, m := range b.metrics {
			m.newest, m.backfilled = time.Now().Add(-30*time.Minute), true
		}
		b.fail = func(series []metricsync.Series) error {
			if len(series) > 0 {
				return &metricsync.Error{Op: "sending", Status: 401}
			}
			return nil
		}
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source), metric("b", source), metric("c", source)}, Sinks: []metricsync.Sink{b}})
		report := syncOnce(t, s, metricsync.Options{})
		require.Error(t, report.Err())
		assert.Equal(t, 1, b.sends)
		for _, m := range report.Metrics {
			assert.ErrorContains(t, m.Err, "401")
		}
	})
}

func TestTwoNamesOfOneMetric(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		byName := metric("", source)
		byName.Name, byName.Query.Text = "name of a", "q"
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source), byName}, Sinks: []metricsync.Sink{newBoard("x", "a")}})
		report := syncOnce(t, s, metricsync.Options{})
		assert.ErrorContains(t, report.Err(), "name of a to x: is the same metric as a")
		assert.NotZero(t, report.Metrics[0].Sent)
	})
}

func TestOneSinkThatIsDownDoesNotStopAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		up, down := newBoard("up", "a"), newBoard("down", "a")
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source)}, Sinks: []metricsync.Sink{down, up}})
		down.fail = func([]metricsync.Series) error { return errBusyServer }
		report := syncOnce(t, s, metricsync.Options{})
		require.ErrorIs(t, report.Err(), errBusyServer)
		assert.InDelta(t, 8064, len(up.metrics["a"].samples), 2)

		// Surveyed, then down after the first call: it stops at the hole.
		n := 0
		down.fail = func(series []metricsync.Series) error {
			if n += len(series); n > 1 {
				return errBusyServer
			}
			return nil
		}
		report = syncOnce(t, s, metricsync.Options{})
		require.Error(t, report.Err())
		assert.InDelta(t, 3000, len(down.metrics["a"].samples), 2)
		n = -1000
		report = syncOnce(t, s, metricsync.Options{})
		require.NoError(t, report.Err())
		assert.Equal(t, "resume", report.Metrics[0].Plan)
		assert.InDelta(t, 8064, len(down.metrics["a"].samples), 2)
	})
}

func TestWhatWasReadBeforeAFailureIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("x", "a")
		hole := time.Now().UTC().Add(-48 * time.Hour).Add(2 * time.Minute)
		source := &curve{value: linear}
		source.fail = func(at time.Time) error {
			if at.After(hole) {
				return errSource
			}
			return nil
		}
		m := metric("a", source)
		m.Reduce, m.Resolution = metricsync.Sum, time.Minute
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{m}, Sinks: []metricsync.Sink{b}})
		report := syncOnce(t, s, metricsync.Options{})
		require.ErrorIs(t, report.Err(), errSource)
		assert.Equal(t, hole.Truncate(5*time.Minute).Add(-5*time.Minute), b.metrics["a"].newest.UTC(), "the window of the failure is not whole")
		assert.Equal(t, hole.Truncate(5*time.Minute), report.Metrics[0].Through.UTC())
		source.fail = nil
		report = syncOnce(t, s, metricsync.Options{})
		require.NoError(t, report.Err())
		assert.Empty(t, b.violations)
	})
}

func TestALateValueIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("x", "a")
		b.metrics["a"].newest, b.metrics["a"].backfilled = time.Now().Add(-30*time.Minute), true
		late := time.Now().Add(-10 * time.Minute)
		source := &curve{value: linear, fail: nil}
		source.value = func(string, int, time.Time) float64 { return 1 }
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source)}, Sinks: []metricsync.Sink{b}})
		syncOnce(t, s, metricsync.Options{})
		assert.InDelta(t, 1, b.metrics["a"].samples[late.Unix()], 0)
		source.value = func(string, int, time.Time) float64 { return 2 }
		time.Sleep(5 * time.Minute)
		syncOnce(t, s, metricsync.Options{})
		assert.InDelta(t, 2, b.metrics["a"].samples[late.Unix()], 0)
	})
}

func TestWhatIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("x", "a", "b")
		begin := time.Now().Add(-time.Hour)
		for _, m := range b.metrics {
			m.newest, m.backfilled = begin.Add(-5*time.Minute), true
		}
		infinite := &curve{value: func(q string, _ int, at time.Time) float64 {
			switch n := at.Sub(begin) / (5 * time.Minute); {
			case q == "total":
				return float64(n % 2)
			case n == 1:
				return math.Inf(1)
			case n == 2:
				return math.Inf(-1)
			}
			return math.MaxFloat64
		}}
		a, ratio := metric("a", infinite), metric("b", infinite)
		ratio.Reduce, ratio.Total.Text = metricsync.Ratio, "total"
		a.Reduce, infinite.series = metricsync.Sum, 2
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{a, ratio}, Sinks: []metricsync.Sink{b}, Overlap: -1})
		report := syncOnce(t, s, metricsync.Options{})
		require.NoError(t, report.Err())
		assert.Empty(t, b.violations)
		assert.Equal(t, map[string]int{metricsync.SkippedNoValue: 4, metricsync.SkippedTooLarge: 9}, report.Metrics[0].Skipped)
		assert.Equal(t, 22, report.Metrics[0].Points)
		assert.Equal(t, 6, report.Metrics[1].Skipped[metricsync.SkippedNoRequests])
	})
}

func TestClosedWindowsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		for name, test := range map[string]struct {
			settle, skew, past time.Duration
			newest             string
		}{
			"just closed":                 {past: 5*time.Minute + 59*time.Second, newest: "23:55:00"},
			"a minute later":              {past: 6 * time.Minute, newest: "00:00:00"},
			"more patience":               {past: 6 * time.Minute, settle: 2 * time.Minute, newest: "23:55:00"},
			"no patience":                 {past: 5 * time.Minute, settle: -1, newest: "00:00:00"},
			"our clock is ahead":          {past: 6 * time.Minute, skew: -5 * time.Minute, newest: "23:55:00"},
			"our clock is behind":         {past: 6 * time.Minute, skew: 5 * time.Minute, newest: "00:00:00"},
			"our clock is a day too late": {past: 6 * time.Minute, skew: 24 * time.Hour, newest: "00:00:00"},
		} {
			b := newBoard("x", "a")
			b.skew = test.skew
			s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source)}, Sinks: []metricsync.Sink{b}, Settle: test.settle})
			time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(24*time.Hour + test.past)))
			require.NoError(t, syncOnce(t, s, metricsync.Options{}).Err())
			assert.Equal(t, test.newest, b.metrics["a"].newest.UTC().Format(time.TimeOnly), name)
			assert.Empty(t, b.violations, name)
		}
	})
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		b := newBoard("x", "a", "b")
		b.takes = time.Second
		b.max = 500
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source), metric("b", source)}, Sinks: []metricsync.Sink{b}})
		began := time.Now()
		report := syncOnce(t, s, metricsync.Options{Until: began.Add(10 * time.Second)})
		require.NoError(t, report.Err())
		assert.LessOrEqual(t, time.Since(began), 12*time.Second)
		assert.True(t, report.Metrics[0].Backfill)
		sent := report.Metrics[0].Sent
		for runs := 1; report.Metrics[0].Backfill || report.Metrics[1].Backfill; runs++ {
			require.Less(t, runs, 10)
			report = syncOnce(t, s, metricsync.Options{Until: time.Now().Add(10 * time.Second)})
			sent += report.Metrics[0].Sent
		}
		assert.Empty(t, b.violations)
		assert.Less(t, sent, 8064+50, "no more than the overlaps were sent twice")
	})
}

// A source may be so slow that what is under way at Until is never whole in time.
// What it has given by then counts: else the next run meets the same.
func TestUntilWithASlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &slow{curve: curve{value: linear}, takes: 21 * time.Second}
		b := newBoard("x", "a")
		b.takes = time.Second
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source)}, Sinks: []metricsync.Sink{b}})
		run := func() *metricsync.Report {
			ctx, cancel := context.WithTimeout(t.Context(), 53*time.Second)
			defer cancel()
			report, err := s.Sync(ctx, metricsync.Options{Until: time.Now().Add(45 * time.Second)})
			require.NoError(t, err)
			return report
		}
		runs := 0
		for report := run(); report.Metrics[0].Backfill; report = run() {
			require.NoError(t, report.Err())
			runs++
			require.Less(t, runs, 40)
		}
		assert.InDelta(t, 8064, len(b.metrics["a"].samples), 12)
		assert.Empty(t, b.violations)

		// One that gives nothing at all is no matter of the next run's.
		source.takes = time.Hour
		time.Sleep(time.Hour)
		report := run()
		assert.ErrorContains(t, report.Err(), "the source has given nothing within the time of this run")
	})
}

func TestStoppedInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		b := newBoard("x", "a")
		b.takes = time.Second
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source)}, Sinks: []metricsync.Sink{b}})
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2500*time.Millisecond, errors.New("enough"))
		defer cancel()
		report, err := s.Sync(ctx, metricsync.Options{})
		require.ErrorContains(t, err, "enough")
		require.NoError(t, report.Err(), "it is nobody's fault")
		assert.Equal(t, 3000, report.Metrics[0].Sent)
		report = syncOnce(t, s, metricsync.Options{})
		assert.Equal(t, "resume", report.Metrics[0].Plan)
		assert.InDelta(t, 8064, len(b.metrics["a"].samples), 2)
	})
}

func TestOneRunAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{docs: map[string][]byte{}}
		b := newBoard("x", "a")
		b.takes = 5 * time.Minute // longer than a lease lasts
		cfg := metricsync.Config{
			Metrics: []metricsync.Metric{metric("a", &curve{value: linear})}, Sinks: []metricsync.Sink{b}, Documents: store, Shared: true,
		}
		one, two := newSyncer(t, cfg), newSyncer(t, cfg)
		done := make(chan error)
		go func() {
			_, err := one.Sync(t.Context(), metricsync.Options{})
			done <- err
		}()
		synctest.Wait()
		for range 9 {
			report, err := two.Sync(t.Context(), metricsync.Options{})
			require.ErrorIs(t, err, metricsync.ErrBusy)
			require.NotNil(t, report)
			_, err = one.Sync(t.Context(), metricsync.Options{})
			require.ErrorIs(t, err, metricsync.ErrBusy)
			time.Sleep(2 * time.Minute)
		}
		require.NoError(t, <-done)
		assert.Equal(t, 3, b.sends)
		syncOnce(t, two, metricsync.Options{}) // at once: the lease was given back
	})
}

func TestAKilledRunHoldsItsLeaseForMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{docs: map[string][]byte{}}
		require.NoError(t, store.Update(t.Context(), "metricsync/progress.json", func([]byte) ([]byte, error) {
			until, _ := time.Now().Add(2 * time.Minute).MarshalText()
			return []byte(`{"lease":{"holder":"killed","until":"` + string(until) + `"}}`), nil
		}))
		b := newBoard("x", "a")
		cfg := metricsync.Config{Metrics: []metricsync.Metric{metric("a", &curve{value: linear})}, Sinks: []metricsync.Sink{b}, Documents: store, Shared: true}
		_, err := newSyncer(t, cfg).Sync(t.Context(), metricsync.Options{})
		require.ErrorIs(t, err, metricsync.ErrBusy)
		assert.ErrorContains(t, err, "killed, until")
		cfg.Shared = false // nobody else can have the store
		syncOnce(t, newSyncer(t, cfg), metricsync.Options{})
		cfg.Shared = true
		time.Sleep(2 * time.Minute)
		syncOnce(t, newSyncer(t, cfg), metricsync.Options{})
	})
}

func TestWhoeverLosesItsLeaseStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{docs: map[string][]byte{}}
		b := newBoard("x", "a")
		b.takes = time.Minute
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", &curve{value: linear})}, Sinks: []metricsync.Sink{b}, Documents: store, Shared: true})
		time.AfterFunc(70*time.Second, func() {
			_ = store.Update(context.Background(), "metricsync/progress.json", func([]byte) ([]byte, error) {
				until, _ := time.Now().Add(time.Hour).MarshalText()
				return []byte(`{"lease":{"holder":"another","until":"` + string(until) + `"}}`), nil
			})
		})
		_, err := s.Sync(t.Context(), metricsync.Options{})
		require.ErrorIs(t, err, metricsync.ErrBusy)
		assert.Equal(t, 0, b.sends)
	})
}

func TestDryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("x", "a", "b")
		store := &flaky{docs: map[string][]byte{}}
		s := newSyncer(t, metricsync.Config{
			Metrics: []metricsync.Metric{metric("a", &curve{value: linear}), metric("b", &curve{value: linear})}, Sinks: []metricsync.Sink{b}, Documents: store, Shared: true,
		})
		n := 0
		report := syncOnce(t, s, metricsync.Options{Only: []string{"a"}, DryRun: func(sink metricsync.Sink, series []metricsync.Series) {
			assert.Equal(t, "x", sink.Name())
			for _, s := range series {
				assert.Equal(t, "a", s.ID)
				n += len(s.Samples)
			}
		}})
		assert.InDelta(t, 8064, n, 2)
		assert.Equal(t, n, report.Metrics[0].Sent)
		assert.Len(t, report.Metrics, 1)
		assert.Zero(t, b.sends)
		assert.Empty(t, store.docs)
	})
}

func TestOnlyWhatThereIs(t *testing.T) {
	s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", &curve{value: linear})}, Sinks: []metricsync.Sink{newBoard("x", "a")}})
	_, err := s.Sync(t.Context(), metricsync.Options{Only: []string{"a", "b", "c"}})
	assert.ErrorContains(t, err, "there is no metric b, c; there are a")
}

func TestResetBeforeAnythingWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("x", "a")
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", &curve{value: linear})}, Sinks: []metricsync.Sink{b}})
		syncOnce(t, s, metricsync.Options{})
		b.reset("a")
		for range 12 * 7 {
			time.Sleep(5 * time.Minute)
			require.NoError(t, syncOnce(t, s, metricsync.Options{}).Err())
		}
		assert.InDelta(t, 8064+12*7, len(b.metrics["a"].samples), 90)
	})
}

func TestAcceptedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("x", "a")
		s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", &curve{value: linear})}, Sinks: []metricsync.Sink{b}})
		syncOnce(t, s, metricsync.Options{})
		b.metrics["a"].backfilled = true
		syncOnce(t, s, metricsync.Options{})
		time.Sleep(time.Hour)
		b.metrics["a"].forget = true
		syncOnce(t, s, metricsync.Options{})
		b.metrics["a"].forget = false
		for range 8 { // and says nothing: the source is empty from now on
			time.Sleep(5 * time.Minute)
			require.NoError(t, syncOnce(t, s, metricsync.Options{}).Err())
		}
		now := time.Now().Add(-time.Minute).Truncate(5 * time.Minute)
		for at := now.Add(-2 * time.Hour); at.Before(now); at = at.Add(5 * time.Minute) {
			assert.NotZero(t, b.metrics["a"].samples[at.Unix()], at.String())
		}
	})
}

func TestASourceThatBreaksItsContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, value := range map[string]func(at time.Time) time.Time{
			"goes back": func(at time.Time) time.Time { return at.Add(-time.Duration(at.Minute()%2) * time.Hour) },
			"too early": func(at time.Time) time.Time { return at.Add(-48 * time.Hour) },
			"too late":  func(at time.Time) time.Time { return at.Add(60 * 24 * time.Hour) },
		} {
			source := &crooked{curve{value: linear}, value}
			s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{metric("a", source)}, Sinks: []metricsync.Sink{newBoard("x", "a")}})
			assert.ErrorContains(t, syncOnce(t, s, metricsync.Options{}).Err(), "out of order", name)
		}
	})
}

func TestErrorsSayWhatToDo(t *testing.T) {
	err := &metricsync.Error{
		Op: "statuspage.io: sending", Host: "api.statuspage.io", Status: 420, Message: "too many", RetryAfter: time.Minute, Hint: "is the key used elsewhere?",
	}
	assert.Equal(t, "statuspage.io: sending at api.statuspage.io: 420: too many, retry after 1m0s; is the key used elsewhere?", err.Error())
	for status, temporary := range map[int]bool{0: true, 200: false, 302: false, 400: false, 401: false, 404: false, 408: true, 420: true, 422: false, 429: true, 500: true, 503: true} {
		assert.Equal(t, temporary, (&metricsync.Error{Status: status}).Temporary(), status)
	}
	assert.Equal(t, "x: the source is away", (&metricsync.Error{Op: "x", Err: errSource}).Error())
}

func TestNextClose(t *testing.T) {
	m := metric("a", &curve{value: linear})
	hour := metric("b", &curve{value: linear})
	hour.Window = time.Hour
	at := func(s string) time.Time {
		v, err := time.Parse(time.TimeOnly, s)
		require.NoError(t, err)
		return v
	}
	s := newSyncer(t, metricsync.Config{Metrics: []metricsync.Metric{hour, m}, Sinks: []metricsync.Sink{newBoard("x")}})
	assert.Equal(t, at("12:06:00"), s.NextClose(at("12:01:00")))
	assert.Equal(t, at("12:01:00"), s.NextClose(at("12:00:59")))
	assert.Equal(t, at("12:06:00"), s.NextClose(at("12:05:59")))
}

func TestCheckSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &curve{value: linear}
		b := newBoard("x", "a", "broken")
		docs := &flaky{docs: map[string][]byte{}}
		broken := &curve{value: linear, fail: func(time.Time) error { return errSource }}
		s := newSyncer(t, metricsync.Config{
			Metrics: []metricsync.Metric{metric("a", source), metric("nowhere", source), metric("broken", broken)}, Sinks: []metricsync.Sink{b, &silent{b}}, Documents: docs,
		})
		checks := s.Check(t.Context(), 12)
		require.Len(t, checks, 3)
		assert.Len(t, checks[0].Samples, 12)
		assert.Equal(t, "23:50:00", checks[0].Samples[11].At.UTC().Format(time.TimeOnly))
		assert.Equal(t, "a", checks[0].Sinks[0].ID)
		assert.ErrorContains(t, checks[0].Sinks[1].Err, "silent was asked for 3 metrics, and told of 0")
		assert.ErrorContains(t, checks[1].Sinks[0].Err, "there is no metric")
		require.NoError(t, checks[1].Err, "it can be read all the same")
		require.ErrorIs(t, checks[2].Err, errSource)
		assert.Zero(t, b.sends)
		assert.Empty(t, docs.docs)
	})
}
