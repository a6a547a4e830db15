package statuspage_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
)

// BenchmarkStream tells 5,000 listeners of a change, over real connections. It
// reports how long it took until the last one knew, and what each costs in
// memory, client and server together.
func BenchmarkStream(b *testing.B) {
	const listeners = 5000
	p := newPage(b, newStore(), nil)
	apply(b, p, event(create, "0", 0, tagged("API", "major")...))
	srv := httptest.NewServer(p.API())
	defer srv.Close()
	defer p.Shutdown()
	before := inUse()
	lines := make([]*bufio.Scanner, listeners)
	for n := range lines {
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		require.NoError(b, err)
		defer c.Close()
		_, err = fmt.Fprint(c, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(b, err)
		lines[n] = bufio.NewScanner(c)
		waitFor(b, lines[n], "data:") // the whole state
	}
	each := float64(inUse()-before) / listeners / 1024
	var worst time.Duration
	n := 0
	for b.Loop() {
		n++
		service := fmt.Sprintf("service-%d-", n)
		start := time.Now()
		apply(b, p, event(create, service, float64(n), tagged(service, "critical")...))
		var wg sync.WaitGroup
		for _, l := range lines {
			wg.Go(func() { waitFor(b, l, service) })
		}
		wg.Wait()
		worst = max(worst, time.Since(start))
	}
	b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
	b.ReportMetric(each, "KiB/listener")
}

func waitFor(b *testing.B, lines *bufio.Scanner, text string) {
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	b.Errorf("the stream has ended: %v", lines.Err())
}

// inUse is the memory of the heap and of stacks, in bytes.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkWebhookStored takes webhooks into a folder, one after the other, beside
// the sync of one small write on the same disk, and reports the 99th percentile of
// both. Each webhook changes the state of all its services, and so their
// services/NAME.json. All services have had an incident before: those that are new
// make files, which some file systems take as long for as for a sync.
//
// Webhooks and syncs alternate in stretches, so that both meet whatever else the
// machine does. A sync that is not counted parts them: the floor must not pay for
// the files that the webhooks have just written, which would raise it.
func BenchmarkWebhookStored(b *testing.B) {
	for _, tt := range []struct {
		name     string
		services int // of an alert
		history  bool
	}{
		{"one service", 1, false},
		{"five services", 5, false},
		{"one service with a year of history", 1, true},
	} {
		b.Run(tt.name, func(b *testing.B) {
			const all, stretch = 500, 50
			s, err := filestore.Open(filestore.Config{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)})
			require.NoError(b, err)
			defer s.Close()
			name := func(n int) string { return fmt.Sprintf("service-%05d", n%all) }
			if tt.history {
				for n := range all {
					require.NoError(b, s.Update(b.Context(), statuspage.KeyOf("records/", name(n)), func([]byte) ([]byte, error) {
						return json.Marshal(yearOf(name(n), time.Now()))
					}))
				}
			}
			p := newPage(b, s, nil)
			for n := range all {
				id, tags := fmt.Sprint("before ", n), tagged(name(n), "major")
				apply(b, p, event(create, id, 0, tags...), event(closed, id, 1, tags...))
			}
			f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
			require.NoError(b, err)
			defer f.Close()
			block := make([]byte, 512)
			sync := func() time.Duration {
				start := time.Now()
				_, err := f.Write(block)
				require.NoError(b, err)
				require.NoError(b, f.Sync())
				return time.Since(start)
			}
			var stored, synced []time.Duration
			for b.Loop() {
				n := len(stored)
				tags := []string{"statuspage", "major"}
				for k := range tt.services {
					tags = append(tags, "servicename:"+name(n/2+k))
				}
				e := event(create, fmt.Sprintf("052652ac-5d1c-464a-812a-%012d", n/2), 0, tags...)
				if n%2 == 1 {
					e.Action, e.Alert.UpdatedAt = closed, at(1)
				}
				_, changed := p.Changes()
				start := time.Now()
				apply(b, p, e)
				<-changed // whoever listens is told
				stored = append(stored, time.Since(start))
				if len(stored)%stretch == 0 {
					b.StopTimer()
					sync()
					for range stretch {
						synced = append(synced, sync())
					}
					b.StartTimer()
				}
			}
			if len(synced) == 0 {
				return // of a first round, to see how long it takes
			}
			slices.Sort(stored)
			slices.Sort(synced)
			of := func(all []time.Duration, percent int) float64 {
				return float64(all[len(all)*percent/100].Microseconds())
			}
			b.ReportMetric(of(stored, 50), "stored-p50-µs")
			b.ReportMetric(of(synced, 50), "fsync-p50-µs")
			b.ReportMetric(of(stored, 99), "stored-p99-µs")
			b.ReportMetric(of(synced, 99), "fsync-p99-µs")
			b.ReportMetric(of(stored, 99)/of(synced, 99), "p99-ratio")
		})
	}
}
