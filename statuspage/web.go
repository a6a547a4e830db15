package statuspage

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed web
var webFiles embed.FS

// Web returns the handler of the page for people, under the base path. It is
// complete without scripts; with them it follows what happens, for which
// [Page.API] has to be mounted too.
func (p *Page) Web() http.Handler { return p.web }

// web renders the page. What it rendered it keeps until something changes, or
// the minute is over.
type web struct {
	page      *Page
	site      *Site
	base      string
	words     words
	templates map[string]*template.Template
	csp       []string
	embedCSP  []string
	style     string // of what is in the style sheet, for its address
	script    string
	logo      string // address
	assets    map[string]*webAnswer
	mux       *http.ServeMux

	rendering sync.Mutex // one at a time: who waited finds it done, and in a storm the newest

	mu   sync.Mutex // for what follows
	snap *Snapshot
	at   time.Time
	kept map[string]*kept
}

// kept is a page that was rendered.
type kept struct {
	full, fragment *webAnswer
}

// The pages, each a template of its own.
var webPages = []string{"dashboard", "service", "incident", "history", "metric", "missing", "embed"}

// find makes the document of an address, but for what all have; false where
// there is none.
type find func(v *webView, arg string) (document, bool)

func newWeb(p *Page) (*web, error) {
	site := &p.cfg.Site
	b := &web{
		page: p, site: site, base: site.base(), words: newWords(site.Words),
		templates: map[string]*template.Template{}, assets: map[string]*webAnswer{}, mux: http.NewServeMux(),
	}
	if err := b.parse(); err != nil {
		return nil, err
	}
	if err := b.readAssets(); err != nil {
		return nil, err
	}
	b.setCSP()
	b.handle("/{$}", "/fragment/dashboard", "/", (*webView).dashboard)
	b.handle("/services/{arg}", "/fragment/services/{arg}", "/services/", (*webView).servicePage)
	b.handle("/incidents/{arg}", "/fragment/incidents/{arg}", "/incidents/", (*webView).incidentPage)
	b.handle("/metrics/{arg}", "/fragment/metrics/{arg}", "/metrics/", (*webView).metricPage)
	b.handle("/history", "", "/history", (*webView).history)
	b.handle("/history/{arg}", "", "/history/", (*webView).history)
	if len(site.EmbedIn) > 0 {
		b.handle("/embed", "/fragment/embed", "/embed", (*webView).embed)
	}
	b.mux.HandleFunc("GET "+b.base+"/maintenance.ics", b.calendar)
	b.mux.HandleFunc("OPTIONS "+b.base+"/maintenance.ics", b.calendarPreflight)
	b.mux.HandleFunc("GET "+b.base+"/assets/{name}", b.asset)
	b.mux.HandleFunc("GET /", b.missing)
	if b.base != "" {
		b.mux.Handle("GET "+b.base, http.RedirectHandler(b.base+"/", http.StatusMovedPermanently))
	}
	return b, nil
}

// templateFuncs are what the templates of a site call.
func templateFuncs(base string, w words) template.FuncMap {
	return template.FuncMap{
		"t":       w.say,
		"path":    func(p string) string { return base + p },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"stamp":   w.stamp,
		"date":    w.date,
	}
}

// parsedTemplates are those of all pages, to be cloned for a site: parsing them is
// most of what making a Page takes.
var parsedTemplates = sync.OnceValues(func() (map[string]*template.Template, error) {
	all := map[string]*template.Template{}
	for _, name := range webPages {
		t := template.New(name).Funcs(templateFuncs("", words{}))
		for _, file := range []string{"layout", "parts", "chart", name} {
			text, err := webFiles.ReadFile("web/" + file + ".html")
			if err != nil {
				return nil, err
			}
			if _, err := t.Parse(squeeze(string(text))); err != nil {
				return nil, err
			}
		}
		all[name] = t
	}
	return all, nil
})

