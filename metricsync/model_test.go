package metricsync_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
)

var seeds = flag.Int("metricsync.seeds", 6, "how many random histories the model test plays")

// What the curves of the model say. Some windows have no points, and some points
// are late.
func truth(query string, series int, at time.Time) float64 {
	h := uint64(at.Unix())*2654435761 + uint64(len(query))*97 + uint64(series)*31
	switch {
	case query == "gaps" && at.Unix()/3600%7 == 3:
		return math.NaN()
	case query == "total" && at.Unix()/300%11 == 5:
		return 0
	}
	return float64(h % 1000)
}

// wanted is the value of a window by the plainest arithmetic.
func wanted(m *metricsync.Metric, series int, start time.Time) (float64, bool) {
	var values, totals, means []float64
	for at := start; at.Before(start.Add(m.Window)); at = at.Add(m.Resolution) {
		s, n := 0.0, 0.0
		for i := range series {
			if v := truth(m.Query.Text, i, at); !math.IsNaN(v) {
				values = append(values, v)
				s, n = s+v, n+1
			}
			if m.Total.Text != "" {
				totals = append(totals, truth(m.Total.Text, i, at))
			}
		}
		if n > 0 {
			means = append(means, s/n)
		}
	}
	sum := func(vs []float64) (s float64) {
		for _, v := range vs {
			s += v
		}
		return s
	}
	switch m.Reduce {
	case metricsync.Ratio:
		return 100 * sum(values) / sum(totals), sum(totals) > 0
	case metricsync.Sum:
		return sum(values), len(values) > 0
	case metricsync.Mean:
		return sum(means) / float64(len(means)), len(means) > 0
	}
	panic("no model of " + m.Reduce)
}

