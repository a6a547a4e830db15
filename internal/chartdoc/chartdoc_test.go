package chartdoc_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/statuspage"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const day = "2026-11-20"

func TestKeys(t *testing.T) {
	ids := []string{
		"latency", "Latency", "a/b", "a%2Fb", "a", "a/", "", ".", "..", "../../services/API", "a b", " a", "a ", "ü", "\x00", "con",
		strings.Repeat("a", 200), strings.Repeat("a", 500), strings.Repeat("/", 500), strings.Repeat("ü", 100), strings.Repeat("ü", 101),
	}
	seen := map[string]string{}
	for _, id := range ids {
		for _, key := range []string{chartdoc.Key(id), chartdoc.DayKey(id, day)} {
			assert.NoError(t, statuspage.CheckKey(key), id)
			assert.NotContains(t, seen, key, "%q and %q", id, seen[key])
			seen[key] = id
		}
		assert.True(t, strings.HasPrefix(chartdoc.Key(id), chartdoc.Folder) && strings.Count(chartdoc.Key(id), "/") == 1, id)
		assert.True(t, strings.HasPrefix(chartdoc.DayKey(id, day), "points/"+day+"/"), id)
	}
	assert.NotEqual(t, chartdoc.DayKey("a", day), chartdoc.DayKey("a", "2026-11-21"))
}

func TestReadChart(t *testing.T) {
	key := chartdoc.Key("a")
	for name, doc := range map[string]string{
		"no JSON":            `{"id":"a"`,
		"of another":         `{"id":"b"}`,
		"of nobody":          `{}`,
		"empty":              ``,
		"a list":             `[]`,
		"a day that is none": `{"id":"a","days":{"../../x":"1"}}`,
		"a late day":         `{"id":"a","days":{"2026-02-30":"1"}}`,
		"a time":             `{"id":"a","newest":"yesterday"}`,
		"decimals":           `{"id":"a","decimals":1e300}`,
	} {
		_, err := chartdoc.ReadChart(key, []byte(doc))
		assert.ErrorIs(t, err, chartdoc.ErrDamaged, name)
	}
	c, err := chartdoc.ReadChart(key, nil)
	require.NoError(t, err)
	assert.Equal(t, &chartdoc.Chart{WindowSeconds: 300, Days: map[string]string{}}, c)

	c, err = chartdoc.ReadChart(key, []byte(`{"id":"a","decimals":1000000,"window_seconds":-5,"later":{"more":1}}`))
	require.NoError(t, err)
	assert.Equal(t, chartdoc.MaxDecimals, c.Decimals)
	assert.Equal(t, 5*time.Minute, c.Window())

	c.Title, c.Unit, c.Newest, c.Days[day] = "A & B <x>", "ms", noon, "0102"
	again, err := chartdoc.ReadChart(key, c.Document())
	require.NoError(t, err)
	assert.Equal(t, c, again)
}

func TestReadDay(t *testing.T) {
	for name, doc := range map[string]string{
		"no JSON":     `{"points":{`,
		"empty":       ``,
		"null":        `{"points":{"00:00:00":null}}`,
		"text":        `{"points":{"00:00:00":"1"}}`,
		"too much":    `{"points":{"00:00:00":1e999}}`,
		"no time":     `{"points":{"noon":1}}`,
		"hour 24":     `{"points":{"24:00:00":1}}`,
		"minute 60":   `{"points":{"00:60:00":1}}`,
		"second 60":   `{"points":{"00:00:60":1}}`,
		"below zero":  `{"points":{"-1:00:00":1}}`,
		"other signs": `{"points":{"00:0/:00":1}}`,
		"short":       `{"points":{"00:00":1}}`,
		"ü":           `{"points":{"0ü:0:00":1}}`,
	} {
		_, err := chartdoc.ReadDay("a", day, []byte(doc))
		assert.ErrorIs(t, err, chartdoc.ErrDamaged, name)
	}
	d, err := chartdoc.ReadDay("a", day, []byte(`{"metric":"b","day":"2020-01-01","points":{"23:59:30":2,"00:00:00":-1.5}}`))
	require.NoError(t, err)
	assert.Equal(t, []chartdoc.Point{
		{At: noon.Add(-12 * time.Hour), Value: -1.5}, {At: noon.Add(12*time.Hour - 30*time.Second), Value: 2},
	}, d.Sorted(), "the key says of which day they are")
	assert.JSONEq(t, `{"metric":"a","day":"2026-11-20","points":{"23:59:30":2,"00:00:00":-1.5}}`, string(d.Document()))
}

