package synclambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/synclambda"
	"github.com/routewatch/routewatch/metricsync"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runner is one whose runs a test makes up.
type runner struct {
	run    func(ctx context.Context, o metricsync.Options) (*metricsync.Report, error)
	runs   int
	closed int
}

func (r *runner) Run(ctx context.Context, o metricsync.Options) (*metricsync.Report, error) {
	r.runs++
	return r.run(ctx, o)
}

func (r *runner) Close() error {
	r.closed++
	return nil
}

// function is one with runners of a test's.
type function struct {
	*synclambda.Function
	runner    *runner
	opened    int
	openErr   error
	out, logs bytes.Buffer
}

func newFunction(run func(ctx context.Context, o metricsync.Options) (*metricsync.Report, error)) *function {
	f := &function{runner: &runner{run: run}}
	f.Function = synclambda.New(synclambda.Config{
		Name: "sync", Out: &f.out, Logger: slog.New(slog.NewJSONHandler(&f.logs, nil)),
		Open: func(context.Context) (synclambda.Runner, error) {
			f.opened++
			return f.runner, f.openErr
		},
	})
	return f
}

func (f *function) invoke(t *testing.T, timeout time.Duration) (*synclambda.Summary, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return f.Invoke(ctx, json.RawMessage(`{"routewatch":"metricsync"}`))
}

func reported(metrics ...metricsync.MetricReport) *metricsync.Report {
	return &metricsync.Report{Ended: time.Now(), Metrics: metrics}
}

func TestARunEndsBeforeTheFunctionDoes(t *testing.T) {
	for _, test := range []struct{ timeout, until, end time.Duration }{
		{55 * time.Second, 45 * time.Second, 53 * time.Second}, // that of the template
		{15 * time.Minute, 15*time.Minute - 10*time.Second, 15*time.Minute - 2*time.Second},
		{4 * time.Second, 3 * time.Second, 3600 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			f := newFunction(func(ctx context.Context, o metricsync.Options) (*metricsync.Report, error) {
				end, ok := ctx.Deadline()
				require.True(t, ok)
				assert.Equal(t, test.until, o.Until.Sub(began), "it begins nothing more")
				assert.Equal(t, test.end, end.Sub(began), "it is ended")
				assert.Zero(t, o.Since)
				<-ctx.Done()
				return reported(), context.Cause(ctx)
			})
			_, err := f.invoke(t, test.timeout)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Less(t, time.Since(began), test.timeout)
		})
	}

	f := newFunction(func(ctx context.Context, o metricsync.Options) (*metricsync.Report, error) {
		_, ok := ctx.Deadline()
		assert.False(t, ok || !o.Until.IsZero(), "where there is no end, there is none")
		return reported(), nil
	})
	_, err := f.Invoke(t.Context(), nil)
	require.NoError(t, err)
}

func TestSummary(t *testing.T) {
	f := newFunction(func(context.Context, metricsync.Options) (*metricsync.Report, error) {
		return reported(
			metricsync.MetricReport{Metric: "a", Sink: "page", Sent: 3000, Backfill: true},
			metricsync.MetricReport{Metric: "b", Sink: "page", Sent: 1},
		), nil
	})
	summary, err := f.invoke(t, time.Minute)
	require.NoError(t, err)
	answer, err := json.Marshal(summary)
	require.NoError(t, err)
	assert.JSONEq(t, `{"metrics":2,"sent":3001,"backfill":true}`, string(answer))
	assert.Empty(t, f.logs.String())
}

// What was opened is kept for as long as it does its work, and no longer: a secret
// may be another by then.
func TestAFailureHasAllReadAnew(t *testing.T) {
	failed := errors.New("401")
	var fails error
	f := newFunction(func(context.Context, metricsync.Options) (*metricsync.Report, error) {
		return reported(metricsync.MetricReport{Metric: "a", Sink: "page", Err: fails}, metricsync.MetricReport{Metric: "b", Sink: "page", Sent: 7}), nil
	})
	for range 3 {
		_, err := f.invoke(t, time.Minute)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, f.opened)

	fails = failed
	summary, err := f.invoke(t, time.Minute)
	require.ErrorIs(t, err, failed, "an operator sees it in the function's errors")
	assert.ErrorContains(t, err, "a to page: 401")
	assert.Equal(t, 7, summary.Sent, "the others went on")
	assert.Equal(t, 1, f.runner.closed)

	fails = nil
	_, err = f.invoke(t, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, 2, f.opened)
	assert.Equal(t, 1, f.runner.closed)
}

func TestNothingIsKeptOfWhatCouldNotBeOpened(t *testing.T) {
	f := newFunction(func(context.Context, metricsync.Options) (*metricsync.Report, error) { return reported(), nil })
	f.openErr = errors.New("the secret is not there")
	for range 2 {
		_, err := f.invoke(t, time.Minute)
		require.ErrorIs(t, err, f.openErr)
	}
	f.openErr = nil
	_, err := f.invoke(t, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, 3, f.opened)
	assert.Equal(t, 1, f.runner.runs)
}

