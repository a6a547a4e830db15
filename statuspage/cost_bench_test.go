package statuspage_test

import (
	"bufio"
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

// BenchmarkWebhookStored takes webhooks into a folder, beside the sync of one
// small file on the same disk, and reports the 99th percentile of both.
func BenchmarkWebhookStored(b *testing.B) {
	s, err := filestore.Open(filestore.Config{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	defer s.Close()
	p := newPage(b, s, nil)
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	require.NoError(b, err)
	defer f.Close()
	block := make([]byte, 512)
	var stored, synced []time.Duration
	n := 0
	for b.Loop() {
		n++
		start := time.Now()
		apply(b, p, event(create, fmt.Sprint(n), 0, tagged(fmt.Sprint("service ", n%500), "major")...))
		stored = append(stored, time.Since(start))
		start = time.Now()
		_, err := f.Write(block)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
		synced = append(synced, time.Since(start))
	}
	p99 := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)*99/100].Microseconds())
	}
	b.ReportMetric(p99(stored), "stored-p99-µs")
	b.ReportMetric(p99(synced), "fsync-p99-µs")
	b.ReportMetric(p99(stored)/p99(synced), "p99-ratio")
}
