package deploy_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// alarm looks at what the schema of an alarm leaves to the service, which refuses
// one that is of nothing, or of two things.
func (l *linter) alarm(name string, p map[string]any) {
	for _, required := range []string{"ComparisonOperator", "EvaluationPeriods", "Threshold"} {
		l.check(p[required] != nil, "%s has no %s", name, required)
	}
	metrics, math := p["Metrics"].([]any)
	if !math {
		for _, required := range []string{"MetricName", "Namespace", "Statistic", "Period"} {
			l.check(p[required] != nil, "%s has no %s", name, required)
		}
		l.period(name, p["Period"], p["EvaluationPeriods"])
		return
	}
	for _, other := range []string{"MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"} {
		l.check(p[other] == nil, "%s has both Metrics and %s", name, other)
	}
	returned := 0
	expressions := map[string]string{} // by id; "" is a metric's own
	for _, m := range metrics {
		m := m.(map[string]any)
		id := fmt.Sprint(m["Id"])
		_, twice := expressions[id]
		l.check(!twice, "%s has %s twice", name, id)
		if m["ReturnData"] != false {
			returned++
		}
		stat, isMetric := m["MetricStat"].(map[string]any)
		expression, isMath := m["Expression"].(string)
		l.check(isMetric != isMath, "%s's %s is neither a metric nor an expression, or both", name, id)
		expressions[id] = expression
		if isMetric {
			metric, _ := stat["Metric"].(map[string]any)
			l.check(metric["MetricName"] != nil && metric["Namespace"] != nil, "%s's %s has no MetricName or no Namespace", name, id)
			l.check(regexp.MustCompile(`^(SampleCount|Sum|Average|Minimum|Maximum|p\d+(\.\d+)?)$`).MatchString(fmt.Sprint(stat["Stat"])), "%s's %s has the Stat %v", name, id, stat["Stat"])
			l.period(name, stat["Period"], p["EvaluationPeriods"])
		}
	}
	l.check(returned == 1, "%s returns %d of its Metrics, and an alarm is on one", name, returned)
	for _, id := range slices.Sorted(maps.Keys(expressions)) {
		// Functions are in capitals, and ids begin with a small letter.
		for _, asked := range regexp.MustCompile(`\b[a-z]\w*\b`).FindAllString(expressions[id], -1) {
			_, ok := expressions[asked]
			l.check(ok && asked != id, "%s's %s asks for %s, which there is not", name, id, asked)
		}
	}
}

// period looks at a period and how many of them an alarm looks back: not over more
// than a day.
func (l *linter) period(name string, period, count any) {
	seconds, _ := period.(int)
	n, _ := count.(int)
	l.check(seconds == 10 || seconds == 30 || seconds > 0 && seconds%60 == 0, "%s has the Period %v", name, period)
	l.check(seconds*n <= 86_400, "%s looks back over %d s, which is more than a day", name, seconds*n)
}
