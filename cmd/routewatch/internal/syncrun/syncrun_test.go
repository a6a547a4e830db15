package syncrun_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncconfig"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncrun"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/statuspage/filestore"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ones is a source of which every value is 1.
type ones struct{}

func (ones) Step(want time.Duration) (time.Duration, error) { return want, nil }

func (ones) Points(_ context.Context, _ metricsync.Query, s metricsync.Span) iter.Seq2[metricsync.Point, error] {
	return func(yield func(metricsync.Point, error) bool) {
		for at := s.From; at.Before(s.To); at = at.Add(s.Step) {
			if !yield(metricsync.Point{At: at, Value: 1}, nil) {
				return
			}
		}
	}
}

// sink takes everything, and says when it was asked.
type sink struct {
	mu      sync.Mutex
	newest  time.Time
	surveys []time.Time
	sent    int
	max     int
	takes   time.Duration
	fail    error
}

func (s *sink) Name() string    { return "sink" }
func (s *sink) MaxSamples() int { return s.max }

func (s *sink) Survey(_ context.Context, targets []metricsync.Target) (metricsync.Survey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.surveys = append(s.surveys, time.Now())
	var out metricsync.Survey
	for _, t := range targets {
		out.Metrics = append(out.Metrics, metricsync.Found{ID: t.ID, Newest: s.newest, Backfilled: !s.newest.IsZero()})
	}
	return out, s.fail
}

func (s *sink) Send(ctx context.Context, series []metricsync.Series) error {
	if s.takes > 0 {
		timer := time.NewTimer(s.takes)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range series {
		s.sent += len(of.Samples)
		s.newest = of.Samples[len(of.Samples)-1].At
	}
	return nil
}

func config(s *sink, state string) syncconfig.Config {
	return syncconfig.Config{
		State: state,
		Sync: metricsync.Config{
			Metrics: []metricsync.Metric{{ID: "m", Source: ones{}, Query: metricsync.Query{Text: "q"}}},
			Sinks:   []metricsync.Sink{s}, Logger: slog.New(slog.DiscardHandler),
		},
	}
}

func open(t *testing.T, cfg syncconfig.Config) *syncrun.Runner {
	t.Helper()
	r, err := syncrun.Open(t.Context(), cfg, nil, false)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

func TestProgressInAFolderIsHadForARunAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := &sink{max: 3000}
	r := open(t, config(s, "file:"+dir))
	report, err := r.Run(t.Context(), metricsync.Options{})
	require.NoError(t, err)
	require.NoError(t, report.Err())

	// Between its runs another may have it.
	other, err := filestore.Open(filestore.Config{Dir: dir})
	require.NoError(t, err)
	_, err = other.Get(t.Context(), "metricsync/progress.json")
	require.NoError(t, err)

	report, err = r.Run(t.Context(), metricsync.Options{})
	require.ErrorIs(t, err, metricsync.ErrBusy)
	assert.ErrorContains(t, err, "it is in use")
	require.NotNil(t, report)
	require.NoError(t, other.Close())
	_, err = r.Run(t.Context(), metricsync.Options{})
	require.NoError(t, err)
}

func TestADryRunLeavesNothingBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := &sink{max: 3000}
	r := open(t, config(s, "file:"+dir))
	n := 0
	_, err := r.Run(t.Context(), metricsync.Options{DryRun: func(_ metricsync.Sink, series []metricsync.Series) { n += len(series[0].Samples) }})
	require.NoError(t, err)
	assert.InDelta(t, 8064, n, 2)
	assert.Zero(t, s.sent)
	assert.NoDirExists(t, dir)
}

func TestWhatCannotBeOpened(t *testing.T) {
	for state, want := range map[string]string{"redis:x": "state: ", "s3://": "state: "} {
		_, err := syncrun.Open(t.Context(), config(&sink{}, state), nil, false)
		assert.ErrorContains(t, err, want, state)
	}
	dir := t.TempDir()
	page, err := filestore.Open(filestore.Config{Dir: dir})
	require.NoError(t, err)
	defer page.Close()
	cfg := config(&sink{}, "mem:")
	cfg.PageStore = "file:" + dir
	_, err = syncrun.Open(t.Context(), cfg, nil, false)
	require.ErrorIs(t, err, filestore.ErrLocked)
	assert.ErrorContains(t, err, "routewatch statuspage --metrics FILE")
}

