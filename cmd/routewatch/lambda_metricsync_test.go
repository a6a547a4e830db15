package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/synclambda"
	"github.com/routewatch/routewatch/internal/s3test"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

// syncEvent is what the schedule of the template sends.
const syncEvent = `{"routewatch":"metricsync"}`

const (
	syncKey   = "4c9d2f1e-0000-4000-8000-00000000beef"
	wrongKey  = "4c9d2f1e-0000-4000-8000-00000000dead"
	syncToken = "SFX-canary-token"
)

// The ids that the store of secrets has them under.
const (
	keyARN    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:statuspage-AbCdEf"
	tokenName = "/routewatch/signalfx-token"
)

func testSyncFunction(t *testing.T, bootstrap string) {
	t.Run("backfills run by run", func(t *testing.T) { testSyncBackfills(t, bootstrap) })
	t.Run("reads a secret anew", func(t *testing.T) { testSyncSecret(t, bootstrap) })
	t.Run("runs one at a time", func(t *testing.T) { testSyncBusy(t, bootstrap) })
	t.Run("has the template's variables", func(t *testing.T) { testSyncVariables(t, bootstrap) })
}

// extension answers as the AWS Parameters and Secrets Lambda Extension does: within
// invocations alone, and to who shows the function's session token.
type extension struct {
	*httptest.Server
	api atomic.Pointer[runtimeAPI]

	mu      sync.Mutex
	secrets map[string]string // by id or name
	asked   map[string]int
}

func newExtension(t *testing.T, secrets map[string]string) *extension {
	t.Helper()
	e := &extension{secrets: secrets, asked: map[string]int{}}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		id := query.Get("secretId") + query.Get("name")
		e.mu.Lock()
		defer e.mu.Unlock()
		e.asked[id]++
		value, there := e.secrets[id]
		switch api := e.api.Load(); {
		case r.Header.Get("X-Aws-Parameters-Secrets-Token") != "session":
			w.WriteHeader(http.StatusUnauthorized)
		case api == nil || !api.invoking():
			http.Error(w, "not ready to serve traffic, please wait", http.StatusBadRequest)
		case !there:
			http.Error(w, "an unexpected error occurred while executing request", http.StatusBadRequest)
		case r.URL.Path == "/secretsmanager/get":
			_ = json.NewEncoder(w).Encode(map[string]any{"ARN": id, "SecretString": value})
		case r.URL.Path == "/systemsmanager/parameters/get" && query.Get("withDecryption") == "true":
			_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": id, "Value": value}})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *extension) set(id, secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets[id] = secret
}

func (e *extension) times(id string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked[id]
}

func (e *extension) environment(t *testing.T) []string {
	t.Helper()
	_, port, err := net.SplitHostPort(e.Listener.Addr().String())
	require.NoError(t, err)
	return []string{"AWS_SESSION_TOKEN=session", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=" + port}
}

// services are those that a function of metric sync calls.
type services struct {
	signalfx   *signalfxtest.Server
	statuspage *statuspageiotest.Server
}

// newServices has three metrics, whose values are 12.5, 25 and 99.
func newServices(t *testing.T) *services {
	t.Helper()
	s := &services{
		signalfx:   signalfxtest.NewServer(t, &signalfxtest.Options{Tokens: []string{syncToken}}),
		statuspage: statuspageiotest.NewServer(t, &statuspageiotest.Options{Keys: []string{syncKey}}),
	}
	constant := func(kind signalfxtest.Kind, v float64) signalfxtest.Series {
		return signalfxtest.Series{Kind: kind, Value: signalfxtest.Constant(v)}
	}
	s.signalfx.AddSeries("latency", constant(signalfxtest.Gauge, 10), constant(signalfxtest.Gauge, 15))
	s.signalfx.AddSeries("errors", constant(signalfxtest.Counter, 2))
	s.signalfx.AddSeries("total", constant(signalfxtest.Counter, 8))
	s.signalfx.AddProgram("publish", signalfxtest.Stream{Label: "A", Series: []signalfxtest.Series{constant(signalfxtest.Gauge, 99)}})
	return s
}

// start starts a function that calls the services. Its settings lie beside it, as in
// the zip.
func (s *services) start(t *testing.T, bootstrap string, env ...string) *function {
	t.Helper()
	f := startBootstrap(t, bootstrap, "sync", append([]string{"ROUTEWATCH_METRICSYNC_CONFIG=metricsync.yaml"}, env...)...)
	settings := fmt.Sprintf(`
statuspage: {page_id: page1, api_url: %q}
signalfx: {api_url: %q, stream_url: %q}
metrics:
  - {metric_id: lat1, source: signalfx, query: latency}
  - {metric_id: err1, source: signalfx, ratio: {errors: errors, total: total}}
  - {metric_id: flow1, source: signalflow, program: publish, label: A}
`, s.statuspage.URL, s.signalfx.URL, s.signalfx.URL)
	require.NoError(t, os.WriteFile(filepath.Join(f.cmd.Dir, "metricsync.yaml"), []byte(settings), 0o600))
	return f
}

// sync makes an invocation that is to end well.
func (f *function) sync() synclambda.Summary {
	f.t.Helper()
	o := f.invoke(syncEvent)
	require.Empty(f.t, o.Error.Message)
	assert.Less(f.t, o.Took, f.api.timeout)
	return f.summary(o)
}

func (f *function) summary(o outcome) synclambda.Summary {
	f.t.Helper()
	var s synclambda.Summary
	require.NoError(f.t, json.Unmarshal(o.Response, &s), "%+v", o)
	return s
}

// waitForLog waits until the function has written a text so many times: what it
// writes comes another way than its answers.
func (f *function) waitForLog(times int, text string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		logs := f.logs.String()
		return strings.HasSuffix(logs, "\n") && strings.Count(logs, text) >= times
	}, answersWithin, 5*time.Millisecond)
}

