package statuspage

import (
	"math"
	"strconv"
	"strings"

	"github.com/routewatch/routewatch/internal/chartdoc"
)

const (
	noBreak = "\u00a0" // between a number and its unit
	thin    = "\u202f" // between thousands, in every language
)

// general is the number of decimals of numbers that are too large or too small to
// have one.
const general = -1

// decimals is how many decimals values between two have. Unless it is configured
// it is as many as three significant digits of the larger take, and more where the
// values are so close that they would all look alike.
func (c *Chart) decimals(least, most float64) int {
	largest := max(math.Abs(least), math.Abs(most))
	switch {
	case largest >= 1e15, largest > 0 && largest < 1e-4:
		return general
	case c.Decimals != 0:
		return max(c.Decimals, 0)
	case largest == 0:
		return 0
	}
	n := 2 - digits(largest)
	if spread := most - least; spread > 0 {
		n = max(n, 1-digits(spread))
	}
	return min(max(n, 0), chartdoc.MaxDecimals)
}

// digits is how many digits a positive number has before its point, but for one.
func digits(v float64) int { return int(math.Floor(math.Log10(v))) }

// value is a value of a chart as people read it, with its unit.
func (c *Chart) value(v float64, decimals int) string {
	s := figure(v, decimals)
	if c.Decimals == 0 {
		s = shortest(s)
	}
	if c.Unit != "" {
		s += noBreak + c.Unit
	}
	return s
}

// figure is the number alone.
func figure(v float64, decimals int) string {
	if decimals == general {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return thousands(strconv.FormatFloat(v, 'f', decimals, 64))
}

// shortest drops zeroes that say nothing.
func shortest(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return unsigned(s)
}

// unsigned takes the sign off a zero.
func unsigned(s string) string {
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return s
}

// thousands parts a number of five digits or more.
func thousands(s string) string {
	s = unsigned(s)
	whole, rest, dot := strings.Cut(s, ".")
	digits := strings.TrimPrefix(whole, "-")
	if len(digits) < 5 {
		return s
	}
	sign := whole[:len(whole)-len(digits)]
	var out strings.Builder
	for n, d := range digits {
		if n > 0 && (len(digits)-n)%3 == 0 {
			out.WriteString(thin)
		}
		out.WriteRune(d)
	}
	if dot {
		rest = "." + rest
	}
	return sign + out.String() + rest
}

// label is the value of a line of an axis, short enough to stand beside it.
func (a axis) label(v float64) string {
	largest := max(math.Abs(a.low), math.Abs(a.high))
	if largest >= 1e15 || largest < 1e-4 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	size, name := 1.0, ""
	for _, next := range []struct {
		from, size float64
		name       string
	}{{1e4, 1e3, "k"}, {1e6, 1e6, "M"}, {1e9, 1e9, "G"}, {1e12, 1e12, "T"}} {
		if largest >= next.from {
			size, name = next.size, next.name
		}
	}
	if v == 0 {
		return "0"
	}
	return strconv.FormatFloat(v/size, 'f', decimalsOf(a.step/size), 64) + name
}

// decimalsOf is how many decimals the multiples of a step need.
func decimalsOf(step float64) int { return max(0, -digits(step*(1+1e-9))) }
