package statuspage

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// API returns the handler of all that is for programs: the services, Atlassian
// Statuspage's public API, feeds, badges and the stream of events. It answers
// under Site.BasePath, and 404 to all else. Make one and keep it: it remembers
// the answers that it gave for as long as they are true.
func (p *Page) API() http.Handler { return p.api() }

func (p *Page) api() *api { return &api{page: p, base: p.cfg.Site.base(), guard: p.guard()} }

type api struct {
	page  *Page
	base  string
	guard *guard
	kept  answers
}

// route is one path, or the paths of one kind, of the API.
type route struct {
	method string // the one that it takes; "" is GET and HEAD
	public bool   // any origin may read it

	// render makes the answer, or nil for what is not there. It depends on
	// nothing but its arguments, and is called once for as long as they last.
	render func(m *material, service string) *answer
	// serve answers itself, where render is nil.
	serve func(a *api, w http.ResponseWriter, r *http.Request, service string)
}

func (rt route) takes(method string) bool {
	return method == rt.method || rt.method == "" && (method == http.MethodGet || method == http.MethodHead)
}

// allow is the value of the header Allow.
func (rt route) allow() []string {
	switch rt.method {
	case http.MethodPost:
		return valueAllowPost
	case http.MethodDelete:
		return valueAllowDelete
	}
	return valueAllowRead
}

// material is what an answer is made of: all that is shown, at one moment, and where.
type material struct {
	*Snapshot
	page       *Page
	now        time.Time
	url        string // the page's address
	plans      []plan
	maintained map[string]bool // the services that are worked on now
	v2         v2Components    // as they are first asked for
}

func newMaterial(p *Page, snap *Snapshot, now time.Time, url string) *material {
	plans := p.plans(snap)
	return &material{Snapshot: snap, page: p, now: now, url: url, plans: plans, maintained: underMaintenance(plans, now)}
}

// The routes with a fixed path, under the base path.
var fixedRoutes = map[string]route{
	"/api/services":                                {public: true, render: renderServices},
	"/api/v2/summary.json":                         {public: true, render: renderSummary},
	"/api/v2/status.json":                          {public: true, render: renderStatus},
	"/api/v2/components.json":                      {public: true, render: renderComponents},
	"/api/v2/incidents.json":                       {public: true, render: renderIncidents},
	"/api/v2/incidents/unresolved.json":            {public: true, render: renderUnresolved},
	"/api/v2/scheduled-maintenances.json":          {public: true, render: renderMaintenances},
	"/api/v2/scheduled-maintenances/upcoming.json": {public: true, render: renderUpcoming},
	"/api/v2/scheduled-maintenances/active.json":   {public: true, render: renderActive},
	"/history.atom":                                {public: true, render: renderAtom},
	"/history.rss":                                 {public: true, render: renderRSS},
	"/history.json":                                {public: true, render: renderJSONFeed},
	"/badge.svg":                                   {public: true, render: renderBadge},
	"/badge.json":                                  {public: true, render: renderShield},
	"/api/metrics.json":                            {public: true, serve: (*api).metrics},
	"/events":                                      {public: true, serve: (*api).events},
	"/healthz":                                     {serve: (*api).healthz},
	"/readyz":                                      {serve: (*api).readyz},
}

// The routes of a service, an incident or a metric: what comes before its name or id, and
// what comes after.
var namedRoutes = map[[2]string]route{
	{"/api/services/", ""}:           {public: true, render: renderService},
	{"/api/services/", "/incidents"}: {public: true, serve: (*api).incidents},
	{"/api/services/", "/refresh"}:   {method: http.MethodPost, serve: (*api).refresh},
	{"/api/metrics/", ""}:            {public: true, serve: (*api).metric},
	{"/services/", "/history.atom"}:  {public: true, render: renderAtom},
	{"/services/", "/history.rss"}:   {public: true, render: renderRSS},
	{"/services/", "/history.json"}:  {public: true, render: renderJSONFeed},
	{"/services/", "/badge.svg"}:     {public: true, render: renderBadge},
	{"/services/", "/badge.json"}:    {public: true, render: renderShield},
	{"/api/incidents/", ""}:          {method: http.MethodDelete, serve: (*api).hide},
}

