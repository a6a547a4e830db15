package statuspage_test

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var feedPaths = []string{
	"/history.atom", "/history.rss", "/history.json",
	"/services/API/history.atom", "/services/API/history.rss", "/services/API/history.json",
}

// course is the story of an alert, with text that wants to be markup.
func course(s *site) {
	start := time.Now()
	hostile := `<img src=x onerror=alert(1)> ]]> & "quoted" ` + "\x00\x1b[31m\u202e"
	s.tell(alert{action: "Create", id: "id/1 ü", message: hostile, tags: tags("major", "API", "<b>Web</b>"), updated: start})
	time.Sleep(time.Minute)
	s.tell(alert{action: "AddNote", id: "id/1 ü", message: hostile, tags: tags("major", "API", "<b>Web</b>"), note: hostile + "\nsecond line", created: start, updated: time.Now()})
	time.Sleep(time.Minute)
	s.tell(alert{action: "Close", id: "id/1 ü", message: hostile, tags: tags("major", "API", "<b>Web</b>"), created: start, updated: time.Now()})
	s.tell(alert{action: "Create", id: "2", message: "Web only", tags: tags("critical", "Web"), updated: time.Now().Add(time.Second)})
}

// Each format as its specification has it: what must be there, once, and of the
// right form.
func TestFeeds_valid(t *testing.T) {
	for name, fill := range map[string]func(*site){
		"empty": func(s *site) {
			s.tell(alert{action: "Create", id: "0", message: "x", tags: []string{"statuspage", "servicename:API"}, updated: time.Now()})
			s.tell(alert{action: "RemoveTags", id: "0", message: "x", tags: []string{"servicename:API"}, updated: time.Now()})
		},
		"course": course,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				fill(s)
				for _, path := range []string{"/history", "/services/API/history"} {
					checkAtom(t, s.get(path+".atom").Body.String())
					checkRSS(t, s.get(path+".rss").Body.String())
					checkJSONFeed(t, s.get(path+".json").Body.String())
				}
			})
		})
	}
	t.Run("no service yet", func(t *testing.T) {
		s := newSite(t)
		checkAtom(t, s.get("/history.atom").Body.String())
		checkRSS(t, s.get("/history.rss").Body.String())
		checkJSONFeed(t, s.get("/history.json").Body.String())
	})
}

func TestFeeds_readByAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		course(s)
		for _, path := range feedPaths {
			f, err := gofeed.NewParser().ParseString(s.get(path).Body.String())
			require.NoError(t, err, path)
			want := 3
			if !strings.HasPrefix(path, "/services") {
				want = 4
			}
			require.Len(t, f.Items, want, path)
			for n, i := range f.Items {
				assert.NotEmpty(t, i.GUID, path)
				assert.NotNil(t, i.PublishedParsed, path)
				if n > 0 {
					assert.False(t, i.PublishedParsed.After(*f.Items[n-1].PublishedParsed), "newest first: %s", path)
				}
				html := i.Content + i.Description
				assert.NotContains(t, html, "<img", path)
				assert.NotContains(t, html, "<b>", path)
				assert.NotContains(t, i.Title, "\u202e", path)
				assert.True(t, strings.HasPrefix(i.Link, "https://status.acme.example/incidents/"), i.Link)
			}
			last := f.Items[len(f.Items)-1]
			assert.Equal(t, "https://status.acme.example/incidents/id%2F1%20%C3%BC", last.Link)
			assert.Equal(t, `Investigating: <img src=x onerror=alert(1)> ]]> & "quoted" [31m`, last.Title)
		}
	})
}

