package syncconfig_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncconfig"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/pagesink"
)

// load reads settings with all the secrets that there are.
func load(t *testing.T, content string, options ...func(*syncconfig.Options)) (syncconfig.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	o := syncconfig.Options{Logger: slog.New(slog.DiscardHandler), Secret: secrets("STATUSPAGE_API_KEY", "SIGNALFX_TOKEN")}
	for _, change := range options {
		change(&o)
	}
	return syncconfig.Load(t.Context(), path, o)
}

const canary = "c4n4ry-c4n4ry-c4n4ry"

// secrets has the given ones.
func secrets(names ...string) func(context.Context, string) (string, error) {
	return func(_ context.Context, name string) (string, error) {
		for _, n := range names {
			if n == name {
				return canary, nil
			}
		}
		return "", nil
	}
}

// The example of the documentation.
const whole = `
statuspage: {page_id: abc123, api_url: https://api.statuspage.io/v1}
signalfx:   {realm: us1}
prometheus: {url: http://localhost:9090}
state: s3://bucket/sync
settle: 2m
overlap: 0s
metrics:
  - {metric_id: lat1, source: signalfx, query: 'sf_metric:"Latency"', reduce: mean, window: 5m}
  - {metric_id: err1, source: signalfx, window: 5m, ratio: {errors: 'sf_metric:"HTTPCode_5XX"', total: 'sf_metric:"RequestCount"'}}
  - {metric_id: flow1, source: signalflow, program: "data('latency').mean(over='5m').publish('A')", label: A}
  - {metric_name: p95, source: prometheus, query: 'histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))', unit: s, decimals: 2}
  - {metric_id: max1, source: signalfx, query: q, reduce: max, window: 10m, resolution: 1m}
  - {metric_id: w1, source: prometheus, query: v, weights: w, reduce: weighted_mean, window: 1m}
  - {metric_id: only1, source: signalfx, query: q, reduce: only, window: 30s}
`

func TestLoad(t *testing.T) {
	c, err := load(t, whole)
	require.NoError(t, err)
	assert.Equal(t, "s3://bucket/sync", c.State)
	assert.Equal(t, 2*time.Minute, c.Sync.Settle)
	assert.Negative(t, c.Sync.Overlap, "none, which 0 would not be")
	assert.Equal(t, []string{"Statuspage.io, page abc123"}, c.Sinks)
	require.Len(t, c.Sync.Sinks, 1)
	assert.Equal(t, "statuspage.io", c.Sync.Sinks[0].Name())

	m := c.Sync.Metrics
	require.Len(t, m, 7)
	assert.Equal(t, metricsync.Mean, m[0].Reduce)
	assert.Equal(t, metricsync.Ratio, m[1].Reduce)
	assert.Equal(t, `sf_metric:"RequestCount"`, m[1].Total.Text)
	assert.Equal(t, metricsync.Query{Text: "data('latency').mean(over='5m').publish('A')", Label: "A"}, m[2].Query)
	assert.Equal(t, metricsync.Only, m[2].Reduce, "a second series is a mistake there")
	assert.Equal(t, "p95", m[3].Name)
	assert.Equal(t, time.Minute, m[4].Resolution)
	assert.Equal(t, metricsync.Query{Text: "w"}, m[5].Weights)
	assert.Equal(t, metricsync.Only, m[6].Reduce)
	assert.Same(t, m[3].Source, m[5].Source)

	assert.Equal(t, pagesink.Chart{ID: "p95", Unit: "s", Decimals: 2, Window: 5 * time.Minute}, c.Charts[3])
	assert.Equal(t, "%", c.Charts[1].Unit)
	_, err = metricsync.New(c.Sync)
	require.NoError(t, err)
}

func TestDefaults(t *testing.T) {
	c, err := load(t, "statuspage: {page_id: a}\nmetrics: [{metric_id: x, source: signalfx, query: q, decimals: 0, title: T, description: D}]\n")
	require.NoError(t, err)
	assert.Equal(t, "file:metricsync-state", c.State)
	assert.Zero(t, c.Sync.Settle)
	assert.Equal(t, metricsync.Mean, c.Sync.Metrics[0].Reduce, "what SignalFx answers are many series without names")
	assert.Equal(t, pagesink.Chart{ID: "x", Title: "T", Description: "D", Decimals: -1, Window: 5 * time.Minute}, c.Charts[0])
}

