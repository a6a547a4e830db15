package statuspage_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// chartPage is a page over charts that are there already.
func chartPage(t testing.TB, site statuspage.Site, fill func(statuspage.Store)) *statuspage.Page {
	t.Helper()
	store := memstore.New()
	fill(store)
	p, err := statuspage.New(t.Context(), statuspage.Config{Store: store, InsecureWebhook: true, Site: site})
	require.NoError(t, err)
	return p
}

// rough is a month of a metric that never goes the same way twice.
func rough(seed uint64) []chartdoc.Point {
	r := rand.New(rand.NewPCG(seed, 1))
	now := time.Now().Truncate(5 * time.Minute)
	return every(5*time.Minute, now.Add(-28*24*time.Hour), now, func(n int) float64 {
		return 120 + 60*math.Sin(float64(n)/46) + 40*r.NormFloat64()
	})
}

var plotLabel = regexp.MustCompile(`<svg class="plot[^>]* aria-label="([^"]*)"`)

func plotLabels(body string) (all []string) {
	for _, m := range plotLabel.FindAllStringSubmatch(body, -1) {
		all = append(all, strings.ReplaceAll(m[1], "\u00a0", " "))
	}
	return all
}

func TestWebChart(t *testing.T) {
	atT0(t, func(t *testing.T) {
		points := every(5*time.Minute, t0.Add(-3*time.Hour), t0, func(n int) float64 { return 100 + float64(n) })
		points = append(points[:10], points[22:]...) // an hour is missing
		p := chartPage(t, statuspage.Site{Title: "Acme"}, func(s statuspage.Store) {
			measure(t, s, chartdoc.Chart{ID: "lat/1", Title: "API latency", Unit: "ms", Description: "Mean of the API."}, points...)
			measure(t, s, chartdoc.Chart{ID: "up", Title: "Availability", Unit: "%"}, every(5*time.Minute, t0.Add(-3*time.Hour), t0, constant(99.9))...)
			measure(t, s, chartdoc.Chart{ID: "up2", Title: "Near", Unit: "%"}, every(5*time.Minute, t0.Add(-3*time.Hour), t0, func(n int) float64 { return 99 + float64(n%2) })...)
			measure(t, s, chartdoc.Chart{ID: "day", Title: "Orders", WindowSeconds: 86400}, chartdoc.Point{At: t0.Add(-34 * time.Hour), Value: 7})
		})
		home := webGet(p, "/").Body.String()
		assert.Contains(t, home, `<h3><a href="/metrics/lat%2F1">API latency</a></h3> <b>135`+"\u00a0"+`ms</b>`)
		assert.Equal(t, []string{
			"API latency. Last 24 hours: lowest 100 ms, highest 135 ms, mean 118 ms. No data for 1 h of it. Newest: 135 ms.",
			"Availability. Last 24 hours: lowest 99.9 %, highest 99.9 %, mean 99.9 %. Newest: 99.9 %.",
			"Near. Last 24 hours: lowest 99 %, highest 100 %, mean 99.5 %. Newest: 100 %.",
			"Orders. Last 28 days: lowest 7, highest 7, mean 7. Newest: 7.",
		}, plotLabels(home))
		assert.Equal(t, 3, strings.Count(home, `<path class="a"`), "where an axis does not begin at zero, an area would say nothing")
		assert.Contains(t, home, `data-t="1795161600">08:00 UTC</text>`)

		w := webGet(p, "/metrics/lat%2F1")
		require.Equal(t, 200, w.Code)
		page := w.Body.String()
		assert.Contains(t, page, "<title>API latency – Acme</title>")
		assert.Contains(t, page, "Mean of the API.")
		assert.Equal(t, 1, strings.Count(page, "<h1"))
		labels := plotLabels(page)
		require.Len(t, labels, 3)
		assert.Contains(t, labels[1], "API latency. Last 7 days: lowest 102 ms")
		assert.Contains(t, page, "A point is the mean of 5 min.")
		assert.Contains(t, page, "A point is the mean of 2 h.")
		assert.Regexp(t, `<tr><th scope="row"><time datetime="2026-11-20T07:00:00Z">20 Nov 2026, 07:00 UTC</time></th><td>104</td><td>100</td><td>109</td></tr>`, page)
		assert.Regexp(t, `<tr><th scope="row">20 Nov 2026</th>`, page)
		assert.Equal(t, 200, webGet(p, "/fragment/metrics/lat%2F1").Code)

		page = webGet(p, "/metrics/day").Body.String()
		assert.Len(t, plotLabels(page), 1, "what has a point a day has nothing to show of a day or a week")
		for _, path := range []string{"/metrics/lat", "/metrics/lat%2F", "/metrics/nothing", "/fragment/metrics/nothing", "/metrics"} {
			assert.Equal(t, 404, webGet(p, path).Code, path)
		}
	})
}