// embedded are the lines for CloudWatch so far, which are to be n.
func (f *function) embedded(n int) []embeddedLine {
	f.t.Helper()
	f.waitForLog(n, `"_aws"`)
	lines := embeddedLines(f.t, f.logs.String())
	require.Len(f.t, lines, n)
	return lines
}

// 28 days of three metrics are nine calls, one a second: more than a function has
// time for that ends after eight.
func testSyncBackfills(t *testing.T, bootstrap string) {
	s := newServices(t)
	s.statuspage.Add(statuspageiotest.Metric{ID: "lat1"}, statuspageiotest.Metric{ID: "err1"}, statuspageiotest.Metric{ID: "flow1"})
	secrets := newExtension(t, map[string]string{keyARN: syncKey + "\n", tokenName: syncToken})
	f := s.start(t, bootstrap, append(secrets.environment(t),
		"ROUTEWATCH_METRICSYNC_STATE=mem:", "STATUSPAGE_API_KEY_SECRET="+keyARN, "SIGNALFX_TOKEN_PARAMETER="+tokenName)...)
	f.api.timeout = 8 * time.Second
	secrets.api.Store(f.api)
	f.api.waitForStart(t)
	assert.Zero(t, secrets.times(keyARN), "at the start the extension does not answer yet")

	summary := f.sync()
	assert.Equal(t, 3, summary.Metrics)
	assert.True(t, summary.Backfill, "it ends before the function does")
	assert.NotZero(t, summary.Sent)
	runs, sent := 1, summary.Sent
	for ; summary.Backfill; runs++ {
		require.Less(t, runs, 20)
		summary = f.sync()
		sent += summary.Sent
	}
	t.Logf("28 days of 3 metrics: %d values in %d invocations", sent, runs)
	assert.Less(t, sent, 3*8065+runs*3*4, "no more than the overlap is sent twice")
	for id, value := range map[string]float64{"lat1": 12.5, "err1": 25, "flow1": 99} {
		samples := s.statuspage.Samples(id)
		require.GreaterOrEqual(t, len(samples), 8060, id)
		for n, sample := range samples {
			if n > 0 {
				require.Equal(t, 5*time.Minute, sample.At.Sub(samples[n-1].At), "%s has a hole at %s", id, sample.At)
			}
			require.InDelta(t, value, sample.Value, 1e-9)
		}
	}
	assert.Zero(t, s.statuspage.Over(), "the limit holds over several invocations")
	assert.LessOrEqual(t, s.signalfx.LongestSpan(signalfxtest.OpTimeSeries), 24*time.Hour)
	assert.Equal(t, 1, secrets.times(keyARN), "what works is kept")
	assert.Equal(t, 1, secrets.times(tokenName))

	lines := f.embedded(3 * runs)
	assert.Equal(t, 1, lines[2].Backfilling, "the last one has to wait for another run")
	for _, line := range lines[len(lines)-3:] {
		assert.Equal(t, "statuspage.io", line.Sink)
		assert.Zero(t, line.Backfilling+line.Failed)
		require.NotNil(t, line.Age)
		assert.InDelta(t, 6*60, *line.Age, 6*60, "seconds since the beginning of the newest window")
	}
	assertAlarms(t, lines[len(lines)-1])
	assert.NotContains(t, f.logs.String(), syncKey)
	assert.NotContains(t, f.logs.String(), syncToken)
}