// Whatever fails whenever: at the end the sinks hold every closed window once,
// with the right value, and at no time is there a hole behind the newest one.
func TestModel(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

type history struct {
	t       *testing.T
	rng     *rand.Rand
	docs    *flaky
	source  *curve
	boards  []*board
	metrics []metricsync.Metric
	syncer  *metricsync.Syncer
	late    time.Duration // points younger than this are not there yet
	sick    bool
	checked int
}

func play(t *testing.T, rng *rand.Rand) {
	h := &history{t: t, rng: rng, sick: true}
	h.docs = &flaky{docs: map[string][]byte{}, rng: rand.New(rand.NewPCG(rng.Uint64(), 2))}
	h.source = &curve{series: 1 + rng.IntN(3)}
	h.source.value = func(query string, series int, at time.Time) float64 {
		v := truth(query, series, at)
		// The last third of what is late is late; the window is not empty without.
		// What never comes is not late.
		if !math.IsNaN(v) && h.late > 0 && series == 0 && at.Minute()%3 == 2 && at.After(time.Now().Add(-h.late)) {
			return 0
		}
		return v
	}
	h.source.fail = func(time.Time) error {
		if h.sick && rng.IntN(4000) == 0 {
			return errSource
		}
		return nil
	}
	h.metrics = []metricsync.Metric{
		{ID: "sum", Source: h.source, Query: metricsync.Query{Text: "plain"}, Reduce: metricsync.Sum, Window: 5 * time.Minute, Resolution: time.Minute},
		{ID: "mean", Source: h.source, Query: metricsync.Query{Text: "gaps"}, Reduce: metricsync.Mean, Window: 10 * time.Minute, Resolution: 5 * time.Minute},
		{Name: "name of ratio", Source: h.source, Query: metricsync.Query{Text: "errors"}, Total: metricsync.Query{Text: "total"}, Reduce: metricsync.Ratio, Window: 5 * time.Minute, Resolution: 5 * time.Minute},
	}
	for n := range 1 + rng.IntN(2) {
		b := newBoard(fmt.Sprintf("board %d", n), "sum", "mean", "ratio")
		b.max = []int{3000, 777, 50}[rng.IntN(3)]
		b.takes = time.Duration(rng.IntN(3)) * time.Second
		b.skew = []time.Duration{0, 0, -20 * time.Minute, 20 * time.Minute}[rng.IntN(4)]
		b.fail = func(series []metricsync.Series) error {
			if rng.IntN(20) == 0 {
				h.behindTheNewest(b)
			}
			switch n := rng.IntN(40); {
			case !h.sick:
			case n < 3:
				return errBusyServer
			case n == 3 && len(series) > 0:
				return errRefused
			}
			return nil
		}
		h.boards = append(h.boards, b)
	}
	h.restart()

	for range 60 + rng.IntN(60) {
		h.event()
		time.Sleep(time.Duration(rng.IntN(600)) * time.Second)
	}
	// In the end all is well.
	h.sick, h.late, h.docs.well = false, 0, true
	for range 12 {
		h.run(t.Context(), metricsync.Options{})
		time.Sleep(4 * time.Minute)
	}
	// More than any Reset without a sign takes to be found out, and once more
	// for what was closed meanwhile.
	time.Sleep(7 * time.Hour)
	h.run(t.Context(), metricsync.Options{})
	h.run(t.Context(), metricsync.Options{})
	for _, b := range h.boards {
		h.behindTheNewest(b)
		assert.Empty(t, b.violations)
		for n := range h.metrics {
			h.whole(b, &h.metrics[n])
		}
	}
	require.NotZero(t, h.checked)
}

// event is something that happens.
func (h *history) event() {
	b := h.boards[h.rng.IntN(len(h.boards))]
	kind := h.rng.IntN(12)
	h.t.Logf("%s event %d on %s", time.Now().UTC().Format(time.DateTime), kind, b.name)
	switch kind {
	case 0: // the process is killed in the middle
		ctx, cancel := context.WithTimeout(h.t.Context(), time.Duration(h.rng.IntN(20))*time.Second)
		defer cancel()
		h.run(ctx, metricsync.Options{})
		h.restart()
	case 1: // the time is up
		h.run(h.t.Context(), metricsync.Options{Until: time.Now().Add(time.Duration(h.rng.IntN(10)) * time.Second)})
	case 2:
		// One that comes before anybody has seen a sample is found out hours later,
		// by the flag: see TestResetBeforeAnythingWasSeen.
		if id := []string{"sum", "mean", "ratio"}[h.rng.IntN(3)]; b.metrics[id].seen {
			b.reset(id)
		}
	case 3:
		h.docs.set(map[string][]byte{})
		h.restart()
	case 4:
		h.docs.set(map[string][]byte{"metricsync/progress.json": []byte(`{"sinks": {"board 0"`)})
	case 5:
		h.late = time.Duration(h.rng.IntN(8)) * time.Minute
	case 6:
		h.run(h.t.Context(), metricsync.Options{Since: time.Now().Add(-time.Duration(h.rng.IntN(40*24)) * time.Hour), Only: []string{"sum"}})
	case 7: // it says that it has the past
		b.mu.Lock()
		for _, m := range b.metrics {
			m.backfilled = m.backfilled || len(m.samples) > 100
		}
		b.mu.Unlock()
	case 8:
		time.Sleep(time.Duration(h.rng.IntN(48)) * time.Hour)
	default:
		h.run(h.t.Context(), metricsync.Options{})
	}
}

func (h *history) restart() {
	cfg := metricsync.Config{Metrics: h.metrics, Documents: h.docs, Shared: h.rng.IntN(2) == 0, Logger: slog.New(slog.DiscardHandler)}
	for _, b := range h.boards {
		cfg.Sinks = append(cfg.Sinks, b)
	}
	var err error
	h.syncer, err = metricsync.New(cfg)
	require.NoError(h.t, err)
}

func (h *history) run(ctx context.Context, o metricsync.Options) {
	report, err := h.syncer.Sync(ctx, o)
	if err != nil && ctx.Err() == nil && !errors.Is(err, metricsync.ErrBusy) {
		require.NoError(h.t, err)
	}
	for _, m := range report.Metrics {
		h.t.Logf("  %s to %s: %s from %s through %s, %d sent: %v", m.Metric, m.Sink, m.Plan, m.From.Format(time.DateTime), m.Through.Format(time.DateTime), m.Sent, m.Err)
	}
	if !h.sick {
		require.NoError(h.t, report.Err())
	}
}

// behindTheNewest checks that what a board has goes on without a hole from its
// first sample to its newest, as far back as it takes any.
func (h *history) behindTheNewest(b *board) {
	for n := range h.metrics {
		m := &h.metrics[n]
		shown := b.metrics[[]string{"sum", "mean", "ratio"}[n]]
		if shown.first == 0 {
			continue
		}
		for at := time.Unix(shown.first, 0).UTC(); !at.After(shown.newest); at = at.Add(m.Window) {
			_, there := shown.samples[at.Unix()]
			if at.Before(time.Now().Add(b.skew - metricsync.Reach + 10*time.Minute)) {
				continue
			}
			if _, ok := wanted(m, h.source.series, at); ok && !there {
				h.t.Fatalf("%s on %s: a hole at %s, behind %s", m.Key(), b.name, at, shown.newest)
			}
			h.checked++
		}
	}
}

// whole checks that every closed window of the last 28 days is there, with the
// right value, and nothing else.
func (h *history) whole(b *board, m *metricsync.Metric) {
	id := m.ID
	if id == "" {
		id = "ratio"
	}
	shown := b.metrics[id]
	now := time.Now().Add(min(b.skew, 0))
	end := now.Add(-time.Minute).Truncate(m.Window)
	// It was sent some time ago, when that was 28 days.
	for at := end.Add(-metricsync.Reach + 9*time.Hour); at.Before(end); at = at.Add(m.Window) {
		want, ok := wanted(m, h.source.series, at)
		got, there := shown.samples[at.Unix()]
		if ok != there || ok && math.Abs(want-got) > 1e-9*math.Abs(want) {
			h.t.Fatalf("%s on %s at %s: there %t, %g; want %t, %g; newest %s, %d accepted, skew %s, end %s", m.Key(), b.name, at, there, got, ok, want, shown.newest, shown.accepted, b.skew, end)
		}
	}
	for at := range shown.samples {
		if at >= end.Unix() || at%int64(m.Window.Seconds()) != 0 {
			h.t.Fatalf("%s on %s: a sample of %s, which is not closed or no window", m.Key(), b.name, time.Unix(at, 0).UTC())
		}
	}
}
