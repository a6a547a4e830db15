package browsertest

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// chart puts a metric into a store, as metric sync does.
func chart(t testing.TB, s statuspage.Store, c chartdoc.Chart, points []chartdoc.Point) {
	t.Helper()
	put := func(key string, doc []byte) {
		require.NoError(t, s.Update(t.Context(), key, func([]byte) ([]byte, error) { return doc, nil }))
	}
	c.Days = map[string]string{}
	for day, some := range chartdoc.ByDay(points, time.Now()) {
		d, err := chartdoc.ReadDay(c.ID, day, nil)
		require.NoError(t, err)
		d.Set(some)
		put(chartdoc.DayKey(c.ID, day), d.Document())
		c.Days[day] = chartdoc.Mark(d.Document())
	}
	put(chartdoc.Key(c.ID), c.Document())
}

// wave is 28 days of a metric that is low at night and a little rough, until some
// time ago, but for an hour in which it was not measured.
func wave(low, high, rough float64, ago time.Duration) (points []chartdoc.Point) {
	r := rand.New(rand.NewPCG(uint64(high), 1))
	now := time.Now().Truncate(5 * time.Minute)
	for at := now.Add(-28 * 24 * time.Hour); at.Before(now.Add(-ago)); at = at.Add(5 * time.Minute) {
		hours := at.Sub(at.Truncate(24 * time.Hour)).Hours()
		day := math.Pow(math.Sin(math.Pi*(hours-3)/24), 2)
		value := max(0, low+(high-low)*(day+rough*r.NormFloat64()))
		if since := now.Sub(at); since <= 15*time.Hour || since > 16*time.Hour {
			points = append(points, chartdoc.Point{At: at, Value: value})
		}
	}
	return points
}

// acmeCharts are two metrics.
func acmeCharts(t testing.TB, s statuspage.Store) {
	t.Helper()
	chart(t, s, chartdoc.Chart{
		ID: "latency", Title: "API latency", Unit: "ms", Position: 1, Description: "Mean time of an answer, as our load balancer sees it.",
	}, wave(84, 190, 0.07, 0))
	chart(t, s, chartdoc.Chart{ID: "errors", Title: "Error rate", Unit: "%", Decimals: 2, Position: 2}, wave(0.04, 0.3, 0.15, 0))
}

// measured is a site with these, and two of which nothing comes any more: one of
// which a part is still to be seen.
func measured(t testing.TB) *site {
	t.Helper()
	store := memstore.New()
	acmeCharts(t, store)
	chart(t, store, chartdoc.Chart{ID: "orders", Title: "Orders", Unit: "per hour", Position: 3}, wave(400, 3000, 0.05, 4*time.Hour))
	chart(t, store, chartdoc.Chart{
		ID: "queue", Title: "Messages-that-wait-in-the-queue-of-the-oldest-worker-of-all", Unit: "messages per worker and second", Position: 4,
	}, wave(40_000, 3_000_000, 0.05, 30*time.Hour))
	return newSiteOn(t, store, statuspage.Site{Title: "Acme status"}, well("API", 120), well("Website", 120))
}

func TestChartsWithoutScript(t *testing.T) {
	s := measured(t)
	b := newTab(t)
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.open(s.URL + "/")
	body := b.text("#metrics")
	for _, want := range []string{"Metrics", "API latency", "\u00a0ms", "Last 24 hours", "Error rate", "Orders", "No data", "since ", " UTC"} {
		assert.Contains(t, body, want)
	}
	assert.Equal(t, 4, eval[int](b, `document.querySelectorAll("#metrics svg.plot[role=img]").length`))
	assert.Equal(t, 2, eval[int](b, `document.querySelectorAll("#metrics svg.old").length`))
	const drawn = `(() => { const p = document.querySelector("#metrics .plot path:last-child").getBoundingClientRect(); const s = document.querySelector("#metrics .plot").getBoundingClientRect();
		return p.width > s.width * .97 && p.right <= s.right + 1 && p.top >= s.top - 1 && p.bottom <= s.bottom + 1 && p.height > 20 })()`
	assert.True(t, eval[bool](b, drawn), "the line fills the plot, and stays within")
	b.do(chromedp.Click("#metrics a"))
	b.do(chromedp.WaitVisible("#month"))
	assert.Equal(t, "API latency", b.text("h1"))
	assert.Equal(t, 3, eval[int](b, `document.querySelectorAll("svg.plot[role=img]").length`))
	assert.GreaterOrEqual(t, eval[int](b, `document.querySelectorAll("#day tbody tr").length`), 23)
	b.do(chromedp.Click("#day summary"))
	assert.Contains(t, b.text("#day"), "Lowest")
	b.clean()
}

