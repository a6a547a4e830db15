package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// embeddedLine is a line in CloudWatch's embedded metric format.
type embeddedLine struct {
	Function, Metric, Sink string
	Sent                   int
	Failed, Backfilling    int
	Age                    *float64
	Error                  string

	namespace  string
	dimensions [][]string
	units      map[string]string // by metric
}

// units are those of CloudWatch that are used here.
var units = regexp.MustCompile(`^(Seconds|Count)$`)

// embeddedLines are those among what a function wrote, each held to what the
// specification demands (docs.aws.amazon.com, "Specification: Embedded metric
// format"; the rules of dimensions are those of the CloudWatch API's Dimension).
func embeddedLines(t *testing.T, logs string) []embeddedLine {
	t.Helper()
	var out []embeddedLine
	for line := range strings.Lines(logs) {
		if !strings.Contains(line, `"_aws"`) {
			continue
		}
		assert.Less(t, len(line), 256<<10)
		var root map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(line), &root), "a whole line is one object")

		var metadata struct {
			Timestamp         *int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		}
		strict := json.NewDecoder(bytes.NewReader(root["_aws"]))
		strict.DisallowUnknownFields() // "MUST NOT contain any additional members"
		require.NoError(t, strict.Decode(&metadata))
		require.NotNil(t, metadata.Timestamp)
		assert.WithinDuration(t, time.Now(), time.UnixMilli(*metadata.Timestamp), time.Hour, "milliseconds")
		require.Len(t, metadata.CloudWatchMetrics, 1)
		d := metadata.CloudWatchMetrics[0]
		assert.Regexp(t, `^[^:]`, d.Namespace)
		assert.LessOrEqual(t, len(d.Metrics), 100)
		require.NotEmpty(t, d.Dimensions)

		// What is named must be there, at the root, and of the right kind.
		for _, set := range d.Dimensions {
			assert.LessOrEqual(t, len(set), 9)
			for _, name := range set {
				var value string
				require.NoError(t, json.Unmarshal(root[name], &value), "dimension %s", name)
				assert.Regexp(t, `^[ -~]+$`, value)
				assert.Regexp(t, `^[^:]`, value)
				assert.NotEmpty(t, strings.TrimSpace(value))
				assert.LessOrEqual(t, len(value), 1024)
			}
		}
		parsed := embeddedLine{namespace: d.Namespace, dimensions: d.Dimensions, units: map[string]string{}}
		for _, m := range d.Metrics {
			var value float64
			require.NoError(t, json.Unmarshal(root[m.Name], &value), "metric %s", m.Name)
			assert.Regexp(t, units, m.Unit)
			parsed.units[m.Name] = m.Unit
		}
		require.NoError(t, json.Unmarshal([]byte(line), &parsed))
		out = append(out, parsed)
	}
	return out
}