func (b *web) parse() error {
	parsed, err := parsedTemplates()
	if err != nil {
		return err
	}
	for name, t := range parsed {
		own, err := t.Clone()
		if err != nil {
			return err
		}
		b.templates[name] = own.Funcs(templateFuncs(b.base, b.words))
	}
	return nil
}

// setCSP allows what the page loads, and nothing else. There is nothing inline.
func (b *web) setCSP() {
	images := "'self'"
	if u, err := url.Parse(b.logo); err == nil && u.Host != "" {
		images += " " + u.Scheme + "://" + u.Host
	}
	policy := "default-src 'none'; style-src 'self'; script-src 'self'; img-src " + images +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
	b.csp = []string{policy + "'none'"}
	b.embedCSP = []string{policy + strings.Join(b.site.EmbedIn, " ")}
}

// ServeHTTP answers with a page. What goes wrong is a page too.
func (b *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	b.page.secure(h, r)
	h["Content-Security-Policy"] = b.csp
	h["Cache-Control"] = valueNoStore // unless it is a page
	if len(b.site.EmbedIn) > 0 && r.URL.Path == b.base+"/embed" {
		h["Content-Security-Policy"] = b.embedCSP
		delete(h, "X-Frame-Options") // it has no word for some sites
	}
	b.mux.ServeHTTP(w, r)
}

// handle answers with a page at one address and, where it changes by itself,
// with what changes at another. The prefix is the page's own among those kept.
func (b *web) handle(full, fragment, prefix string, find find) {
	answer := func(part func(*kept) *webAnswer, cache []string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			arg := r.PathValue("arg")
			k := b.get(prefix+arg, arg, find)
			if k == nil {
				b.missing(w, r)
				return
			}
			part(k).write(w, r, http.StatusOK, cache)
		}
	}
	b.mux.HandleFunc("GET "+b.base+full, answer(func(k *kept) *webAnswer { return k.full }, valueCachePublic))
	if fragment != "" {
		// The script asks for it when it knows that something changed.
		b.mux.HandleFunc("GET "+b.base+fragment, answer(func(k *kept) *webAnswer { return k.fragment }, valueNoCache))
	}
}

var valueNoCache = []string{"no-cache"}

// get returns a page as of now, or nil where there is none.
func (b *web) get(key, arg string, find find) *kept {
	if k := b.have(b.page.Snapshot(), b.clock(time.Now()), key); k != nil {
		return k
	}
	b.rendering.Lock()
	defer b.rendering.Unlock()
	snap, now := b.page.Snapshot(), b.clock(time.Now())
	if k := b.have(snap, now, key); k != nil {
		return k
	}
	v := &webView{words: b.words, site: b.site, notes: b.page.cfg.Notes, base: b.base, snap: snap, now: now}
	v.banner = bannerOf(snap.Services, underMaintenance(b.page.plans(snap), now))
	doc, ok := find(v, arg)
	if !ok {
		return nil // and not kept: there are more of these than memory
	}
	k := b.render(v, doc)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.snap != snap || !b.at.Equal(now) {
		b.snap, b.at, b.kept = snap, now, map[string]*kept{}
	}
	b.kept[key] = k
	return k
}

// have returns what is kept of a page as of then, or nil.
func (b *web) have(snap *Snapshot, now time.Time, key string) *kept {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.snap != snap || !b.at.Equal(now) {
		return nil
	}
	return b.kept[key]
}

// clock is the time that pages show: the minute, or when in it a maintenance
// began or ended, so that page and API do not contradict each other.
func (b *web) clock(now time.Time) time.Time {
	at := now.Truncate(time.Minute)
	for _, m := range b.site.Maintenance {
		for _, turn := range []time.Time{m.Start, m.End} {
			if turn.After(at) && !turn.After(now) {
				at = turn
			}
		}
	}
	return at
}

