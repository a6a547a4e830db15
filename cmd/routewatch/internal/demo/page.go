package demo

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

//go:embed page.html page.css page.js icon.svg
var files embed.FS

var pageTemplate = template.Must(template.ParseFS(files, "page.html"))

// page serves the page, what it shows as JSON, and its buttons.
func (d *Demo) page() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.index)
	for _, name := range []string{"page.css", "page.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, files, name)
		})
	}
	mux.HandleFunc("GET /state", d.showState)
	mux.HandleFunc("POST /press/{button}", d.press)
	mux.HandleFunc("POST /opsgenie/{health}", d.setHealth)
	mux.HandleFunc("POST /alerts/{id}/{act}", d.act)
	all := http.NewServeMux()
	all.Handle(statusPath+"/", d.status.page)
	// No other site may press the buttons.
	all.Handle("/", headers(http.NewCrossOriginProtection().Handler(mux)))
	return all
}

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// view is what the page's template needs; the rest comes with the state.
type view struct {
	Break, Mend            []button
	ShopURL, OpsgenieURL   string
	StatusPath             string // of the status page, on this one
	Threshold              time.Duration
	Renotify, ResolveAfter time.Duration
}

func (d *Demo) index(w http.ResponseWriter, _ *http.Request) {
	v := view{
		ShopURL: d.ShopURL, OpsgenieURL: d.OpsgenieURL, StatusPath: statusPath,
		Threshold: d.cfg.Slow / 2, Renotify: d.cfg.Renotify, ResolveAfter: d.cfg.ResolveAfter,
	}
	for _, b := range buttons {
		if b.Mend {
			v.Mend = append(v.Mend, b)
		} else {
			v.Break = append(v.Break, b)
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the browser may have left
}

func (d *Demo) showState(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, d.state())
}

func (d *Demo) press(w http.ResponseWriter, r *http.Request) {
	b, ok := buttonNamed(r.PathValue("button"))
	if !ok {
		reply(w, http.StatusNotFound, problem{"there is no such button"})
		return
	}
	a, err := d.presser.press(r.Context(), b)
	if err != nil {
		reply(w, http.StatusBadGateway, problem{err.Error()})
		return
	}
	reply(w, http.StatusOK, a)
}

// setHealth takes the local Opsgenie down, or brings it back and has delivered
// what waited meanwhile.
func (d *Demo) setHealth(w http.ResponseWriter, r *http.Request) {
	switch r.PathValue("health") {
	case "down":
		d.fail()
	case "up":
		d.repair()
		// Otherwise the next attempt may be a minute away.
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		_ = d.watcher.Flush(ctx) // what is left shows as waiting
	default:
		reply(w, http.StatusNotFound, problem{"it is up or down"})
		return
	}
	reply(w, http.StatusOK, d.state())
}

// act does what a person does to an alert in Opsgenie.
func (d *Demo) act(w http.ResponseWriter, r *http.Request) {
	name, ok := map[string]string{"acknowledge": opsgenietest.ActAcknowledge, "close": opsgenietest.ActClose}[r.PathValue("act")]
	if !ok {
		reply(w, http.StatusNotFound, problem{"an alert is acknowledged or closed"})
		return
	}
	_, err := d.opsgenie.Do(opsgenietest.Act{
		Name: name, Ref: opsgenie.ID(r.PathValue("id")), Action: opsgenie.Action{User: "you"},
	})
	if err != nil {
		reply(w, http.StatusConflict, problem{err.Error()})
		return
	}
	reply(w, http.StatusOK, d.state())
}

// problem is the body of an answer that says no.
type problem struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the browser may have left
}
