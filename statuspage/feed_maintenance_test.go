package statuspage_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// working is a page with announced work, on a store.
func working(t *testing.T, s statuspage.Store, work ...statuspage.Maintenance) *site {
	t.Helper()
	page, err := statuspage.New(t.Context(), statuspage.Config{
		Store: s, InsecureWebhook: true, Logger: slog.New(slog.DiscardHandler),
		Site: statuspage.Site{Title: "Acme", URL: "https://status.acme.example", Maintenance: work},
	})
	require.NoError(t, err)
	return &site{t: t, page: page, webhook: page.Webhook(), api: page.API()}
}

// entries are the titles of a feed with the minutes from start, newest first.
func (s *site) entries(path string, start time.Time) []string {
	s.t.Helper()
	f, err := gofeed.NewParser().ParseString(s.get(path).Body.String())
	require.NoError(s.t, err, path)
	out := []string{}
	for n, i := range f.Items {
		assert.False(s.t, n > 0 && i.PublishedParsed.After(*f.Items[n-1].PublishedParsed), "newest first: %s", path)
		out = append(out, i.PublishedParsed.Sub(start).Truncate(time.Second).String()+" "+i.Title)
	}
	return out
}

func (s *site) checkFeeds(names ...string) {
	s.t.Helper()
	for _, path := range names {
		checkAtom(s.t, s.get(path+".atom").Body.String())
		checkRSS(s.t, s.get(path+".rss").Body.String())
		checkJSONFeed(s.t, s.get(path+".json").Body.String())
	}
}

func TestFeeds_maintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		const text = "Reads <b>go on</b> & writes\ndo not."
		s := working(t, newStore(),
			statuspage.Maintenance{ID: "db", Title: "Database <upgrade>", Text: text, Services: []string{"API"}, Start: start.Add(time.Hour), End: start.Add(2 * time.Hour)},
			statuspage.Maintenance{ID: "all", Title: "Move", Start: start.Add(3 * time.Hour), End: start.Add(4 * time.Hour)},
		)
		s.tell(alert{action: "Create", id: "1", message: "slow", tags: tags("major", "API", "Web"), updated: start.Add(time.Second)})
		steps := []struct {
			wait          time.Duration
			all, api, web []string // what is new
		}{
			{0, []string{"0s Scheduled: Database <upgrade>", "0s Scheduled: Move"}, []string{"0s Scheduled: Database <upgrade>", "0s Scheduled: Move"}, []string{"0s Scheduled: Move"}},
			{time.Hour, []string{"1h0m0s In progress: Database <upgrade>"}, []string{"1h0m0s In progress: Database <upgrade>"}, nil},
			{30 * time.Minute, nil, nil, nil},
			{30 * time.Minute, []string{"2h0m0s Completed: Database <upgrade>"}, []string{"2h0m0s Completed: Database <upgrade>"}, nil},
			{time.Hour, []string{"3h0m0s In progress: Move"}, []string{"3h0m0s In progress: Move"}, []string{"3h0m0s In progress: Move"}},
			{time.Hour, []string{"4h0m0s Completed: Move"}, []string{"4h0m0s Completed: Move"}, []string{"4h0m0s Completed: Move"}},
			{100 * 24 * time.Hour, nil, nil, nil},
		}
		was := map[string][]string{}
		seen := map[string]string{} // what was said, by path and id
		for n, step := range steps {
			time.Sleep(step.wait)
			for path, more := range map[string][]string{"/history": step.all, "/services/API/history": step.api, "/services/Web/history": step.web} {
				s.checkFeeds(path)
				for _, kind := range []string{".atom", ".rss", ".json"} {
					got := s.entries(path+kind, start)
					if n == 0 {
						was[path+kind] = []string{"1s Investigating: slow"}
						assert.ElementsMatch(t, append(more, was[path+kind]...), got, path+kind)
					} else {
						assert.Equal(t, append(more, was[path+kind]...), got, "step %d of %s", n, path+kind)
					}
					was[path+kind] = got
					f, err := gofeed.NewParser().ParseString(s.get(path + kind).Body.String())
					require.NoError(t, err)
					for _, i := range f.Items {
						said := i.Title + i.Content + i.Description + i.Published + i.Link
						if old, ok := seen[path+kind+i.GUID]; ok {
							assert.Equal(t, old, said, "what was said is not said again in other words")
						}
						seen[path+kind+i.GUID] = said
					}
				}
			}
		}
		f, err := gofeed.NewParser().ParseString(s.get("/services/API/history.atom").Body.String())
		require.NoError(t, err)
		said := map[string]*gofeed.Item{}
		for _, i := range f.Items {
			said[i.Title] = i
		}
		from, until := start.Add(time.Hour).UTC().Format("2 Jan 2006, 15:04 UTC"), start.Add(2*time.Hour).UTC().Format("2 Jan 2006, 15:04 UTC")
		assert.Equal(t, "<p><strong>Scheduled</strong> – Reads &lt;b&gt;go on&lt;/b&gt; &amp; writes<br>do not.</p><p>From "+from+" until "+until+"</p><p>Affects: API</p>",
			said["Scheduled: Database <upgrade>"].Content)
		assert.Equal(t, "<p><strong>In progress</strong> – The maintenance has begun.</p><p>Until "+until+"</p><p>Affects: API</p>", said["In progress: Database <upgrade>"].Content)
		assert.Equal(t, "<p><strong>Completed</strong> – The maintenance is over.</p><p>Affects: all services</p>", said["Completed: Move"].Content)
		assert.Equal(t, "https://status.acme.example/#m-db", said["Scheduled: Database <upgrade>"].Link)
		assert.Equal(t, "https://status.acme.example/history/"+start.UTC().Format("2006-01")+"#m-db", said["Completed: Database <upgrade>"].Link)
	})
}

