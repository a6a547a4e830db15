package statuspage

import (
	"net/http"
	"strings"
	"time"
)

// metricJSON is a metric as the API tells it.
type metricJSON struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	Unit        string    `json:"unit"`
	Description string    `json:"description"`
	Window      int64     `json:"window"` // seconds
	Newest      pointJSON `json:"newest"`
	Stale       bool      `json:"stale"`
}

// pointJSON is a time, in Unix seconds, and a value.
type pointJSON [2]any

func (p chartPoint) json() pointJSON { return pointJSON{p.at, p.value} }

func metricOf(c *Chart, now time.Time) metricJSON {
	newest, _ := c.newest()
	return metricJSON{
		ID: c.ID, Title: c.Title, Unit: c.Unit, Description: c.Description,
		Window: int64(c.Window / time.Second), Newest: newest.json(), Stale: c.stale(now),
	}
}

// metrics and metric depend on the time: what they answer is not kept.
func (a *api) metrics(w http.ResponseWriter, r *http.Request, _ string) {
	now := time.Now()
	list := struct {
		Metrics []metricJSON `json:"metrics"`
	}{[]metricJSON{}}
	for _, c := range a.page.Snapshot().charts(now) {
		list.Metrics = append(list.Metrics, metricOf(c, now))
	}
	jsonAnswer(list).write(w, r)
}

func (a *api) metric(w http.ResponseWriter, r *http.Request, name string) {
	now := time.Now()
	id, ok := strings.CutSuffix(name, ".json")
	c := a.page.Snapshot().chart(id, now)
	if !ok || c == nil {
		fail(w, r, http.StatusNotFound, "there is no such metric")
		return
	}
	n := periodOf(r.URL.Query().Get("period"))
	if n < 0 {
		fail(w, r, http.StatusBadRequest, "period is day, week or month")
		return
	}
	answer := struct {
		metricJSON
		Period string      `json:"period"`
		Step   int64       `json:"step"` // seconds
		Points []pointJSON `json:"points"`
	}{metricOf(c, now), periods[n].name, int64(periods[n].step / time.Second), []pointJSON{}}
	for _, p := range c.of(n, now) {
		answer.Points = append(answer.Points, p.json())
	}
	jsonAnswer(answer).write(w, r)
}

// periodOf is the number of a period, by default that of the day; -1 is none.
func periodOf(name string) int {
	for n, p := range periods {
		if name == p.name || name == "" {
			return n
		}
	}
	return -1
}
