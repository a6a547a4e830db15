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
	"os"
	"path"
	"regexp"
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

	mu     sync.Mutex
	snap   *Snapshot
	minute time.Time
	kept   map[string]*kept
}

// kept is a page that was or is being rendered.
type kept struct {
	once           sync.Once
	full, fragment *webAnswer // nil where there is no such page
}

// The pages, each a template of its own.
var webPages = []string{"dashboard", "service", "incident", "history", "missing", "embed"}

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
	b.handle("/{$}", "/fragment/dashboard", "", (*webView).dashboard)
	b.handle("/services/{arg}", "/fragment/services/{arg}", "/services/", (*webView).servicePage)
	b.handle("/incidents/{arg}", "/fragment/incidents/{arg}", "/incidents/", (*webView).incidentPage)
	b.handle("/history", "", "", (*webView).history)
	b.handle("/history/{arg}", "", "/history/", (*webView).history)
	if len(site.EmbedIn) > 0 {
		b.handle("/embed", "/fragment/embed", "", (*webView).embed)
	}
	b.mux.HandleFunc("GET "+b.base+"/maintenance.ics", b.calendar)
	b.mux.HandleFunc("GET "+b.base+"/assets/{name}", b.asset)
	b.mux.HandleFunc("GET /", b.missing)
	if b.base != "" {
		b.mux.Handle("GET "+b.base, http.RedirectHandler(b.base+"/", http.StatusMovedPermanently))
	}
	return b, nil
}

