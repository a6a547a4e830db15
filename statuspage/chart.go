package statuspage

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/internal/text"
)

// Chart is a metric of the last 28 days, as metric sync has put it into the store.
type Chart struct {
	ID          string
	Title       string
	Unit        string // behind values, such as "ms"; may be ""
	Description string
	Decimals    int           // of values; 0 is three significant digits, negative is none
	Window      time.Duration // that a point stands for, from its time on

	position int // on the page; 0 is last
	days     map[string]chartDay
	points   [len(periods)][]chartPoint // what is drawn of each period, oldest first
}

// chartDay is what is kept of the points of a day, but for what is drawn.
type chartDay struct {
	mark string // of the document that was read
	last chartPoint
}

// chartPoint is a mean, at the beginning of the time that it is of.
type chartPoint struct {
	at    int64 // Unix seconds
	value float64
}

// period is a time that is drawn, in steps. They are those of Atlassian Statuspage.
// Steps part a day evenly, so that no mean is of two days.
type period struct {
	name  string
	step  time.Duration
	steps int
}

var periods = [...]period{
	{"day", 5 * time.Minute, 288},
	{"week", 30 * time.Minute, 336},
	{"month", 2 * time.Hour, 336},
}

// from is the beginning of the first step, where now is in the last.
func (p period) from(now time.Time) time.Time {
	return now.UTC().Truncate(p.step).Add(-time.Duration(p.steps-1) * p.step)
}

// A chart of which nothing came for this long is not shown any more: somebody has
// taken the metric out of the configuration.
const chartShownFor = 7 * 24 * time.Hour

// chartLate is how long after its window a point may come. Windows are closed a
// minute after their end, and read every few minutes.
const chartLate = 10 * time.Minute

// newest is the newest point as it was sent; false is none.
func (c *Chart) newest() (chartPoint, bool) {
	var newest chartPoint
	for _, day := range c.days {
		if day.last.at > newest.at {
			newest = day.last
		}
	}
	return newest, newest.at != 0
}

// until is when the newest window ended.
func (c *Chart) until() time.Time {
	newest, _ := c.newest()
	return time.Unix(newest.at, 0).UTC().Add(c.Window)
}

// stale reports whether there should be a newer point by now.
func (c *Chart) stale(now time.Time) bool { return now.After(c.until().Add(c.Window + chartLate)) }

// shown reports whether visitors see the chart.
func (c *Chart) shown(now time.Time) bool {
	_, ok := c.newest()
	return ok && now.Before(c.until().Add(chartShownFor))
}

// charts are those that visitors see, in the order of the page.
func (s *Snapshot) charts(now time.Time) []*Chart {
	return slices.DeleteFunc(slices.Clone(s.Charts), func(c *Chart) bool { return !c.shown(now) })
}

// chart is one of these, or nil.
func (s *Snapshot) chart(id string, now time.Time) *Chart {
	for _, c := range s.Charts {
		if c.ID == id && c.shown(now) {
			return c
		}
	}
	return nil
}

// shortest is the shortest period that shows at least a few points.
func (c *Chart) shortest() int {
	for n, p := range periods {
		if 12*c.Window <= time.Duration(p.steps)*p.step {
			return n
		}
	}
	return len(periods) - 1
}

// of returns the means of a period, as of now.
func (c *Chart) of(period int, now time.Time) []chartPoint {
	from := periods[period].from(now)
	to := from.Add(time.Duration(periods[period].steps) * periods[period].step)
	return c.points[period][c.search(period, from):c.search(period, to)]
}

func (c *Chart) search(period int, t time.Time) int {
	at, _ := slices.BinarySearchFunc(c.points[period], t.Unix(), func(p chartPoint, at int64) int { return cmp.Compare(p.at, at) })
	return at
}

// newChart makes a chart of its document, with the points of an older one, which
// may be nil.
func newChart(doc *chartdoc.Chart, old *Chart) *Chart {
	title := strings.TrimSpace(text.CleanLine(doc.Title))
	c := &Chart{
		ID: doc.ID, Title: cmp.Or(title, text.CleanLine(doc.ID)), Unit: text.CleanLine(doc.Unit), Description: text.CleanLine(doc.Description),
		Decimals: doc.Decimals, Window: doc.Window(), position: doc.Position,
		days: map[string]chartDay{},
	}
	if old != nil {
		maps.Copy(c.days, old.days)
		c.points = old.points // put replaces them, and changes none
	}
	return c
}

// put takes in the points of a day, oldest first, in the place of those that there
// were.
func (c *Chart) put(day, mark string, points []chartdoc.Point) {
	kept := chartDay{mark: mark}
	if n := len(points); n > 0 {
		kept.last = chartPoint{points[n-1].At.Unix(), points[n-1].Value}
	}
	c.days[day] = kept
	from, _ := time.Parse(time.DateOnly, day) // the document of the chart was read with it
	for n, p := range periods {
		before, after := c.search(n, from), c.search(n, from.AddDate(0, 0, 1))
		c.points[n] = slices.Concat(c.points[n][:before], means(points, p.step), c.points[n][after:])
	}
}

// forget drops what is not drawn any more.
func (c *Chart) forget(now time.Time) {
	oldest := chartdoc.DayOf(now.Add(-chartdoc.Keep))
	maps.DeleteFunc(c.days, func(day string, _ chartDay) bool { return day < oldest })
	for n, p := range periods {
		c.points[n] = slices.Clone(c.points[n][c.search(n, p.from(now)):])
	}
}

// means are the means of points, oldest first, by step.
func means(points []chartdoc.Point, step time.Duration) []chartPoint {
	var out []chartPoint
	for len(points) > 0 {
		at := points[0].At.Truncate(step)
		n := slices.IndexFunc(points, func(p chartdoc.Point) bool { return !p.At.Before(at.Add(step)) })
		if n < 0 {
			n = len(points)
		}
		out = append(out, chartPoint{at.Unix(), mean(points[:n])})
		points = points[n:]
	}
	return out
}

func mean(points []chartdoc.Point) float64 {
	sum := 0.0
	for _, p := range points {
		sum += p.Value
	}
	return sum / float64(len(points))
}

// byPosition is the order of charts on the page.
func byPosition(a, b *Chart) int {
	return cmp.Or(
		cmp.Compare(cmp.Or(a.position, math.MaxInt), cmp.Or(b.position, math.MaxInt)),
		cmp.Compare(a.Title, b.Title), cmp.Compare(a.ID, b.ID),
	)
}
