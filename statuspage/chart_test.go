package statuspage_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

// atT0 runs a test in a bubble of which the clock begins at t0.
func atT0(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(t0))
		test(t)
	})
}

// measure puts points into a store, as metric sync does.
func measure(t testing.TB, s statuspage.Store, c chartdoc.Chart, points ...chartdoc.Point) {
	t.Helper()
	marks := map[string]string{}
	for day, some := range chartdoc.ByDay(points, time.Now()) {
		require.NoError(t, s.Update(t.Context(), chartdoc.DayKey(c.ID, day), func(doc []byte) ([]byte, error) {
			d, err := chartdoc.ReadDay(c.ID, day, doc)
			require.NoError(t, err)
			d.Set(some)
			marks[day] = chartdoc.Mark(d.Document())
			return d.Document(), nil
		}))
	}
	key := chartdoc.Key(c.ID)
	require.NoError(t, s.Update(t.Context(), key, func(doc []byte) ([]byte, error) {
		was, err := chartdoc.ReadChart(key, doc)
		require.NoError(t, err)
		c.Days = was.Days
		for day, mark := range marks {
			c.Days[day] = mark
		}
		return c.Document(), nil
	}))
}

// every makes points, a step apart, from a time to before another.
func every(step time.Duration, from, to time.Time, value func(n int) float64) (points []chartdoc.Point) {
	for at := from; at.Before(to); at = at.Add(step) {
		points = append(points, chartdoc.Point{At: at, Value: value(len(points))})
	}
	return points
}

func constant(v float64) func(int) float64 { return func(int) float64 { return v } }

// metric is what the API tells of a metric.
type metric struct {
	ID, Title, Unit, Description string
	Window                       int
	Newest                       [2]float64
	Stale                        bool
	Period                       string
	Step                         int
	Points                       [][2]float64
}

func metrics(t testing.TB, p *statuspage.Page) []metric {
	t.Helper()
	var list struct{ Metrics []metric }
	w := httptest.NewRecorder()
	p.API().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/metrics.json", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
	return list.Metrics
}

// metricIn is one metric; false is that there is none.
func metricIn(t testing.TB, p *statuspage.Page, id, period string) (m metric, ok bool) {
	t.Helper()
	w := httptest.NewRecorder()
	p.API().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/metrics/"+url.PathEscape(id)+".json?period="+period, nil))
	if w.Code == http.StatusNotFound {
		return m, false
	}
	require.Equal(t, http.StatusOK, w.Code)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &m))
	return m, true
}

// Where nobody puts metrics into the store, nothing tells of them.
func TestCharts_none(t *testing.T) {
	p := webPage(t, twenty(time.Now()), twentyRecords(time.Now())...)
	body := webGet(p, "/").Body.String()
	assert.Contains(t, body, `<section id="metrics" hidden></section>`)
	assert.NotContains(t, body, "Metrics")
	assert.Equal(t, 404, webGet(p, "/metrics/latency").Code)
	assert.Equal(t, 404, webGet(p, "/metrics/").Code)
	assert.Empty(t, metrics(t, p))
	_, ok := metricIn(t, p, "latency", "")
	assert.False(t, ok)
}

