package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
	"github.com/routewatch/routewatch/statuspage/filestore"
)

// syncWorld is a SignalFx and a Statuspage.io on loopback, and settings for them.
type syncWorld struct {
	t      *testing.T
	sfx    *signalfxtest.Server
	page   *statuspageiotest.Server
	config string
	state  string
}

// newSyncWorld has metrics that were last sent half an hour ago, so that a run
// has little to do.
func newSyncWorld(t *testing.T, metrics string) *syncWorld {
	t.Helper()
	dir := t.TempDir()
	w := &syncWorld{t: t, sfx: signalfxtest.NewServer(t, nil), page: statuspageiotest.NewServer(t, nil), config: filepath.Join(dir, "m.yaml"), state: filepath.Join(dir, "state")}
	w.sfx.AddSeries("latency", signalfxtest.Series{Value: signalfxtest.Constant(12.5)})
	w.sfx.AddSeries("nothing")
	for _, id := range []string{"lat1", "lat2"} {
		w.page.Add(statuspageiotest.Metric{ID: id, Name: "Name of " + id})
		w.page.Put(id, metricsync.Sample{At: time.Now().Add(-30 * time.Minute).Truncate(5 * time.Minute), Value: 1})
		w.page.SetBackfilled(id, true)
	}
	settings := fmt.Sprintf("statuspage: {page_id: %s, api_url: %s}\nsignalfx: {api_url: %s}\nstate: file:%s\nmetrics:\n%s",
		statuspageiotest.Page, w.page.URL, w.sfx.URL, w.state, metrics)
	require.NoError(t, os.WriteFile(w.config, []byte(settings), 0o600))
	t.Setenv("STATUSPAGE_API_KEY", syncKey)
	t.Setenv("SIGNALFX_TOKEN", syncToken)
	t.Setenv("ROUTEWATCH_METRICSYNC_CONFIG", w.config)
	return w
}

const oneMetric = "- {metric_id: lat1, source: signalfx, query: latency}\n"

// do runs a command of metric sync. Its secrets are in no output.
func (w *syncWorld) do(args string) (code int, stdout, stderr string) {
	w.t.Helper()
	code, stdout, stderr = runIt(w.t.Context(), append([]string{"metricsync"}, strings.Fields(args)...)...)
	for _, secret := range []string{syncKey, syncToken} {
		assert.NotContains(w.t, stdout+stderr, secret)
	}
	return code, stdout, stderr
}

func TestMetricsyncWrongCalls(t *testing.T) {
	w := newSyncWorld(t, oneMetric)
	for args, want := range map[string]string{
		"run --interval 500ms":                     "--interval: 500ms is too short: 1s is the least",
		"run --interval 1m --dry-run":              "--dry-run: is for one run",
		"run --interval 1m --metric lat1":          "--metric: is for one run",
		"run --metric lat1,gone --metric lost":     `--metric: there is no "gone" in`,
		"backfill --since 4w":                      `--since: "4w" is no duration such as 28d`,
		"backfill --since 30d":                     "--since: 30d is more than the 28d that Statuspage.io takes",
		"backfill --since 0s":                      "--since: 0s is not in the past",
		"check --windows 0":                        "--windows: want 1 to 288",
		"check --metric lat1":                      "--metric: check looks at all metrics",
		"run --config " + t.TempDir() + "/no.yaml": "--config: open",
		"frob": "frob",
	} {
		code, stdout, stderr := w.do(args)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, want)
	}
	t.Setenv("ROUTEWATCH_METRICSYNC_CONFIG", "")
	code, _, stderr := w.do("run")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "--config is missing: the YAML file that says which metrics go where")

	require.NoError(t, os.WriteFile(w.config, []byte("metric: []\nstatuspage: {page: x}\n"), 0o600))
	code, _, stderr = w.do("run --config " + w.config)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "m.yaml:1: metric: there is no such setting")
	assert.Contains(t, stderr, "m.yaml:2: page: there is no such setting")
	assert.Empty(t, w.page.Calls())
}

