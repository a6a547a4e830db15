package statuspage

import (
	"net/url"
	"time"
)

// chartView is a chart in the list, and at the head of its own page.
type chartView struct {
	Path  string
	Title string
	About string
	Value string    // the newest; "" where it is none any more
	Until time.Time // the end of its window
	Plot  plot
}

// plot is a period of a chart as a picture.
type plot struct {
	Name  string // of the period
	Label string // the picture in words
	Stale bool   // it ends before it should
	Step  string // that a point is the mean of
	Width int    // of the line's own units
	Line  string
	Area  string // "" where the axis does not begin at zero
	Dot   mark   // where the newest point is; a zero one is none
	Rows  []mark // lines across
	Ticks []mark // times

	Table []tableRow
}

// mark is a place in a picture, as parts of its width and height.
type mark struct {
	X, Y string
	Text string
	Unix int64 // where Text is a time of day, which a script makes the visitor's own
	Wide bool  // it has room on a wide screen alone
}

// tableRow is a part of a plot as numbers.
type tableRow struct {
	From                  time.Time
	Day                   bool // From is a day
	Mean, Lowest, Highest string
}

func metricPath(id string) string { return "/metrics/" + url.PathEscape(id) }

// metrics are the charts of the page.
func (v *webView) metrics() []chartView {
	var out []chartView
	for _, c := range v.snap.charts(v.now) {
		out = append(out, v.chart(c))
	}
	return out
}

func (v *webView) chart(c *Chart) chartView {
	out := chartView{
		Path: metricPath(c.ID), Title: c.Title, About: c.Description, Until: c.until(),
		Plot: v.plot(c, c.shortest()),
	}
	if !c.stale(v.now) {
		out.Value = c.newestValue(c.of(c.shortest(), v.now))
	}
	return out
}

// metricPage is a metric by day, week and month.
func (v *webView) metricPage(id string) (document, bool) {
	c := v.snap.chart(id, v.now)
	if c == nil {
		return document{}, false
	}
	chart := v.chart(c)
	var plots []plot
	for n := c.shortest(); n < len(periods); n++ {
		p := v.plot(c, n)
		p.Table = v.table(c, n)
		plots = append(plots, p)
	}
	return document{
		Page: "metric", Title: chart.Title + " – " + v.site.Title, About: chart.Plot.Label, State: bannerState(v.banner),
		Path: chart.Path, Fragment: "/fragment" + chart.Path, Feed: "/history",
		View: struct {
			Chart chartView
			Unit  string
			Plots []plot
		}{chart, c.Unit, plots},
	}, true
}

// plot draws a period of a chart.
func (v *webView) plot(c *Chart, n int) plot {
	p, points, from := periods[n], c.of(n, v.now), periods[n].from(v.now)
	out := plot{Name: p.name, Step: v.duration(max(p.step, c.Window)), Width: p.steps, Stale: c.stale(v.now), Ticks: v.ticks(p, from), Label: v.plotLabel(c, n, points)}
	if len(points) == 0 {
		return out
	}
	least, most, _ := spread(points)
	a := newAxis(least, most)
	out.Line, out.Area = a.line(points, from, p.step, c.Window)
	if a.low != 0 {
		out.Area = ""
	}
	for _, value := range a.lines {
		out.Rows = append(out.Rows, mark{Y: percent(a.y(value), plotHeight), Text: a.label(value)})
	}
	if last := points[len(points)-1]; !out.Stale {
		x := int(time.Unix(last.at, 0).Sub(from) / p.step)
		out.Dot = mark{X: percent(x, p.steps), Y: percent(a.y(last.value), plotHeight)}
	}
	return out
}

// spread is what points, of which there are some, lie between, and their mean.
func spread(points []chartPoint) (least, most, mean float64) {
	least, most, sum := points[0].value, points[0].value, 0.0
	for _, p := range points {
		least, most, sum = min(least, p.value), max(most, p.value), sum+p.value
	}
	return least, most, sum / float64(len(points))
}

// newestValue is the newest value, at least as exact as those beside it.
func (c *Chart) newestValue(beside []chartPoint) string {
	newest, _ := c.newest()
	decimals := c.decimals(newest.value, newest.value)
	if len(beside) > 0 && decimals != general {
		least, most, _ := spread(beside)
		decimals = max(decimals, c.decimals(least, most))
	}
	return c.value(newest.value, decimals)
}

// plotLabel says what a plot shows.
func (v *webView) plotLabel(c *Chart, n int, points []chartPoint) string {
	label := c.Title + ". " + v.say("last_"+periods[n].name) + ": "
	if len(points) == 0 {
		return label + v.say("no_data") + "."
	}
	least, most, mean := spread(points)
	decimals := c.decimals(least, most)
	label += v.say("plot", c.value(least, decimals), c.value(most, decimals), c.value(mean, decimals))
	if gaps := gapsOf(points, periods[n].step, c.Window); gaps > 0 {
		label += " " + v.say("plot_gaps", v.duration(gaps))
	}
	if c.stale(v.now) {
		return label + " " + v.say("plot_stale", v.stamp(c.until()))
	}
	return label + " " + v.say("plot_newest", c.newestValue(points))
}

// gapsOf is how long there was nothing between points.
func gapsOf(points []chartPoint, step, window time.Duration) (sum time.Duration) {
	for n := 1; n < len(points); n++ {
		apart := time.Duration(points[n].at-points[n-1].at) * time.Second
		if expected := time.Duration(stepsApart(step, window)) * step; apart > expected {
			sum += apart - expected
		}
	}
	return sum
}

// ticks are the times under a plot: some hours of a day, and the days, UTC, of what
// is longer.
func (v *webView) ticks(p period, from time.Time) (out []mark) {
	every := map[string]time.Duration{"day": 4 * time.Hour, "week": 24 * time.Hour, "month": 4 * 24 * time.Hour}[p.name]
	end := from.Add(time.Duration(p.steps*97/100) * p.step) // and at the right end there is no room for one
	for at := from.Truncate(every); at.Before(end); at = at.Add(every) {
		if at.Before(from) {
			continue
		}
		m := mark{X: percent(int(at.Sub(from)/p.step), p.steps), Text: v.day(at)}
		if p.name == "day" {
			m.Text, m.Unix = at.Format("15:04 UTC"), at.Unix()
		}
		m.Wide = at.Unix()/int64(every/time.Second)%2 == 1
		out = append(out, m)
	}
	return out
}

// table is a plot as numbers: a day by hours, what is longer by days.
func (v *webView) table(c *Chart, n int) (out []tableRow) {
	every := 24 * time.Hour
	if n == 0 {
		every = time.Hour
	}
	points := c.of(n, v.now)
	if len(points) == 0 {
		return nil
	}
	low, high, _ := spread(points)
	decimals := c.decimals(low, high)
	for len(points) > 0 {
		from := time.Unix(points[0].at, 0).UTC().Truncate(every)
		end := 0
		for end < len(points) && points[end].at < from.Add(every).Unix() {
			end++
		}
		least, most, mean := spread(points[:end])
		out = append(out, tableRow{from, n > 0, figure(mean, decimals), figure(least, decimals), figure(most, decimals)})
		points = points[end:]
	}
	return out
}