// In whatever order parts come and however often: the last value of a time wins,
// and the bytes are the same.
func TestDay_merges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		want := map[string]float64{}
		var points []chartdoc.Point
		for range 200 {
			p := chartdoc.Point{At: noon.Add(time.Duration(r.Int64N(int64(11 * time.Hour)))), Value: r.NormFloat64()}
			points = append(points, p)
			want[p.At.Truncate(30*time.Second).Format(time.TimeOnly)] = p.Value
		}
		var doc []byte
		for cut := 0; cut < len(points); cut += 1 + r.IntN(50) {
			end := min(len(points), cut+50) // they overlap
			for range 1 + r.IntN(2) {
				doc = set(t, doc, points[cut:end])
			}
		}
		whole := set(t, nil, points)
		doc = set(t, doc, points) // each last value once more
		assert.Equal(t, string(whole), string(doc))
		assert.Equal(t, chartdoc.Mark(whole), chartdoc.Mark(doc))
		var got struct{ Points map[string]float64 }
		require.NoError(t, json.Unmarshal(doc, &got))
		assert.Equal(t, want, got.Points)
	}
}

func set(t *testing.T, doc []byte, points []chartdoc.Point) []byte {
	t.Helper()
	d, err := chartdoc.ReadDay("a", day, doc)
	require.NoError(t, err)
	d.Set(points)
	return d.Document()
}

// A day has no more points than slots, whatever is sent, and is a small part of
// what a store takes.
func TestDay_isBounded(t *testing.T) {
	var points []chartdoc.Point
	for at := time.Duration(0); at < 24*time.Hour; at += 10 * time.Second {
		points = append(points, chartdoc.Point{At: noon.Add(at - 12*time.Hour), Value: -math.Nextafter(1e-300, 1)})
	}
	doc := set(t, nil, points)
	d, err := chartdoc.ReadDay("a", day, doc)
	require.NoError(t, err)
	assert.Len(t, d.Sorted(), 2880)
	assert.Less(t, len(doc), statuspage.MaxDocument/50)
}

func TestByDay(t *testing.T) {
	last := noon.Add(12*time.Hour - time.Second)
	zone := time.FixedZone("", 5*3600)
	got := chartdoc.ByDay([]chartdoc.Point{
		{At: noon.Add(-chartdoc.Keep - time.Second), Value: 1},
		{At: noon.Add(-chartdoc.Keep), Value: 2},
		{At: last.In(zone), Value: 3},
		{At: last.Add(time.Second), Value: 4},
		{At: noon, Value: 5},
	}, noon)
	assert.Equal(t, map[string][]chartdoc.Point{
		"2026-10-23": {{At: noon.Add(-chartdoc.Keep), Value: 2}},
		"2026-11-20": {{At: last.In(zone), Value: 3}, {At: noon, Value: 5}},
		"2026-11-21": {{At: last.Add(time.Second), Value: 4}},
	}, got)
}

func TestExpired(t *testing.T) {
	c := chartdoc.Chart{Days: map[string]string{"2026-10-21": "", "2026-10-22": "", "2026-10-23": "", "2026-11-20": ""}}
	assert.Equal(t, []string{"2026-10-21", "2026-10-22"}, c.Expired(noon), "a point of the 23rd at noon is 28 days old")
	assert.Empty(t, c.Expired(noon.AddDate(0, 0, -10)))
}

func TestCheck(t *testing.T) {
	for _, p := range []chartdoc.Point{
		{noon, math.NaN()}, {noon, math.Inf(1)}, {noon, math.Inf(-1)}, {noon.Add(2 * time.Hour), 1},
	} {
		assert.Error(t, chartdoc.Check(p, noon), "%v", p)
	}
	for _, p := range []chartdoc.Point{{noon, -math.MaxFloat64}, {noon.Add(time.Minute), 0}, {time.Time{}, 1}} {
		assert.NoError(t, chartdoc.Check(p, noon), "%v", p)
	}
}
