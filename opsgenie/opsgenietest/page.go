package opsgenietest

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

//go:embed page.html page.css page.js
var pageFiles embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.Local().Format("15:04:05") },
	"iso":   func(t time.Time) string { return t.Format(time.RFC3339Nano) },
}).ParseFS(pageFiles, "page.html"))

// maxShown bounds the alerts on the page.
const maxShown = 100

// page shows the alerts to a person, who may acknowledge and close them.
type page struct {
	f      *Fake
	origin *http.CrossOriginProtection // no other site may press the buttons
}

func newPage(f *Fake) *page {
	return &page{f: f, origin: http.NewCrossOriginProtection()}
}

// path is the path of a request below the page.
func (p *page) path(r *http.Request) string {
	if path, ok := strings.CutPrefix(r.URL.Path, p.f.opts.Prefix); ok && strings.HasPrefix(path, "/") {
		return path
	}
	return r.URL.Path
}

// owns reports whether a request is for the page and not for the API.
func (p *page) owns(r *http.Request) bool {
	switch path := p.path(r); path {
	case "/", "/page.css", "/page.js":
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	default:
		return strings.HasPrefix(path, "/alerts/") && r.Method == http.MethodPost
	}
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch path := p.path(r); path {
	case "/":
		p.show(w)
	case "/page.css", "/page.js":
		http.ServeFileFS(w, r, pageFiles, path[1:])
	default:
		p.press(w, r, strings.Split(path, "/")[2:])
	}
}

// press does what a button says: parts is an alert's id and an action.
func (p *page) press(w http.ResponseWriter, r *http.Request, parts []string) {
	if err := p.origin.Check(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	names := map[string]string{"acknowledge": ActAcknowledge, "close": ActClose}
	if len(parts) != 2 || names[parts[1]] == "" {
		http.NotFound(w, r)
		return
	}
	// An alert that is gone or closed meanwhile shows on the page that follows.
	_, _ = p.f.Do(Act{
		Name:   names[parts[1]],
		Ref:    opsgenie.ID(parts[0]),
		Action: opsgenie.Action{User: "you, on the page"},
	})
	// Relative, so that it holds wherever the page is mounted.
	w.Header().Set("Location", "../../")
	w.WriteHeader(http.StatusSeeOther)
}

// view is what the template shows.
type view struct {
	Open, Acknowledged, Closed int
	Alerts                     []Alert // open ones first, newest first
	Hidden                     int     // how many more there are
}

func (p *page) show(w http.ResponseWriter) {
	v := view{Alerts: p.f.Alerts()}
	for _, alert := range v.Alerts {
		switch {
		case !alert.Open():
			v.Closed++
		case alert.Acknowledged:
			v.Acknowledged++
		default:
			v.Open++
		}
	}
	slices.Reverse(v.Alerts)
	slices.SortStableFunc(v.Alerts, func(a, b Alert) int {
		switch {
		case a.Open() == b.Open():
			return 0
		case a.Open():
			return -1
		}
		return 1
	})
	if n := len(v.Alerts) - maxShown; n > 0 {
		v.Hidden, v.Alerts = n, v.Alerts[:maxShown]
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the browser may have left
}
