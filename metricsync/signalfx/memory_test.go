package signalfx_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// backfill has the sources of a month of 10 series at 1 minute, and of a program
// with some.
func backfill(tb testing.TB, published int) (sources map[string]metricsync.Source, s metricsync.Span) {
	f := signalfxtest.New(signalfxtest.Options{})
	tb.Cleanup(f.Close)
	f.AddSeries("q", gauges(10)...)
	f.AddProgram("q", signalfxtest.Stream{Series: gauges(published)})
	c := newClient(tb, f.Transport())
	return map[string]metricsync.Source{"TimeSeries": c.TimeSeries(), "SignalFlow": c.SignalFlow()},
		metricsync.Span{From: noon, To: noon.Add(28 * day), Step: time.Minute}
}

// Reading a month holds no more than reading a day.
func TestMemoryDoesNotGrowWithTheSpan(t *testing.T) {
	sources, s := backfill(t, 1)
	for name, src := range sources {
		var m runtime.MemStats
		var held []uint64
		middle := s.From.Add(12 * time.Hour) // of a day
		for p, err := range src.Points(t.Context(), text("q"), s) {
			require.NoError(t, err)
			if p.At.Equal(middle) {
				runtime.GC()
				runtime.ReadMemStats(&m)
				held = append(held, m.HeapAlloc)
				middle = middle.Add(day)
			}
		}
		require.Len(t, held, 28)
		assert.Less(t, held[27], held[1]+512<<10, "%s: %d", name, held)
	}
}

// Peak is the largest heap that was seen, garbage included.
func BenchmarkBackfill(b *testing.B) {
	sources, s := backfill(b, 10)
	for _, name := range []string{"TimeSeries", "SignalFlow"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var m runtime.MemStats
			var peak uint64
			n := 0
			for b.Loop() {
				for _, err := range sources[name].Points(b.Context(), text("q"), s) {
					if err != nil {
						b.Fatal(err)
					}
					if n++; n%1_000 == 0 {
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapAlloc)
					}
				}
			}
			b.ReportMetric(float64(n)/float64(b.N), "points/op")
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		})
	}
}
