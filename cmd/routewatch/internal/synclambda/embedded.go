package synclambda

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// namespace is where the metrics are found in CloudWatch.
const namespace = "routewatch/metricsync"

// unit is a metric of a line.
type unit struct {
	Name string
	Unit string
}

// embed writes a line in CloudWatch's embedded metric format
// (docs.aws.amazon.com, "Specification: Embedded metric format"), from which
// CloudWatch makes metrics without a call: those of a metric in a sink, and those
// of the function, whose maximum is that of the worst metric, whatever its name.
func (f *Function) embed(m *metricsync.MetricReport, now time.Time) {
	line := map[string]any{
		"Function": dimension(f.cfg.Name), "Metric": dimension(m.Metric), "Sink": dimension(m.Sink),
		"Sent": m.Sent, "Failed": btoi(m.Err != nil), "Backfilling": btoi(m.Backfill),
	}
	units := []unit{{"Sent", "Count"}, {"Failed", "Count"}, {"Backfilling", "Count"}}
	if !m.Newest.IsZero() {
		line["Age"] = math.Round(now.Sub(m.Newest).Seconds())
		units = append(units, unit{"Age", "Seconds"})
	}
	if m.Err != nil {
		line["Error"] = m.Err.Error()
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": namespace, "Dimensions": [][]string{{"Function", "Metric", "Sink"}, {"Function"}}, "Metrics": units,
		}},
	}
	_ = json.NewEncoder(f.cfg.Out).Encode(line) // a log that cannot be written has nobody to be told to
}

// dimension makes a value of a dimension of a name: those are of ASCII, do not
// begin with a colon and are not blank (docs.aws.amazon.com, CloudWatch API,
// "Dimension"). One that is not has CloudWatch drop the line.
func dimension(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	if strings.HasPrefix(name, ":") || strings.TrimSpace(name) == "" {
		name = "?" + name
	}
	return name[:min(len(name), maxDimension)]
}

const maxDimension = 1024

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