// The links of the feed lead to where the page shows the work.
func TestFeeds_maintenanceLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		s := working(t, newStore(), statuspage.Maintenance{ID: "db", Title: "x", Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)})
		s.tell(outage("1"))
		for range 3 {
			f, err := gofeed.NewParser().ParseString(s.get("/history.atom").Body.String())
			require.NoError(t, err)
			link := strings.TrimPrefix(f.Items[0].Link, "https://status.acme.example")
			path, fragment, _ := strings.Cut(link, "#")
			assert.Contains(t, webGet(s.page, path).Body.String(), `id="`+fragment+`"`, f.Items[0].Title)
			time.Sleep(time.Hour)
		}
	})
}

// When work was planned is known to every process, also to one that starts later,
// and to the v2 API too.
func TestFeeds_maintenanceIsAnnouncedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), newStore()
		work := statuspage.Maintenance{ID: "db", Title: "Upgrade", Start: start.Add(time.Hour), End: start.Add(2 * time.Hour)}
		s := working(t, store, work)
		want := []string{"0s Scheduled: Upgrade"}
		rev := store.rev
		body := s.get("/history.atom").Body.String()
		time.Sleep(10 * time.Minute)
		assert.Equal(t, body, s.get("/history.atom").Body.String())
		assert.Equal(t, body, working(t, store, work).get("/history.atom").Body.String(), "another process")
		assert.Equal(t, rev, store.rev, "it is not stored again")

		put := work // put off
		put.Start, put.End = start.Add(24*time.Hour), start.Add(25*time.Hour)
		assert.Equal(t, []string{"10m0s Scheduled: Upgrade"}, working(t, store, put).entries("/history.rss", start))
		assert.NotContains(t, working(t, store, put).get("/history.rss").Body.String(), tagOf(body), "it is news")
		assert.Equal(t, want, working(t, store, work).entries("/history.rss", start), "as it was planned before")
		assert.Empty(t, working(t, store).entries("/history.rss", start), "called off")

		var got struct {
			Maintenances []struct {
				Created time.Time `json:"created_at"`
				Updated time.Time `json:"updated_at"`
				Updates []struct {
					Status string
					Body   string
					At     time.Time `json:"created_at"`
				} `json:"incident_updates"`
			} `json:"scheduled_maintenances"`
		}
		time.Sleep(2 * time.Hour)
		s.getJSON("/api/v2/scheduled-maintenances.json", &got)
		m := got.Maintenances[0]
		assert.WithinDuration(t, start, m.Created, 0)
		assert.WithinDuration(t, work.End, m.Updated, 0)
		require.Len(t, m.Updates, 3)
		assert.Equal(t, []string{"completed", "in_progress", "scheduled"}, []string{m.Updates[0].Status, m.Updates[1].Status, m.Updates[2].Status}, "newest first")
		assert.WithinDuration(t, work.Start, m.Updates[1].At, 0)
		assert.Equal(t, "Maintenance is planned.", m.Updates[2].Body)
	})
}

