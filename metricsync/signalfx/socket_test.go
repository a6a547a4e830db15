package signalfx_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync/signalfx"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// With the client's own transport, over a socket.
func TestOverASocket(t *testing.T) {
	s := signalfxtest.NewServer(t, &signalfxtest.Options{Tokens: []string{canary}})
	s.AddSeries("q", gauges(3)...)
	s.AddProgram("p", signalfxtest.Stream{Series: gauges(3)})
	c := newClient(t, nil, func(cfg *signalfx.Config) { cfg.APIURL, cfg.StreamURL = s.URL, s.URL })

	points, err := read(t.Context(), c.TimeSeries(), text("q"), minutes(0, 2000))
	require.NoError(t, err)
	assertWhole(t, points, minutes(0, 2000), 3)
	points, err = read(t.Context(), c.SignalFlow(), text("p"), minutes(0, 2000))
	require.NoError(t, err)
	assertWhole(t, points, minutes(0, 2000), 3)

	// A job ends with its reader, also while it says nothing.
	s.Inject(signalfxtest.Fault{Op: signalfxtest.OpSignalFlow, Cut: signalfxtest.StallAt, At: 20_000})
	for _, err := range c.SignalFlow().Points(t.Context(), text("p"), minutes(0, 2000)) {
		require.NoError(t, err)
		assert.Equal(t, 1, s.Jobs())
		break
	}
	require.Eventually(t, func() bool { return s.Jobs() == 0 }, 10*time.Second, time.Millisecond)
	calls := s.Calls()
	assert.True(t, calls[len(calls)-1].Left)
}
