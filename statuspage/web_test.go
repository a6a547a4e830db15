package statuspage_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// webPage is a page over records that are there already.
func webPage(t testing.TB, site statuspage.Site, records ...statuspage.Record) *statuspage.Page {
	t.Helper()
	store := memstore.New()
	for _, r := range records {
		doc, err := json.Marshal(r)
		require.NoError(t, err)
		key := statuspage.KeyOf("records/", r.Name)
		require.NoError(t, store.Update(t.Context(), key, func([]byte) ([]byte, error) { return doc, nil }))
	}
	p, err := statuspage.New(t.Context(), statuspage.Config{Store: store, InsecureWebhook: true, Site: site})
	require.NoError(t, err)
	return p
}

func webGet(p *statuspage.Page, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	p.Web().ServeHTTP(w, r)
	return w
}

func webIncident(id, message string, severity statuspage.State, from time.Time, lasts time.Duration, services ...string) statuspage.Incident {
	i := statuspage.Incident{
		ID: id, CreatedAt: from, Said: statuspage.Said{Message: message, MessageAt: from},
		Points: []statuspage.Point{{At: from, Page: true, Services: services, Severity: severity}},
	}
	if lasts > 0 {
		i.ResolvedAt = from.Add(lasts)
	}
	return i
}

func TestWebStatus(t *testing.T) {
	now := time.Now()
	p := webPage(t, statuspage.Site{Groups: []statuspage.Group{{Name: "All", Services: []string{"never heard of"}}}}, statuspage.Record{
		Name: "a/b ?", State: statuspage.Major, Message: "slow", FirstAt: now.Add(-time.Hour),
		Incidents: []statuspage.Incident{webIncident("i/1", "slow", statuspage.Major, now.Add(-time.Minute), 0, "a/b ?")},
	})
	for _, row := range []struct {
		path string
		want int
	}{
		{"/nothing", 404},
		{"/services/", 404},
		{"/services/nobody", 404},
		{"/services/a", 404},
		{"/services/a/b%20%3F", 404},
		{"/incidents/nothing", 404},
		{"/history/nothing", 404},
		{"/history/1999-01", 404},
		{"/assets/nothing.css", 404},
		{"/assets/%2e%2e%2fweb.go", 404},
		{"/web/layout.html", 404},
		{"/fragment/services/nobody", 404},
		{"/embed", 404},
		{"/", 200},
		{"/services/a%2Fb%20%3F", 200},
		{"/services/never%20heard%20of", 200},
		{"/incidents/i%2F1", 200},
		{"/history", 200},
		{"/history/" + now.UTC().Format("2006-01"), 200},
		{"/maintenance.ics", 200},
		{"/fragment/dashboard", 200},
		{"/fragment/services/a%2Fb%20%3F", 200},
		{"/fragment/incidents/i%2F1", 200},
		{"/assets/style.css", 200},
		{"/assets/page.js", 200},
		{"/assets/critical.svg", 200},
	} {
		t.Run(row.path, func(t *testing.T) {
			w := webGet(p, row.path)
			assert.Equal(t, row.want, w.Code)
			h := w.Header()
			assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
			assert.Equal(t, "DENY", h.Get("X-Frame-Options"))
			assert.Equal(t, "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "+
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'", h.Get("Content-Security-Policy"))
			if row.want == 404 {
				assert.Equal(t, "no-store", h.Get("Cache-Control"))
				assert.Contains(t, w.Body.String(), "<h1>There is no such page</h1>")
				return
			}
			switch {
			case strings.HasPrefix(row.path, "/fragment/"):
				assert.Equal(t, "no-cache", h.Get("Cache-Control"))
			case strings.HasPrefix(row.path, "/assets/"):
				assert.Contains(t, h.Get("Cache-Control"), "max-age=3600")
			default:
				assert.Equal(t, "public, max-age=15, stale-if-error=600", h.Get("Cache-Control"))
			}
			etag := h.Get("ETag")
			require.NotEmpty(t, etag)
			again := webGet(p, row.path, "If-None-Match", etag)
			assert.Equal(t, 304, again.Code)
			assert.Zero(t, again.Body.Len())
			assert.Equal(t, etag, again.Header().Get("ETag"))
			assert.Equal(t, 200, webGet(p, row.path, "If-None-Match", `"other"`).Code)
		})
	}
}

// The rule by which the uptime is counted stands where the uptime does.
func TestWebPrintsItsRule(t *testing.T) {
	p := webPage(t, statuspage.Site{}, statuspage.Record{Name: "api", State: statuspage.Green, FirstAt: time.Now().Add(-time.Hour)})
	for _, path := range []string{"/", "/services/api"} {
		body := webGet(p, path).Body.String()
		assert.Contains(t, body, "100.00 % uptime", path)
		assert.Contains(t, body, "Uptime is of the last 90 days or since the service was first heard of, rounded down: "+
			"a major outage counts whole, a partial outage 30 %, announced maintenance not at all.", path)
	}
}

func TestWebMethods(t *testing.T) {
	p := webPage(t, statuspage.Site{})
	w := httptest.NewRecorder()
	p.Web().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	assert.Equal(t, 405, w.Code)
	assert.Contains(t, w.Header().Get("Allow"), "GET")
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")

	w = httptest.NewRecorder()
	p.Web().ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	assert.Equal(t, 200, w.Code)
	assert.Zero(t, w.Body.Len())
	assert.NotEmpty(t, w.Header().Get("Content-Length"))
}

// What a stranger sends is in no answer, and makes no difference to one.
func TestWebReflectsNothing(t *testing.T) {
	p := webPage(t, statuspage.Site{})
	plain := webGet(p, "/")
	strange := webGet(p, "/?canary=canary", "Cookie", "canary=1", "X-Forwarded-Host", "canary", "User-Agent", "canary")
	assert.Equal(t, plain.Header(), strange.Header())
	assert.Equal(t, plain.Body.String(), strange.Body.String())
	assert.NotContains(t, webGet(p, "/canary<b>").Body.String(), "canary")
}

func TestWebCompresses(t *testing.T) {
	p := webPage(t, statuspage.Site{})
	plain := webGet(p, "/", "Accept-Encoding", "gzip;q=0, br")
	assert.Empty(t, plain.Header().Get("Content-Encoding"))
	assert.Equal(t, "Accept-Encoding", plain.Header().Get("Vary"))

	zipped := webGet(p, "/", "Accept-Encoding", "br, gzip;q=0.5")
	assert.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
	assert.NotEqual(t, plain.Header().Get("ETag"), zipped.Header().Get("ETag"))
	r, err := gzip.NewReader(zipped.Body)
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, plain.Body.String(), string(body))
	assert.Equal(t, 304, webGet(p, "/", "Accept-Encoding", "gzip", "If-None-Match", zipped.Header().Get("ETag")).Code)
}

