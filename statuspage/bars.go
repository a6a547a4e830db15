package statuspage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// bars are the last days of a service as a picture: a bar a day, oldest left.
// Days that were well are dashes of one line, which costs a few bytes however
// many there are; only days with an outage are drawn one by one.
type bars struct {
	Label   string   // the picture in words
	Known   string   // the line through the days of which something is known
	Unknown string   // and through the others
	Bad     []badDay // newest first
}

// badDay is a day with an outage. Its bar is coloured from below, by how much of
// the day it took, and has a mark under it: a triangle or, for a major outage, a
// square. Colours alone would say nothing to some.
type badDay struct {
	State State
	Date  time.Time
	Text  string // "12 Nov: Partial outage 14 min"
	Path  string
}

// The picture's measures; the style sheet's dashes are the bars' width and gap.
const (
	barStep   = 8
	barWidth  = 6
	barHeight = 34
	barLeast  = 9 // an outage of a second is still to be seen
)

// maxBarWords is how many outages the text of a picture lists.
const maxBarWords = 5

func (v *webView) bars(name string, u uptime) bars {
	b := bars{
		Known:   dashes(u.Days, true),
		Unknown: dashes(u.Days, false),
	}
	for n, d := range u.Days {
		if d.Major+d.Critical > 0 {
			b.Bad = append(b.Bad, v.badDay(n, d))
		}
	}
	b.Label = v.barsLabel(name, u, b.Bad)
	slices.Reverse(b.Bad) // as the incidents below them
	return b
}

// dashes is a path through the middle of the bars of days that are known, or of
// those that are not.
func dashes(days []uptimeDay, known bool) string {
	var path strings.Builder
	for n := 0; n < len(days); n++ {
		if days[n].Known != known {
			continue
		}
		from := n
		for n+1 < len(days) && days[n+1].Known == known {
			n++
		}
		fmt.Fprintf(&path, "M%d %dH%d", from*barStep, barHeight/2, n*barStep+barWidth)
	}
	return path.String()
}

func (v *webView) badDay(n int, d uptimeDay) badDay {
	bad := badDay{State: Major, Date: d.Date, Text: v.day(d.Date)}
	sep := ": "
	if d.Critical > 0 {
		bad.State = Critical
		bad.Text += sep + v.say("critical") + " " + v.duration(d.Critical)
		sep = ", "
	}
	if d.Major > 0 {
		bad.Text += sep + v.say("major") + " " + v.duration(d.Major)
	}
	down := d.Major + d.Critical
	height := barHeight
	if down < d.Length {
		height = max(barLeast, int(barHeight*down/d.Length))
	}
	x := n * barStep
	mark := fmt.Sprintf("M%d 43l3-6 3 6z", x)
	if bad.State == Critical {
		mark = fmt.Sprintf("M%d 37h6v6h-6z", x)
	}
	bad.Path = fmt.Sprintf("M%d %dv%dh%dv-%dz", x, barHeight-height, height, barWidth, height) + mark
	return bad
}

// barsLabel says what the picture shows: the worst days by date, the others by
// number.
func (v *webView) barsLabel(name string, u uptime, bad []badDay) string {
	if !u.Known {
		return v.say("bars", name, uptimeDays, v.say("no_data"))
	}
	text := v.say("uptime", u.Percent())
	if len(bad) == 0 {
		return v.say("bars", name, uptimeDays, text+"; "+v.say("bars_none"))
	}
	listed := slices.Clone(bad)
	if more := len(bad) - maxBarWords; more > 0 {
		slices.SortStableFunc(listed, func(a, b badDay) int {
			return cmp.Or(b.State.rank()-a.State.rank(), b.Date.Compare(a.Date))
		})
		listed = listed[:maxBarWords]
		slices.SortFunc(listed, func(a, b badDay) int { return a.Date.Compare(b.Date) })
	}
	for _, d := range listed {
		text += "; " + d.Text
	}
	if more := len(bad) - len(listed); more > 0 {
		text += "; " + v.say("bars_more", more)
	}
	return v.say("bars", name, uptimeDays, text)
}