// target is what a path names.
type target struct {
	route
	before, after string // of the name; a fixed path is in before alone
	name          string // of a service, or an incident's id
}

// match finds the target of an escaped path. A name is one segment of the path,
// so that a slash in it must be escaped.
func (a *api) match(escaped string) (target, bool) {
	rest, ok := strings.CutPrefix(escaped, a.base)
	if !ok {
		return target{}, false
	}
	if rt, ok := fixedRoutes[rest]; ok {
		return target{route: rt, before: rest}, true
	}
	for _, before := range []string{"/api/services/", "/services/", "/api/incidents/", "/api/metrics/"} {
		name, ok := strings.CutPrefix(rest, before)
		if !ok {
			continue
		}
		after := ""
		if i := strings.IndexByte(name, '/'); i >= 0 {
			name, after = name[:i], name[i:]
		}
		rt, ok := namedRoutes[[2]string{before, after}]
		name, err := url.PathUnescape(name)
		return target{rt, before, after, name}, ok && err == nil && name != ""
	}
	return target{}, false
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.page.secure(w.Header(), r)
	t, ok := a.match(r.URL.EscapedPath())
	if !ok {
		fail(w, r, http.StatusNotFound, "there is nothing here")
		return
	}
	h := w.Header()
	if t.public {
		share(h)
	}
	switch {
	case r.Method == http.MethodOptions:
		if t.public {
			preflight(h)
		}
		h["Allow"] = t.allow()
		w.WriteHeader(http.StatusNoContent)
	case !t.takes(r.Method):
		h["Allow"] = t.allow()
		fail(w, r, http.StatusMethodNotAllowed, "this method is not for this path")
	case t.render == nil:
		t.serve(a, w, r, t.name)
	default:
		if answer := a.kept.get(a.page, t, a.page.address(r)); answer != nil {
			answer.write(w, r)
			return
		}
		fail(w, r, http.StatusNotFound, "there is no such service")
	}
}

// standing is how a service is, as the Status Page Reference tells it.
type standing struct {
	State   State  `json:"state"`
	Message string `json:"message"`
}

func standingOf(r *Record) standing { return standing{r.State, text.Clean(r.Message)} }

func renderServices(m *material, _ string) *answer {
	all := make(map[string]standing, len(m.Services))
	for _, r := range m.Services {
		all[r.Name] = standingOf(r)
	}
	return jsonAnswer(all)
}

func renderService(m *material, service string) *answer {
	r := m.Service(service)
	if r == nil {
		return nil
	}
	return jsonAnswer(standingOf(r))
}

func jsonAnswer(v any) *answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types, of text, times and numbers
	}
	return newAnswer(valueJSON[0], append(body, '\n'))
}

// incidentJSON is an incident of a service.
type incidentJSON struct {
	ID         string       `json:"id"`
	Message    string       `json:"message"`
	Severity   State        `json:"severity"` // the worst that it was
	Status     string       `json:"status"`   // open or resolved
	Services   []string     `json:"services"`
	CreatedAt  string       `json:"createdAt"`
	UpdatedAt  string       `json:"updatedAt"`
	ResolvedAt *string      `json:"resolvedAt"` // null while it is open
	Updates    []updateJSON `json:"updates"`    // newest first
}

type updateJSON struct {
	At   string `json:"at"`
	Text string `json:"text"`
}

// How many incidents an answer holds.
const (
	defaultLimit = 20
	maxLimit     = 100
)

func (a *api) incidents(w http.ResponseWriter, r *http.Request, service string) {
	query := r.URL.Query()
	limit := defaultLimit
	if s := query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			fail(w, r, http.StatusBadRequest, "limit is a number from 1 on; there are "+strconv.Itoa(maxLimit)+" at most")
			return
		}
		limit = min(n, maxLimit)
	}
	var before *Incident
	if s := query.Get("before"); s != "" {
		if before = readCursor(s); before == nil {
			fail(w, r, http.StatusBadRequest, `before is the "next" of an earlier answer`)
			return
		}
	}
	record := a.page.Snapshot().Service(service)
	if record == nil {
		fail(w, r, http.StatusNotFound, "there is no such service")
		return
	}
	page := struct {
		Incidents []incidentJSON `json:"incidents"`
		Next      *string        `json:"next"` // null at the end
	}{Incidents: []incidentJSON{}}
	// Oldest first, as they are stored.
	for n := len(record.Incidents) - 1; n >= 0; n-- {
		i := &record.Incidents[n]
		if !i.shownFor(service) || before != nil && !older(i, before) {
			continue
		}
		if len(page.Incidents) == limit {
			next := cursorOf(before)
			page.Next = &next
			break
		}
		page.Incidents = append(page.Incidents, incidentOf(i, service, a.page.cfg.Notes))
		before = i
	}
	jsonAnswer(page).write(w, r)
}