func TestAPageGetsTheMetrics(t *testing.T) {
	page := memstore.New()
	s := &sink{max: 3000}
	r, err := syncrun.Open(t.Context(), config(s, "file:nowhere"), page, false)
	require.NoError(t, err)
	report, err := r.Run(t.Context(), metricsync.Options{})
	require.NoError(t, err)
	require.NoError(t, report.Err())
	require.Len(t, report.Metrics, 2)
	assert.Equal(t, "page", report.Metrics[1].Sink)
	require.NoError(t, r.Close())
	_, err = page.Get(t.Context(), "metricsync/progress.json")
	require.NoError(t, err, "the page keeps the progress, and is not closed with the runner")
}

// runs are the times of the surveys of a daemon, since its beginning.
func (s *sink) runs(began time.Time) (all []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.surveys {
		all = append(all, at.Sub(began))
	}
	s.surveys = nil
	return all
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{max: 3000, newest: time.Now().Add(-10 * time.Minute)}
		r := open(t, config(s, "mem:"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		fresh := syncrun.NewFreshness()
		began := time.Now()
		go func() {
			defer close(done)
			r.Every(ctx, time.Second, slog.New(slog.DiscardHandler), fresh.Told)
		}()
		// An interval of a second: at once where there is something new, each minute
		// to see whether somebody pressed Reset.
		time.Sleep(3*time.Minute + 30*time.Second)
		assert.Equal(t, []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute}, s.runs(began))
		s.mu.Lock()
		s.fail = errors.New("away")
		s.mu.Unlock()
		time.Sleep(2 * time.Minute)
		runs := s.runs(began)
		assert.Equal(t, 4*time.Minute, runs[0])
		assert.Equal(t, 2*time.Second, runs[1]-runs[0])
		assert.Equal(t, 4*time.Second, runs[2]-runs[1])
		assert.LessOrEqual(t, len(runs), 7, "failures are not repeated each second")
		cancel()
		<-done
	})
}

func TestEveryGoesOnWithABackfill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{max: 50, takes: time.Second}
		r := open(t, config(s, "mem:"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		told := 0
		var last *metricsync.Report
		go func() {
			defer close(done)
			r.Every(ctx, time.Minute, slog.New(slog.DiscardHandler), func(report *metricsync.Report, err error) {
				told++
				last = report
			})
		}()
		time.Sleep(4 * time.Minute)
		cancel()
		<-done
		assert.GreaterOrEqual(t, s.sent, 8062, "162 calls of a second each")
		assert.GreaterOrEqual(t, told, 3, "in shares of a minute")
		require.NoError(t, last.Err())
	})
}

func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := syncrun.NewFreshness()
		get := func(path string) (int, string) {
			w := httptest.NewRecorder()
			f.Handler(5*time.Minute).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
			body, err := io.ReadAll(w.Result().Body)
			require.NoError(t, err)
			return w.Code, string(body)
		}
		now := time.Now()
		f.Told(&metricsync.Report{Ended: now, Metrics: []metricsync.MetricReport{
			{Metric: "m", Sink: "x", ID: "1", Newest: now.Add(-5 * time.Minute), Through: now, Sent: 3, Skipped: map[string]int{"no value": 2}, Backfill: true},
		}}, nil)
		f.Told(&metricsync.Report{Ended: now.Add(time.Minute), Metrics: []metricsync.MetricReport{
			{Metric: "m", Sink: "x", Err: errors.New("away")},
		}}, nil)
		f.Told(&metricsync.Report{}, metricsync.ErrBusy)
		_, body := get("/metrics")
		for _, want := range []string{
			`routewatch_metricsync_newest_timestamp_seconds{metric="m",sink="x"} 9.466845e+08`,
			`routewatch_metricsync_values_sent_total{metric="m",sink="x"} 3`,
			`routewatch_metricsync_skipped_total{metric="m",reason="no value",sink="x"} 2`,
			`routewatch_metricsync_failures_total{metric="m",sink="x"} 1`,
			`routewatch_metricsync_failing{metric="m",sink="x"} 1`,
			`routewatch_metricsync_backfilling{metric="m",sink="x"} 1`,
			`routewatch_metricsync_runs_total{outcome="succeeded"} 1`,
			`routewatch_metricsync_runs_total{outcome="failed"} 1`,
			`routewatch_metricsync_runs_total{outcome="busy"} 1`,
			`routewatch_metricsync_last_success_timestamp_seconds 9.466848e+08`,
		} {
			assert.Contains(t, body, want)
		}
		code, body := get("/healthz")
		assert.Equal(t, 200, code, body)
		time.Sleep(6 * time.Minute)
		code, body = get("/healthz")
		assert.Equal(t, 503, code)
		assert.True(t, strings.HasPrefix(body, "no run has ended well since 2000-01-01T00:00:00Z"), body)
	})
}
