package peerbench

import (
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// long makes the storms as large as the promises about them. run.sh sets it.
var long = flag.Bool("long", false, "full-size storms: 2 million failing requests, 10 million paths")

func size(full, quick int) int {
	if *long {
		return full
	}
	return quick
}

// maxGrowth is how much the heap may grow in a storm: not with the number of
// requests or paths, only by what the open alerts hold.
const maxGrowth = 1 << 20

// heap is the heap in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// storm serves n failing requests, of which request i is changed by vary, and
// tells how the heap grew after the first tenth.
func storm(t *testing.T, h http.Handler, n int, vary func(i int, r *http.Request)) (grown int64, took time.Duration) {
	t.Helper()
	w, r := newSink(), newRequest()
	serve := func(from, to int) {
		for i := from; i < to; i++ {
			vary(i, r)
			w.reset()
			h.ServeHTTP(w, r)
		}
	}
	start := time.Now()
	serve(0, n/10)
	before := heap()
	serve(n/10, n)
	took = time.Since(start)
	return heap() - before, took
}

// TestStormMemory shows that an outage of the service while Opsgenie hangs too
// costs no memory.
func TestStormMemory(t *testing.T) {
	failing := outcomes[1].handler()
	var out strings.Builder
	fmt.Fprintf(&out, "\n## Storms: heap in use after a collection\n\n| storm | requests | grown, bytes | ns a request |\n|---|--:|--:|--:|\n")
	for _, c := range []struct {
		name string
		n    int
		vary func(i int, r *http.Request)
	}{
		{"one route, Opsgenie hanging", size(2_000_000, 100_000), func(int, *http.Request) {}},
		{"every path new, Opsgenie hanging", size(10_000_000, 200_000), func(i int, r *http.Request) {
			r.Pattern = ""
			r.URL.Path = "/" + strconv.FormatUint(uint64(i)*0x9e3779b97f4a7c15, 36)
		}},
	} {
		cfg := rwConfig("/", rwPattern)
		cfg.StatusAlias = "{service}-{method}-{route}-{status}"
		h := rwNew(t, cfg, hang{}).Handler(failing)
		grown, took := storm(t, h, c.n, c.vary)
		fmt.Fprintf(&out, "| %s | %d | %d | %d |\n", c.name, c.n, grown, took.Nanoseconds()/int64(c.n))
		if grown > maxGrowth {
			t.Errorf("%s: the heap grew by %d bytes in %d requests, want at most %d", c.name, grown, c.n, maxGrowth)
		}
	}
	report(t, out.String())
}

// TestStormLatency shows what an outage with Opsgenie hanging costs the clients
// of a real server. How far one bare server seems to be from another is how well
// the run can tell, so it judges only where those two agree.
func TestStormLatency(t *testing.T) {
	const clients = 4
	each := size(500_000, 2_000)
	serve := func(wrap func(http.Handler) http.Handler) string {
		mux := http.NewServeMux()
		mux.Handle(routeStd, outcomes[1].handler())
		srv := httptest.NewUnstartedServer(wrap(mux))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.Start()
		t.Cleanup(srv.Close)
		return srv.Listener.Addr().String()
	}
	none := func(next http.Handler) http.Handler { return next }
	names := []string{"bare", "bare again", "routewatch"}
	addrs := []string{serve(none), serve(none), serve(rwNew(t, rwConfig(rwPattern), hang{}).Handler)}

	// Each client asks the servers in turn, so that whatever else the machine
	// does falls on all of them alike.
	took := make([][][]time.Duration, clients)
	var wg sync.WaitGroup
	for c := range clients {
		conns := make([]*keepAlive, len(addrs))
		took[c] = make([][]time.Duration, len(addrs))
		for s, addr := range addrs {
			conns[s] = dial(t, addr)
			took[c][s] = make([]time.Duration, 0, each)
		}
		wg.Go(func() {
			for i := range each {
				for k := range addrs {
					s := (i + k*(1+i/len(addrs)%2)) % len(addrs) // every order in turn
					start := time.Now()
					if err := conns[s].do(); err != nil {
						t.Error(err)
						return
					}
					took[c][s] = append(took[c][s], time.Since(start))
				}
			}
		})
	}
	wg.Wait()

	all := make([][]time.Duration, len(addrs))
	for s := range addrs {
		for c := range clients {
			all[s] = append(all[s], took[c][s]...)
		}
		slices.Sort(all[s])
	}
	at := func(side int, q float64) float64 {
		return float64(all[side][int(q*float64(len(all[side])-1))].Nanoseconds()) / 1000
	}
	more := func(side int) float64 { return 100 * (at(side, 0.99)/at(0, 0.99) - 1) }
	var out strings.Builder
	fmt.Fprintf(&out, "\n## Storm through a real server, Opsgenie hanging: µs of %d failing requests each, over %d connections each\n\n", clients*each, clients)
	fmt.Fprintf(&out, "| server | p50 | p90 | p99 | p99 against bare | p99.9 |\n|---|--:|--:|--:|--:|--:|\n")
	for s, name := range names {
		fmt.Fprintf(&out, "| %s | %.1f | %.1f | %.1f | %+.1f%% | %.1f |\n", name,
			at(s, 0.5), at(s, 0.9), at(s, 0.99), more(s), at(s, 0.999))
	}
	report(t, out.String())
	if *long && math.Abs(more(1)) < 2 && more(2) > 5 {
		t.Errorf("p99 is %.1f%% above that of the bare server, want at most 5%%", more(2))
	}
}