func TestCharts_followTheStore(t *testing.T) {
	atT0(t, func(t *testing.T) {
		s := newStore()
		now := time.Now()
		latency := chartdoc.Chart{ID: "latency", Title: "API latency", Unit: "ms", WindowSeconds: 300, Position: 2}
		measure(t, s, latency, every(5*time.Minute, now.Add(-26*time.Hour), now.Add(-5*time.Minute), constant(100))...)
		measure(t, s, chartdoc.Chart{ID: "b", Title: "Last", WindowSeconds: 300}, chartdoc.Point{At: now.Add(-5 * time.Minute), Value: 1})
		measure(t, s, chartdoc.Chart{ID: "c", Title: "First", WindowSeconds: 300, Position: 1}, chartdoc.Point{At: now.Add(-5 * time.Minute), Value: 2})
		measure(t, s, chartdoc.Chart{ID: "empty", Title: "Without points"})

		p := newPage(t, s, nil)
		var ids []string
		for _, m := range metrics(t, p) {
			ids = append(ids, m.ID)
		}
		assert.Equal(t, []string{"c", "latency", "b"}, ids)
		assert.Contains(t, webGet(p, "/").Body.String(), "<b>100\u00a0ms</b>")

		var mu sync.Mutex
		var read []string
		s.fail = func(op, key string) error {
			mu.Lock()
			defer mu.Unlock()
			if op == "get" {
				read = append(read, key)
			}
			return nil
		}
		before, changed := p.Changes()
		require.NoError(t, p.Refresh(t.Context()))
		assert.Same(t, before, p.Snapshot(), "nothing is new")
		assert.Empty(t, read)

		measure(t, s, latency, chartdoc.Point{At: now.Add(-5 * time.Minute), Value: 250})
		require.NoError(t, p.Refresh(t.Context()))
		<-changed
		assert.ElementsMatch(t, []string{"charts/latency.json", "points/2026-11-20/latency.json"}, read, "what did not change is not read")
		m, ok := metricIn(t, p, "latency", "day")
		require.True(t, ok)
		assert.Equal(t, [2]float64{float64(now.Add(-5 * time.Minute).Unix()), 250}, m.Newest)
		assert.Contains(t, webGet(p, "/").Body.String(), "<b>250\u00a0ms</b>")
		assert.Greater(t, p.Snapshot().Rev, before.Rev)

		latency.Title = "Latency of the API"
		measure(t, s, latency)
		require.NoError(t, p.Refresh(t.Context()))
		assert.Contains(t, webGet(p, "/").Body.String(), "Latency of the API")

		require.NoError(t, s.Delete(t.Context(), "charts/latency.json"))
		require.NoError(t, p.Refresh(t.Context()))
		assert.Len(t, metrics(t, p), 2)
		assert.Equal(t, 404, webGet(p, "/metrics/latency").Code)
	})
}

// Incidents and metrics do not get in each other's way.
func TestCharts_besideServices(t *testing.T) {
	s := newStore()
	now := time.Now()
	p := newPage(t, s, nil)
	for n := range 3 {
		id := fmt.Sprint("a", n)
		apply(t, p, opsgenie.Event{Action: create, Alert: opsgenie.EventAlert{ID: id, Message: id, Tags: tagged("API", "major"), CreatedAt: now}})
		measure(t, s, chartdoc.Chart{ID: id}, chartdoc.Point{At: now.Add(-time.Minute), Value: 1})
		require.NoError(t, p.Refresh(t.Context()))
		assert.Len(t, p.Snapshot().Incidents(), n+1)
		assert.Len(t, p.Snapshot().Charts, n+1)
	}
	apply(t, p, opsgenie.Event{Action: closed, Alert: opsgenie.EventAlert{ID: "a0", Tags: tagged("API", "major"), CreatedAt: now, UpdatedAt: now}})
	assert.Len(t, p.Snapshot().Charts, 3)
	assert.Len(t, p.Snapshot().Incidents(), 3)
}

// A store that fails at any call leaves what was there, and the next time
// everything is there.
func TestCharts_faults(t *testing.T) {
	atT0(t, func(t *testing.T) {
		for n := 1; ; n++ {
			s := newStore()
			put := func(value float64, to time.Duration) {
				for _, id := range []string{"a", "b"} {
					measure(t, s, chartdoc.Chart{ID: id}, every(time.Hour, t0.Add(-72*time.Hour), t0.Add(to), constant(value))...)
				}
			}
			put(1, -time.Hour)
			p := newPage(t, s, nil)
			put(2, 0)
			var mu sync.Mutex
			calls := 0
			s.fail = func(string, string) error {
				mu.Lock()
				defer mu.Unlock()
				if calls++; calls == n {
					return errStore
				}
				return nil
			}
			err := p.Refresh(t.Context())
			if calls < n {
				require.NoError(t, err)
				assert.Equal(t, 2+2*(1+4), calls, "two lists, and per chart its document and those of its days")
				break
			}
			require.ErrorIs(t, err, errStore, "call %d", n)
			for _, m := range metrics(t, p) {
				m, _ := metricIn(t, p, m.ID, "week")
				if m.Newest[1] == 2 {
					continue // it was read
				}
				assert.Len(t, m.Points, 71)
				for _, point := range m.Points {
					assert.InDelta(t, 1, point[1], 0, "old and new are not mixed")
				}
			}
			require.NoError(t, p.Refresh(t.Context()))
			require.Len(t, metrics(t, p), 2)
			for _, m := range metrics(t, p) {
				m, _ := metricIn(t, p, m.ID, "week")
				assert.Len(t, m.Points, 72)
				for _, point := range m.Points {
					assert.InDelta(t, 2, point[1], 0)
				}
			}
			s.fail = func(op, key string) error {
				if strings.HasPrefix(key, "charts/") || strings.HasPrefix(key, "points/") {
					return errStore
				}
				return nil
			}
			_, err = statuspage.New(t.Context(), statuspage.Config{Store: s, InsecureWebhook: true})
			require.ErrorIs(t, err, errStore, "a page is not half a page")
		}
	})
}