// shownFor reports whether visitors may see the incident among those of a
// service.
func (i *Incident) shownFor(service string) bool {
	return !i.Hidden && slices.ContainsFunc(i.points(), func(p Point) bool { return p.Page && slices.Contains(p.Services, service) })
}

func incidentOf(i *Incident, service string, notes Notes) incidentJSON {
	out := incidentJSON{
		ID: i.ID, Message: title(i), Severity: i.Worst(), Status: "open", Services: i.shownServices(),
		CreatedAt: stamp(i.CreatedAt), UpdatedAt: stamp(lastNews(i, notes)), Updates: []updateJSON{},
	}
	if at, over := i.over(service); over {
		resolved := stamp(at)
		out.Status, out.ResolvedAt = "resolved", &resolved
	}
	for _, u := range slices.Backward(visibleUpdates(i, notes)) {
		out.Updates = append(out.Updates, updateJSON{stamp(u.At), u.Text})
	}
	return out
}

// shownServices are those that the incident concerned while it had the page's tag.
func (i *Incident) shownServices() []string {
	all := []string{}
	for _, p := range i.points() {
		if p.Page {
			all = append(all, p.Services...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lastNews is when visitors were last told something of the incident. What they
// may not see does not move it.
func lastNews(i *Incident, notes Notes) time.Time {
	all := timeline(i, notes)
	return latest(i.CreatedAt, all[len(all)-1].At)
}

// stamp is a time as the API writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// cursorOf names an incident, so that a reader can ask for those before it. It
// stays good when the incident has gone.
func cursorOf(i *Incident) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(i.CreatedAt.UnixNano(), 36) + " " + i.ID))
}

func readCursor(s string) *Incident {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	at, id, ok := strings.Cut(string(raw), " ")
	nano, err := strconv.ParseInt(at, 36, 64)
	if !ok || err != nil {
		return nil
	}
	return &Incident{ID: id, CreatedAt: time.Unix(0, nano)}
}

// refresh answers when a recomputation is over that began after it was asked for.
func (a *api) refresh(w http.ResponseWriter, r *http.Request, service string) {
	if !a.guard.let(w, r) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), recomputeFor)
	defer cancel()
	err := a.page.recompute(ctx)
	record := a.page.Snapshot().Service(service)
	var rest *restError
	switch {
	case errors.As(err, &rest):
		w.Header().Set("Retry-After", strconv.Itoa(int(rest.wait/time.Second)+1))
		fail(w, r, http.StatusServiceUnavailable, "the Alert API asks for a pause; the state is as it was")
	case err != nil:
		a.page.log.WarnContext(ctx, "statuspage: recomputing a service that was asked for", slog.Any("error", err))
		fail(w, r, http.StatusBadGateway, "the Alert API or the store did not answer; the state is as it was")
	case record == nil:
		fail(w, r, http.StatusNotFound, "there is no such service")
	default:
		body, _ := json.Marshal(standingOf(record))
		w.Header()["Cache-Control"] = valueNoStore
		w.Header()["Content-Type"] = valueJSON
		_, _ = w.Write(append(body, '\n'))
	}
}

// healthz says that the process lives.
func (a *api) healthz(w http.ResponseWriter, r *http.Request, _ string) { plainOK(w, r) }

// readyz says whether new visitors are welcome: what the store holds was read by
// New, and Shutdown was not called. A store that fails later is no reason to take
// the page away.
func (a *api) readyz(w http.ResponseWriter, r *http.Request, _ string) {
	select {
	case <-a.page.closing:
		fail(w, r, http.StatusServiceUnavailable, "shutting down")
	default:
		plainOK(w, r)
	}
}

func plainOK(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"] = valueNoStore
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", "3")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte("ok\n"))
	}
}