// assertAlarms fails where an alarm of the template is on a metric that no line has.
func assertAlarms(t *testing.T, line embeddedLine) {
	t.Helper()
	doc, err := os.ReadFile("../../deploy/aws-metricsync.yaml")
	require.NoError(t, err)
	alarms := regexp.MustCompile(`Namespace: (routewatch/\w+)\s+MetricName: (\w+)\s+Dimensions: \[\{Name: (\w+), Value: !Ref Function\}\]`).FindAllStringSubmatch(string(doc), -1)
	require.Len(t, alarms, 2)
	for _, a := range alarms {
		assert.Equal(t, line.namespace, a[1])
		assert.Contains(t, line.units, a[2])
		assert.Contains(t, line.dimensions, []string{a[3]})
	}
	assert.Equal(t, "sync", line.Function, "which is what !Ref Function comes to")
}

// current makes the metrics ones that want nothing but what is new: that of the
// last hour.
func (s *services) current() {
	for _, id := range []string{"lat1", "err1", "flow1"} {
		s.statuspage.Add(statuspageiotest.Metric{ID: id, Backfilled: true})
		s.statuspage.Put(id, metricsync.Sample{At: time.Now().Add(-time.Hour).Truncate(5 * time.Minute), Value: 1})
	}
}

func testSyncSecret(t *testing.T, bootstrap string) {
	s := newServices(t)
	s.current()
	secrets := newExtension(t, map[string]string{tokenName: syncToken})
	f := s.start(t, bootstrap, append(secrets.environment(t),
		"ROUTEWATCH_METRICSYNC_STATE=mem:", "STATUSPAGE_API_KEY_SECRET="+keyARN, "SIGNALFX_TOKEN_PARAMETER="+tokenName)...)
	secrets.api.Store(f.api)

	o := f.invoke(syncEvent)
	assert.Contains(t, o.Error.Message, "STATUSPAGE_API_KEY_SECRET: ")
	assert.Contains(t, o.Error.Message, "may the function's role read it, and is it there?")

	secrets.set(keyARN, wrongKey)
	o = f.invoke(syncEvent)
	for _, id := range []string{"lat1", "err1", "flow1"} {
		assert.Contains(t, o.Error.Message, id+" to statuspage.io: ")
	}
	assert.Contains(t, o.Error.Message, "401")
	assert.Contains(t, o.Error.Message, "is the API key right")
	assert.Equal(t, 2, secrets.times(keyARN))
	lines := f.embedded(3)
	for _, line := range lines {
		assert.Equal(t, 1, line.Failed)
		assert.Contains(t, line.Error, "401")
		assert.Nil(t, line.Age, "nobody said how old it is")
	}

	secrets.set(keyARN, syncKey)
	assert.NotZero(t, f.sync().Sent, "it was changed, and the next invocation reads it")
	assert.Equal(t, 3, secrets.times(keyARN))
	f.sync()
	assert.Equal(t, 3, secrets.times(keyARN))
	for _, canary := range []string{syncKey, wrongKey, syncToken} {
		assert.NotContains(t, f.logs.String(), canary)
	}
}

