package signalfx_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// Whatever fails, and whenever: what is yielded before an error is whole but for
// its last time, so that a reader which goes on from there has everything, and
// nothing that is wrong.
func TestWhateverFails(t *testing.T) {
	const series = 3
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			f := signalfxtest.NewFake(t, &signalfxtest.Options{
				Batch: rnd.IntN(4), EndInclusive: rnd.IntN(2) == 0, MaxPoints: 1000 + rnd.IntN(10_000),
			})
			f.AddSeries("q", gauges(series)...)
			f.AddProgram("q", signalfxtest.Stream{Series: gauges(series)})
			for range 30 {
				f.Inject(anyFault(rnd))
			}
			c := newClient(t, f.Transport())
			src := []metricsync.Source{c.TimeSeries(), c.SignalFlow()}[seed%2]

			span := minutes(0, 2000)
			var got []metricsync.Point
			for runs := 0; ; runs++ {
				require.Less(t, runs, 60, "seed %d", seed)
				from := span
				if len(got) > 0 {
					from.From = got[len(got)-1].At
				}
				for len(got) > 0 && got[len(got)-1].At.Equal(from.From) {
					got = got[:len(got)-1]
				}
				more, err := read(t.Context(), src, text("q"), from)
				got = append(got, more...)
				if err == nil {
					break
				}
				time.Sleep(time.Minute)
			}
			assertWhole(t, got, span, series)
		})
	}
}

// anyFault is one of those that pass.
func anyFault(rnd *rand.Rand) signalfxtest.Fault {
	all := []signalfxtest.Fault{
		{Status: 500 + rnd.IntN(5)},
		{Status: 429},
		{Status: 200, Body: signalfxtest.Sentence},
		{Status: 403},
		{Cut: signalfxtest.CutBefore},
		{Cut: signalfxtest.CutAt, At: rnd.IntN(100_000)},
		{Cut: signalfxtest.EndAt, At: rnd.IntN(100_000)},
		{Cut: signalfxtest.StallAt, At: rnd.IntN(100_000)},
		{Hang: true},
		{Delay: time.Duration(rnd.IntN(90)) * time.Second},
		{Instants: rnd.IntN(1000), Events: []signalfxtest.Event{signalfxtest.Abort("", "by hand")}},
	}
	fault := all[rnd.IntN(len(all))]
	fault.Times, fault.Skip = 1+rnd.IntN(4), rnd.IntN(3)
	return fault
}
