package metricsync

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// points makes points of series a, b and so on: at each second what is listed.
func points(at ...[]float64) (all []Point) {
	for second, values := range at {
		for n, v := range values {
			all = append(all, Point{Series: string(rune('a' + n)), At: time.Unix(int64(second), 0), Value: v})
		}
	}
	return all
}

func renamed(ps []Point, name string) []Point {
	for n := range ps {
		ps[n].Series = name
	}
	return ps
}

func TestReduce(t *testing.T) {
	none := [][]float64{}
	tests := []struct {
		name           string
		reduce         Reduce
		points, second []Point
		want           float64
		nothing        bool
	}{
		{"nothing has no mean", Mean, points(none...), nil, 0, true},
		{"nothing has no count", Count, points(none...), nil, 0, true},
		{"the mean of each time first: a series with more times weighs no more", Mean, points([]float64{1, 3}, []float64{10}), nil, 6, false},
		{"only one series", Only, points([]float64{1}, []float64{3}), nil, 2, false},
		{"max of all series", Max, points([]float64{1, 7}, []float64{3}), nil, 7, false},
		{"min of all series", Min, points([]float64{4, 7}, []float64{3}), nil, 3, false},
		{"negative max", Max, points([]float64{-4}, []float64{-7}), nil, -4, false},
		{"sum of all series", Sum, points([]float64{1, 7}, []float64{3}), nil, 11, false},
		{"count of all series", Count, points([]float64{1, 7}, []float64{3}), nil, 3, false},
		{"last is the newest", Last, points([]float64{1, 7}, []float64{3}), nil, 3, false},
		{"last of several at a time is their mean", Last, points([]float64{1}, []float64{3, 5}), nil, 4, false},

		{"ratio", Ratio, points([]float64{1, 2}), points([]float64{50}, []float64{50, 100}), 1.5, false},
		{"ratio without errors is 0", Ratio, nil, points([]float64{50}), 0, false},
		{"ratio without requests is nothing", Ratio, points([]float64{3}), points([]float64{0}), 0, true},
		{"ratio without a total is nothing", Ratio, points([]float64{3}), nil, 0, true},
		{"ratio of a total below zero is nothing", Ratio, points([]float64{3}), points([]float64{-5}), 0, true},
		{"ratio of tiny numbers does not overflow", Ratio, points([]float64{math.MaxFloat64 / 2}), points([]float64{math.MaxFloat64}), 50, false},

		{"weights of the same series", WeightedMean, points([]float64{10, 20}), points([]float64{3, 1}), 12.5, false},
		{"weights of the same series at another time", WeightedMean, points([]float64{10}, []float64{20}), points([]float64{1}, []float64{3}), 17.5, false},
		{"no series in common: a time's weights weigh its mean", WeightedMean, points([]float64{10, 20}, []float64{30}), renamed(points([]float64{1, 2}, []float64{1}), "x"), 18.75, false},
		{"a value without a weight does not count", WeightedMean, points([]float64{10, 1e6}), points([]float64{2}), 10, false},
		{"no weight at a time", WeightedMean, points([]float64{10}, []float64{50}), points([]float64{2}), 10, false},
		{"weights without values", WeightedMean, nil, points([]float64{2}), 0, true},
		{"values without weights", WeightedMean, points([]float64{2}), nil, 0, true},
		{"weights of nothing", WeightedMean, points([]float64{2}), points([]float64{0}), 0, true},
		{"a weight below zero is none", WeightedMean, points([]float64{2, 8}), points([]float64{-1, 1}), 8, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok, err := test.reduce.value(test.points, test.second)
			require.NoError(t, err)
			assert.Equal(t, !test.nothing, ok)
			if ok {
				assert.InDelta(t, test.want, got, 1e-9)
			}
		})
	}
}

func TestReduceOnlyRefusesASecondSeries(t *testing.T) {
	_, _, err := Only.value(points([]float64{1}, []float64{1, 2}), nil)
	assert.ErrorContains(t, err, "2 at 1970-01-01T00:00:01Z")
	// A series that takes the place of another, as after a deployment, is fine.
	ps := points([]float64{1}, []float64{3})
	ps[1].Series = "another"
	got, ok, err := Only.value(ps, nil)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.InDelta(t, 2, got, 0)
}
