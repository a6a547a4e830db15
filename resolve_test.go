package routewatch_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

func TestResolveTellsMistakesBesideWhatStandsThere(t *testing.T) {
	got, err := routewatch.Config{Service: "shop", Priority: "P9"}.Resolve()

	require.ErrorContains(t, err, "Priority")
	require.ErrorContains(t, err, "APIKey")
	assert.Equal(t, "shop", got.Service)
	assert.Equal(t, opsgenie.Priority("P9"), got.Priority)
	assert.Equal(t, time.Minute, got.Renotify)
}

func TestResolveFillsDefaults(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)

	got, err := routewatch.Config{APIKey: "k"}.Resolve()

	require.NoError(t, err)
	assert.Equal(t, opsgenie.US, got.APIURL)
	assert.Equal(t, "go-service-"+host, got.Service)
	assert.Equal(t, "local", got.Environment)
	assert.Equal(t, opsgenie.P4, got.Priority)
	assert.Equal(t, []string{"routewatch"}, got.Tags)
	assert.Equal(t, routewatch.PerRequest, got.Trigger)
	assert.Empty(t, got.StatusPage)
	assert.Nil(t, got.Notifier)
}

func TestResolveLeavesItsConfigAlone(t *testing.T) {
	cfg := routewatch.Config{APIKey: "k", StatusPage: routewatch.StatusPage{Service: "website"}}

	got, err := cfg.Resolve()

	require.NoError(t, err)
	assert.Equal(t, routewatch.Major, got.StatusPage.Status)
	assert.Empty(t, cfg.StatusPage.Status)
	assert.Empty(t, cfg.APIURL)
}