// The page can say all of it in another language, and lie below another path.
func TestWebChart_site(t *testing.T) {
	p := chartPage(t, statuspage.Site{BasePath: "/status", Words: map[string]string{
		"metrics": "Messwerte", "last_day": "Letzte 24 Stunden", "last_week": "Letzte 7 Tage", "last_month": "Letzte 28 Tage",
		"plot": "zwischen {} und {}, im Mittel {}.", "plot_newest": "Zuletzt {}.", "means": "Mittel über {}.", "as_table": "Als Tabelle",
		"time": "Zeit", "mean": "Mittel", "lowest": "Kleinster", "highest": "Größter", "unit_minutes": "{} Minuten",
	}}, func(s statuspage.Store) { measure(t, s, chartdoc.Chart{ID: "a"}, rough(1)...) })
	home, page := webGet(p, "/status/").Body.String(), webGet(p, "/status/metrics/a").Body.String()
	assert.Contains(t, home, `<a href="/status/metrics/a">a</a>`)
	assert.Contains(t, page, `data-fragment="/status/fragment/metrics/a"`)
	for _, want := range []string{"Messwerte", "Letzte 24 Stunden", "zwischen", "Zuletzt"} {
		assert.Contains(t, home, want)
	}
	for _, want := range []string{"Letzte 7 Tage", "Letzte 28 Tage", "Mittel über 5 Minuten", "Als Tabelle", ">Zeit<", ">Mittel<", ">Kleinster<", ">Größter<"} {
		assert.Contains(t, page, want)
	}
	assert.NotRegexp(t, `owest|ighest|Mean|Newest|Last 2|As a table`, home+page)
}

func TestWebChart_hostile(t *testing.T) {
	const canary = `<img src=x onerror=alert(1)>"'{{.}}` + "\u202e\x00"
	for _, decimals := range []int{-5, 0, 1 << 40} {
		p := chartPage(t, statuspage.Site{}, func(s statuspage.Store) {
			measure(t, s, chartdoc.Chart{ID: canary, Title: canary, Unit: canary, Description: canary, Decimals: decimals, Position: -1 << 60}, rough(1)...)
			measure(t, s, chartdoc.Chart{ID: "\u202e", Title: " "}, rough(2)...)
		})
		for _, path := range []string{"/", "/metrics/" + url.PathEscape(canary), "/fragment/dashboard"} {
			w := webGet(p, path)
			require.Equal(t, 200, w.Code, path)
			assert.Contains(t, w.Body.String(), "onerror", path)
			assert.NotContains(t, w.Body.String(), "<img src=x", path)
			assert.NotContains(t, w.Body.String(), "\u202e", path)
			assert.NotRegexp(t, `="[^"]*"'\{`, w.Body.String(), path)
			assert.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+="|<script>|javascript:`, w.Body.String(), "nothing inline: %s", path)
		}
	}
}