func TestOurOwnPage(t *testing.T) {
	metrics := "\nmetrics: [{metric_id: x, source: signalfx, query: q}]\n"
	c, err := load(t, "page: {store: s3://b/p}"+metrics)
	require.NoError(t, err)
	assert.Equal(t, "s3://b/p", c.PageStore)
	assert.Empty(t, c.Sync.Sinks, "Statuspage.io is not needed beside it")
	assert.Equal(t, []string{"the page in s3://b/p"}, c.Sinks)

	c, err = load(t, "page: {store: s3://b/p}\nstatuspage: {page_id: a}"+metrics)
	require.NoError(t, err)
	assert.Equal(t, []string{"Statuspage.io, page a", "the page in s3://b/p"}, c.Sinks)

	within := func(o *syncconfig.Options) { o.Page = true }
	_, err = load(t, metrics, within)
	require.NoError(t, err)
	_, err = load(t, "page: {store: s3://b/p}"+metrics, within)
	assert.ErrorContains(t, err, "m.yaml:1: page.store: is that of this page already: leave it out")
}

func TestMistakes(t *testing.T) {
	const head = "statuspage: {page_id: a}\nmetrics:\n"
	for name, test := range map[string]struct {
		content string
		want    []string
	}{
		"nothing": {"", []string{
			"statuspage: is missing: say to which page the metrics go", "metrics: Metrics are missing",
		}},
		"unknown keys, all of them": {"statuspage: {page_id: a, pageid: b}\nsignalfx: {relm: x}\nmetrics:\n- {metric_id: x, source: signalfx, qurey: q}\n", []string{
			"m.yaml:1: pageid: there is no such setting", "m.yaml:2: relm: there is no such setting", "m.yaml:4: qurey: there is no such setting", "m.yaml:4: metrics[0].query: query is missing",
		}},
		"a secret": {"statuspage: {page_id: a, api_key: " + canary + "}\n", []string{
			"m.yaml:1: api_key: a secret belongs in the environment, as STATUSPAGE_API_KEY",
		}},
		"durations": {"settle: soon\noverlap: -1s\n" + head + "- metric_id: x\n  source: signalfx\n  query: q\n  window: 5 minutes\n  resolution: 0s\n", []string{
			`m.yaml:1: "soon" is no duration such as 5m or 90s`, "m.yaml:2: overlap: -1s is less than nothing", `m.yaml:8: "5 minutes" is no duration`, "m.yaml:9: metrics[0].resolution: must be more than nothing",
		}},
		"windows": {head + "- {metric_id: x, source: signalfx, query: q, window: 7m}\n- {metric_id: y, source: signalfx, query: q, window: 10m, resolution: 3m}\n- {metric_id: z, source: signalfx, query: q, window: 10m, resolution: 10m}\n", []string{
			"m.yaml:3: metrics[0].window: window 7m0s is not", "m.yaml:4: metrics[1].resolution: resolution 3m0s does not divide", "m.yaml:5: metrics[2].resolution",
		}},
		"no id, no name": {head + "- {source: signalfx, query: q}\n- {metric_id: x, metric_name: y, source: signalfx, query: q}\n", []string{
			"m.yaml:3: metrics[0].metric_id: metric_id is missing, and so is metric_name", "m.yaml:4: metrics[1].metric_name: metric_name is set beside metric_id",
		}},
		"twice": {head + "- {metric_id: x, source: signalfx, query: q}\n- {metric_id: x, source: signalfx, query: r}\n", []string{
			"m.yaml:4: metrics[1]: is metrics[0] too",
		}},
		"sources": {head + "- {metric_id: x, query: q}\n- {metric_id: y, source: graphite, query: q}\n- {metric_id: z, source: prometheus, query: q}\n", []string{
			"m.yaml:3: metrics[0].source: is missing: it is one of signalfx, signalflow and prometheus", `m.yaml:4: metrics[1].source: "graphite" is none of`, "prometheus.url: required, such as http://prometheus:9090",
		}},
		"reductions": {head + `- {metric_id: a, source: signalfx, query: q, reduce: median}
- {metric_id: b, source: signalfx, query: q, reduce: ratio}
- {metric_id: c, source: signalfx, query: q, reduce: weighted_mean}
- {metric_id: d, source: signalfx, query: q, weights: w}
- {metric_id: e, source: signalfx, query: q, ratio: {errors: e, total: t}}
- {metric_id: f, source: signalfx, ratio: {errors: e}}
- {metric_id: g, source: signalfx, ratio: {total: t}}
- {metric_id: h, source: signalflow, program: p, ratio: {errors: e, total: t}}
- {metric_id: i, source: signalflow, query: q}
- {metric_id: j, source: signalfx, query: q, label: A}
- {metric_id: k, source: signalfx, program: p}
`, []string{
			`m.yaml:3: metrics[0].reduce: reduce "median" is none of`,
			"m.yaml:4: metrics[1].reduce: is set by ratio: {errors: …, total: …} alone",
			"m.yaml:5: metrics[2].reduce: weights is missing",
			"m.yaml:6: metrics[3].weights: weights is set, which",
			"m.yaml:7: metrics[4].query: is set beside ratio",
			"m.yaml:8: metrics[5].ratio.total: ratio.total is missing",
			"m.yaml:9: metrics[6].ratio: query is missing",
			"m.yaml:10: metrics[7].program: is set beside ratio",
			"m.yaml:10: metrics[7].ratio: is for other sources: compute it in the program",
			"m.yaml:11: metrics[8].query: is for other sources: a program is what SignalFlow runs",
			"m.yaml:12: metrics[9].label: is for source: signalflow alone",
			"m.yaml:13: metrics[10].program: is for source: signalflow alone",
		}},
		"what the services need": {"statuspage: {api_url: http://example.com, max_points: -1}\nsignalfx: {realm: 'u s', max_delay: 1h}\nprometheus: {url: ftp://x, user: u}\nmetrics:\n- {metric_id: a, source: signalfx, query: q}\n- {metric_id: b, source: prometheus, query: q}\n", []string{
			"m.yaml:1: statuspage.page_id: required", "m.yaml:1: statuspage.api_url:", "m.yaml:1: statuspage.max_points:", "m.yaml:2: signalfx.realm:", "m.yaml:2: signalfx.max_delay:", "m.yaml:3: prometheus.url:",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.content)
			require.Error(t, err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), canary)
			assert.NotContains(t, err.Error(), "metricsync:", "as the file has it, not the code")
		})
	}
}

