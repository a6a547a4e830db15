// Package chartdoc is how charts lie in the store of a status page, as documents of
// JSON that a person can read:
//
//	charts/latency.json               what the chart is, and which days it has
//	points/2026-11-20/latency.json    its points of that day, UTC
//
// Metric sync writes them and the page reads them; neither imports the other. A
// chart's document is written after those of its days, and marks what it saw of
// each: a reader that finds it unchanged has nothing else to look at.
package chartdoc

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/routewatch/routewatch/internal/storekey"
)

const (
	// Keep is how long points are kept. It is as far back as Statuspage.io takes
	// them.
	Keep = 28 * 24 * time.Hour
	// Slot is how far apart points are at least. A time is that of the slot it is
	// in, so that a day has 2,880 points at the most, of which the document is
	// some 90 KB.
	Slot = 30 * time.Second
	// DefaultWindow is how long a point stands for where that is not said.
	DefaultWindow = 5 * time.Minute
	// MaxDecimals bounds Chart.Decimals.
	MaxDecimals = 6

	// Folder is that of the documents of charts.
	Folder = "charts/"
	// daysFolder has a folder for each day: what clears a store by age can go by
	// their names.
	daysFolder = "points/"
)

// ErrDamaged is in the chain of the error for a document that cannot be read.
var ErrDamaged = errors.New("chartdoc: the document is damaged")

// Key is that of the document of a chart.
func Key(id string) string { return storekey.Of(Folder, id) }

// DayKey is that of the points of a chart on a day.
func DayKey(id, day string) string { return storekey.Of(daysFolder+day+"/", id) }

// DayOf is the day of a time, such as 2026-11-20, UTC.
func DayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Chart is the document of a chart.
type Chart struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Unit        string `json:"unit,omitempty"`
	Description string `json:"description,omitempty"`
	// Decimals is how many are shown. 0 is three significant digits, and a
	// negative number is none.
	Decimals int `json:"decimals,omitempty"`
	// Position orders the charts of a page, from 1; those with 0 come last.
	Position int `json:"position,omitempty"`
	// WindowSeconds is how long a point stands for, from its time on.
	WindowSeconds int `json:"window_seconds"`

	// Newest is the time up to which there is everything that was sent. Zero is
	// none: then somebody should send all of Keep.
	Newest time.Time `json:"newest,omitzero"`
	// Days are the days that have points, each with the Mark of its document.
	Days map[string]string `json:"days"`
}

// ReadChart reads the document at a key; nil is that of a chart without points.
func ReadChart(key string, doc []byte) (*Chart, error) {
	c := &Chart{}
	if doc != nil {
		if err := json.Unmarshal(doc, c); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if Key(c.ID) != key {
			return nil, fmt.Errorf("%w: it is not that of its id", ErrDamaged)
		}
	}
	if c.Days == nil {
		c.Days = map[string]string{}
	}
	for day := range c.Days {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return nil, fmt.Errorf("%w: a day that is none", ErrDamaged)
		}
	}
	c.Decimals = min(max(c.Decimals, -1), MaxDecimals)
	if c.WindowSeconds <= 0 {
		c.WindowSeconds = int(DefaultWindow / time.Second)
	}
	return c, nil
}

// Window is how long a point stands for.
func (c *Chart) Window() time.Duration { return time.Duration(c.WindowSeconds) * time.Second }

// Document returns c as it is stored.
func (c *Chart) Document() []byte { return document(c) }

// Expired are the days that are over for longer than points are kept.
func (c *Chart) Expired(now time.Time) []string {
	oldest := DayOf(now.Add(-Keep))
	var days []string
	for day := range c.Days {
		if day < oldest {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	return days
}

// Mark changes when the document of a day does.
func Mark(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:6])
}

// Check returns an error that says why a point at now is none.
func Check(p Point, now time.Time) error {
	switch {
	case math.IsNaN(p.Value) || math.IsInf(p.Value, 0):
		return errors.New("a value that is no number")
	case p.At.After(now.Add(time.Hour)):
		return errors.New("a time that is yet to come")
	}
	return nil
}

// document never fails: what is no number was refused by Check.
func document(v any) []byte {
	doc, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err)
	}
	return append(doc, '\n')
}