// render makes a page of its document. Our own templates over our own types do not fail but by a
// mistake of ours, which is then a plain 500 of net/http and a line in its log.
func (b *web) render(v *webView, doc document) *kept {
	doc.Site, doc.Base, doc.Style, doc.Script, doc.Logo, doc.At = b.site, b.base, b.style, b.script, b.logo, v.now
	if doc.Fragment == "" {
		doc.Feed = "/history"
	}
	run := func(name string, data any) []byte {
		var out bytes.Buffer
		if err := b.templates[doc.Page].ExecuteTemplate(&out, name, data); err != nil {
			panic(fmt.Errorf("statuspage: rendering %s of %s: %w", name, doc.Page, err))
		}
		return out.Bytes()
	}
	main := run("main", doc.View)
	doc.Main = template.HTML(main) // html/template has escaped it
	doc.Tag = tagOf(main, []byte(doc.State), []byte(doc.Title))
	layout := "layout"
	if doc.Page == "embed" {
		layout = "embed"
	}
	k := &kept{full: newWebAnswer("text/html; charset=utf-8", run(layout, doc))}
	if doc.Fragment != "" {
		k.fragment = newWebAnswer("text/html; charset=utf-8", run("fragment", doc))
		k.fragment.tag = doc.Tag // the page knows it, so that its script need not fetch what is there
	}
	return k
}

// missing is the page of an address at which there is none.
func (b *web) missing(w http.ResponseWriter, r *http.Request) {
	k := b.get("missing", "", func(v *webView, _ string) (document, bool) {
		return document{
			Page: "missing", Title: v.say("not_found") + " – " + v.site.Title, About: v.say("not_found"), State: stateUnknown,
		}, true
	})
	k.full.write(w, r, http.StatusNotFound, valueNoStore)
}

// calendar is for programs, in web pages of others too.
func (b *web) calendar(w http.ResponseWriter, r *http.Request) {
	share(w.Header())
	a := newWebAnswer("text/calendar; charset=utf-8", b.site.calendar(b.page.address(r)))
	a.write(w, r, http.StatusOK, valueCachePublic)
}

func (b *web) calendarPreflight(w http.ResponseWriter, _ *http.Request) {
	share(w.Header())
	preflight(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

func (b *web) asset(w http.ResponseWriter, r *http.Request) {
	a := b.assets[r.PathValue("name")]
	if a == nil {
		b.missing(w, r)
		return
	}
	a.write(w, r, http.StatusOK, valueCacheAsset)
}

// webAnswer is a body, also compressed. It never changes.
type webAnswer struct {
	kind   string
	tag    string // of the body, without quotes
	body   []byte
	zipped []byte // nil where it would be no smaller
}

// zippers are there again: each takes most of a megabyte.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func newWebAnswer(kind string, body []byte) *webAnswer {
	a := &webAnswer{kind: kind, tag: tagOf(body), body: body}
	var zipped bytes.Buffer
	z := zippers.Get().(*gzip.Writer)
	z.Reset(&zipped)
	_, _ = z.Write(body) // into memory
	_ = z.Close()
	zippers.Put(z)
	if zipped.Len() < len(body) {
		a.zipped = zipped.Bytes()
	}
	return a
}

func tagOf(parts ...[]byte) string {
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p)
		sum.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:15])
}

// write answers a GET or HEAD, with 304 where the client has it.
func (a *webAnswer) write(w http.ResponseWriter, r *http.Request, status int, cache []string) {
	h := w.Header()
	h["Cache-Control"] = cache
	h.Set("Vary", "Accept-Encoding")
	body, etag := a.body, `"`+a.tag+`"`
	zip := a.zipped != nil && takesGzip(r)
	if zip {
		body, etag = a.zipped, "W/"+etag
	}
	if status == http.StatusOK {
		h["Etag"] = []string{etag}
		if matches(r.Header["If-None-Match"], strings.TrimPrefix(etag, "W/")) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if zip {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has gone needs no answer
	}
}

// takesGzip reports whether the client said that it does.
func takesGzip(r *http.Request) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for one := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(one, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				w := strings.ReplaceAll(weight, " ", "")
				return !slices.Contains([]string{"q=0", "q=0.0", "q=0.00", "q=0.000"}, w)
			}
		}
	}
	return false
}
