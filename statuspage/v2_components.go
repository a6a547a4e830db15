package statuspage

import (
	"cmp"
	"slices"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// v2Component is a service, or a group of them.
type v2Component struct {
	ID                 string   `json:"id"`
	Name               string   `json:"name"`
	Status             string   `json:"status"`
	CreatedAt          string   `json:"created_at"`
	UpdatedAt          string   `json:"updated_at"`
	Position           int      `json:"position"` // from 1, among those that have the same group
	Description        *string  `json:"description"`
	Showcase           bool     `json:"showcase"`
	StartDate          *string  `json:"start_date"` // null of a group
	GroupID            *string  `json:"group_id"`
	PageID             string   `json:"page_id"`
	Group              bool     `json:"group"`
	OnlyShowIfDegraded bool     `json:"only_show_if_degraded"`
	Components         []string `json:"components,omitempty"` // ids, of a group alone
}

// v2Components are those of a page. The zero value is none, not even an empty list.
type v2Components struct {
	all       []v2Component
	byService map[string]v2Component
}

// components are all of the page, which are made once.
func (m *material) components() *v2Components {
	c := &m.v2
	if c.byService != nil {
		return c
	}
	c.all, c.byService = []v2Component{}, make(map[string]v2Component, len(m.Services))
	top := 0
	for _, g := range m.page.cfg.Site.Groups {
		records := m.heardOf(g.Services)
		if len(records) == 0 {
			continue // it would be operational, and nothing is known of it
		}
		top++
		group := m.groupComponent(g.Name, records, top)
		c.all = append(c.all, group)
		for n, r := range records {
			c.add(m.component(r, n+1, &group.ID), r.Name)
		}
	}
	for _, r := range m.Services {
		if c.add(m.component(r, top+1, nil), r.Name) {
			top++
		}
	}
	// Statuspage lists the first of the page and of each group, then the second.
	slices.SortStableFunc(c.all, func(a, b v2Component) int { return cmp.Compare(a.Position, b.Position) })
	return c
}

// add adds a service, unless it is there: one that several groups have is the
// first one's, since it can name one alone.
func (c *v2Components) add(one v2Component, service string) bool {
	if _, ok := c.byService[service]; ok {
		return false
	}
	c.all, c.byService[service] = append(c.all, one), one
	return true
}

// of are the components of services by name, those that are there.
func (c *v2Components) of(services []string) []v2Component {
	out := []v2Component{}
	for _, name := range services {
		if one, ok := c.byService[name]; ok {
			out = append(out, one)
		}
	}
	return out
}

// heardOf are the records of services by name, each once, in the order of the
// names; not of those that were not heard of.
func (m *material) heardOf(services []string) (records []*Record) {
	for _, name := range services {
		if r := m.Service(name); r != nil && !slices.Contains(records, r) {
			records = append(records, r)
		}
	}
	return records
}

func (m *material) component(r *Record, position int, group *string) v2Component {
	started := r.FirstAt.UTC().Format(time.DateOnly)
	return v2Component{
		ID: componentID(r), Name: text.CleanLine(r.Name),
		Status:    bannerOf([]*Record{r}, m.maintained).Component(),
		CreatedAt: stamp(r.FirstAt), UpdatedAt: stamp(r.changedAt()),
		Position: position, Showcase: true, StartDate: &started, GroupID: group, PageID: m.pageID(),
	}
}

// groupComponent is a group, which is as its worst service.
func (m *material) groupComponent(name string, records []*Record, position int) v2Component {
	g := v2Component{
		ID: v2ID("group", name), Name: text.CleanLine(name),
		Status:   bannerOf(records, m.maintained).Component(),
		Position: position, PageID: m.pageID(), Group: true,
	}
	created, updated := records[0].FirstAt, time.Time{}
	for _, r := range records {
		if r.FirstAt.Before(created) {
			created = r.FirstAt
		}
		updated = latest(updated, r.changedAt())
		g.Components = append(g.Components, componentID(r))
	}
	g.CreatedAt, g.UpdatedAt = stamp(created), stamp(updated)
	return g
}

func componentID(r *Record) string { return v2ID("component", r.Name) }