func TestWebEscapes(t *testing.T) {
	const canary = `<img src=x onerror=alert(1)>"'{{.}}` + "\u202e\x00"
	now := time.Now()
	i := webIncident("id", canary, statuspage.Critical, now.Add(-time.Hour), 0, canary)
	i.Updates = []statuspage.Update{{At: now.Add(-time.Minute), Text: canary}}
	p := webPage(t, statuspage.Site{
		Title:       canary,
		Links:       []statuspage.Link{{Text: canary, URL: "/x"}},
		Groups:      []statuspage.Group{{Name: canary, Services: []string{canary}}},
		Words:       map[string]string{"services": canary, "today": canary},
		Maintenance: []statuspage.Maintenance{{Title: canary, Text: canary, Start: now, End: now.Add(time.Hour)}},
	}, statuspage.Record{Name: canary, State: statuspage.Critical, Message: canary, FirstAt: now, Incidents: []statuspage.Incident{i}})
	for _, path := range []string{"/", "/services/" + url.PathEscape(canary), "/incidents/id", "/history", "/fragment/dashboard"} {
		w := webGet(p, path)
		require.Equal(t, 200, w.Code, path)
		assert.Contains(t, w.Body.String(), "onerror", "the text itself is there: %s", path)
		assert.NotContains(t, w.Body.String(), "<img src=x", path)
		assert.NotRegexp(t, `="[^"]*"'\{`, w.Body.String(), path)
	}
}

