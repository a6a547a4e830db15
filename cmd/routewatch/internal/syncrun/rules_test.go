package syncrun_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncrun"
	"github.com/routewatch/routewatch/internal/promtest"
	"github.com/routewatch/routewatch/metricsync"
)

// documented returns the part of docs/metric-sync.md about freshness, and the
// alerting rules in it.
func documented(t *testing.T) (part, rules string) {
	t.Helper()
	doc, err := os.ReadFile("../../../../docs/metric-sync.md")
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)\n## How fresh it is\n(.*?```yaml\n(groups:.*?)```.*?)\n## ").FindSubmatch(doc)
	require.NotNil(t, found)
	return string(found[1]), string(found[2])
}

// What the documentation and its rules ask for is there.
func TestDocumentedMetricsAreThere(t *testing.T) {
	f := syncrun.NewFreshness()
	f.Told(&metricsync.Report{Metrics: []metricsync.MetricReport{{
		Metric: "a", Sink: "page", ID: "a", Skipped: map[string]int{metricsync.SkippedNoValue: 1},
	}}}, nil)
	w := httptest.NewRecorder()
	f.Handler(time.Minute).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	part, _ := documented(t)
	names := regexp.MustCompile(`(?:routewatch_metricsync|…)(_[a-z_]+[a-z])`).FindAllStringSubmatch(part, -1)
	require.Greater(t, len(names), 8)
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(w.Body.String(), -1) {
		there[m[1]] = true
	}
	for _, name := range names {
		assert.True(t, there["routewatch_metricsync"+name[1]], name[0])
	}
}

func TestDocumentedRules(t *testing.T) {
	promtool := promtest.Program(t, "promtool")
	_, rules := documented(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600))
	// Times are those since 1970: of "fine" the newest value is always five minutes
	// old, of "stale" it is the first there was, and "filling" gets its past.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test.yml"), []byte(`
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'routewatch_metricsync_newest_timestamp_seconds{metric="fine",sink="page"}', values: '0+60x80'}
      - {series: 'routewatch_metricsync_newest_timestamp_seconds{metric="stale",sink="page"}', values: '0x80'}
      - {series: 'routewatch_metricsync_newest_timestamp_seconds{metric="filling",sink="page"}', values: '0x80'}
      - {series: 'routewatch_metricsync_backfilling{metric="fine",sink="page"}', values: '0x80'}
      - {series: 'routewatch_metricsync_backfilling{metric="stale",sink="page"}', values: '0x80'}
      - {series: 'routewatch_metricsync_backfilling{metric="filling",sink="page"}', values: '1x80'}
      - {series: 'routewatch_metricsync_last_success_timestamp_seconds{job="good"}', values: '0+60x80'}
      - {series: 'routewatch_metricsync_last_success_timestamp_seconds{job="bad"}', values: '0x80'}
    alert_rule_test:
      - {eval_time: 30m, alertname: StatusPageMetricStale, exp_alerts: []}
      - eval_time: 60m
        alertname: StatusPageMetricStale
        exp_alerts:
          - exp_labels: {metric: stale, sink: page}
            exp_annotations: {summary: stale on page has had no new value for 1h 0m 0s}
      - {eval_time: 15m, alertname: MetricSyncFails, exp_alerts: []}
      - eval_time: 60m
        alertname: MetricSyncFails
        exp_alerts:
          - exp_labels: {job: bad}
            exp_annotations: {summary: No run of metric sync has ended well for a quarter of an hour}
`), 0o600))
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s", out)
	}
}