func (b *web) parse() error {
	funcs := template.FuncMap{
		"t":       b.words.say,
		"path":    func(p string) string { return b.base + p },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"stamp":   b.words.stamp,
		"date":    b.words.date,
	}
	for _, name := range webPages {
		t := template.New(name).Funcs(funcs)
		for _, file := range []string{"layout", "parts", name} {
			text, err := webFiles.ReadFile("web/" + file + ".html")
			if err != nil {
				return err
			}
			if _, err := t.Parse(squeeze(string(text))); err != nil {
				return err
			}
		}
		b.templates[name] = t
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
// with what changes at another.
func (b *web) handle(full, fragment, prefix string, find find) {
	answer := func(part func(*kept) *webAnswer, cache []string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			arg := r.PathValue("arg")
			a := part(b.get(strings.TrimSuffix(full, "{arg}")+arg, arg, find))
			if a == nil {
				b.missing(w, r)
				return
			}
			a.write(w, r, http.StatusOK, cache)
		}
	}
	b.mux.HandleFunc("GET "+b.base+full, answer(func(k *kept) *webAnswer { return k.full }, valueCachePublic))
	if fragment != "" {
		// The script asks for it when it knows that something changed.
		b.mux.HandleFunc("GET "+b.base+fragment, answer(func(k *kept) *webAnswer { return k.fragment }, valueNoCache))
	}
}

var valueNoCache = []string{"no-cache"}

// get returns a page as of now. It is rendered once, however many ask.
func (b *web) get(key, arg string, find find) *kept {
	now := time.Now().Truncate(time.Minute)
	snap := b.page.Snapshot()
	v := &webView{words: b.words, site: b.site, notes: b.page.cfg.Notes, base: b.base, snap: snap, now: now}

	b.mu.Lock()
	if b.snap != snap || !b.minute.Equal(now) {
		b.snap, b.minute, b.kept = snap, now, map[string]*kept{}
	}
	k, ok := b.kept[key]
	if !ok {
		k = &kept{}
		b.kept[key] = k
	}
	b.mu.Unlock()

	k.once.Do(func() {
		v.banner = bannerOf(snap.Services, underMaintenance(b.page.plans(snap.Services), now))
		doc, ok := find(v, arg)
		if !ok {
			return
		}
		b.render(v, k, doc)
	})
	if k.full == nil { // nobody is to fill the memory with pages that are not there
		b.mu.Lock()
		if b.kept[key] == k {
			delete(b.kept, key)
		}
		b.mu.Unlock()
	}
	return k
}

// render fills k. Our own templates over our own types do not fail but by a
// mistake of ours, which is then a plain 500 of net/http and a line in its log.
func (b *web) render(v *webView, k *kept, doc document) {
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
	k.full = newWebAnswer("text/html; charset=utf-8", run(layout, doc))
	if doc.Fragment != "" {
		k.fragment = newWebAnswer("text/html; charset=utf-8", run("fragment", doc))
		k.fragment.tag = doc.Tag // the page knows it, so that its script need not fetch what is there
	}
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

func (b *web) calendar(w http.ResponseWriter, r *http.Request) {
	a := newWebAnswer("text/calendar; charset=utf-8", b.site.calendar(b.page.address(r)))
	a.write(w, r, http.StatusOK, valueCachePublic)
}

func (b *web) asset(w http.ResponseWriter, r *http.Request) {
	a := b.assets[r.PathValue("name")]
	if a == nil {
		b.missing(w, r)
		return
	}
	a.write(w, r, http.StatusOK, valueCacheAsset)
}

// An asset's address changes with the asset.
var valueCacheAsset = []string{"public, max-age=3600, stale-if-error=86400"}

// readAssets makes all that pages load.
func (b *web) readAssets() error {
	read := func(name string) string {
		text, err := webFiles.ReadFile("web/" + name)
		if err != nil {
			panic(err) // it is in this package
		}
		return squeeze(string(text))
	}
	style := newWebAnswer("text/css; charset=utf-8", []byte(read("style.css")+b.colours()))
	script := newWebAnswer("text/javascript; charset=utf-8", []byte(read("page.js")))
	b.style, b.script = style.tag[:8], script.tag[:8]
	b.assets["style.css"], b.assets["page.js"] = style, script
	for _, state := range showOrder {
		b.assets[state+".svg"] = newWebAnswer("image/svg+xml", []byte(b.icon(state)))
	}
	return b.readLogo()
}

func (b *web) readLogo() error {
	logo := b.site.Logo
	if logo == "" || strings.HasPrefix(logo, "https://") {
		b.logo = logo
		return nil
	}
	kind, ok := map[string]string{
		".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
	}[strings.ToLower(path.Ext(logo))]
	if !ok {
		return fmt.Errorf("statuspage: Site.Logo %q is no SVG, PNG, JPEG or WebP file, nor an https address", logo)
	}
	data, err := os.ReadFile(logo)
	if err != nil {
		return fmt.Errorf("statuspage: Site.Logo: %w", err)
	}
	a := newWebAnswer(kind, data)
	name := "logo" + strings.ToLower(path.Ext(logo))
	b.assets[name] = a
	b.logo = b.base + "/assets/" + name + "?v=" + a.tag[:8]
	return nil
}

var squeezable = regexp.MustCompile(`(?m)^[ \t]*(//.*|/\*.*\*/)\n|^[ \t]+`)

// squeeze takes out what only those need who read the source: indentation and
// lines of comment.
func squeeze(source string) string { return squeezable.ReplaceAllString(source, "") }

// colours are the configured ones, as style.
func (b *web) colours() string {
	var light, dark strings.Builder
	for _, key := range colourKeys {
		if c := b.site.Colours[key]; c != "" {
			fmt.Fprintf(&light, "--%s:%s;", key, c)
		}
		if c := b.site.Colours[key+"-dark"]; c != "" {
			fmt.Fprintf(&dark, "--%s:%s;", key, c)
		}
	}
	var out string
	if light.Len() > 0 {
		out = "@media (prefers-color-scheme:light){:root{" + light.String() + "}}\n"
	}
	if dark.Len() > 0 {
		out += "@media (prefers-color-scheme:dark){:root{" + dark.String() + "}}\n"
	}
	return out
}

// The shapes of the icon in a browser's tab, as in the page.
var iconShapes = map[string]string{
	string(Green):    `<circle cx="8" cy="8" r="8" fill="%s"/><path d="M4.2 8.3l2.5 2.5 5-5.2" %s/>`,
	string(Major):    `<path d="M8 .6 16 15H0z" fill="%s"/><path d="M8 5.5v4.2m0 1.7v1.3" %s/>`,
	string(Critical): `<path d="M4.7 0h6.6L16 4.7v6.6L11.3 16H4.7L0 11.3V4.7z" fill="%s"/><path d="M5 5l6 6m0-6-6 6" %s/>`,
	stateMaintenance: `<rect width="16" height="16" rx="3" fill="%s"/><path d="M4 12l4.6-4.6M12.2 5.6a2.6 2.6 0 1 1-2-2.2L8.9 5l1.8 1.8z" %s/>`,
}

var iconColours = map[string]string{
	string(Green): "#1a7f37", string(Major): "#bc4c00", string(Critical): "#b3121f", stateMaintenance: "#0b5cad", stateUnknown: "#59636e",
}

// icon is the picture of a state, for a browser's tab.
func (b *web) icon(state string) string {
	colour := iconColours[state]
	if c := b.site.Colours[state]; c != "" {
		colour = c
	}
	const open, stroke = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">`, `fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"`
	if state == stateUnknown {
		return open + `<circle cx="8" cy="8" r="6.8" fill="none" stroke="` + colour + `" stroke-width="2.4" stroke-dasharray="3.4 2"/></svg>`
	}
	return open + fmt.Sprintf(iconShapes[state], colour, stroke) + `</svg>`
}

// webAnswer is a body, also compressed. It never changes.
type webAnswer struct {
	kind   string
	tag    string // of the body, without quotes
	body   []byte
	zipped []byte // nil where it would be no smaller
}

func newWebAnswer(kind string, body []byte) *webAnswer {
	a := &webAnswer{kind: kind, tag: tagOf(body), body: body}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(body) // into memory
	_ = z.Close()
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
