package chartdoc

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Point is the value of a window, at the beginning of it.
type Point struct {
	At    time.Time
	Value float64
}

// ByDay puts points of the last Keep under their days, in their order.
func ByDay(points []Point, now time.Time) map[string][]Point {
	days := map[string][]Point{}
	for _, p := range points {
		if p.At.Before(now.Add(-Keep)) {
			continue
		}
		day := DayOf(p.At)
		days[day] = append(days[day], p)
	}
	return days
}

// Day is the document of the points of a day. It knows one value at a time: the
// one that was set last.
type Day struct {
	Metric string              `json:"metric"` // for who reads it; the key says it too, and decides
	Day    string              `json:"day"`
	Points map[string]*float64 `json:"points"` // by time of day, such as "09:05:00"
}

// ReadDay reads a document; nil is that of a day without points.
func ReadDay(id, day string, doc []byte) (*Day, error) {
	d := &Day{}
	if doc != nil {
		if err := json.Unmarshal(doc, d); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	for at, value := range d.Points {
		if _, ok := clock(at); !ok || value == nil {
			return nil, fmt.Errorf("%w: a point that is none", ErrDamaged)
		}
	}
	if d.Points == nil {
		d.Points = map[string]*float64{}
	}
	d.Metric, d.Day = id, day
	return d, nil
}

// Set sets points of the day, of which the last of a time counts.
func (d *Day) Set(points []Point) {
	for _, p := range points {
		d.Points[p.At.UTC().Truncate(Slot).Format(time.TimeOnly)] = &p.Value
	}
}

// Document returns d as it is stored: the same points are the same bytes.
func (d *Day) Document() []byte { return document(d) }

// Sorted are the points, oldest first. It is empty where the day is none.
func (d *Day) Sorted() []Point {
	midnight, err := time.Parse(time.DateOnly, d.Day)
	if err != nil {
		return nil
	}
	points := make([]Point, 0, len(d.Points))
	for at, value := range d.Points {
		since, _ := clock(at)
		points = append(points, Point{midnight.Add(since), *value})
	}
	slices.SortFunc(points, func(a, b Point) int { return a.At.Compare(b.At) })
	return points
}

// clock reads a time of day. A page reads a million of them when it starts, and
// time.Parse takes its time.
func clock(s string) (time.Duration, bool) {
	if len(s) != len(time.TimeOnly) || s[2] != ':' || s[5] != ':' {
		return 0, false
	}
	var part [3]time.Duration
	for n, most := range []byte{23, 59, 59} {
		tens, ones := s[3*n]-'0', s[3*n+1]-'0' // a byte below '0' wraps round
		if tens > 9 || ones > 9 || tens*10+ones > most {
			return 0, false
		}
		part[n] = time.Duration(tens*10 + ones)
	}
	return part[0]*time.Hour + part[1]*time.Minute + part[2]*time.Second, true
}
