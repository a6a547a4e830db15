package statuspage

import (
	"crypto/sha256"
	"encoding/base32"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// What follows has the members of Atlassian Statuspage's public API, in its
// order, so that programs which read such pages read this one.
// https://metastatuspage.com/api

type v2Page struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	URL       string `json:"url"`
	TimeZone  string `json:"time_zone"`
	UpdatedAt string `json:"updated_at"`
}

type v2Status struct {
	Indicator   string `json:"indicator"` // none, major, critical or maintenance
	Description string `json:"description"`
}

type v2Incident struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Status       Stage         `json:"status"`
	CreatedAt    string        `json:"created_at"`
	UpdatedAt    string        `json:"updated_at"`
	MonitoringAt *string       `json:"monitoring_at"`
	ResolvedAt   *string       `json:"resolved_at"`
	Impact       string        `json:"impact"` // none, major, critical or maintenance
	Shortlink    string        `json:"shortlink"`
	StartedAt    string        `json:"started_at"`
	PageID       string        `json:"page_id"`
	Updates      []v2Update    `json:"incident_updates"` // newest first
	Components   []v2Component `json:"components"`

	ScheduledFor   string `json:"scheduled_for,omitempty"` // of maintenances alone
	ScheduledUntil string `json:"scheduled_until,omitempty"`
}

type v2Update struct {
	ID                   string       `json:"id"`
	Status               Stage        `json:"status"`
	Body                 string       `json:"body"`
	IncidentID           string       `json:"incident_id"`
	CreatedAt            string       `json:"created_at"`
	UpdatedAt            string       `json:"updated_at"`
	DisplayAt            string       `json:"display_at"`
	AffectedComponents   []v2Affected `json:"affected_components"` // null where nothing changed
	DeliverNotifications bool         `json:"deliver_notifications"`
	CustomTweet          *string      `json:"custom_tweet"`
	TweetID              *string      `json:"tweet_id"`
}

type v2Affected struct {
	Code      string `json:"code"`
	Name      string `json:"name"`
	OldStatus string `json:"old_status"`
	NewStatus string `json:"new_status"`
}

// v2Answer is any of the answers; each has the members that it is asked for.
type v2Answer struct {
	Page         v2Page         `json:"page"`
	Components   *[]v2Component `json:"components,omitempty"`
	Incidents    *[]v2Incident  `json:"incidents,omitempty"`
	Maintenances *[]v2Incident  `json:"scheduled_maintenances,omitempty"`
	Status       *v2Status      `json:"status,omitempty"`
}

// maxV2 is how many incidents and maintenances Statuspage answers at most.
const maxV2 = 50

func renderSummary(m *material, _ string) *answer {
	incidents := m.v2Incidents(unresolved)
	maintenances := m.v2Maintenances(Scheduled, InProgress)
	return jsonAnswer(v2Answer{Page: m.v2Page(), Components: &m.components().all, Incidents: &incidents, Maintenances: &maintenances, Status: m.v2Status()})
}

func renderStatus(m *material, _ string) *answer {
	return jsonAnswer(v2Answer{Page: m.v2Page(), Status: m.v2Status()})
}

func renderComponents(m *material, _ string) *answer {
	return jsonAnswer(v2Answer{Page: m.v2Page(), Components: &m.components().all})
}

func renderIncidents(m *material, _ string) *answer {
	return m.incidentsAnswer(func(*Incident) bool { return true })
}
func renderUnresolved(m *material, _ string) *answer { return m.incidentsAnswer(unresolved) }

func renderMaintenances(m *material, _ string) *answer {
	return m.maintenancesAnswer(Scheduled, InProgress, Completed)
}
func renderUpcoming(m *material, _ string) *answer { return m.maintenancesAnswer(Scheduled) }
func renderActive(m *material, _ string) *answer   { return m.maintenancesAnswer(InProgress) }

func (m *material) incidentsAnswer(which func(*Incident) bool) *answer {
	incidents := m.v2Incidents(which)
	return jsonAnswer(v2Answer{Page: m.v2Page(), Incidents: &incidents})
}

func (m *material) maintenancesAnswer(stages ...Stage) *answer {
	maintenances := m.v2Maintenances(stages...)
	return jsonAnswer(v2Answer{Page: m.v2Page(), Maintenances: &maintenances})
}

func unresolved(i *Incident) bool { return i.stage() != Resolved }

func (m *material) v2Page() v2Page {
	return v2Page{ID: m.pageID(), Name: m.page.cfg.Site.name(), URL: m.url, TimeZone: "Etc/UTC", UpdatedAt: stamp(m.updatedAt())}
}

// pageID stays as long as the page's name does.
func (m *material) pageID() string { return v2ID("page", m.page.cfg.Site.name()) }