// Two instances at once, and one that is gone in the middle of a run.
func testSyncBusy(t *testing.T, bootstrap string) {
	state := "s3://" + s3test.Bucket + "/sync?endpoint=" + s3test.Start(t)
	s := newServices(t)
	s.current()
	env := []string{
		"ROUTEWATCH_METRICSYNC_STATE=" + state, "STATUSPAGE_API_KEY=" + syncKey, "SIGNALFX_TOKEN=" + syncToken,
		"AWS_ACCESS_KEY_ID=" + s3test.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3test.SecretKey, "AWS_EC2_METADATA_DISABLED=true",
	}
	first, second := s.start(t, bootstrap, env...), s.start(t, bootstrap, env...)
	s.statuspage.Inject(statuspageiotest.Fault{Op: statuspageiotest.OpSend, Hang: true})
	first.api.timeout = 8 * time.Second
	first.begin(syncEvent)
	require.Eventually(t, func() bool { return len(s.statuspage.CallsOf(statuspageiotest.OpSend)) > 0 }, answersWithin, 10*time.Millisecond)

	calls := len(s.statuspage.Calls())
	assert.Equal(t, synclambda.Summary{Busy: true}, second.sync())
	assert.Len(t, s.statuspage.Calls(), calls, "it called nobody")
	second.waitForLog(1, "another run is under way")

	o := first.end()
	assert.Less(t, o.Took, first.api.timeout, "before Lambda ends it")
	assert.NotEmpty(t, o.Error.Message, "nothing came of it")
	require.NoError(t, first.cmd.Process.Kill())
	summary := second.sync()
	assert.False(t, summary.Busy, "the one that failed has let go")
	assert.NotZero(t, summary.Sent)
	assert.False(t, summary.Backfill)
	for _, id := range []string{"lat1", "err1", "flow1"} {
		assert.Len(t, s.statuspage.Samples(id), int(s.statuspage.Metric(id).Newest.Sub(s.statuspage.Samples(id)[0].At)/(5*time.Minute))+1, "%s has a hole", id)
	}
}

// Every variable that the template sets is one that the function reads.
func testSyncVariables(t *testing.T, bootstrap string) {
	set := variablesOf(t, "aws-metricsync.yaml")
	expect := func(name string) {
		assert.True(t, set[name], "%s is not in the template", name)
		delete(set, name)
	}
	const settings = `
statuspage: {page_id: page1}
prometheus: {url: "https://prometheus.example.com", user: me}
metrics:
  - {metric_id: a, source: signalfx, query: q}
  - {metric_id: b, source: prometheus, query: q}
`
	secrets := []string{"STATUSPAGE_API_KEY", "SIGNALFX_TOKEN", "PROMETHEUS_TOKEN", "PROMETHEUS_PASSWORD"}
	for _, suffix := range []string{"_SECRET", "_PARAMETER"} {
		other := map[string]string{"_SECRET": "_PARAMETER", "_PARAMETER": "_SECRET"}[suffix]
		none := newExtension(t, nil)
		env := append(none.environment(t), "ROUTEWATCH_METRICSYNC_CONFIG=metricsync.yaml")
		for _, name := range secrets {
			env = append(env, name+suffix+"=/nowhere", name+other+"=") // as the template sets them
		}
		f := startBootstrap(t, bootstrap, "sync", env...)
		require.NoError(t, os.WriteFile(filepath.Join(f.cmd.Dir, "metricsync.yaml"), []byte(settings), 0o600))
		none.api.Store(f.api)
		o := f.invoke(syncEvent)
		for _, name := range secrets {
			assert.Contains(t, o.Error.Message, name+suffix+": ")
			expect(name + suffix)
		}
	}
	f := newServices(t).start(t, bootstrap, "ROUTEWATCH_METRICSYNC_STATE=tape:7", "STATUSPAGE_API_KEY="+syncKey, "SIGNALFX_TOKEN="+syncToken)
	assert.Contains(t, f.invoke(syncEvent).Error.Message, "tape:7")
	expect("ROUTEWATCH_METRICSYNC_STATE")
	expect("ROUTEWATCH_METRICSYNC_CONFIG")
	assert.Empty(t, set, "variables of the template that nothing is known of")
}