// A reader shows what has a new id: every update must have its own, which stays.
func TestFeeds_idsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		seen := map[string]string{} // title by path and id
		steps := []alert{
			{action: "Create", tags: tags("major", "API")},
			{action: "AddNote", note: "one", tags: tags("major", "API")},
			{action: "Acknowledge", tags: tags("major", "API")},
			{action: "AddTags", tags: tags("critical", "API")},
			{action: "AddNote", note: "two", tags: tags("critical", "API")},
			{action: "Close", note: "it was a disk", tags: tags("critical", "API")},
		}
		start := time.Now()
		for n, a := range steps {
			time.Sleep(time.Minute)
			a.id, a.message, a.created, a.updated = "1", "API errors", start, time.Now()
			s.tell(a)
			for _, path := range feedPaths {
				f, err := gofeed.NewParser().ParseString(s.get(path).Body.String())
				require.NoError(t, err)
				before := 0
				for _, i := range f.Items {
					body := i.Content + i.Description + i.Published
					if old, ok := seen[path+i.GUID]; ok {
						before++
						assert.Equal(t, old, body, "what was said is not said again in other words")
					}
					seen[path+i.GUID] = body
				}
				new := 1
				if a.action == "Close" {
					new = 2 // its note, and that it is over
				}
				assert.Len(t, f.Items, before+new, "step %d %s of %s", n, a.action, path)
				assert.Equal(t, before, len(f.Items)-new)
			}
		}
	})
}

func TestFeeds_bounded(t *testing.T) {
	s := newSite(t)
	for n := range 80 {
		s.tell(alert{action: "Create", id: named("i", n), message: "x", tags: tags("major", "API"), updated: time.Now().Add(time.Duration(n-100) * time.Second)})
	}
	f, err := gofeed.NewParser().ParseString(s.get("/history.atom").Body.String())
	require.NoError(t, err)
	require.Len(t, f.Items, 50)
	assert.Contains(t, f.Items[0].GUID, named("i", 79))
}

// One incident with much news does not hide what another had meanwhile.
func TestFeeds_newestOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		start := time.Now()
		chatty := alert{action: "Create", id: "chatty", message: "x", tags: tags("major", "API"), created: start, updated: start}
		s.tell(chatty)
		for n := range 60 {
			time.Sleep(time.Minute)
			chatty.action, chatty.note, chatty.updated = "AddNote", named("note", n), time.Now()
			s.tell(chatty)
			if n == 30 {
				s.tell(alert{action: "Create", id: "quiet", message: "y", tags: tags("major", "API"), updated: time.Now()})
			}
		}
		for _, path := range feedPaths {
			f, err := gofeed.NewParser().ParseString(s.get(path).Body.String())
			require.NoError(t, err)
			require.Len(t, f.Items, 50)
			quiet := 0
			for _, i := range f.Items {
				if strings.HasSuffix(i.GUID, "/quiet/opened") {
					quiet++
				}
			}
			assert.Equal(t, 1, quiet, path)
		}
	})
}

func TestFeeds_kinds(t *testing.T) {
	s := newSite(t)
	assert.Equal(t, "application/atom+xml; charset=utf-8", s.get("/history.atom").Header().Get("Content-Type"))
	assert.Equal(t, "application/rss+xml; charset=utf-8", s.get("/history.rss").Header().Get("Content-Type"))
	assert.Equal(t, "application/feed+json", s.get("/history.json").Header().Get("Content-Type"))
}

// node is any element.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []node     `xml:",any"`
}

func (n node) all(name string) (out []node) {
	for _, c := range n.Nodes {
		if c.XMLName.Local == name {
			out = append(out, c)
		}
	}
	return out
}

func (n node) one(t *testing.T, name string) node {
	t.Helper()
	all := n.all(name)
	require.Len(t, all, 1, "%s of %s", name, n.XMLName.Local)
	return all[0]
}

