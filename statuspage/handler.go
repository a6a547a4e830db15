package statuspage

import (
	"net/http"
	"strings"
)

// ServeHTTP answers with all of a page under Site.BasePath: [Page.Webhook] at
// /webhook, [Page.API] at what it has and at all of /api/, and [Page.Web] for
// everything else.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mounted().ServeHTTP(w, r)
}

// mounts are the handlers of a page, made when it is first asked for anything:
// who mounts them apart needs none of these.
type mounts struct {
	base    string
	webhook http.Handler
	api     *api
	web     *web
}

func (p *Page) mount() http.Handler {
	return &mounts{base: p.cfg.Site.base(), webhook: p.Webhook(), api: p.api(), web: p.web}
}

func (m *mounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if path == m.base+"/webhook" {
		m.webhook.ServeHTTP(w, r)
		return
	}
	if _, ok := m.api.match(path); ok || strings.HasPrefix(path, m.base+"/api/") {
		m.api.ServeHTTP(w, r)
		return
	}
	m.web.ServeHTTP(w, r)
}