// There is nothing in a page that its own policy would refuse.
func TestWebHasNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script>|javascript:|<script[^>]*>[^<]`)
	p := webPage(t, twenty(time.Now()), twentyRecords(time.Now())...)
	for _, path := range []string{"/", "/services/Service%207", "/incidents/i3-1", "/history", "/nothing"} {
		assert.NotRegexp(t, inline, webGet(p, path).Body.String(), path)
	}
}

func twenty(now time.Time) statuspage.Site {
	site := statuspage.Site{
		Title: "Acme status", URL: "https://status.acme.example",
		Links:       []statuspage.Link{{Text: "Acme", URL: "https://acme.example"}, {Text: "Support", URL: "https://acme.example/support"}},
		Maintenance: []statuspage.Maintenance{{Title: "Database upgrade", Text: "Read-only.", Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)}},
	}
	for g := range 4 {
		group := statuspage.Group{Name: fmt.Sprintf("Group %d", g)}
		for n := range 5 {
			group.Services = append(group.Services, fmt.Sprintf("Service %d", 5*g+n))
		}
		site.Groups = append(site.Groups, group)
	}
	return site
}

// twentyRecords are services with a past: three incidents each, and two that are
// open.
func twentyRecords(now time.Time) (records []statuspage.Record) {
	for n := range 20 {
		name := fmt.Sprintf("Service %d", n)
		r := statuspage.Record{Name: name, State: statuspage.Green, FirstAt: now.AddDate(0, 0, -20-7*n)}
		for k := range 3 {
			severity := []statuspage.State{statuspage.Major, statuspage.Critical}[(n+k)%2]
			from := now.Add(-time.Duration((n*37+k*401)%1900+60) * time.Hour)
			i := webIncident(fmt.Sprintf("i%d-%d", n, k), fmt.Sprintf("Error rate %d %% at endpoint %d", n*3+k, n*k), severity,
				from, time.Duration(7+n*k*13)*time.Minute, name)
			i.Updates = []statuspage.Update{{At: from.Add(time.Minute), Text: fmt.Sprintf("Rolling back to build %d.", 1000+n*k)}}
			r.Incidents = append(r.Incidents, i)
		}
		if n < 2 {
			r.State, r.Message = statuspage.Major, "Checkout is slow"
			r.Incidents = append(r.Incidents, webIncident(fmt.Sprintf("open-%d", n), "Checkout is slow", statuspage.Major, now.Add(-time.Hour), 0, name))
		}
		records = append(records, r)
	}
	return records
}

// The first load of a page with 20 services, 90 days of each and all that it
// needs is smaller than the bare fonts of many.
func TestWebFirstLoad(t *testing.T) {
	const limit = 10 << 10
	now := time.Now()
	p := webPage(t, twenty(now), twentyRecords(now)...)
	page := webGet(p, "/").Body.String()
	require.Equal(t, 20, strings.Count(page, "<svg class=\"bars\""))
	total := 0
	assets := regexp.MustCompile(`(?:src|rel="(?:icon|stylesheet)"[^>]*href)="(/[^"]+)"`).FindAllStringSubmatch(page, -1)
	require.Len(t, assets, 3, "icon, style and script")
	for _, path := range append([][]string{{"", "/"}}, assets...) {
		w := webGet(p, path[1], "Accept-Encoding", "gzip")
		require.Equal(t, 200, w.Code, path[1])
		t.Logf("%5d bytes gzipped: %s", w.Body.Len(), path[1])
		total += w.Body.Len()
	}
	assert.LessOrEqual(t, total, limit)
}

func TestWebChangesAtOnce(t *testing.T) {
	p := webPage(t, statuspage.Site{Title: "Acme"})
	before := webGet(p, "/")
	assert.Contains(t, before.Body.String(), "<title>No data – Acme</title>")
	require.NoError(t, p.Apply(t.Context(), opsgenie.Event{Action: opsgenie.EventCreate, Alert: opsgenie.EventAlert{
		ID: "1", Message: "down", Tags: []string{"statuspage", "servicename:api", "critical"}, CreatedAt: time.Now(),
	}}))
	after := webGet(p, "/", "If-None-Match", before.Header().Get("ETag"))
	require.Equal(t, 200, after.Code)
	body := after.Body.String()
	assert.Contains(t, body, "<title>Major outage: api – Acme</title>")
	assert.Contains(t, body, `href="/assets/critical.svg"`)
	assert.Contains(t, body, `<section id="banner" class="banner s-critical" role="status">`)
	assert.Equal(t, 1, strings.Count(body, "<h1"))
	assert.Equal(t, p.Banner(time.Now()).Text, heading(t, body))
}

var h1 = regexp.MustCompile(`(?s)<h1>.*?</svg> (.*?)</h1>`)

func heading(t *testing.T, page string) string {
	t.Helper()
	m := h1.FindStringSubmatch(page)
	require.NotNil(t, m, "the page has a heading")
	return m[1]
}