func (n node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func parseXML(t *testing.T, body string) node {
	t.Helper()
	assert.True(t, strings.HasPrefix(body, `<?xml version="1.0" encoding="UTF-8"?>`))
	var root node
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict = true
	require.NoError(t, d.Decode(&root))
	return root
}

func absolute(t *testing.T, uri string) {
	t.Helper()
	u, err := url.Parse(uri)
	require.NoError(t, err)
	assert.Equal(t, "https", u.Scheme, uri)
	assert.NotEmpty(t, u.Host, uri)
}

// RFC 4151: tag:AUTHORITY,DATE:SPECIFIC.
var tagURI = regexp.MustCompile(`^tag:[a-z0-9.-]+,\d{4}(-\d\d-\d\d)?:[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*$`)

// checkAtom holds a feed to RFC 4287, section 4.
func checkAtom(t *testing.T, body string) {
	t.Helper()
	f := parseXML(t, body)
	assert.Equal(t, xml.Name{Space: "http://www.w3.org/2005/Atom", Local: "feed"}, f.XMLName)
	assert.Regexp(t, tagURI, f.one(t, "id").Text)
	assert.NotEmpty(t, f.one(t, "title").Text)
	assert.NotEmpty(t, f.one(t, "author").one(t, "name").Text)
	updated, err := time.Parse(time.RFC3339, f.one(t, "updated").Text)
	require.NoError(t, err)
	self := 0
	for _, l := range f.all("link") {
		absolute(t, l.attr("href"))
		if l.attr("rel") == "self" {
			self++
		}
	}
	assert.Equal(t, 1, self)
	ids := map[string]bool{}
	for n, e := range f.all("entry") {
		id := e.one(t, "id").Text
		assert.Regexp(t, tagURI, id)
		assert.False(t, ids[id], "an id twice: %s", id)
		ids[id] = true
		assert.NotEmpty(t, e.one(t, "title").Text)
		at, err := time.Parse(time.RFC3339, e.one(t, "updated").Text)
		require.NoError(t, err)
		_, err = time.Parse(time.RFC3339, e.one(t, "published").Text)
		require.NoError(t, err)
		if n == 0 {
			assert.True(t, updated.Equal(at), "the feed is as new as its newest entry")
		}
		assert.Equal(t, "alternate", e.one(t, "link").attr("rel"))
		absolute(t, e.one(t, "link").attr("href"))
		assert.Equal(t, "html", e.one(t, "content").attr("type"))
		assert.Empty(t, e.one(t, "content").Nodes, "HTML within is escaped")
	}
}

// checkRSS holds a feed to RSS 2.0 and the advice of the RSS Advisory Board.
func checkRSS(t *testing.T, body string) {
	t.Helper()
	r := parseXML(t, body)
	assert.Equal(t, "rss", r.XMLName.Local)
	assert.Equal(t, "2.0", r.attr("version"))
	c := r.one(t, "channel")
	assert.NotEmpty(t, c.one(t, "title").Text)
	assert.NotEmpty(t, c.one(t, "description").Text)
	date := func(s string) {
		at, err := time.Parse(time.RFC1123Z, s)
		require.NoError(t, err)
		assert.Equal(t, s, at.Format(time.RFC1123Z))
	}
	date(c.one(t, "lastBuildDate").Text)
	for _, l := range c.all("link") {
		if l.XMLName.Space == "http://www.w3.org/2005/Atom" {
			assert.Equal(t, "self", l.attr("rel"))
			absolute(t, l.attr("href"))
			continue
		}
		absolute(t, l.Text)
	}
	guids := map[string]bool{}
	for _, i := range c.all("item") {
		assert.NotEmpty(t, i.one(t, "title").Text)
		assert.NotEmpty(t, i.one(t, "description").Text)
		absolute(t, i.one(t, "link").Text)
		date(i.one(t, "pubDate").Text)
		guid := i.one(t, "guid")
		assert.Equal(t, "false", guid.attr("isPermaLink"))
		assert.False(t, guids[guid.Text])
		guids[guid.Text] = true
	}
}

// checkJSONFeed holds a feed to JSON Feed 1.1.
func checkJSONFeed(t *testing.T, body string) {
	t.Helper()
	var f struct {
		Version, Title string
		Home           string `json:"home_page_url"`
		URL            string `json:"feed_url"`
		Items          []struct {
			ID, URL, Title string
			HTML           string `json:"content_html"`
			Published      string `json:"date_published"`
			Modified       string `json:"date_modified"`
		}
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&f))
	assert.Equal(t, "https://jsonfeed.org/version/1.1", f.Version)
	assert.NotEmpty(t, f.Title)
	assert.NotNil(t, f.Items)
	absolute(t, f.Home)
	absolute(t, f.URL)
	for _, i := range f.Items {
		assert.Regexp(t, tagURI, i.ID)
		absolute(t, i.URL)
		assert.NotEmpty(t, i.HTML)
		for _, s := range []string{i.Published, i.Modified} {
			_, err := time.Parse(time.RFC3339, s)
			assert.NoError(t, err)
		}
	}
}
