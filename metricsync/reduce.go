package metricsync

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Reduce says how the points of a window become one value. Points without a value
// (null, NaN, infinite) count nowhere, and a window without points has no value.
type Reduce string

// The reductions.
const (
	// Only is the mean of one series alone. That the query has a second one is an
	// error, since whose mean is wanted must be said.
	Only Reduce = ""
	// Mean is the mean over the times of a window of the mean of all series at
	// each time.
	Mean Reduce = "mean"
	// WeightedMean is the mean of all points, each with its weight. The weight of
	// a point is that of the same series at the same time. Where the two queries
	// have no series in common, as those of SignalFx never have, the mean of a
	// time has the sum of the weights of that time. Without a weight, or with one
	// that is not positive, a point does not count.
	WeightedMean Reduce = "weighted_mean"
	// Ratio is the percentage 100 x sum(Query) / sum(Total). Where Total is not
	// positive, nothing was asked, and there is no value; where only Query has no
	// points, it is 0.
	Ratio Reduce = "ratio"
	// Max, Min, Sum and Count are those of all points of all series.
	Max   Reduce = "max"
	Min   Reduce = "min"
	Sum   Reduce = "sum"
	Count Reduce = "count"
	// Last is the newest point; of several at the same time, their mean.
	Last Reduce = "last"
)

// Reductions are all that there are, Only excepted, which has no name.
var Reductions = []Reduce{Mean, WeightedMean, Ratio, Max, Min, Sum, Count, Last}

func (r Reduce) known() bool { return r == Only || slices.Contains(Reductions, r) }

// second is the name of the field of Metric that has the second query, or "".
func (r Reduce) second() string {
	switch r {
	case WeightedMean:
		return "Weights"
	case Ratio:
		return "Total"
	}
	return ""
}

// errSeveral is the error of Only.
var errSeveral = errors.New("the query has several series at the same time, and nothing says how they become one value: reduce them, as to their mean, or aggregate in the query")

// value reduces the points of a window, which are in order of time and all have
// a value. second is those of the second query. It returns false where there is no
// value.
func (r Reduce) value(points, second []Point) (float64, bool, error) {
	switch r {
	case Ratio:
		total := sum(second)
		if total <= 0 {
			return 0, false, nil
		}
		return 100 * (sum(points) / total), true, nil
	case WeightedMean:
		v, ok := weightedMean(points, second)
		return v, ok, nil
	}
	if len(points) == 0 {
		return 0, false, nil
	}
	switch r {
	case Only:
		for at := range times(points) {
			if len(at) > 1 {
				return 0, false, fmt.Errorf("%w (%d at %s)", errSeveral, len(at), at[0].At.UTC().Format("2006-01-02T15:04:05Z"))
			}
		}
		return meanOfTimes(points), true, nil
	case Mean:
		return meanOfTimes(points), true, nil
	case Max:
		return slices.MaxFunc(points, byValue).Value, true, nil
	case Min:
		return slices.MinFunc(points, byValue).Value, true, nil
	case Sum:
		return sum(points), true, nil
	case Count:
		return float64(len(points)), true, nil
	case Last:
		var last []Point
		for at := range times(points) {
			last = at
		}
		return mean(last), true, nil
	}
	return 0, false, fmt.Errorf("metricsync: Reduce %q is none of %q", string(r), Reductions)
}

func byValue(a, b Point) int { return cmp.Compare(a.Value, b.Value) }

func sum(points []Point) (s float64) {
	for _, p := range points {
		s += p.Value
	}
	return s
}

// mean is that of points that there are.
func mean(points []Point) float64 { return sum(points) / float64(len(points)) }

func meanOfTimes(points []Point) float64 {
	s, n := 0.0, 0
	for at := range times(points) {
		s += mean(at)
		n++
	}
	return s / float64(n)
}

// times yields the points of each time together.
func times(points []Point) func(yield func([]Point) bool) {
	return func(yield func([]Point) bool) {
		for len(points) > 0 {
			n := 1
			for n < len(points) && points[n].At.Equal(points[0].At) {
				n++
			}
			if !yield(points[:n]) {
				return
			}
			points = points[n:]
		}
	}
}

func weightedMean(points, weights []Point) (float64, bool) {
	s, total := 0.0, 0.0
	for at := range times(points) {
		// The weights of this time. Both are in order.
		for len(weights) > 0 && weights[0].At.Before(at[0].At) {
			weights = weights[1:]
		}
		of := map[string]float64{}
		all, common := 0.0, false
		for _, w := range weights {
			if !w.At.Equal(at[0].At) {
				break
			}
			if w.Value > 0 {
				of[w.Series] += w.Value
				all += w.Value
			}
		}
		for _, p := range at {
			if _, ok := of[p.Series]; ok {
				common = true
			}
		}
		if !common {
			s, total = s+all*mean(at), total+all
			continue
		}
		for _, p := range at {
			s, total = s+of[p.Series]*p.Value, total+of[p.Series]
		}
	}
	return s / total, total > 0
}
