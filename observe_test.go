package routewatch_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

func TestObserveAfterClose(t *testing.T) {
	rec := &recorder{}
	w := newWatcher(t, routewatch.Config{Notifier: rec, StatusClasses: []string{"5XX"}})
	require.NoError(t, w.Close(context.Background()))
	w.Observe(routewatch.Observation{Status: 500})
	w.Observe(routewatch.Observation{Panic: "lost"})
	assert.Empty(t, rec.alerts())
	assert.Equal(t, map[string]uint64{"closed": 2}, w.Stats().Dropped)
}
