package statuspage

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/chartdoc"
)

func TestAxis(t *testing.T) {
	for _, row := range []struct {
		name        string
		least, most float64
		want        string // the labels, from below
	}{
		{"from zero", 84, 230, "0 100 200 300"},
		{"as far as it goes", 0, 200, "0 100 200"},
		{"small", 0, 0.42, "0 0.2 0.4 0.6"},
		{"smaller", 0, 0.0012, "0 0.0005 0.0010 0.0015"},
		{"tiny", 0, 1.2e-7, "0 5e-08 1e-07 1.5e-07"},
		{"thousands", 0, 3600, "0 2000 4000"},
		{"tens of thousands", 0, 36_000, "0 20k 40k"},
		{"millions and halves", 0, 1_400_000, "0 0.5M 1.0M 1.5M"},
		{"more millions", 0, 25_000_000, "0 10M 20M 30M"},
		{"beyond names", 0, 2.5e15, "0 1e+15 2e+15 3e+15"},
		{"far from zero", 99.1, 99.9, "97 98 99 100"},
		{"hardly moving", 120.1, 120.3, "117 118 119 120 121"},
		{"not moving", 120, 120, "0 50 100 150"},
		{"nothing", 0, 0, ""},
		{"below zero", -230, -84, "-300 -200 -100 0"},
		{"not moving below zero", -7, -7, "-10 -5 0"},
		{"on both sides", -3, 5, "-5 0 5"},
		{"just beside zero", -0.001, 99, "-50 0 50 100"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := newAxis(row.least, row.most)
			var got []string
			for _, v := range a.lines {
				got = append(got, a.label(v))
			}
			assert.Equal(t, row.want, strings.Join(got, " "))
		})
	}
}

// Whatever there is to draw, it is drawn within the plot, between a few lines.
func TestAxis_bounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		value := func() float64 { return (r.Float64() - 0.5) * math.Pow(10, float64(r.IntN(400)-300)) }
		least := value()
		most := least
		switch r.IntN(3) {
		case 0:
			most = value()
		case 1:
			most += least * r.Float64() / 100
		}
		least, most = min(least, most), max(least, most)
		if most > maxValue || least < -maxValue {
			continue
		}
		a := newAxis(least, most)
		require.LessOrEqual(t, len(a.lines), 6, "%v to %v", least, most)
		top, bottom := a.y(most), a.y(least)
		require.True(t, 0 <= top && top <= bottom && bottom <= plotHeight, "%v to %v: %d to %d", least, most, top, bottom)
		seen := map[string]bool{}
		for _, v := range a.lines {
			y := a.y(v)
			require.True(t, 0 <= y && y <= plotHeight)
			require.False(t, seen[a.label(v)], "%v to %v: twice %s", least, most, a.label(v))
			require.LessOrEqual(t, len(a.label(v)), 11, "%v to %v: %s", least, most, a.label(v))
			seen[a.label(v)] = true
		}
	}
}

func TestLine(t *testing.T) {
	from := time.Unix(1_795_000_200, 0)
	at := func(step int) int64 { return from.Unix() + 300*int64(step) }
	a := axis{low: 0, high: 200}
	for _, row := range []struct {
		name       string
		window     time.Duration
		points     []chartPoint
		line, area string
	}{
		{"nothing", 5 * time.Minute, nil, "", ""},
		{"one", 5 * time.Minute, []chartPoint{{at(7), 50}}, "M7 150l0 0", "M7 200V150l0 0V200z"},
		{
			"up, down and level", 5 * time.Minute,
			[]chartPoint{{at(0), 0}, {at(1), 100}, {at(2), 40}, {at(3), 40}},
			"M0 200l1-100 1 60 1 0", "M0 200V200l1-100 1 60 1 0V200z",
		},
		{
			"a gap", 5 * time.Minute,
			[]chartPoint{{at(0), 200}, {at(1), 199}, {at(3), 198}, {at(4), 200}},
			"M0 0l1 1M3 2l1-2", "M0 200V0l1 1V200zM3 200V2l1-2V200z",
		},
		{
			"alone between gaps", 30 * time.Second,
			[]chartPoint{{at(0), 10}, {at(2), 20}, {at(4), 30}},
			"M0 190l0 0M2 180l0 0M4 170l0 0", "M0 200V190l0 0V200zM2 200V180l0 0V200zM4 200V170l0 0V200z",
		},
		{"longer windows", 10 * time.Minute, []chartPoint{{at(0), 0}, {at(2), 0}, {at(5), 0}}, "M0 200l2 0M5 200l0 0", "M0 200V200l2 0V200zM5 200V200l0 0V200z"},
		{"odd windows", 7 * time.Minute, []chartPoint{{at(0), 0}, {at(1), 0}, {at(3), 0}}, "M0 200l1 0 2 0", "M0 200V200l1 0 2 0V200z"},
		{"beyond the axis", 5 * time.Minute, []chartPoint{{at(0), -1e100}, {at(1), 1e100}}, "M0 200l1-200", "M0 200V200l1-200V200z"},
	} {
		t.Run(row.name, func(t *testing.T) {
			line, area := a.line(row.points, from, 5*time.Minute, row.window)
			assert.Equal(t, row.line, line)
			assert.Equal(t, row.area, area)
		})
	}
}