func TestMetricsyncCheck(t *testing.T) {
	w := newSyncWorld(t, oneMetric+"- {metric_name: Name of lat2, source: signalfx, query: nothing}\n")
	code, stdout, stderr := w.do("check --windows 3")
	assert.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "to Statuspage.io, page page1\nlat1\n  ok       statuspage.io: has values up to ")
	assert.Contains(t, stdout, "the source: 3 values, the last 12.5 at ")
	assert.Contains(t, stdout, "▅▅▅  12.5 to 12.5, a column for 5m\n")
	assert.Contains(t, stdout, "warning  the source: no values in its newest windows of 5m: is the query right?")

	w.sfx.Inject(signalfxtest.Fault{Status: 401, Times: -1})
	code, stdout, stderr = w.do("check --json")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "not all is well, see above")
	var checks []struct{ Metric, Error string }
	require.NoError(t, json.Unmarshal([]byte(stdout), &checks))
	require.Len(t, checks, 2)
	assert.Contains(t, checks[0].Error, "401 Unauthorized")
	assert.Empty(t, w.page.CallsOf(statuspageiotest.OpSend))
	assert.NoDirExists(t, w.state)
}

func TestMetricsyncRun(t *testing.T) {
	w := newSyncWorld(t, oneMetric+"- {metric_id: gone, source: signalfx, query: latency}\n")
	code, stdout, _ := w.do("run --dry-run")
	assert.Equal(t, 1, code, "one of the two cannot be sent")
	assert.Regexp(t, `would send to lat1 at statuspage.io: \d values, 12.5 at .* to 12.5 at `, stdout)
	assert.Contains(t, stdout, "calls: 1 to statuspage.io")
	assert.Empty(t, w.page.CallsOf(statuspageiotest.OpSend))
	assert.NoDirExists(t, w.state)

	code, stdout, stderr := w.do("run")
	assert.Equal(t, 1, code)
	assert.Regexp(t, `(?m)^lat1 +statuspage.io +20..-..-.. ..:..Z +\d+ +\d+ +20..-..-.. ..:..Z \(\d+m ago\)$`, stdout)
	assert.Contains(t, stdout, "gone to statuspage.io: ")
	assert.Contains(t, stdout, "lat1", "the ids that there are")
	assert.Contains(t, stderr, "not all metrics are up to date, see above")
	samples := len(w.page.Samples("lat1"))
	assert.GreaterOrEqual(t, samples, 6)

	code, stdout, stderr = w.do("run --metric lat1 --json")
	assert.Equal(t, 0, code, stderr)
	var report struct {
		Metrics []struct {
			Metric string
			Age    float64 `json:"ageSeconds"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.Len(t, report.Metrics, 1)
	assert.Less(t, report.Metrics[0].Age, 1000.0)

	code, stdout, stderr = w.do("backfill --since 1h --metric lat1")
	assert.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "(asked)")
	assert.Greater(t, len(w.page.Samples("lat1")), samples)
}

func TestMetricsyncBesideAnotherRun(t *testing.T) {
	w := newSyncWorld(t, oneMetric)
	other, err := filestore.Open(filestore.Config{Dir: w.state})
	require.NoError(t, err)
	defer other.Close()
	code, stdout, stderr := w.do("run")
	assert.Equal(t, 0, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "nothing done: another run is under way: ")
	code, stdout, _ = w.do("run --json")
	assert.Equal(t, 0, code)
	assert.Contains(t, stdout, `"error":"another run is under way`)
	assert.Empty(t, w.page.Calls())
}

func TestMetricsyncStopped(t *testing.T) {
	w := newSyncWorld(t, oneMetric)
	ctx, cancel := context.WithCancel(t.Context())
	w.page.Inject(statuspageiotest.Fault{Op: statuspageiotest.OpSend, Hang: true, Match: func(*http.Request) bool { cancel(); return true }})
	code, stdout, stderr := runIt(ctx, "metricsync", "run")
	assert.Equal(t, 0, code, stderr)
	assert.Contains(t, stderr, "stopped; the next run goes on from there")
	assert.Contains(t, stdout, "the next run goes on from there")
}

func TestMetricsyncDaemon(t *testing.T) {
	w := newSyncWorld(t, oneMetric)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr, tell := io.Pipe()
	done := make(chan int)
	go func() {
		defer tell.Close()
		done <- run(ctx, []string{"metricsync", "run", "--interval", "1s", "--listen", "127.0.0.1:0"}, io.Discard, tell)
	}()
	said := &strings.Builder{}
	addr := regexp.MustCompile(`http://(127\.0\.0\.1:\d+)/metrics`)
	buf := make([]byte, 4096)
	until := func(match func(string) bool) {
		for !match(said.String()) {
			n, err := stderr.Read(buf)
			said.Write(buf[:n])
			require.NoError(t, err, said)
		}
	}
	until(func(s string) bool { return strings.Contains(s, "metricsync: sent") })
	base := addr.FindStringSubmatch(said.String())
	require.NotNil(t, base, said)
	for path, want := range map[string]string{"/metrics": `routewatch_metricsync_newest_timestamp_seconds{metric="lat1",sink="statuspage.io"} 1`, "/healthz": "ok"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+base[1]+path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		if !strings.Contains(string(body), want) {
			t.Errorf("%s has not got %s", path, want)
		}
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	assert.Equal(t, 0, <-done)
	assert.GreaterOrEqual(t, len(w.page.Samples("lat1")), 6)
	assert.NotContains(t, said.String(), syncKey)
}

func TestMetricsyncDaemonCannotListen(t *testing.T) {
	w := newSyncWorld(t, oneMetric)
	code, _, stderr := w.do("run --interval 1m --listen 127.0.0.1:99999")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "--listen none is nowhere")
}

// The page brings its metrics itself: to itself, and to Statuspage.io.
func TestStatuspageWithMetrics(t *testing.T) {
	w := newSyncWorld(t, "- {metric_id: lat1, source: signalfx, query: latency, title: Response time, unit: ms}\n")
	pageEnv(t)
	ctx, stop := context.WithCancel(t.Context())
	out := &output{changed: make(chan struct{}, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"statuspage", "--listen", "127.0.0.1:0", "--store", "file:" + t.TempDir(), "--metrics", w.config}, out, out)
	}()
	page := process{out: out}.page(t)
	assert.Contains(t, out.String(), "metric sync    "+w.config+", each minute")
	assert.EventuallyWithT(t, func(c *assert.CollectT) { // read from the store every few seconds
		assert.Contains(c, fetch(t, page+"api/metrics.json"), `"lat1"`)
	}, 30*time.Second, 50*time.Millisecond)
	assert.Contains(t, fetch(t, page), "<b>12.5\u00a0ms</b>")
	assert.Contains(t, fetch(t, page), "Response time")
	assert.Contains(t, fetch(t, page+"metrics"), `routewatch_metricsync_runs_total{outcome="succeeded"} 1`)
	assert.GreaterOrEqual(t, len(w.page.Samples("lat1")), 6, "Statuspage.io has them too")
	stop()
	assert.Equal(t, 0, <-ended)
	assert.NotContains(t, out.String(), syncKey)

	for settings, want := range map[string]string{
		"page: {store: mem:}\nmetrics: []\n": "page.store: is that of this page already: leave it out",
		"metrik: []\n":                       "metrik: there is no such setting",
	} {
		require.NoError(t, os.WriteFile(w.config, []byte(settings), 0o600))
		code, _, stderr := runIt(t.Context(), "statuspage", "--listen", "127.0.0.1:0", "--store", "mem:", "--metrics", w.config)
		assert.Equal(t, 2, code)
		assert.Contains(t, stderr, "--metrics: m.yaml:1: "+want)
	}
}

func TestMetricsyncDemo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stdout, tell := io.Pipe()
	done := make(chan int)
	go func() {
		defer tell.Close()
		done <- run(ctx, []string{"metricsync", "demo", "--no-faults"}, tell, io.Discard)
	}()
	said, buf := "", make([]byte, 4096)
	for !strings.Contains(said, "Ctrl-C ends it") {
		n, err := stdout.Read(buf)
		require.NoError(t, err)
		said += string(buf[:n])
	}
	config := regexp.MustCompile(`ROUTEWATCH_METRICSYNC_CONFIG=(\S+)`).FindStringSubmatch(said)
	require.NotNil(t, config, said)
	t.Setenv("ROUTEWATCH_METRICSYNC_CONFIG", config[1])
	t.Setenv("STATUSPAGE_API_KEY", "any-key-will-do")
	t.Setenv("SIGNALFX_TOKEN", "any-token-will-do")
	code, out, errs := runIt(t.Context(), "metricsync", "check")
	assert.Equal(t, 0, code, errs)
	assert.Contains(t, out, "errors\n")
	assert.NotContains(t, out, "wrong")
	code, out, errs = runIt(t.Context(), "metricsync", "backfill", "--since", "2h", "--dry-run")
	assert.Equal(t, 0, code, errs)
	assert.Contains(t, out, "values, ")
	cancel()
	assert.Equal(t, 0, <-done)
	assert.NoFileExists(t, config[1])
}
