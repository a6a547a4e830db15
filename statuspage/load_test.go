package statuspage_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// yearOf is the record of a service that had an incident a week, for a year.
func yearOf(name string, now time.Time) *statuspage.Record {
	r := &statuspage.Record{Name: name, State: statuspage.Green, Version: 1, FirstAt: now.AddDate(-1, 0, 0)}
	for week := range 52 {
		from := now.AddDate(0, 0, -7*week-3)
		id := fmt.Sprintf("%s-%08x-5d1c-464a-812a-7dd18bbfba8c", name, week)
		i := statuspage.Incident{ID: id, CreatedAt: from, ResolvedAt: from.Add(time.Hour), Message: "the service answers slowly", MessageAt: from}
		i.Points = []statuspage.Point{{At: from, Page: true, Services: []string{name}, Severity: statuspage.Major}}
		i.Updates = []statuspage.Update{{At: from.Add(time.Minute), Text: "We are looking into it."}}
		r.Incidents = append(r.Incidents, i)
		r.Changes = append(r.Changes,
			statuspage.StateChange{At: from, State: statuspage.Major, Message: i.Message},
			statuspage.StateChange{At: i.ResolvedAt, State: statuspage.Green})
	}
	return r
}

// fill puts services with a year of history into a store.
func fill(tb testing.TB, s *store, services int) {
	tb.Helper()
	for n := range services {
		name := fmt.Sprintf("service-%05d", n)
		data, err := json.Marshal(yearOf(name, time.Now()))
		require.NoError(tb, err)
		s.rev++
		s.docs[statuspage.KeyOf("records/", name)] = doc{s.rev, data}
	}
}

// BenchmarkStart reads 10,000 services with a year of history.
func BenchmarkStart(b *testing.B) {
	s := newStore()
	fill(b, s, 10_000)
	for b.Loop() {
		require.Len(b, newPage(b, s, nil).Snapshot().Services, 10_000)
	}
}

// BenchmarkWebhook takes in an alert's beginning and end, with many services
// beside.
func BenchmarkWebhook(b *testing.B) {
	for _, services := range []int{10, 10_000} {
		b.Run(fmt.Sprint(services), func(b *testing.B) {
			s := newStore()
			for n := range services {
				data, err := json.Marshal(statuspage.Record{Name: fmt.Sprint("service ", n), State: statuspage.Green, Version: 1})
				require.NoError(b, err)
				s.docs[statuspage.KeyOf("records/", fmt.Sprint("service ", n))] = doc{1, data}
			}
			p := newPage(b, s, nil)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				id, name := fmt.Sprint("alert ", n), fmt.Sprint("service ", n%services)
				apply(b, p, event(create, id, 0, tagged(name, "major")...), event(closed, id, 1, tagged(name, "major")...))
				n++
			}
		})
	}
}

// TestMemory takes in many webhooks, of as many alerts: what was long ago must
// not stay in memory. ROUTEWATCH_TEST_WEBHOOKS is how many, such as 1000000.
func TestMemory(t *testing.T) {
	webhooks, _ := strconv.Atoi(os.Getenv("ROUTEWATCH_TEST_WEBHOOKS"))
	if webhooks == 0 {
		t.Skip("ROUTEWATCH_TEST_WEBHOOKS is not set")
	}
	s := newStore()
	p := newPage(t, s, nil)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) >> 10
	}
	var heaps []int64
	for n := range webhooks / 3 {
		id, name := fmt.Sprintf("052652ac-5d1c-464a-812a-%012d", n), fmt.Sprint("service ", n%4)
		apply(t, p, event(create, id, 0, tagged(name, "major")...), event(closed, id, 1, tagged(name, "major")...), event(deleted, "other "+id, 1))
		if n%(webhooks/3/10) == 0 {
			heaps = append(heaps, heap())
		}
	}
	t.Logf("heap in KiB: %d", heaps)
	require.Less(t, heaps[len(heaps)-1]-heaps[len(heaps)/2], int64(4<<10))
	runtime.KeepAlive(p)
}

// BenchmarkIncidents merges those of all services after each change.
func BenchmarkIncidents(b *testing.B) {
	for _, services := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(services), func(b *testing.B) {
			s := newStore()
			fill(b, s, services)
			p := newPage(b, s, nil)
			began := time.Now()
			p.Snapshot().Incidents()
			first := time.Since(began)
			n := 0
			for b.Loop() {
				b.StopTimer()
				n++
				apply(b, p, event(create, fmt.Sprint("alert ", n), 0, tagged("service-00000", "major")...))
				b.StartTimer()
				require.NotEmpty(b, p.Snapshot().Incidents())
			}
			b.ReportMetric(float64(first.Milliseconds()), "first-ms")
		})
	}
}
