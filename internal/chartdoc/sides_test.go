package chartdoc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/pagesink"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every store of a page is one for metrics.
var _ pagesink.Store = statuspage.Store(nil)

// stores are opened anew by each call: what is on disk stays.
func stores(t *testing.T) map[string]func(t *testing.T) statuspage.Store {
	dir, mem := t.TempDir(), memstore.New()
	return map[string]func(t *testing.T) statuspage.Store{
		"memstore": func(*testing.T) statuspage.Store { return mem },
		"filestore": func(t *testing.T) statuspage.Store {
			s, err := filestore.Open(filestore.Config{Dir: dir})
			require.NoError(t, err)
			return s
		},
	}
}

func newPage(t *testing.T, s statuspage.Store) *statuspage.Page {
	t.Helper()
	p, err := statuspage.New(t.Context(), statuspage.Config{Store: s, InsecureWebhook: true})
	require.NoError(t, err)
	return p
}

// shown are the points that the page shows of a metric in a month.
func shown(t *testing.T, p *statuspage.Page, id, period string) map[int64]float64 {
	t.Helper()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/metrics/"+id+".json?period="+period, nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var answer struct{ Points [][2]float64 }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	points := map[int64]float64{}
	for _, p := range answer.Points {
		points[int64(p[0])] = p[1]
	}
	return points
}

// What metric sync sends is what the page shows, also by another process that
// opens the store later.
func TestSides(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			page := newPage(t, s)
			sink, err := pagesink.New(pagesink.Config{Store: s, Charts: []pagesink.Chart{{ID: "lat/1", Title: "Latency", Unit: "ms"}}})
			require.NoError(t, err)
			end := time.Now().Truncate(2 * time.Hour)
			series := metricsync.Series{ID: "lat/1"}
			want := map[int64]float64{}
			for at := end.Add(-27 * 24 * time.Hour); at.Before(end); at = at.Add(2 * time.Hour) {
				series.Samples = append(series.Samples, metricsync.Sample{At: at, Value: float64(at.Unix() % 1000)})
				want[at.Unix()] = float64(at.Unix() % 1000)
			}
			for len(series.Samples) > 0 {
				n := min(100, len(series.Samples))
				require.NoError(t, sink.Send(t.Context(), []metricsync.Series{{ID: "lat/1", Samples: series.Samples[:n]}}))
				series.Samples = series.Samples[n:]
			}
			require.NoError(t, page.Refresh(t.Context()))
			assert.Equal(t, want, shown(t, page, "lat%2F1", "month"))
			if name == "filestore" {
				require.NoError(t, s.Close())
				s = open(t)
			}
			assert.Equal(t, want, shown(t, newPage(t, s), "lat%2F1", "month"))
			require.NoError(t, s.Close())
		})
	}
}

// broken is a store of which calls fail, before they are carried out and after, now
// and then.
type broken struct {
	statuspage.Store
	mu    sync.Mutex
	calls int
	every int // how often they fail; 0 is never
}

var errBroken = errors.New("the store is broken")

func (b *broken) fails() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	return b.every > 0 && b.calls%b.every == 0
}

func (b *broken) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	if b.fails() {
		return errBroken
	}
	err := b.Store.Update(ctx, key, change)
	if err == nil && b.fails() {
		return errBroken
	}
	return err
}

func (b *broken) Get(ctx context.Context, key string) ([]byte, error) {
	if b.fails() {
		return nil, errBroken
	}
	return b.Store.Get(ctx, key)
}

// A page that reads while metrics are sent, over a store that fails now and
// then, shows the values of windows or nothing, and at the end all of them.
func TestSides_faults(t *testing.T) {
	for _, every := range []int{17, 29, 41} { // a Send alone makes 12
		s := &broken{Store: memstore.New()}
		page := newPage(t, s)
		s.every = every
		sink, err := pagesink.New(pagesink.Config{Store: s})
		require.NoError(t, err)
		end := time.Now().Truncate(5 * time.Minute)
		value := func(m int, at time.Time) float64 { return float64(m+1) * float64(at.Unix()%977) }
		want := map[int64]time.Time{}
		ctx, stop := context.WithCancel(t.Context())
		var reader sync.WaitGroup
		reader.Go(func() {
			for ctx.Err() == nil {
				_ = page.Refresh(ctx)
				for m := range 3 {
					w := httptest.NewRecorder()
					page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/api/metrics/m%d.json", m), nil))
					var answer struct{ Points [][2]float64 }
					assert.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
					for _, p := range answer.Points {
						assert.InDelta(t, value(m, time.Unix(int64(p[0]), 0)), p[1], 0)
					}
				}
			}
		})
		for at := end.Add(-6 * time.Hour); at.Before(end); at = at.Add(5 * time.Minute) {
			var batch []metricsync.Series
			for m := range 3 {
				batch = append(batch, metricsync.Series{ID: fmt.Sprint("m", m), Samples: []metricsync.Sample{{At: at, Value: value(m, at)}}})
			}
			want[at.Unix()] = at
			for sink.Send(t.Context(), batch) != nil {
			}
		}
		stop()
		reader.Wait()
		s.every = 0
		require.NoError(t, page.Refresh(t.Context()))
		for m := range 3 {
			got := shown(t, page, fmt.Sprint("m", m), "day")
			assert.Len(t, got, len(want))
			for unix, v := range got {
				assert.InDelta(t, value(m, want[unix]), v, 0)
			}
		}
	}
}
