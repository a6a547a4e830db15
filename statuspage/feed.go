package statuspage

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"html"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// maxEntries is how many entries a feed holds: the newest.
const maxEntries = 50

// feed is what all three formats say.
type feed struct {
	id, title, home string // home is the page that the feed is of
	self            string // without the ending of its format
	updated         time.Time
	entries         []entry
}

// entry is one piece of news of one incident or maintenance: a reader shows every
// one as new.
type entry struct {
	id, title, link, html string
	at                    time.Time
}

// feedOf is the feed of the page, or of a service; false for one that is not there.
func (m *material) feedOf(service string) (*feed, bool) {
	where := ""
	f := &feed{title: m.page.cfg.Site.name(), home: m.url + "/"}
	var incidents []*Incident
	plans := m.plans
	if service == "" {
		incidents = slices.Clone(m.Incidents())
	} else {
		plans = slices.DeleteFunc(slices.Clone(plans), func(p plan) bool { return !p.Concerns(service) })
		r := m.Service(service)
		if r == nil {
			return nil, false
		}
		where = "/services/" + url.PathEscape(service)
		f.title, f.home = text.CleanLine(service)+" – "+f.title, m.url+where
		f.updated = r.FirstAt
		for n := range r.Incidents {
			if i := &r.Incidents[n]; i.shownFor(service) {
				incidents = append(incidents, i)
			}
		}
	}
	f.title += " – Incident history"
	f.self = m.url + where + "/history"
	f.id = m.tag(where + "/history")
	f.entries = m.newest(incidents, plans)
	// The time of the newest entry, not that of the question: nothing new is
	// the same bytes.
	if len(f.entries) > 0 {
		f.updated = f.entries[0].at
	} else if f.updated.IsZero() {
		f.updated = time.Unix(0, 0)
	}
	return f, true
}

// newest are the newest entries, newest first. Years of incidents are not all
// looked at: what changed before the oldest of them has none.
func (m *material) newest(incidents []*Incident, plans []plan) (entries []entry) {
	add := func(more []entry) {
		entries = append(entries, more...)
		slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.id, a.id)) })
		entries = entries[:min(len(entries), maxEntries)]
	}
	for _, p := range plans {
		add(m.entriesOfPlan(p))
	}
	slices.SortFunc(incidents, func(a, b *Incident) int {
		return cmp.Or(b.UpdatedAt().Compare(a.UpdatedAt()), cmp.Compare(b.ID, a.ID))
	})
	for _, i := range incidents {
		if len(entries) == maxEntries && i.UpdatedAt().Before(entries[maxEntries-1].at) {
			break
		}
		add(m.entriesOf(i))
	}
	return entries
}

func (m *material) entriesOf(i *Incident) []entry {
	var out []entry
	for _, n := range timeline(i, m.page.cfg.Notes) {
		out = append(out, entry{
			id: m.tag("/incidents/" + url.PathEscape(i.ID) + "/" + n.ID),
			at: n.At, title: n.Stage.Word() + ": " + title(i), link: m.incidentURL(i),
			html: stageHTML(n.Stage, n.Text) + affectsHTML(i.shownServices()),
		})
	}
	return out
}

func (m *material) entriesOfPlan(p plan) []entry {
	var out []entry
	from, until := defaultWords.stamp(p.Start), defaultWords.stamp(p.End)
	affects := affectsHTML(p.Services)
	if len(p.Services) == 0 {
		affects = paragraph("Affects: all services")
	}
	for _, n := range p.news(m.now) {
		body := stageHTML(n.Stage, p.text(n.Stage))
		switch n.Stage {
		case Scheduled:
			body += paragraph("From " + from + " until " + until)
		case InProgress:
			body += paragraph("Until " + until)
		}
		out = append(out, entry{
			id: m.tag("/maintenance/" + p.ID + "/" + n.ID),
			at: n.At, title: n.Stage.Word() + ": " + text.CleanLine(p.Title), link: m.planURL(p, n.Stage),
			html: body + affects,
		})
	}
	return out
}

func stageHTML(stage Stage, said string) string {
	return "<p><strong>" + stage.Word() + "</strong> – " + strings.ReplaceAll(html.EscapeString(text.Clean(said)), "\n", "<br>") + "</p>"
}

func affectsHTML(services []string) string {
	if len(services) == 0 {
		return ""
	}
	names := make([]string, len(services))
	for n, s := range services {
		names[n] = text.CleanLine(s)
	}
	return paragraph("Affects: " + strings.Join(names, ", "))
}

func paragraph(s string) string { return "<p>" + html.EscapeString(s) + "</p>" }

