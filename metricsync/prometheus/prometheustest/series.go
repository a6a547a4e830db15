package prometheustest

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Series is one of the series that an expression comes to.
type Series struct {
	// Labels are its labels, with the metric's name as __name__ where the
	// expression keeps that.
	Labels map[string]string
	// Value is the value at a time, and whether there is one. It may be NaN or
	// infinite. It must be safe for concurrent use.
	Value func(at time.Time) (v float64, ok bool)
	// Histogram makes the values native histograms, of which Value is the sum.
	Histogram bool
}

// Constant is a Value that never changes.
func Constant(v float64) func(time.Time) (float64, bool) {
	return func(time.Time) (float64, bool) { return v, true }
}

// sorted copies series in the order of an answer: by their labels.
func sorted(series []Series) []Series {
	series = slices.Clone(series)
	key := func(s Series) string {
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			b.WriteString(name + "\xff" + s.Labels[name] + "\xff")
		}
		return b.String()
	}
	slices.SortStableFunc(series, func(a, b Series) int { return strings.Compare(key(a), key(b)) })
	return series
}

// evaluate answers a query that is well-formed.
func (f *Fake) evaluate(c *Call, fault *Fault) (answer, error) {
	// It is the steps that Prometheus counts, so that one more point passes.
	if c.End.Sub(c.Start)/c.Step > time.Duration(f.opts.MaxPoints) {
		return answer{}, badData("exceeded maximum resolution of %s points per timeseries. Try decreasing the query resolution (?step=XX)", thousands(f.opts.MaxPoints))
	}
	if length := c.End.Sub(c.Start); f.opts.MaxRange > 0 && length > f.opts.MaxRange {
		return answer{}, &refusal{
			http.StatusUnprocessableEntity, "execution",
			fmt.Sprintf("the query time range exceeds the limit (query length: %s, limit: %s)", length, f.opts.MaxRange),
		}
	}
	f.mu.Lock()
	all, known := f.series[strings.TrimSpace(c.Query)]
	f.mu.Unlock()
	switch {
	case strings.TrimSpace(c.Query) == "":
		return answer{}, badData("1:1: parse error: no expression found in input")
	case !known:
		return answer{}, badData("1:1: parse error: prometheustest was not told what this expression comes to, see Fake.Handle")
	}

	matrix, samples := evaluateAll(all, c)
	if f.opts.MaxSamples > 0 && samples > f.opts.MaxSamples {
		return answer{}, &refusal{
			http.StatusUnprocessableEntity, "execution",
			"query processing would load too many samples into memory in query execution",
		}
	}
	body := append([]byte(`{"status":"success","data":{"resultType":"matrix","result":`), matrix...)
	body = append(body, '}')
	if fault != nil {
		if len(fault.Warnings) > 0 {
			body = fmt.Appendf(body, `,"warnings":%s`, marshal(fault.Warnings))
		}
		if len(fault.Infos) > 0 {
			body = fmt.Appendf(body, `,"infos":%s`, marshal(fault.Infos))
		}
		if fault.Partial {
			body = append(body, `,"isPartial":true`...)
		}
	}
	return answer{status: http.StatusOK, body: append(body, '}')}, nil
}

// evaluateAll writes the series that have a value at any of the times of a query,
// and counts their values. It is written by hand, since it may be very long.
func evaluateAll(all []Series, c *Call) (matrix []byte, samples int) {
	matrix = append(matrix, '[')
	for _, s := range all {
		labels := s.Labels
		if labels == nil {
			labels = map[string]string{}
		}
		kind, format := "values", func(b []byte, v string) []byte { return append(append(append(b, '"'), v...), '"') }
		if s.Histogram {
			kind, format = "histograms", func(b []byte, v string) []byte {
				return fmt.Appendf(b, `{"count":"1","sum":%q,"buckets":[]}`, v)
			}
		}
		beginning, n := len(matrix), 0
		if samples > 0 {
			matrix = append(matrix, ',')
		}
		matrix = fmt.Appendf(matrix, `{"metric":%s,%q:[`, marshal(labels), kind)
		for at := c.Start; !at.After(c.End); at = at.Add(c.Step) {
			v, ok := s.Value(at)
			if !ok {
				continue
			}
			if n++; n > 1 {
				matrix = append(matrix, ',')
			}
			matrix = append(appendTime(append(matrix, '['), at), ',')
			matrix = append(format(matrix, number(v)), ']')
		}
		if n == 0 {
			matrix = matrix[:beginning]
			continue
		}
		matrix, samples = append(matrix, "]}"...), samples+n
	}
	return append(matrix, ']'), samples
}

// number writes a value as Prometheus does.
func number(v float64) string {
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) && !math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// appendTime writes a time as Prometheus does: with milliseconds where it has them.
func appendTime(b []byte, at time.Time) []byte {
	ms := at.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(b, ms/1000, 10)
	}
	return fmt.Appendf(b, "%d.%03d", ms/1000, ms%1000)
}

// thousands writes 11000 as 11,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