func TestAnotherRunIsNoFailure(t *testing.T) {
	busy := fmt.Errorf("metricsync: %w: somebody, until later", metricsync.ErrBusy)
	f := newFunction(func(context.Context, metricsync.Options) (*metricsync.Report, error) { return reported(), busy })
	summary, err := f.invoke(t, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, &synclambda.Summary{Busy: true}, summary)
	assert.Contains(t, f.logs.String(), "somebody, until later")
	assert.Empty(t, f.out.String())

	// One that was taken over had done something by then.
	f.runner.run = func(context.Context, metricsync.Options) (*metricsync.Report, error) {
		return reported(metricsync.MetricReport{Metric: "a", Sink: "page", Sent: 3}), busy
	}
	summary, err = f.invoke(t, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, &synclambda.Summary{Metrics: 1, Sent: 3, Busy: true}, summary)
	assert.Contains(t, f.out.String(), `"Sent":3`)
	assert.Equal(t, 1, f.opened)
	assert.Zero(t, f.runner.closed)
}

// Lambda sends one event at a time to an instance. Whoever does not has to wait.
func TestOneInvocationAtATime(t *testing.T) {
	under := 0 // which the race detector watches, too
	f := newFunction(func(context.Context, metricsync.Options) (*metricsync.Report, error) {
		under++
		assert.Equal(t, 1, under)
		for range 100 {
			runtime.Gosched()
		}
		under--
		return reported(), nil
	})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := f.invoke(t, time.Minute)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.Equal(t, 20, f.runner.runs)
}

func TestEmbeddedMetrics(t *testing.T) {
	ended := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	f := newFunction(func(context.Context, metricsync.Options) (*metricsync.Report, error) {
		r := reported(
			metricsync.MetricReport{Metric: "lat1", Sink: "statuspage.io", Sent: 2, Newest: ended.Add(-7*time.Minute - 400*time.Millisecond)},
			metricsync.MetricReport{Metric: "err1", Sink: "page", Backfill: true},
			metricsync.MetricReport{Metric: "Größe 📈", Sink: "page", Err: errors.New("no <one>\nis there")},
			metricsync.MetricReport{Metric: ":" + strings.Repeat("a", 2000), Sink: " "},
		)
		r.Ended = ended
		return r, nil
	})
	_, err := f.invoke(t, time.Minute)
	require.Error(t, err)

	lines := strings.Split(strings.TrimSuffix(f.out.String(), "\n"), "\n")
	require.Len(t, lines, 4, "a line for each, whatever is in it")
	const directive = `"_aws": {"Timestamp": 1796040000000, "CloudWatchMetrics": [{
		"Namespace": "routewatch/metricsync", "Dimensions": [["Function", "Metric", "Sink"], ["Function"]],
		"Metrics": [{"Name": "Sent", "Unit": "Count"}, {"Name": "Failed", "Unit": "Count"}, {"Name": "Backfilling", "Unit": "Count"}%s]}]}`
	assert.JSONEq(t, `{"Function": "sync", "Metric": "lat1", "Sink": "statuspage.io", "Sent": 2, "Failed": 0, "Backfilling": 0, "Age": 420, `+
		fmt.Sprintf(directive, `, {"Name": "Age", "Unit": "Seconds"}`)+`}`, lines[0])
	assert.JSONEq(t, `{"Function": "sync", "Metric": "err1", "Sink": "page", "Sent": 0, "Failed": 0, "Backfilling": 1, `+
		fmt.Sprintf(directive, "")+`}`, lines[1], "of what is nowhere there is no age")
	assert.JSONEq(t, `{"Function": "sync", "Metric": "Gr??e ?", "Sink": "page", "Sent": 0, "Failed": 1, "Backfilling": 0, "Error": "no <one>\nis there", `+
		fmt.Sprintf(directive, "")+`}`, lines[2])
	assert.Contains(t, lines[3], `"Metric":"?:aaaa`)
	assert.Contains(t, lines[3], `"Sink":"? "`)
	assert.Less(t, len(lines[3]), 1500)
}

// The settings are read within an invocation, by their path, and told of as the
// command tells of them.
func TestSettings(t *testing.T) {
	for _, name := range []string{"STATUSPAGE_API_KEY", "SIGNALFX_TOKEN", "STATUSPAGE_API_KEY_FILE", "SIGNALFX_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	var out, logs bytes.Buffer
	path := filepath.Join(t.TempDir(), "metricsync.yaml")
	cfg := synclambda.Config{Path: path, Out: &out, Logger: slog.New(slog.NewJSONHandler(&logs, nil))}
	f := synclambda.New(cfg)

	_, err := f.Invoke(t.Context(), nil)
	require.ErrorContains(t, err, "the settings: ")
	require.ErrorContains(t, err, "metricsync.yaml")

	require.NoError(t, os.WriteFile(path, []byte("statuspage: {page_id: a}\nmetrics: [{metric_id: x, source: signalfx, qurey: q}]\n"), 0o600))
	_, err = f.Invoke(t.Context(), nil)
	for _, want := range []string{"metricsync.yaml:2: qurey", "STATUSPAGE_API_KEY: required", "SIGNALFX_TOKEN: required"} {
		assert.ErrorContains(t, err, want)
	}

	// A folder does not survive; and what the environment says wins.
	t.Setenv("STATUSPAGE_API_KEY", "key")
	t.Setenv("SIGNALFX_TOKEN", "token")
	require.NoError(t, os.WriteFile(path, []byte("state: tape:7\nstatuspage: {page_id: a}\nmetrics: [{metric_id: x, source: signalfx, query: q}]\n"), 0o600))
	_, err = f.Invoke(t.Context(), nil)
	require.ErrorContains(t, err, "tape:7")
	cfg.State = "file:state"
	ended, cancel := context.WithCancel(t.Context())
	cancel() // nobody is called
	_, err = synclambda.New(cfg).Invoke(ended, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, logs.String(), "a folder of a function is gone with it")
	assert.NoDirExists(t, "state")
}
