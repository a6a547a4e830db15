package statuspage

import (
	"math"
	"strconv"
	"time"
)

// plotHeight is how many steps the line of a chart knows from bottom to top. The
// plot is as wide as its period has steps; the style sheet says how large that is.
const plotHeight = 200

// axis is the range of values that a plot shows, between lines at round values.
type axis struct {
	low, high float64
	lines     []float64 // from low to high
	step      float64   // between them
}

// newAxis makes an axis for values between two. It begins at zero unless the values
// are far from that. What hardly moves is not blown up to look as if it did.
func newAxis(least, most float64) axis {
	switch {
	case least >= 0 && least <= most*0.8, least == most && least > 0:
		least = 0
	case most <= 0 && most >= least*0.8, least == most && least < 0:
		most = 0
	}
	least = min(least, most-max(math.Abs(least), math.Abs(most))/50)
	step := roundStep((most - least) / 3)
	if step == 0 || math.IsInf(step, 0) || math.IsNaN(step) {
		// Nothing but zeroes, or what no float64 can be divided by.
		return axis{low: least, high: max(most, least+1)}
	}
	a := axis{low: math.Floor(least/step) * step, high: math.Ceil(most/step) * step, step: step}
	for n := math.Floor(least / step); n <= math.Ceil(most/step); n++ {
		a.lines = append(a.lines, n*step)
	}
	return a
}

// roundStep is the next of 1, 2 and 5, times a power of ten.
func roundStep(least float64) float64 {
	power := math.Pow10(int(math.Floor(math.Log10(least))))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= least {
			return n * power
		}
	}
	return 10 * power
}

// y is where a value lies, from the top.
func (a axis) y(value float64) int {
	part := (value - a.low) / (a.high - a.low)
	if !(part > 0) { // nor is what is no number
		return plotHeight
	}
	return int(math.Round(plotHeight * (1 - min(part, 1))))
}

// percent is a part of a whole, as a length.
func percent(part, whole int) string {
	return strconv.FormatFloat(math.Round(1000*float64(part)/float64(whole))/10, 'f', -1, 64) + "%"
}

// line draws points of a period from its beginning on: as a line, and as what is
// under it. Between points that are more than a window apart there is nothing. The
// two begin alike and go on alike: compressed, they are hardly more than one.
func (a axis) line(points []chartPoint, from time.Time, step, window time.Duration) (line, area string) {
	unit := int64(step / time.Second)
	apart := stepsApart(step, window)
	var lines, areas []byte
	for n := 0; n < len(points); {
		x, y := int((points[n].at-from.Unix())/unit), a.y(points[n].value)
		lines = append(number(append(number(append(lines, 'M'), x), ' '), y), 'l')
		areas = append(number(append(number(append(number(append(areas, 'M'), x), ' '), plotHeight), 'V'), y), 'l')
		start := len(lines)
		width := 0
		for n++; n < len(points); n++ {
			nextX, nextY := int((points[n].at-from.Unix())/unit), a.y(points[n].value)
			if nextX-x > apart {
				break
			}
			lines = pair(lines, nextX-x, nextY-y)
			x, y, width = nextX, nextY, width+nextX-x
		}
		if width == 0 {
			lines = pair(lines, 0, 0) // round ends make it a dot
		}
		areas = append(areas, lines[start:]...)
		areas = append(number(append(areas, 'V'), plotHeight), 'z')
	}
	return string(lines), string(areas)
}

// stepsApart is how far from a point the next is, in steps, where none is missing.
func stepsApart(step, window time.Duration) int { return max(1, int((window+step-1)/step)) }

func number(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// pair appends two numbers, of which a sign parts the second from the first, and a
// blank where it has none.
func pair(b []byte, x, y int) []byte {
	if last := b[len(b)-1]; '0' <= last && last <= '9' && x >= 0 {
		b = append(b, ' ')
	}
	b = number(b, x)
	if y >= 0 {
		b = append(b, ' ')
	}
	return number(b, y)
}
