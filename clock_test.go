package routewatch_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// silentNotifier is a Notifier that takes everything and tells nobody.
type silentNotifier struct{}

func (silentNotifier) Create(context.Context, opsgenie.NewAlert) (string, error) { return "", nil }

func (silentNotifier) Close(context.Context, opsgenie.Ref, opsgenie.Action) (string, error) {
	return "", nil
}

// lookedAt is a ResponseWriter that says whether somebody asked for its header:
// net/http copies the header then.
type lookedAt struct {
	http.ResponseWriter
	asked bool
}

func (w *lookedAt) Header() http.Header {
	w.asked = true
	return w.ResponseWriter.Header()
}

func TestTook(t *testing.T) {
	const threshold = 2 * time.Second
	for _, tt := range []struct {
		name        string
		threshold   time.Duration
		status      int
		contentType string
		passes      time.Duration
		want        time.Duration
		asked       bool
	}{
		{"a slow stream of events", threshold, 200, "text/event-stream; charset=utf-8", time.Hour, 0, true},
		{"a hijacked connection", threshold, 101, "", time.Hour, 0, false},
		{"no threshold", 0, 200, "", time.Hour, 0, false},
		{"at the threshold", threshold, 200, "text/event-stream", threshold, threshold, false},
		{"over it", threshold, 200, "text/html", threshold + 1, threshold + 1, true},
		{"quick", threshold, 500, "", time.Millisecond, time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := routewatch.Config{Notifier: silentNotifier{}, LatencyThreshold: tt.threshold}
				if tt.threshold > 0 {
					cfg.LatencyRoutes = []string{"/"}
				}
				w, err := routewatch.New(cfg)
				require.NoError(t, err)
				defer w.Close(t.Context())
				rw := &lookedAt{ResponseWriter: httptest.NewRecorder()}
				rw.ResponseWriter.Header().Set("Content-Type", tt.contentType)

				time.Sleep(time.Minute) // the Watcher is not new
				start := w.Clock()
				time.Sleep(tt.passes)

				assert.Equal(t, tt.threshold > 0, start > 0, "the clock was read")
				assert.Equal(t, tt.want, w.Took(start, tt.status, rw))
				assert.Equal(t, tt.asked, rw.asked, "the header was looked at")
			})
		})
	}
}