func TestSecretsAreMissedByName(t *testing.T) {
	_, err := load(t, whole, func(o *syncconfig.Options) { o.Secret = secrets() })
	require.Error(t, err)
	assert.ErrorContains(t, err, "STATUSPAGE_API_KEY: required")
	assert.ErrorContains(t, err, "SIGNALFX_TOKEN: required")
	assert.Equal(t, 1, strings.Count(err.Error(), "SIGNALFX_TOKEN: required"), "once, though four metrics need it")

	_, err = load(t, whole, func(o *syncconfig.Options) {
		o.Secret = func(context.Context, string) (string, error) { return "", errors.New("the vault is closed") }
	})
	require.ErrorContains(t, err, "the vault is closed")
	assert.NotContains(t, err.Error(), "required", "they may be there")

	_, err = load(t, whole, func(o *syncconfig.Options) {
		o.Secret = secrets("STATUSPAGE_API_KEY", "SIGNALFX_TOKEN", "PROMETHEUS_TOKEN", "PROMETHEUS_PASSWORD")
	})
	require.Error(t, err)
	assert.ErrorContains(t, err, "PROMETHEUS_TOKEN: is set beside User or Password")
	assert.NotContains(t, err.Error(), canary)
}

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{"28d": 28 * 24 * time.Hour, "0.5d": 12 * time.Hour, "90m": 90 * time.Minute, "1s": time.Second, "-1d": -24 * time.Hour} {
		got, err := syncconfig.ParseDuration(s)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, s := range []string{"", "d", "28", "NaNd", "Infd", "1e99d", "28 d", "4w"} {
		_, err := syncconfig.ParseDuration(s)
		assert.ErrorContains(t, err, "is no duration such as 28d", s)
	}
}