// tagOf is the id of the first entry of an Atom feed.
func tagOf(body string) string {
	_, rest, _ := strings.Cut(body, "<entry>")
	_, rest, _ = strings.Cut(rest, "<id>")
	id, _, _ := strings.Cut(rest, "</id>")
	return id
}

func TestFeeds_maintenancePlannedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
		s := working(t, newStore(),
			statuspage.Maintenance{Title: "over", Start: hour(-3), End: hour(-2)},
			statuspage.Maintenance{Title: "running", Start: hour(-1), End: hour(1)},
			statuspage.Maintenance{Title: "at once", Start: hour(0), End: hour(1)},
		)
		assert.ElementsMatch(t, []string{
			"0s In progress: running", "0s In progress: at once", "-2h0m0s Completed: over", "-3h0m0s In progress: over",
		}, s.entries("/history.json", start), "nobody was told before")
		s.checkFeeds("/history")
	})
}

func TestFeeds_maintenanceBounded(t *testing.T) {
	var work []statuspage.Maintenance
	for n := range 60 {
		work = append(work, statuspage.Maintenance{Title: named("m", n), Start: time.Now().Add(time.Hour), End: time.Now().Add(2 * time.Hour)})
	}
	s := working(t, newStore(), work...)
	assert.Len(t, s.entries("/history.atom", time.Now()), 50)
	s.tell(alert{action: "Create", id: "1", message: "slow", tags: tags("major", "API"), updated: time.Now()})
	assert.Len(t, s.entries("/history.atom", time.Now()), 50)
}

// Replicas that start at once come to one time.
func TestFeeds_maintenanceInReplicas(t *testing.T) {
	start, store := time.Now(), newStore()
	work := statuspage.Maintenance{Title: "Upgrade", Start: start.Add(time.Hour), End: start.Add(2 * time.Hour)}
	var all sync.WaitGroup
	bodies := make([]string, 8)
	for n := range bodies {
		all.Go(func() {
			page, err := statuspage.New(t.Context(), statuspage.Config{Store: store, InsecureWebhook: true, Site: statuspage.Site{
				URL: "https://status.acme.example", Maintenance: []statuspage.Maintenance{work},
			}})
			if assert.NoError(t, err) {
				s := &site{t: t, api: page.API()}
				bodies[n] = s.get("/history.atom").Body.String()
			}
		})
	}
	all.Wait()
	for _, b := range bodies {
		assert.Equal(t, bodies[0], b)
	}
	assert.Contains(t, bodies[0], "Scheduled: Upgrade")
}

// A page whose store cannot be written starts, and announces later.
func TestFeeds_maintenanceWithoutStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), newStore()
		var failing atomic.Bool
		failing.Store(true)
		store.fail = func(op, _ string) error {
			if failing.Load() && op == "update" {
				return errStore
			}
			return nil
		}
		s := working(t, store, statuspage.Maintenance{Title: "Upgrade", Start: start.Add(time.Hour), End: start.Add(2 * time.Hour)})
		assert.Empty(t, s.entries("/history.atom", start))
		var got v2Answer
		s.getJSON("/api/v2/scheduled-maintenances.json", &got)
		require.Len(t, got.Maintenances, 1)
		assert.Len(t, got.Maintenances[0].Updates, 1)
		running(t, s.page, func() {
			time.Sleep(time.Minute)
			failing.Store(false)
			time.Sleep(10 * time.Second)
			synctest.Wait()
		})
		require.Len(t, s.entries("/history.atom", start), 1)
		assert.Regexp(t, `^1m\d+s Scheduled: Upgrade$`, s.entries("/history.atom", start)[0])
	})
}

func TestFeeds_maintenanceDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), newStore()
		require.NoError(t, store.Update(t.Context(), "maintenance.json", func([]byte) ([]byte, error) { return []byte("{"), nil }))
		work := statuspage.Maintenance{Title: "Upgrade", Start: start.Add(time.Hour), End: start.Add(2 * time.Hour)}
		assert.Equal(t, []string{"0s Scheduled: Upgrade"}, working(t, store, work).entries("/history.atom", start), "damaged")

		for range 3 { // years of them
			time.Sleep(400 * 24 * time.Hour)
			work.Start, work.End = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
			working(t, store, work)
		}
		var doc map[string]time.Time
		require.NoError(t, json.Unmarshal([]byte(store.text("maintenance.json")), &doc))
		assert.Len(t, doc, 1)
	})
}