func (m *material) v2Status() *v2Status {
	b := bannerOf(m.Services, m.maintained)
	return &v2Status{Indicator: b.Indicator(), Description: b.Text}
}

func (m *material) v2Incidents(which func(*Incident) bool) []v2Incident {
	out := []v2Incident{}
	for _, i := range m.Incidents() {
		if len(out) == maxV2 {
			break
		}
		if which(i) {
			out = append(out, m.v2Incident(i))
		}
	}
	return out
}

func (m *material) v2Incident(i *Incident) v2Incident {
	notes := m.page.cfg.Notes
	out := v2Incident{
		ID: i.ID, Name: title(i), Status: i.stage(), CreatedAt: stamp(i.CreatedAt), UpdatedAt: stamp(lastNews(i, notes)),
		Impact: Banner{State: i.Worst()}.Indicator(), Shortlink: m.incidentURL(i), StartedAt: stamp(i.CreatedAt),
		PageID: m.pageID(), Updates: []v2Update{}, Components: m.components().of(i.shownServices()),
	}
	if at, over := i.over(""); over {
		resolved := stamp(at)
		out.ResolvedAt = &resolved
	}
	for _, n := range slices.Backward(timeline(i, notes)) {
		u := v2Update{
			ID: v2ID("update", i.ID+"\n"+n.ID), Status: n.Stage, Body: n.Text, IncidentID: i.ID,
			CreatedAt: stamp(n.At), UpdatedAt: stamp(n.At), DisplayAt: stamp(n.At),
		}
		if n.From != n.To {
			for _, c := range out.Components {
				u.AffectedComponents = append(u.AffectedComponents, v2Affected{
					Code: c.ID, Name: c.Name, OldStatus: Banner{State: n.From}.Component(), NewStatus: Banner{State: n.To}.Component(),
				})
			}
		}
		out.Updates = append(out.Updates, u)
	}
	return out
}

func (m *material) v2Maintenances(stages ...Stage) []v2Incident {
	out := []v2Incident{}
	for _, p := range slices.Backward(m.plans) {
		stage := p.stage(m.now)
		if len(out) == maxV2 || !slices.Contains(stages, stage) {
			continue
		}
		out = append(out, m.v2Maintenance(p, stage))
	}
	return out
}

func (m *material) v2Maintenance(p plan, stage Stage) v2Incident {
	news := p.news(m.now)
	if len(news) == 0 { // since when it is known is not stored yet
		news = []planNews{{ID: string(stage), At: p.Start, Stage: stage}}
	}
	i := v2Incident{
		ID: p.ID, Name: text.CleanLine(p.Title), Status: stage, Impact: "maintenance", Shortlink: m.planURL(p, stage),
		CreatedAt: stamp(news[0].At), UpdatedAt: stamp(news[len(news)-1].At), StartedAt: stamp(p.Start),
		PageID: m.pageID(), Components: m.components().of(p.services),
		ScheduledFor: stamp(p.Start), ScheduledUntil: stamp(p.End),
	}
	if stage == Completed {
		i.ResolvedAt = &i.ScheduledUntil
	}
	for _, n := range slices.Backward(news) {
		i.Updates = append(i.Updates, v2Update{
			ID: v2ID("update", p.ID+"\n"+n.ID), Status: n.Stage, Body: text.Clean(p.text(n.Stage)), IncidentID: p.ID,
			CreatedAt: stamp(n.At), UpdatedAt: stamp(n.At), DisplayAt: stamp(n.At),
		})
	}
	return i
}

func (m *material) incidentURL(i *Incident) string {
	return m.url + "/incidents/" + url.PathEscape(i.ID)
}

// planURL is where the page shows a maintenance.
func (m *material) planURL(p plan, stage Stage) string {
	if stage == Completed {
		return m.url + "/history/" + p.Start.UTC().Format(monthForm) + "#m-" + p.ID
	}
	return m.url + "/#m-" + p.ID
}

// updatedAt is when something last changed that visitors see, which is the same
// in every process; where nothing ever did, the time that feeds have then.
func (m *material) updatedAt() time.Time {
	at := time.Unix(0, 0)
	for _, r := range m.Services {
		at = latest(at, r.changedAt())
	}
	for _, i := range m.Incidents() {
		if i.UpdatedAt().After(at) { // no news is newer than that
			at = latest(at, lastNews(i, m.page.cfg.Notes))
		}
	}
	for _, p := range m.plans {
		for _, n := range p.news(m.now) {
			at = latest(at, n.At)
		}
	}
	return at
}

// name is the title, which has a default.
func (s Site) name() string {
	if t := strings.TrimSpace(text.CleanLine(s.Title)); t != "" {
		return t
	}
	return "Status"
}

// v2ID is an id that looks like one of Statuspage's: twelve small letters and
// digits, always the same for the same thing.
func v2ID(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\n" + name))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}