// tag is an id as RFC 4151 has it: whose host, at what time it was his, and what.
// The time is the same for all, so that an id never changes.
func (m *material) tag(what string) string {
	host := "localhost"
	if u, err := url.Parse(m.url); err == nil && u.Hostname() != "" {
		host = strings.ReplaceAll(strings.ToLower(u.Hostname()), ":", "-")
	}
	return "tag:" + host + ",2026:" + what
}

type atomFeed struct {
	XMLName   xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Updated   string      `xml:"updated"`
	Author    string      `xml:"author>name"`
	Links     []atomLink  `xml:"link"`
	Generator string      `xml:"generator"`
	Entries   []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string   `xml:"id"`
	Title     string   `xml:"title"`
	Published string   `xml:"published"`
	Updated   string   `xml:"updated"`
	Link      atomLink `xml:"link"`
	Content   atomText `xml:"content"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

const (
	kindAtom = "application/atom+xml"
	kindRSS  = "application/rss+xml"
	kindFeed = "application/feed+json"
)

func renderAtom(m *material, service string) *answer {
	f, ok := m.feedOf(service)
	if !ok {
		return nil
	}
	out := atomFeed{
		ID: f.id, Title: f.title, Updated: f.updated.UTC().Format(time.RFC3339Nano), Author: m.page.cfg.Site.name(), Generator: "routewatch",
		Links: []atomLink{{"self", kindAtom, f.self + ".atom"}, {"alternate", "text/html", f.home}},
	}
	for _, e := range f.entries {
		at := e.at.UTC().Format(time.RFC3339Nano)
		out.Entries = append(out.Entries, atomEntry{e.id, e.title, at, at, atomLink{"alternate", "text/html", e.link}, atomText{"html", e.html}})
	}
	return xmlAnswer(kindAtom, out)
}

type rssFeed struct {
	XMLName xml.Name  `xml:"rss"`
	Version string    `xml:"version,attr"`
	Atom    string    `xml:"xmlns:atom,attr"`
	Title   string    `xml:"channel>title"`
	Link    string    `xml:"channel>link"`
	Desc    string    `xml:"channel>description"`
	Built   string    `xml:"channel>lastBuildDate"`
	Self    rssSelf   `xml:"channel>atom:link"`
	Items   []rssItem `xml:"channel>item"`
}

type rssSelf struct {
	Href string `xml:"href,attr"`
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
}

type rssItem struct {
	Title string  `xml:"title"`
	Desc  string  `xml:"description"`
	Link  string  `xml:"link"`
	GUID  rssGUID `xml:"guid"`
	Date  string  `xml:"pubDate"`
}

type rssGUID struct {
	IsPermaLink bool   `xml:"isPermaLink,attr"`
	ID          string `xml:",chardata"`
}

func renderRSS(m *material, service string) *answer {
	f, ok := m.feedOf(service)
	if !ok {
		return nil
	}
	out := rssFeed{
		Version: "2.0", Atom: "http://www.w3.org/2005/Atom", Title: f.title, Link: f.home, Desc: f.title,
		Built: f.updated.UTC().Format(time.RFC1123Z), Self: rssSelf{f.self + ".rss", "self", kindRSS},
	}
	for _, e := range f.entries {
		out.Items = append(out.Items, rssItem{e.title, e.html, e.link, rssGUID{false, e.id}, e.at.UTC().Format(time.RFC1123Z)})
	}
	return xmlAnswer(kindRSS, out)
}

func xmlAnswer(kind string, v any) *answer {
	body, err := xml.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err) // our own types, of text alone
	}
	return newAnswer(kind+"; charset=utf-8", append([]byte(xml.Header), append(body, '\n')...))
}

// jsonFeed is JSON Feed 1.1. https://www.jsonfeed.org/version/1.1/
type jsonFeed struct {
	Version string     `json:"version"`
	Title   string     `json:"title"`
	Home    string     `json:"home_page_url"`
	URL     string     `json:"feed_url"`
	Items   []jsonItem `json:"items"`
}

type jsonItem struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Title     string `json:"title"`
	HTML      string `json:"content_html"`
	Published string `json:"date_published"`
	Modified  string `json:"date_modified"`
}

func renderJSONFeed(m *material, service string) *answer {
	f, ok := m.feedOf(service)
	if !ok {
		return nil
	}
	out := jsonFeed{Version: "https://jsonfeed.org/version/1.1", Title: f.title, Home: f.home, URL: f.self + ".json", Items: []jsonItem{}}
	for _, e := range f.entries {
		at := e.at.UTC().Format(time.RFC3339Nano)
		out.Items = append(out.Items, jsonItem{e.id, e.link, e.title, e.html, at, at})
	}
	body, err := json.Marshal(out)
	if err != nil {
		panic(err) // our own types, of text alone
	}
	return newAnswer(kindFeed, append(body, '\n'))
}