// Charts come on top of the first load: each at less than 700 bytes, however rough
// its line.
func TestWebFirstLoad_charts(t *testing.T) {
	const limit, perChart, count = 10 << 10, 700, 5
	size := func(charts int) int {
		p := chartPage(t, twenty(time.Now()), func(s statuspage.Store) {
			for n := range charts {
				measure(t, s, chartdoc.Chart{ID: fmt.Sprint("metric-", n), Title: fmt.Sprint("Latency of part ", n), Unit: "ms", Position: n + 1}, rough(uint64(n))...)
			}
		})
		w := webGet(p, "/", "Accept-Encoding", "gzip")
		require.Equal(t, 200, w.Code)
		return w.Body.Len()
	}
	none, some := size(0), size(count)
	t.Logf("%d bytes a chart, gzipped", (some-none)/count)
	assert.LessOrEqual(t, some-none, count*perChart)

	p := chartPage(t, twenty(time.Now()), func(s statuspage.Store) { measure(t, s, chartdoc.Chart{ID: "a", Title: "API latency"}, rough(1)...) })
	total := webGet(p, "/metrics/a", "Accept-Encoding", "gzip").Body.Len()
	for _, asset := range []string{"/assets/style.css", "/assets/page.js"} {
		total += webGet(p, asset, "Accept-Encoding", "gzip").Body.Len()
	}
	t.Logf("%d bytes for the page of a metric with all that it loads, gzipped", total)
	assert.LessOrEqual(t, total, limit)
}

func TestAPI_metrics(t *testing.T) {
	atT0(t, func(t *testing.T) {
		s := newSite(t)
		measure(t, s.store, chartdoc.Chart{ID: "a/b", Title: "A \u202eB", Unit: "ms"}, every(time.Hour, t0.Add(-40*time.Hour), t0, constant(1.5))...)
		require.NoError(t, s.page.Refresh(t.Context()))
		twin := newSite(t, func(c *statuspage.Config) { c.Store = s.store })
		for _, path := range []string{"/api/metrics.json", "/api/metrics/a%2Fb.json", "/api/metrics/a%2Fb.json?period=week"} {
			w := s.get(path, "Origin", "https://elsewhere.example")
			require.Equal(t, http.StatusOK, w.Code, path)
			h := w.Header()
			assert.Equal(t, "application/json; charset=utf-8", h.Get("Content-Type"))
			assert.Equal(t, "*", h.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, "public, max-age=15, stale-if-error=600", h.Get("Cache-Control"))
			assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			assert.Contains(t, w.Body.String(), `"title":"A B","unit":"ms"`)
			tag := h.Get("ETag")
			assert.Equal(t, tag, twin.get(path).Header().Get("ETag"), "another process says the same")
			assert.Equal(t, http.StatusNotModified, s.get(path, "If-None-Match", tag).Code)

			head := do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodHead, path, nil), "Origin", "https://elsewhere.example")
			assert.Equal(t, h, head.Header(), path)
			assert.Empty(t, head.Body.String())
			post := do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
			assert.Equal(t, http.StatusMethodNotAllowed, post.Code)
			assert.Equal(t, "GET, HEAD, OPTIONS", post.Header().Get("Allow"))
			preflight := do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil))
			assert.Equal(t, "GET, HEAD", preflight.Header().Get("Access-Control-Allow-Methods"))
		}
		m, _ := metricIn(t, s.page, "a/b", "")
		assert.Equal(t, "day", m.Period)
		assert.Len(t, m.Points, 23, "of the first hour there is nothing in the last 24 hours")
		for _, period := range []string{"year", "DAY", "1", "day%00"} {
			w := s.get("/api/metrics/a%2Fb.json?period=" + period)
			assert.Equal(t, http.StatusBadRequest, w.Code, period)
			assert.JSONEq(t, `{"error":"period is day, week or month"}`, w.Body.String())
		}
		for _, path := range []string{
			"/api/metrics", "/api/metrics/", "/api/metrics/.json", "/api/metrics/a.json", "/api/metrics/a/b.json", "/api/metrics/a%2Fb",
			"/api/metrics/a%2Fb.json/", "/api/metrics/nothing.json", "/api/metrics/%ff.json",
		} {
			w := s.get(path)
			assert.Equal(t, http.StatusNotFound, w.Code, path)
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		}
		time.Sleep(12 * time.Hour)
		later, _ := metricIn(t, s.page, "a/b", "day")
		assert.Len(t, later.Points, 11, "what is older than a day is not of the day, whether or not anything came")
		assert.True(t, later.Stale)
	})
}