var pathNumber = regexp.MustCompile(`-?\d+`)

// A browser that follows the path comes by all points.
func TestLine_reaches(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	from := time.Unix(1_795_000_200, 0)
	for range 200 {
		var points []chartPoint
		for step := range 288 {
			if r.IntN(10) > 0 {
				points = append(points, chartPoint{from.Unix() + 300*int64(step), float64(r.IntN(201))})
			}
		}
		line, _ := axis{low: 0, high: 200}.line(points, from, 5*time.Minute, 5*time.Minute)
		got := map[[2]int]bool{}
		last := -2
		for _, part := range strings.Split(line, "M")[1:] {
			n := pathNumber.FindAllString(part, -1)
			x, y := 0, 0
			for k := 0; k+1 < len(n); k += 2 {
				dx, err := strconv.Atoi(n[k])
				require.NoError(t, err)
				dy, err := strconv.Atoi(n[k+1])
				require.NoError(t, err)
				x, y = x+dx, y+dy
				if k == 0 {
					require.Greater(t, x-last, 1, "what is next to each other is one line")
				} else {
					require.LessOrEqual(t, dx, 1, "no line leads through a gap")
				}
				last = x
				got[[2]int{x, y}] = true
			}
		}
		want := map[[2]int]bool{}
		for _, p := range points {
			want[[2]int{int(p.at-from.Unix()) / 300, 200 - int(p.value)}] = true
		}
		require.Equal(t, want, got)
	}
}

// What is kept of a chart is what is drawn, however finely and for however long it
// is measured.
func TestChart_isBounded(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c := newChart(&chartdoc.Chart{ID: "a"}, nil)
	for range 60 {
		c = newChart(&chartdoc.Chart{ID: "a"}, c)
		var points []chartdoc.Point
		for at := now; at.Before(now.AddDate(0, 0, 1)); at = at.Add(chartdoc.Slot) {
			points = append(points, chartdoc.Point{At: at})
		}
		c.put(chartdoc.DayOf(now), "", points)
		now = now.AddDate(0, 0, 1)
		c.forget(now)
		for n, p := range periods {
			assert.LessOrEqual(t, cap(c.points[n]), 2*p.steps)
			assert.LessOrEqual(t, len(c.points[n]), p.steps)
		}
		assert.LessOrEqual(t, len(c.days), 29)
	}
	assert.Len(t, c.points[2], 335, "all of a month but the step that has just begun")
}

func TestFigures(t *testing.T) {
	for _, row := range []struct {
		value    float64
		decimals int
		want     string
	}{
		{0, 0, "0"},
		{math.Copysign(0, -1), 2, "0.00"},
		{118.4, 0, "118"},
		{12.34, 0, "12.3"},
		{12, 0, "12"},
		{1.001, 0, "1"},
		{0.4234, 0, "0.423"},
		{0.00042341, 0, "0.000423"},
		{0.00000042341, 0, "4.23e-07"},
		{99.96, 0, "100"},
		{1234, 0, "1234"},
		{12345.6, 0, "12\u202f346"},
		{-1234567.891, 2, "-1\u202f234\u202f567.89"},
		{123456, -1, "123\u202f456"},
		{0.6, -1, "1"},
		{-0.4, -1, "0"},
		{0.5, 6, "0.500000"},
		{1e15, 2, "1e+15"},
		{-1e100, 0, "-1e+100"},
	} {
		c := &Chart{Decimals: row.decimals}
		decimals := c.decimals(row.value, row.value)
		assert.Equal(t, row.want, c.value(row.value, decimals), "%v with %d decimals", row.value, row.decimals)
		c.Unit = "ms"
		assert.Equal(t, row.want+"\u00a0ms", c.value(row.value, decimals))
	}
	for _, row := range []struct {
		least, most float64
		configured  int
		want        int
	}{
		{0, 350, 0, 0},
		{0, 35, 0, 1},
		{99, 100, 0, 1},
		{99.98, 100, 0, 3},
		{100, 100 + 1e-12, 0, 6},
		{-0.5, 0.25, 0, 3},
		{-2000, 5, 0, 0},
		{0, 350, 2, 2},
		{99.98, 100, -1, 0},
		{1e-9, 2e-9, 3, general},
	} {
		assert.Equal(t, row.want, (&Chart{Decimals: row.configured}).decimals(row.least, row.most), "%v to %v", row.least, row.most)
	}
	for _, c := range []struct {
		beside []chartPoint
		want   string
	}{{nil, "100"}, {[]chartPoint{{0, 99.95}, {0, 100}}, "99.96"}} {
		chart := &Chart{days: map[string]chartDay{"": {last: chartPoint{1, 99.96}}}}
		assert.Equal(t, c.want, chart.newestValue(c.beside))
	}
}
