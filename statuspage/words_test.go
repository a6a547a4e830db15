package statuspage_test

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/chartdoc"
	"github.com/routewatch/routewatch/statuspage"
)

var (
	htmlHead = regexp.MustCompile(`(?s)<(?:link|script|symbol|path|meta (?:name="(?:viewport|color-scheme|robots)"|property="og:type"|charset))[^>]*>`)
	htmlText = regexp.MustCompile(`(?s)(?:aria-label|content|title|data-title|data-lost|data-as-of)="([^"]*)"|>([^<]*)<`)
	latin    = regexp.MustCompile(`[A-Za-z]{2,}`)
)

// All that a page says can be said in another language: with each text replaced
// by a mark, nothing is left that is not of the alerts, or UTC.
func TestWordsAreAllThatAPageSays(t *testing.T) {
	synctest.Test(t, everyWord)
}

func everyWord(t *testing.T) {
	time.Sleep(15*24*time.Hour + 12*time.Hour) // into a month, or else what was today is on another page
	marked := map[string]string{}
	for key, text := range statuspage.DefaultWords {
		marked[key] = "⟦" + key + strings.Repeat(" {}", strings.Count(text, "{}")) + "⟧"
	}
	marked["months"] = "1 2 3 4 5 6 7 8 9 10 11 12"
	now := time.Now()
	site := statuspage.Site{
		Title: "0", Words: marked, EmbedIn: []string{"*"},
		Groups: []statuspage.Group{{Name: "1", Services: []string{"2", "3", "9"}}},
		Maintenance: []statuspage.Maintenance{
			{Title: "4", Services: []string{"3"}, Start: now.Add(-time.Hour), End: now.Add(time.Hour)},
			{Title: "5", Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)},
			{Title: "6", Start: now.Add(-9 * time.Hour), End: now.Add(-8 * time.Hour)},
		},
	}
	open := webIncident("10", "7", statuspage.Critical, now.Add(-30*time.Minute), 0, "2", "3", "8")
	open.Points = append(open.Points, statuspage.Point{At: now.Add(-10 * time.Minute), Page: true, Services: []string{"2", "3", "8"}, Severity: statuspage.Major})
	open.Acked, open.AckedAt = true, now.Add(-5*time.Minute)
	notice := webIncident("11", "7", statuspage.Green, now.Add(-26*time.Hour), 25*time.Hour, "8")
	brief := webIncident("12", "7", statuspage.Major, now.Add(-50*24*time.Hour), 30*time.Second, "8")
	p := webPage(t, site,
		statuspage.Record{Name: "2", State: statuspage.Major, Message: "7", FirstAt: now.AddDate(0, -3, 0), Incidents: []statuspage.Incident{open}},
		statuspage.Record{Name: "3", State: statuspage.Green, FirstAt: now.AddDate(0, -3, 0)},
		statuspage.Record{Name: "8", State: statuspage.Green, FirstAt: now.AddDate(0, -3, 0), Incidents: []statuspage.Incident{brief, notice}},
	)
	seen := map[string]bool{}
	check := func(p *statuspage.Page, paths ...string) {
		for _, path := range paths {
			page := webGet(p, path).Body.String()
			for _, m := range htmlText.FindAllStringSubmatch(htmlHead.ReplaceAllString(page, ""), -1) {
				text := html.UnescapeString(m[1] + m[2])
				for from := strings.Index(text, "⟦"); from >= 0; from = strings.Index(text, "⟦") {
					// A text may stand in another's gap, so the innermost goes first.
					end := from + strings.Index(text[from:], "⟧")
					from = strings.LastIndex(text[:end], "⟦")
					key, _, _ := strings.Cut(text[from+len("⟦"):end], " ")
					seen[key] = true
					text = text[:from] + text[end+len("⟧"):]
				}
				left := slices.DeleteFunc(latin.FindAllString(text, -1), func(word string) bool { return word == "UTC" || word == "Atom" || word == "RSS" || word == "JSON" })
				assert.Empty(t, left, "%s: %q", path, m[0])
			}
		}
	}
	check(p, "/", "/services/2", "/services/3", "/services/8", "/services/9", "/incidents/10", "/incidents/11", "/history",
		"/history/"+brief.CreatedAt.UTC().Format("2006-01"), "/embed", "/nothing", "/fragment/dashboard")
	for _, states := range [][]statuspage.State{{}, {"green"}, {"critical"}, {"critical", "critical"}, {"critical", "critical", "critical"}} {
		var records []statuspage.Record
		for n, s := range states {
			records = append(records, statuspage.Record{Name: string(rune('2' + n)), State: s, FirstAt: now.Add(-time.Hour)})
		}
		for _, work := range [][]statuspage.Maintenance{nil, {{Title: "4", Start: now.Add(-time.Hour), End: now.Add(time.Hour)}}} {
			check(webPage(t, statuspage.Site{Title: "0", Words: marked, Maintenance: work}, records...), "/", "/history")
		}
	}
	var bad []statuspage.Incident // on more days than the words of a picture name
	for n := range 8 {
		bad = append(bad, webIncident(named("w", n), "7", statuspage.Major, now.AddDate(0, 0, n-20), 2*time.Hour, "2"))
	}
	check(webPage(t, site, statuspage.Record{Name: "2", State: statuspage.Green, FirstAt: now.AddDate(0, -3, 0), Incidents: bad}), "/services/2")
	store := newStore()
	measure(t, store, chartdoc.Chart{ID: "20", Title: "21", WindowSeconds: 300}, slices.Concat(
		every(5*time.Minute, now.Add(-26*time.Hour), now.Add(-9*time.Hour), constant(1)), every(5*time.Minute, now.Add(-8*time.Hour), now.Add(-5*time.Minute), constant(2)))...)
	measure(t, store, chartdoc.Chart{ID: "22", Title: "23", WindowSeconds: 300}, every(5*time.Minute, now.Add(-26*time.Hour), now.Add(-9*time.Hour), constant(1))...)
	charts, err := statuspage.New(t.Context(), statuspage.Config{Store: store, InsecureWebhook: true, Site: statuspage.Site{Title: "0", Words: marked}})
	require.NoError(t, err)
	check(charts, "/", "/metrics/20", "/metrics/22")
	for key := range statuspage.DefaultWords {
		assert.True(t, seen[key] || key == "months", "no page says %q", key)
	}
}