// The page has words of its own, that can be translated; the API has not. In
// English they say the same.
func TestWebSaysWhatTheBannerSays(t *testing.T) {
	now := time.Now()
	work := []statuspage.Maintenance{{Title: "work", Services: []string{"a"}, Start: now.Add(-time.Hour), End: now.Add(time.Hour)}}
	for _, row := range []struct {
		name        string
		maintenance []statuspage.Maintenance
		states      []statuspage.State
		want        string
	}{
		{"none", nil, nil, "No data"},
		{"green", nil, []statuspage.State{"green", "green"}, "All systems operational"},
		{"one", nil, []statuspage.State{"green", "major"}, "Partial outage: b"},
		{"two", nil, []statuspage.State{"major", "major"}, "Partial outage: a and b"},
		{"three", nil, []statuspage.State{"critical", "critical", "critical"}, "Major outage: a and 2 more"},
		{"worst", nil, []statuspage.State{"critical", "major"}, "Major outage: a"},
		{"work", work, []statuspage.State{"green", "green"}, "Under maintenance: a"},
		{"work and worse", work, []statuspage.State{"green", "major"}, "Partial outage: b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var records []statuspage.Record
			for n, s := range row.states {
				records = append(records, statuspage.Record{Name: string(rune('a' + n)), State: s, FirstAt: now.Add(-time.Hour)})
			}
			p := webPage(t, statuspage.Site{Maintenance: row.maintenance}, records...)
			assert.Equal(t, row.want, p.Banner(time.Now()).Text)
			assert.Equal(t, row.want, heading(t, webGet(p, "/").Body.String()))
		})
	}
}

func TestWebBasePath(t *testing.T) {
	p := webPage(t, statuspage.Site{BasePath: "/status/", EmbedIn: []string{"*"}}, twentyRecords(time.Now())...)
	link := regexp.MustCompile(`(?:href|src|data-fragment)="([^"#]+)`)
	for _, path := range []string{"/status/", "/status/history", "/status/embed", "/status/services/Service%201", "/status/incidents/i3-1"} {
		w := webGet(p, path)
		require.Equal(t, 200, w.Code, path)
		for _, m := range link.FindAllStringSubmatch(w.Body.String(), -1) {
			assert.True(t, strings.HasPrefix(m[1], "/status/"), "%s links to %s", path, m[1])
		}
	}
	assert.Equal(t, "/status/", webGet(p, "/status").Header().Get("Location"))
	assert.Equal(t, 404, webGet(p, "/").Code)
	assert.Equal(t, 404, webGet(p, "/statusx/").Code)
}

// Every link of every page leads somewhere.
func TestWebLinks(t *testing.T) {
	p := webPage(t, twenty(time.Now()), twentyRecords(time.Now())...)
	link := regexp.MustCompile(`(?:href|src|data-fragment)="(/[^"#]*)`)
	seen, todo := map[string]bool{"/": true}, []string{"/"}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if strings.HasSuffix(path, ".atom") || strings.HasSuffix(path, ".rss") || strings.HasSuffix(path, ".json") {
			continue // these are the API's
		}
		w := webGet(p, path)
		require.Equal(t, 200, w.Code, path)
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(w.Body.String(), -1) {
			if !seen[m[1]] {
				seen[m[1]] = true
				todo = append(todo, m[1])
			}
		}
	}
	assert.Greater(t, len(seen), 80)
	assert.Contains(t, seen, "/maintenance.ics")
}

func TestWebEmbed(t *testing.T) {
	p := webPage(t, statuspage.Site{EmbedIn: []string{"https://app.example.com", "https://b.example"}})
	w := webGet(p, "/embed")
	assert.Equal(t, 200, w.Code)
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors https://app.example.com https://b.example")
	assert.Empty(t, w.Header().Get("X-Frame-Options"))
	w = webGet(p, "/")
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
	assert.Equal(t, "DENY", w.Header().Get("X-Frame-Options"))
}

func TestWebLogo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logo.svg")
	require.NoError(t, os.WriteFile(file, []byte("<svg/>"), 0o600))
	p := webPage(t, statuspage.Site{Logo: file})
	assert.Contains(t, webGet(p, "/").Body.String(), `<img src="/assets/logo.svg?v=`)
	assert.Equal(t, "image/svg+xml", webGet(p, "/assets/logo.svg").Header().Get("Content-Type"))

	p = webPage(t, statuspage.Site{Logo: "https://cdn.example/logo.png"})
	assert.Contains(t, webGet(p, "/").Header().Get("Content-Security-Policy"), "img-src 'self' https://cdn.example;")
}

func TestWebColoursAndWords(t *testing.T) {
	p := webPage(t, statuspage.Site{
		Lang: "de", Colours: map[string]string{"green": "#123456", "text-dark": "#fff"},
		Words: map[string]string{"banner_unknown": "Keine Daten"},
	})
	css := webGet(p, "/assets/style.css").Body.String()
	assert.Contains(t, css, "@media (prefers-color-scheme:light){:root{--green:#123456;}}")
	assert.Contains(t, css, "@media (prefers-color-scheme:dark){:root{--text:#fff;}}")
	body := webGet(p, "/").Body.String()
	assert.Contains(t, body, `<html lang="de">`)
	assert.Equal(t, "Keine Daten", heading(t, body))
	assert.Contains(t, webGet(p, "/assets/green.svg").Body.String(), "#123456")
}

