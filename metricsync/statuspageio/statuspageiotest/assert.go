package statuspageiotest

import (
	"fmt"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// RequireSamples ends the test if the points of a metric that are stored by now
// are not want, in any order.
func (f *Fake) RequireSamples(tb TB, id string, want []metricsync.Sample) {
	tb.Helper()
	samples := f.Samples(id)
	got := make(map[int64]float64, len(samples))
	for _, s := range samples {
		got[s.At.Unix()] = s.Value
	}
	var wrong []string
	say := func(at int64, format string, values ...any) {
		wrong = append(wrong, time.Unix(at, 0).UTC().Format(time.RFC3339)+": "+fmt.Sprintf(format, values...))
	}
	for _, s := range want {
		at := s.At.Unix()
		value, ok := got[at]
		delete(got, at)
		switch {
		case !ok:
			say(at, "none, want %v", s.Value)
		case value != s.Value:
			say(at, "%v, want %v", value, s.Value)
		}
	}
	for _, s := range samples {
		if value, more := got[s.At.Unix()]; more {
			say(s.At.Unix(), "%v, want none", value)
		}
	}
	if len(wrong) == 0 {
		return
	}
	const most = 10
	if more := len(wrong) - most; more > 0 {
		wrong = append(wrong[:most], fmt.Sprintf("and %d more", more))
	}
	tb.Fatalf("statuspageiotest: metric %s after %d calls:\n\t%s", id, len(f.Calls()), strings.Join(wrong, "\n\t"))
}
