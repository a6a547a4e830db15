package prometheus

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// merged is the points of a piece in the order of their times.
type merged struct {
	piece  piece
	names  []string // of the series
	starts []int    // where the points of each time begin in the list, and its end
	list   []mergedPoint
}

type mergedPoint struct {
	series int
	value  float64
}

// merge checks the series of an answer, each of which has times of its own, and
// orders their points by time.
func merge(all result, p piece) (*merged, error) {
	m := &merged{piece: p, names: make([]string, len(all)), starts: make([]int, p.n+1)}
	first, step := p.from.UnixMilli(), p.step.Milliseconds()
	known := make(map[string]bool, len(all))
	for i, s := range all {
		if s.Histograms {
			return nil, errors.New("the values are native histograms: make numbers of them, as by histogram_quantile(0.95, …)")
		}
		name := seriesName(s.Metric)
		if known[name] {
			return nil, fmt.Errorf("two series are %s, and differ in the metric's name alone: aggregate them, as by sum", name)
		}
		known[name], m.names[i] = true, name
		last := int64(-1)
		for _, v := range s.Values {
			k := (v.at - first) / step
			if v.at < first || first+k*step != v.at || k >= int64(p.n) {
				return nil, fmt.Errorf("the answer has a point at %s, which was not asked for", timeOf(v.at))
			}
			if k <= last {
				return nil, fmt.Errorf("the points of a series are not in order at %s", timeOf(v.at))
			}
			last = k
			m.starts[k+1]++
		}
	}
	for k := range p.n {
		m.starts[k+1] += m.starts[k]
	}
	m.list = make([]mergedPoint, m.starts[p.n])
	next := slices.Clone(m.starts)
	for i, s := range all {
		for _, v := range s.Values {
			k := (v.at - first) / step
			m.list[next[k]] = mergedPoint{i, v.value}
			next[k]++
		}
	}
	return m, nil
}

func (m *merged) points() iter.Seq[metricsync.Point] {
	return func(yield func(metricsync.Point) bool) {
		for k := range m.piece.n {
			at := m.piece.from.Add(time.Duration(k) * m.piece.step)
			for _, p := range m.list[m.starts[k]:m.starts[k+1]] {
				if !yield(metricsync.Point{Series: m.names[p.series], At: at, Value: p.value}) {
					return
				}
			}
		}
	}
}

func timeOf(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }

// plainName is a label's name that PromQL takes without quotes.
var plainName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// seriesName writes labels in the form of PromQL, sorted, without the metric's
// name.
func seriesName(labels map[string]string) string {
	var b strings.Builder
	b.WriteByte('{')
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name == "__name__" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		if plainName.MatchString(name) {
			b.WriteString(name)
		} else {
			b.WriteString(strconv.Quote(name))
		}
		b.WriteByte('=')
		b.WriteString(strconv.Quote(labels[name]))
	}
	b.WriteByte('}')
	return b.String()
}