// What comes is seen where the page is open; the details that were opened stay so.
func TestChartsLive(t *testing.T) {
	store := memstore.New()
	c := chartdoc.Chart{ID: "latency", Title: "API latency", Unit: "ms"}
	chart(t, store, c, wave(84, 190, 0.07, time.Hour))
	s := newSiteOn(t, store, statuspage.Site{})
	home, page := newTab(t), newTab(t)
	home.open(s.URL + "/")
	page.open(s.URL + "/metrics/latency")
	eval[bool](page, `document.querySelector("#day details").open = true`)
	assert.Contains(t, home.text("#metrics"), "No data")

	points := append(wave(84, 190, 0.07, time.Hour), chartdoc.Point{At: time.Now().Add(-5 * time.Minute), Value: 123})
	chart(t, store, c, points)
	require.NoError(t, s.Refresh(t.Context()))
	for _, b := range []*tab{home, page} {
		eval[bool](b, `dispatchEvent(new Event("online"))`) // as the minute does
		b.until(`document.querySelector(".row b").innerText === "123\u00a0ms"`, atOnce)
		b.clean()
	}
	assert.True(t, eval[bool](page, `document.querySelector("#day details").open`))

	s.cut()
	home.until(`document.documentElement.hasAttribute("data-stale")`, 5*time.Second)
	assert.Equal(t, eval[string](home, `getComputedStyle(document.querySelector("#conn")).borderColor`),
		eval[string](home, `getComputedStyle(document.querySelector(".plot path:last-child")).stroke`), "what nobody can confirm is grey")
}

// Times under a chart are the visitor's, as all others are.
func TestChartTimes(t *testing.T) {
	s := measured(t)
	b := newTab(t)
	b.do(call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"}))
	b.open(s.URL + "/")
	for tick := range strings.FieldsSeq(eval[string](b, `[...document.querySelectorAll("#metrics .plot")].flatMap((p) => [...p.querySelectorAll("[data-t]")]).map((t) => t.textContent.slice(0, 5)).join(" ")`)) {
		assert.Contains(t, []string{"01:30", "05:30", "09:30", "13:30", "17:30", "21:30"}, tick)
	}
}

func TestChartsOnAPhone(t *testing.T) {
	s := measured(t)
	b := newTab(t)
	b.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateScale(2)))
	for _, path := range []string{"/", "/metrics/latency", "/metrics/queue"} {
		b.open(s.URL + path)
		eval[bool](b, `document.querySelectorAll("details").forEach((d) => d.open = true); true`)
		assert.LessOrEqual(t, eval[float64](b, `document.documentElement.scrollWidth`), 360.0, "%s does not scroll sideways", path)
		// No two labels of an axis lie over each other.
		const overlap = `[...document.querySelectorAll(".plot .x")].some((g) => {
			const r = [...g.querySelectorAll("text")].map((t) => t.getBoundingClientRect()).filter((r) => r.width);
			return r.some((a, n) => n && a.left < r[n - 1].right && a.top < r[n - 1].bottom && r[n - 1].top < a.bottom);
		})`
		assert.False(t, eval[bool](b, overlap), path)
	}
}

func TestChartsPrinted(t *testing.T) {
	s := measured(t)
	b := newTab(t)
	b.open(s.URL + "/metrics/latency")
	const seen = `document.querySelector("#day table").checkVisibility()`
	assert.False(t, eval[bool](b, seen))
	b.media("print")
	assert.True(t, eval[bool](b, seen))
	assert.Equal(t, "exact", eval[string](b, `getComputedStyle(document.querySelector(".plot")).printColorAdjust`))
}

func TestChartsAccessible(t *testing.T) {
	source := axe(t)
	s := measured(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{900, 360} {
			for _, path := range []string{"/", "/metrics/latency", "/metrics/orders"} {
				b := newTab(t)
				b.media("", "prefers-color-scheme", scheme)
				b.do(chromedp.EmulateViewport(width, 900))
				b.open(s.URL + path)
				eval[bool](b, `document.querySelectorAll("details").forEach((d) => d.open = true); true`)
				assert.Empty(t, violations(b, source), "%s %s %d", scheme, path, width)
			}
		}
	}
}