// What cannot be read is told once, and left out; the rest is shown.
func TestCharts_damage(t *testing.T) {
	atT0(t, func(t *testing.T) {
		s := newStore()
		put := func(key, text string) {
			require.NoError(t, s.Update(t.Context(), key, func([]byte) ([]byte, error) { return []byte(text), nil }))
		}
		for _, id := range []string{"a", "b", "c"} {
			measure(t, s, chartdoc.Chart{ID: id}, every(time.Hour, t0.Add(-48*time.Hour), t0, constant(1))...)
		}
		whole := s.text("charts/b.json")
		put("charts/a.json", `{"id":"a","days":{"2026-11-20":"new"}}`)
		put("points/2026-11-20/a.json", `{"points":{"noon":1}}`)
		put("charts/b.json", `{"id":"other"}`)
		put("charts/gone.json", `{"id":"gone","days":{"2026-11-20":"1"}}`)
		p := newPage(t, s, nil)
		assert.Len(t, metrics(t, p), 1)
		assert.NoError(t, p.Refresh(t.Context()))

		put("charts/b.json", whole)
		put("charts/c.json", `no JSON`)
		err := p.Refresh(t.Context())
		assert.ErrorContains(t, err, "charts/c.json: the document is damaged")
		assert.NoError(t, p.Refresh(t.Context()), "it is told once")
		assert.Len(t, metrics(t, p), 2, "one that could be read once is shown as it was")

		measure(t, s, chartdoc.Chart{ID: "d"}, chartdoc.Point{At: t0.Add(48 * time.Hour), Value: 1}, chartdoc.Point{At: t0.Add(-time.Hour), Value: 2})
		require.NoError(t, p.Refresh(t.Context()))
		m, ok := metricIn(t, p, "d", "day")
		require.True(t, ok)
		assert.InDelta(t, 2, m.Newest[1], 0, "a clock that is days ahead does not make a chart look fresh")
	})
}

// dot is the mark of the newest point.
var dot = regexp.MustCompile(`<circle cx="[0-9.]+%"`)

// What is old is not shown as new; after a week it is not shown.
func TestCharts_stale(t *testing.T) {
	for _, row := range []struct{ window, late time.Duration }{
		{30 * time.Second, 10*time.Minute + 30*time.Second}, {5 * time.Minute, 15 * time.Minute}, {time.Hour, 70 * time.Minute}, {24 * time.Hour, 24*time.Hour + 10*time.Minute},
	} {
		atT0(t, func(t *testing.T) {
			s := newStore()
			last := t0.Add(-row.window)
			measure(t, s, chartdoc.Chart{ID: "a", Title: "Latency", Unit: "ms", WindowSeconds: int(row.window / time.Second)},
				chartdoc.Point{At: last.Add(-row.window), Value: 41}, chartdoc.Point{At: last, Value: 42})
			p := newPage(t, s, nil)
			fresh := func() string {
				body := webGet(p, "/").Body.String()
				assert.Contains(t, body, `<time datetime="2026-11-20T10:00:00Z">20 Nov 2026, 10:00 UTC</time>`, "the end of the window")
				return body
			}
			for _, wait := range []time.Duration{0, row.late} {
				time.Sleep(wait)
				body := fresh()
				assert.Contains(t, body, "<b>42\u00a0ms</b>")
				assert.Contains(t, body, `Newest: 42`)
				assert.Regexp(t, dot, body)
				assert.False(t, metrics(t, p)[0].Stale)
			}
			time.Sleep(time.Minute)
			body := fresh()
			assert.NotContains(t, body, "<b>42")
			assert.NotContains(t, body, "Newest")
			assert.NotRegexp(t, dot, body)
			assert.Contains(t, body, `<svg class="plot old"`)
			assert.Contains(t, body, "since <time")
			assert.Contains(t, body, "No data since 20 Nov 2026, 10:00 UTC.")
			assert.True(t, metrics(t, p)[0].Stale)

			time.Sleep(5 * 24 * time.Hour)
			body = fresh()
			if row.window < 24*time.Hour {
				assert.Contains(t, body, "Latency. Last 24 hours: no data.")
				assert.NotContains(t, body, `viewBox="0 0 288 200"`, "there is no line")
			} else {
				assert.Contains(t, body, "Latency. Last 28 days: lowest 41")
			}
			assert.Equal(t, 200, webGet(p, "/metrics/a").Code)

			time.Sleep(time.Until(t0.Add(7*24*time.Hour - time.Second)))
			assert.Len(t, metrics(t, p), 1)
			time.Sleep(time.Minute)
			assert.Empty(t, metrics(t, p))
			assert.Equal(t, 404, webGet(p, "/metrics/a").Code)
			assert.NotContains(t, webGet(p, "/").Body.String(), "Latency")

			measure(t, s, chartdoc.Chart{ID: "a", WindowSeconds: 300}, chartdoc.Point{At: time.Now().Add(-time.Minute), Value: 1})
			require.NoError(t, p.Refresh(t.Context()))
			assert.Len(t, metrics(t, p), 1, "it comes back")
		})
	}
}

