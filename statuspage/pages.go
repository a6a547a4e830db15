package statuspage

import (
	"slices"
	"time"
)

// dashboard is the first page: how everything is, and was.
func (v *webView) dashboard(string) (document, bool) {
	state, heading := v.heading()
	return document{
		Page: "dashboard", Title: heading + " – " + v.site.Title, About: heading, State: state,
		Path: "/", Fragment: "/fragment/dashboard", Feed: "/history",
		View: struct {
			State, Heading string
			Active         []incidentView
			Maintenance    []maintenanceView
			Groups         []groupView
			Metrics        []chartView
			Days           []dayView
		}{
			state, heading, v.active(), v.planned(""), v.groups(), v.metrics(), v.days(),
		},
	}, true
}

// servicePage is all that is known of a service.
func (v *webView) servicePage(name string) (document, bool) {
	if v.snap.Service(name) == nil && !v.configured(name) {
		return document{}, false
	}
	s := v.service(name)
	heading := s.Name + ": " + v.say(s.State)
	about := heading
	if s.Message != "" {
		about += ". " + s.Message
	}
	return document{
		Page: "service", Title: heading + " – " + v.site.Title, About: about, State: s.State,
		Path: s.Path, Fragment: "/fragment" + s.Path, Feed: s.Path + "/history",
		View: struct {
			Service     serviceView
			Maintenance []maintenanceView
			Days        []dayView
		}{
			s, v.planned(name),
			underDays(v.incidents(func(i *Incident) bool { return i.shownFor(name) })),
		},
	}, true
}

// configured reports whether a group has the service, though it was not heard of.
func (v *webView) configured(name string) bool {
	return slices.ContainsFunc(v.site.Groups, func(g Group) bool { return slices.Contains(g.Services, name) })
}

// incidentPage is one incident, at an address that stays.
func (v *webView) incidentPage(id string) (document, bool) {
	all := v.incidents(func(i *Incident) bool { return i.ID == id })
	if len(all) == 0 {
		return document{}, false
	}
	i := all[0]
	return document{
		Page: "incident", Title: i.Title + " – " + v.site.Title, About: v.say(i.Stage) + ": " + i.Title, State: bannerState(v.banner),
		Path: i.Path, Fragment: "/fragment" + i.Path, Feed: "/history",
		View: struct{ Incident incidentView }{i},
	}, true
}

// history is a month of incidents and of maintenance that is done: the newest
// without an argument.
func (v *webView) history(arg string) (document, bool) {
	months := v.months()
	newest := v.now.UTC().Format(monthForm)
	if len(months) > 0 {
		newest = max(newest, months[0])
	}
	this := arg
	if this == "" {
		this = newest
	}
	month, err := time.Parse(monthForm, this)
	if err != nil || arg != "" && !slices.Contains(months, arg) && arg != newest {
		return document{}, false
	}
	var older, newer string
	for _, m := range months { // newest first
		switch {
		case m < this && older == "":
			older = "/history/" + m
		case m > this:
			newer = "/history/" + m
		}
	}
	in := func(t time.Time) bool { return t.UTC().Format(monthForm) == this }
	name := v.monthName(month)
	return document{
		Page: "history", Title: v.say("history") + ", " + name + " – " + v.site.Title, About: v.say("history") + ", " + name,
		State: bannerState(v.banner), Path: "/history/" + this,
		View: struct {
			Name         string
			Maintenance  []maintenanceView
			Days         []dayView
			Older, Newer string
		}{
			name,
			v.maintenance(func(m Maintenance, phase Phase) bool { return phase == Done && in(m.Start) }),
			underDays(v.incidents(func(i *Incident) bool { return in(i.CreatedAt) })),
			older, newer,
		},
	}, true
}

// months are those with anything to show, newest first.
func (v *webView) months() (out []string) {
	for _, i := range v.snap.Incidents() {
		out = append(out, i.CreatedAt.UTC().Format(monthForm))
	}
	for _, m := range v.site.Maintenance {
		if m.Phase(v.now) == Done {
			out = append(out, m.Start.UTC().Format(monthForm))
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return slices.Compact(out)
}

// embed is the banner alone, for the frames of others.
func (v *webView) embed(string) (document, bool) {
	state, heading := v.heading()
	return document{
		Page: "embed", Title: heading + " – " + v.site.Title, About: heading, State: state,
		Path: "/embed", Fragment: "/fragment/embed", Feed: "/history",
		View: struct{ State, Heading string }{state, heading},
	}, true
}