// An incident that is over says how long it took; one that is not, since when it
// goes on.
func TestWebIncident(t *testing.T) {
	from := time.Date(time.Now().Year()-1, 12, 30, 23, 50, 0, 0, time.UTC)
	i := webIncident("1", "Errors", statuspage.Critical, from, 26*time.Hour+3*time.Minute, "api")
	i.Updates = []statuspage.Update{{At: from.Add(time.Minute), Text: "We are on it."}}
	p := webPage(t, statuspage.Site{}, statuspage.Record{Name: "api", State: statuspage.Green, FirstAt: from, Incidents: []statuspage.Incident{i}})
	for _, path := range []string{"/incidents/1", "/services/api", "/history/" + from.Format("2006-01")} {
		body := webGet(p, path).Body.String()
		assert.Contains(t, body, "It lasted 1 d 2 h.", path)
		assert.Less(t, strings.Index(body, "It lasted"), strings.Index(body, "We are on it."), "newest first: %s", path)
		assert.Contains(t, body, `<time datetime="`+from.Format(time.RFC3339)+`">30 Dec `+from.Format("2006")+`, 23:50 UTC</time>`, path)
	}
}

func TestWebNotes(t *testing.T) {
	now := time.Now()
	for notes, want := range map[statuspage.Notes][]string{
		statuspage.AllNotes:    {"for you", "for us"},
		statuspage.PublicNotes: {"for you"},
		statuspage.NoNotes:     nil,
	} {
		store := memstore.New()
		p, err := statuspage.New(t.Context(), statuspage.Config{Store: store, InsecureWebhook: true, Notes: notes})
		require.NoError(t, err)
		for _, note := range []string{"public: for you", "for us"} {
			require.NoError(t, p.Apply(t.Context(), opsgenie.Event{Action: opsgenie.EventAddNote, Alert: opsgenie.EventAlert{
				ID: "1", Message: "down", Note: note, Tags: []string{"statuspage", "servicename:api", "major"}, CreatedAt: now,
			}}))
		}
		for _, path := range []string{"/", "/services/api", "/incidents/1", "/history"} {
			body := webGet(p, path).Body.String()
			for _, text := range []string{"for you", "for us"} {
				shown := bytes.Contains([]byte(body), []byte(text))
				assert.Equal(t, contains(want, text), shown, "%s %s %q", notes, path, text)
			}
		}
	}
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// A group is as its worst service. A service that was never heard of is not
// said to be well, on its own or in a group of such.
func TestWebGroups(t *testing.T) {
	now := time.Now()
	p := webPage(t, statuspage.Site{Groups: []statuspage.Group{
		{Name: "bad", Services: []string{"a", "b"}, Closed: true},
		{Name: "fine", Services: []string{"b", "never"}, Closed: true},
		{Name: "new", Services: []string{"never"}},
	}},
		statuspage.Record{Name: "a", State: statuspage.Critical, FirstAt: now},
		statuspage.Record{Name: "b", State: statuspage.Green, FirstAt: now},
		statuspage.Record{Name: "c", State: statuspage.Green, FirstAt: now},
	)
	body := webGet(p, "/").Body.String()
	assert.Contains(t, body, `<details class="box s-critical" id="g0" open>`)
	assert.Contains(t, body, `<details class="box s-green" id="g1">`)
	assert.Contains(t, body, `<details class="box s-unknown" id="g2" open>`)
	assert.Contains(t, body, `<details class="box s-green" id="g3" open><summary><span class="row"><span class="name">Other services`)
}

// Whoever asks after a webhook was answered sees it, however many ask and tell
// at once.
func TestWebTellsTheNewest(t *testing.T) {
	p := webPage(t, twenty(time.Now()), twentyRecords(time.Now())...)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for k := range 10 {
				message := fmt.Sprintf("canary %d-%d", n, k)
				if !assert.NoError(t, p.Apply(t.Context(), opsgenie.Event{Action: opsgenie.EventCreate, Alert: opsgenie.EventAlert{
					ID: message, Message: message, Tags: []string{"statuspage", "servicename:api", "major"}, CreatedAt: time.Now(),
				}})) {
					return
				}
				assert.Contains(t, webGet(p, "/").Body.String(), message)
			}
		})
	}
	all.Wait()
}