// The points of each period are the means of its steps, as of now, also where
// nothing has come since.
func TestCharts_means(t *testing.T) {
	atT0(t, func(t *testing.T) {
		s := newStore()
		points := every(30*time.Second, t0.Add(-29*24*time.Hour), t0, func(n int) float64 { return float64(n % 97) })
		measure(t, s, chartdoc.Chart{ID: "a"}, points...)
		p := newPage(t, s, nil)
		for range 3 {
			for _, row := range []struct {
				period string
				step   time.Duration
				steps  int
			}{
				{"day", 5 * time.Minute, 288},
				{"week", 30 * time.Minute, 336},
				{"month", 2 * time.Hour, 336},
			} {
				m, ok := metricIn(t, p, "a", row.period)
				require.True(t, ok)
				assert.Equal(t, int(row.step/time.Second), m.Step)
				sums, counts := map[int64]float64{}, map[int64]float64{}
				for _, p := range points {
					if !p.At.Before(t0.Add(-chartdoc.Keep)) {
						at := p.At.Truncate(row.step).Unix()
						sums[at], counts[at] = sums[at]+p.Value, counts[at]+1
					}
				}
				want := [][2]float64{}
				for at := time.Now().Truncate(row.step).Add(-time.Duration(row.steps-1) * row.step); at.Before(t0); at = at.Add(row.step) {
					want = append(want, [2]float64{float64(at.Unix()), sums[at.Unix()] / counts[at.Unix()]})
				}
				require.Equal(t, want, m.Points, row.period)
			}
			time.Sleep(7 * time.Hour)
		}
	})
}

// Points of the whole range that a number can have break nothing.
func TestCharts_extremes(t *testing.T) {
	extremes := []float64{0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 1e-300, 1e15, -1e15, 99.999, 1e-5}
	atT0(t, func(t *testing.T) {
		s := newStore()
		for n, v := range extremes {
			for k, w := range extremes {
				measure(t, s, chartdoc.Chart{ID: fmt.Sprintf("%d-%d", n, k), Title: "T", Decimals: n%8 - 1},
					every(30*time.Second, t0.Add(-time.Hour), t0, func(n int) float64 { return []float64{v, w}[n%2] })...)
			}
		}
		p := newPage(t, s, nil)
		all := metrics(t, p)
		require.Len(t, all, len(extremes)*len(extremes))
		for _, m := range all {
			body := webGet(p, "/metrics/"+m.ID).Body.String()
			assert.NotContains(t, body, "NaN")
			assert.NotContains(t, body, "Inf")
			assert.NotRegexp(t, `>-0(\.0*)?<`, body)
			for _, period := range []string{"day", "week", "month"} {
				got, ok := metricIn(t, p, m.ID, period)
				require.True(t, ok)
				assert.NotEmpty(t, got.Points)
			}
		}
	})
}
