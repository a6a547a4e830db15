package statuspage

import (
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// The states of a service beside those of alerts, as the page shows them.
const (
	stateMaintenance = "maintenance"
	stateUnknown     = "unknown"
	stateNotice      = "notice" // of an incident alone
)

// webView is one look at a page: what is shown is computed from it alone.
type webView struct {
	words
	site  *Site
	notes Notes
	base  string
	snap  *Snapshot
	now   time.Time // to the minute

	banner Banner
}

// document is what the layout shows.
type document struct {
	Page     string // the name of the template
	Title    string // of the window
	About    string // the sentence that search engines and chats show
	State    string
	Heading  string
	Path     string // below the base path
	Fragment string // below the base path; "" where nothing changes by itself
	Feed     string // below the base path, without its ending
	Site     *Site
	Base     string
	Style    string
	Script   string
	Logo     string
	At       time.Time
	Tag      string        // of Main
	Main     template.HTML // rendered by this package's own templates
	View     any
}

// serviceView is a service in the list, and at the head of its own page.
type serviceView struct {
	Name    string
	Path    string
	State   string
	Message string
	Since   time.Time
	Percent string // "" where nothing is known
	Bars    bars
}

// groupView is a heading with services; without a name it has no heading.
type groupView struct {
	Name     string
	State    string
	Open     bool
	Services []serviceView
}

type incidentView struct {
	ID       string
	Path     string
	Title    string
	State    string // the worst that it was, or is
	Stage    string
	Open     bool
	Affects  []serviceLink
	Start    time.Time
	End      time.Time
	Lasted   string
	Timeline []newsView // newest first
}

type serviceLink struct{ Name, Path string }

type newsView struct {
	ID    string
	At    time.Time
	Stage string
	Text  string
}

type dayView struct {
	Date      time.Time
	Incidents []incidentView
}

type maintenanceView struct {
	Maintenance
	Phase Phase
}

func servicePath(name string) string { return "/services/" + url.PathEscape(name) }
func incidentPath(id string) string  { return "/incidents/" + url.PathEscape(id) }

// monthForm is a month in an address.
const monthForm = "2006-01"

// stateOf is how a service is shown. An outage is worse than maintenance: an
// alert is never hidden by a plan.
func (v *webView) stateOf(name string) string {
	r := v.snap.Service(name)
	switch {
	case r != nil && r.State.Worse(Green):
		return string(r.State)
	case v.site.MaintenanceRunning(name, v.now) != nil:
		return stateMaintenance
	case r == nil:
		return stateUnknown
	}
	return string(Green)
}

// showOrder is the order in which states are shown, from best to worst. Of a
// group in which some are well and nothing is known of others, the well ones
// speak: a service that never had an alert is not heard of.
var showOrder = []string{stateUnknown, string(Green), stateMaintenance, string(Major), string(Critical)}

func worst(states ...string) string {
	worst := showOrder[0]
	for _, s := range states {
		if slices.Index(showOrder, s) > slices.Index(showOrder, worst) {
			worst = s
		}
	}
	return worst
}

func (v *webView) service(name string) serviceView {
	s := serviceView{Name: name, Path: servicePath(name), State: v.stateOf(name)}
	r := v.snap.Service(name)
	if r != nil {
		s.Message = strings.TrimSpace(text.CleanLine(r.Message))
		if r.State.Worse(Green) {
			s.Since = r.Since
		}
	}
	u := v.site.uptimeOf(r, v.now)
	if u.Known {
		s.Percent = u.Percent()
	}
	s.Bars = v.bars(name, u)
	return s
}

// groups are the configured groups, and a last one of what is in none.
func (v *webView) groups() []groupView {
	var out []groupView
	grouped := map[string]bool{}
	for _, g := range v.site.Groups {
		group := groupView{Name: g.Name}
		for _, name := range g.Services {
			grouped[name] = true
			group.add(v.service(name))
		}
		group.Open = !g.Closed || slices.Index(showOrder, group.State) > slices.Index(showOrder, string(Green))
		out = append(out, group)
	}
	rest := groupView{Open: true}
	for _, r := range v.snap.Services {
		if !grouped[r.Name] {
			rest.add(v.service(r.Name))
		}
	}
	if len(rest.Services) == 0 {
		return out
	}
	if len(out) > 0 {
		rest.Name = v.say("other_services")
	}
	return append(out, rest)
}

func (g *groupView) add(s serviceView) {
	g.Services = append(g.Services, s)
	g.State = worst(g.State, s.State)
}

// incident is an incident as visitors see it.
func (v *webView) incident(i *Incident) incidentView {
	out := incidentView{
		ID: i.ID, Path: incidentPath(i.ID), Title: title(i), State: string(i.Worst()), Stage: string(i.stage()),
		Start: i.CreatedAt,
	}
	if out.State == string(Green) {
		out.State = stateNotice
	}
	for _, name := range i.shownServices() {
		out.Affects = append(out.Affects, serviceLink{name, servicePath(name)})
	}
	end, over := i.over("")
	out.Open = !over
	if over {
		out.End, out.Lasted = end, v.duration(end.Sub(i.CreatedAt))
	}
	for _, n := range timeline(i, v.notes) {
		news := newsView{ID: n.ID, At: n.At, Stage: string(n.Stage), Text: n.Text}
		switch {
		case n.ID == "resolved":
			news.Text = v.say("lasted", out.Lasted)
		case n.ID == "identified":
			news.Text = v.say("identified_by")
		case strings.HasPrefix(n.ID, "severity-"):
			news.Text = v.say("became", v.say(string(n.To)))
		}
		out.Timeline = append(out.Timeline, news)
	}
	slices.Reverse(out.Timeline)
	return out
}

// incidents are those that pass, newest first.
func (v *webView) incidents(keep func(*Incident) bool) (out []incidentView) {
	for _, i := range v.snap.Incidents() {
		if keep(i) {
			out = append(out, v.incident(i))
		}
	}
	return out
}

func (v *webView) active() []incidentView {
	return v.incidents(func(i *Incident) bool {
		_, over := i.over("")
		return !over
	})
}

// pastDays is how many days of incidents the first page shows.
const pastDays = 14

// days are the last days, newest first, each with what began in it; a day on
// which nothing did says so. There are none before anything was heard of.
func (v *webView) days() []dayView {
	if len(v.snap.Services) == 0 {
		return nil
	}
	today := midnight(v.now)
	out := make([]dayView, pastDays)
	for n := range out {
		out[n].Date = today.AddDate(0, 0, -n)
	}
	oldest := out[pastDays-1].Date
	for _, i := range v.incidents(func(i *Incident) bool { return !i.CreatedAt.Before(oldest) }) {
		// A clock that is ahead of ours makes tomorrow's incidents today's.
		n := max(0, int(today.Sub(midnight(i.Start))/(24*time.Hour)))
		out[n].Incidents = append(out[n].Incidents, i)
	}
	return out
}

// underDays puts incidents, newest first, under their days.
func underDays(all []incidentView) (out []dayView) {
	for _, i := range all {
		date := midnight(i.Start)
		if len(out) == 0 || !out[len(out)-1].Date.Equal(date) {
			out = append(out, dayView{Date: date})
		}
		last := &out[len(out)-1]
		last.Incidents = append(last.Incidents, i)
	}
	return out
}

// maintenance is what passes, oldest first.
func (v *webView) maintenance(keep func(Maintenance, Phase) bool) (out []maintenanceView) {
	for _, m := range v.site.Maintenance {
		if phase := m.Phase(v.now); keep(m, phase) {
			out = append(out, maintenanceView{m, phase})
		}
	}
	return out
}

// heading is the banner, in the words of the page.
func (v *webView) heading() (state, text string) {
	state = bannerState(v.banner)
	return state, v.say("banner_"+state, v.names(v.banner.Services))
}

func bannerState(b Banner) string {
	switch {
	case b.State.Worse(Green):
		return string(b.State)
	case b.Maintenance:
		return stateMaintenance
	case b.Empty:
		return stateUnknown
	}
	return string(Green)
}

// names names one or two services, and of more the first and how many.
func (v *webView) names(services []string) string {
	switch len(services) {
	case 0:
		return ""
	case 1:
		return text.CleanLine(services[0])
	case 2:
		return v.say("two_names", text.CleanLine(services[0]), text.CleanLine(services[1]))
	}
	return v.say("many_names", text.CleanLine(services[0]), len(services)-1)
}

// planned is the maintenance of a service, or of all without one, that is not
// done.
func (v *webView) planned(service string) []maintenanceView {
	return v.maintenance(func(m Maintenance, phase Phase) bool {
		return phase != Done && (service == "" || m.Concerns(service))
	})
}

// duration is a length of time in its two greatest units.
func (v *webView) duration(d time.Duration) string {
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	var parts []string
	add := func(key string, n int) {
		if n > 0 && len(parts) < 2 {
			parts = append(parts, v.say(key, n))
		}
	}
	add("unit_days", days)
	add("unit_hours", hours)
	if days == 0 {
		add("unit_minutes", minutes)
	}
	if len(parts) == 0 {
		return v.say("unit_less_minute")
	}
	return strings.Join(parts, " ")
}
