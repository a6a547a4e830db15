package statuspage_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
)

// yearOf is the record of a service that had an incident a week, for a year.
func yearOf(name string, now time.Time) *statuspage.Record {
	r := &statuspage.Record{Name: name, State: statuspage.Green, Version: 1, FirstAt: now.AddDate(-1, 0, 0)}
	for week := range 52 {
		from := now.AddDate(0, 0, -7*week-3)
		id := fmt.Sprintf("%s-%08x-5d1c-464a-812a-7dd18bbfba8c", name, week)
		i := statuspage.Incident{ID: id, CreatedAt: from, ResolvedAt: from.Add(time.Hour), Said: statuspage.Said{Message: "the service answers slowly", MessageAt: from}}
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

// TestMemory takes in many webhooks, of as many alerts, into a folder: what was
// long ago must not stay in memory. ROUTEWATCH_TEST_WEBHOOKS is how many, such as
// 1000000, which takes some 20 minutes.
func TestMemory(t *testing.T) {
	webhooks, _ := strconv.Atoi(os.Getenv("ROUTEWATCH_TEST_WEBHOOKS"))
	if webhooks == 0 {
		t.Skip("ROUTEWATCH_TEST_WEBHOOKS is not set")
	}
	s, err := filestore.Open(filestore.Config{Dir: t.TempDir(), JournalSize: 1 << 20}) // it is in memory as long as the files are behind
	require.NoError(t, err)
	defer s.Close()
	p := newPage(t, s, nil)
	webhook := p.Webhook()
	sent := 0
	heaps := map[int]int64{}
	send := func(a alert) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook", alertBody(a))
		webhook.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		sent++
		if tenth := webhooks / 10; sent%tenth == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heaps[sent/tenth] = int64(m.HeapAlloc) >> 10
			t.Logf("%8d webhooks: heap %d KiB, %d KiB from the system", sent, m.HeapAlloc>>10, m.Sys>>10)
		}
	}
	for n := 0; sent < webhooks; n++ {
		id, now := fmt.Sprintf("052652ac-5d1c-464a-812a-%012d", n), time.Now()
		all := append(tags("major", fmt.Sprint("service ", n%20)), "region-eu")
		send(alert{action: "Create", id: id, message: "the service answers slowly", tags: all, updated: now})
		send(alert{action: "AddNote", id: id, message: "the service answers slowly", note: "We are looking into it.", tags: all, updated: now.Add(1)})
		send(alert{action: "Close", id: id, message: "the service answers slowly", tags: all, updated: now.Add(2)})
		send(alert{action: "Delete", id: "other " + id, updated: now}) // of an alert that nobody knows
	}
	assert.Less(t, heaps[10]-heaps[1], int64(4<<10), "KiB")
	runtime.KeepAlive(p)
}

// BenchmarkIncidents merges those of all services after each change: list-µs of it
// is that, the rest of an operation is the change.
func BenchmarkIncidents(b *testing.B) {
	for _, services := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(services), func(b *testing.B) {
			s := newStore()
			fill(b, s, services)
			p := newPage(b, s, nil)
			began := time.Now()
			p.Snapshot().Incidents()
			first := time.Since(began)
			var listing time.Duration
			n := 0
			for b.Loop() {
				n++
				apply(b, p, noted(event(addNote, "alert", float64(n), tagged("service-00000", "major")...), fmt.Sprint(n)))
				began := time.Now()
				require.NotEmpty(b, p.Snapshot().Incidents())
				listing += time.Since(began)
			}
			b.ReportMetric(float64(first.Milliseconds()), "first-ms")
			b.ReportMetric(float64(listing.Microseconds())/float64(n), "list-µs")
		})
	}
}
