package statuspage_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

type v2Answer struct {
	Page         struct{ ID, Name, URL string }
	Status       struct{ Indicator, Description string }
	Components   []v2Component
	Incidents    []v2Incident
	Maintenances []v2Incident `json:"scheduled_maintenances"`
}

type v2Component struct {
	ID, Name, Status string
	Position         int
	GroupID          *string `json:"group_id"`
	Group            bool
	Components       []string
	Created          time.Time `json:"created_at"`
	Updated          time.Time `json:"updated_at"`
	StartDate        *string   `json:"start_date"`
	Showcase         bool
}

type v2Incident struct {
	ID, Name, Status, Impact, Shortlink string
	ResolvedAt                          *time.Time `json:"resolved_at"`
	Updates                             []struct {
		ID, Status, Body string
		Affected         []struct {
			Code, Name string
			Old        string `json:"old_status"`
			New        string `json:"new_status"`
		} `json:"affected_components"`
	} `json:"incident_updates"`
	Components   []v2Component
	ScheduledFor *time.Time `json:"scheduled_for"`
}

func TestV2_nothingYet(t *testing.T) {
	s := newSite(t)
	var got v2Answer
	s.getJSON("/api/v2/summary.json", &got)
	assert.Equal(t, "none", got.Status.Indicator)
	assert.Equal(t, "No data", got.Status.Description, "nothing is known, and that is said")
	assert.Contains(t, s.get("/api/v2/status.json").Body.String(), `"updated_at":"1970-01-01T00:00:00.000Z"`, "the year 1 is a time that few programs have")
	assert.Contains(t, s.get("/api/v2/summary.json").Body.String(), `"components":[],"incidents":[],"scheduled_maintenances":[]`, "lists are never null")
}

// Every member is there, and no other: programs with strict decoders exist.
func TestV2_members(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(c *statuspage.Config) {
			c.Site.Maintenance = []statuspage.Maintenance{{Title: "Upgrade", Services: []string{"Web"}, Start: time.Now().Add(time.Hour), End: time.Now().Add(2 * time.Hour)}}
			c.Site.Groups = []statuspage.Group{{Name: "Shop", Services: []string{"Web"}}}
		})
		s.tell(alert{action: "Create", id: "1", message: "x", tags: tags("major", "API", "Web"), updated: time.Now()})
		var got map[string]json.RawMessage
		s.getJSON("/api/v2/summary.json", &got)
		list := func(raw json.RawMessage) (all []map[string]json.RawMessage) {
			require.NoError(t, json.Unmarshal(raw, &all))
			require.NotEmpty(t, all)
			return all
		}
		first := func(raw json.RawMessage) map[string]json.RawMessage { return list(raw)[0] }
		keys := func(m map[string]json.RawMessage) (out []string) {
			for k := range m {
				out = append(out, k)
			}
			return out
		}
		object := func(raw json.RawMessage) (m map[string]json.RawMessage) {
			require.NoError(t, json.Unmarshal(raw, &m))
			return m
		}
		incident := []string{
			"id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact",
			"shortlink", "started_at", "page_id", "incident_updates", "components",
		}
		assert.ElementsMatch(t, []string{"page", "status", "components", "incidents", "scheduled_maintenances"}, keys(got))
		assert.ElementsMatch(t, []string{"id", "name", "url", "time_zone", "updated_at"}, keys(object(got["page"])))
		assert.ElementsMatch(t, []string{"indicator", "description"}, keys(object(got["status"])))
		component := []string{
			"id", "name", "status", "created_at", "updated_at", "position", "description", "showcase",
			"start_date", "group_id", "page_id", "group", "only_show_if_degraded",
		}
		groups := 0
		for _, c := range list(got["components"]) {
			if string(c["group"]) == "true" {
				groups++
				assert.ElementsMatch(t, append([]string{"components"}, component...), keys(c))
				continue
			}
			assert.ElementsMatch(t, component, keys(c))
		}
		assert.Equal(t, 1, groups)
		assert.ElementsMatch(t, component, keys(first(first(got["incidents"])["components"])))
		assert.ElementsMatch(t, incident, keys(first(got["incidents"])))
		assert.ElementsMatch(t, append(incident, "scheduled_for", "scheduled_until"), keys(first(got["scheduled_maintenances"])))
		assert.ElementsMatch(t, []string{
			"id", "status", "body", "incident_id", "created_at", "updated_at", "display_at",
			"affected_components", "deliver_notifications", "custom_tweet", "tweet_id",
		}, keys(first(first(got["incidents"])["incident_updates"])))
		times := regexp.MustCompile(`"(\w+_at|scheduled_\w+)":"([^"]*)"`).FindAllStringSubmatch(s.get("/api/v2/summary.json").Body.String(), -1)
		assert.Greater(t, len(times), 20)
		for _, m := range times {
			assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, m[2], m[1])
		}
		for path, want := range map[string][]string{
			"status.json": {"page", "status"}, "components.json": {"page", "components"},
			"incidents.json": {"page", "incidents"}, "incidents/unresolved.json": {"page", "incidents"},
			"scheduled-maintenances.json":          {"page", "scheduled_maintenances"},
			"scheduled-maintenances/upcoming.json": {"page", "scheduled_maintenances"},
			"scheduled-maintenances/active.json":   {"page", "scheduled_maintenances"},
		} {
			var got map[string]json.RawMessage
			s.getJSON("/api/v2/"+path, &got)
			assert.ElementsMatch(t, want, keys(got), path)
		}
	})
}

func TestV2_course(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		start := time.Now()
		at := func(d time.Duration) time.Time { return start.Add(d) }
		ask := func() (got v2Answer) { s.getJSON("/api/v2/summary.json", &got); return got }
		all := func() (got v2Answer) { s.getJSON("/api/v2/incidents.json", &got); return got }

		s.tell(alert{action: "Create", id: "1", message: "API errors", tags: tags("major", "API", "Web"), updated: start})
		got := ask()
		assert.Equal(t, "major", got.Status.Indicator)
		assert.Equal(t, "Partial outage: API and Web", got.Status.Description)
		require.Len(t, got.Components, 2)
		assert.Equal(t, "partial_outage", got.Components[0].Status)
		require.Len(t, got.Incidents, 1)
		ids := []string{got.Components[0].ID, got.Incidents[0].Updates[0].ID, got.Page.ID}
		assert.Equal(t, "investigating", got.Incidents[0].Status)
		assert.Equal(t, "https://status.acme.example/incidents/1", got.Incidents[0].Shortlink)

		time.Sleep(time.Minute)
		s.tell(alert{action: "AddTags", id: "1", message: "API errors", tags: tags("critical", "API", "Web"), created: start, updated: at(time.Minute)})
		s.tell(alert{action: "Acknowledge", id: "1", message: "API errors", tags: tags("critical", "API", "Web"), created: start, updated: at(2 * time.Minute)})
		s.tell(alert{action: "AddNote", id: "1", message: "API errors", tags: tags("critical", "API", "Web"), note: "a disk", created: start, updated: at(3 * time.Minute)})
		got = ask()
		assert.Equal(t, "critical", got.Status.Indicator)
		assert.Equal(t, "major_outage", got.Components[1].Status)
		assert.Equal(t, "identified", got.Incidents[0].Status)
		assert.Equal(t, "critical", got.Incidents[0].Impact)
		assert.Equal(t, []string{"API", "Web"}, []string{got.Incidents[0].Components[0].Name, got.Incidents[0].Components[1].Name})

		time.Sleep(time.Minute)
		s.tell(alert{action: "Close", id: "1", message: "API errors", tags: tags("critical", "API", "Web"), created: start, updated: at(4 * time.Minute)})
		got = ask()
		assert.Empty(t, got.Incidents)
		assert.Equal(t, "none", got.Status.Indicator)
		assert.Equal(t, "All systems operational", got.Status.Description)
		closed := all().Incidents[0]
		assert.Equal(t, "resolved", closed.Status)
		assert.Equal(t, "critical", closed.Impact, "how bad it was")
		assert.WithinDuration(t, at(4*time.Minute), *closed.ResolvedAt, 0)
		var course []string
		for _, u := range closed.Updates {
			change := ""
			for _, a := range u.Affected {
				change += " " + a.Name + ":" + a.Old + ">" + a.New
			}
			course = append(course, u.Status+": "+u.Body+change)
		}
		assert.Equal(t, []string{
			"resolved: This is resolved. API:major_outage>operational Web:major_outage>operational",
			"identified: a disk",
			"identified: Somebody is working on this.",
			"investigating: This is now a major outage. API:partial_outage>major_outage Web:partial_outage>major_outage",
			"investigating: API errors API:operational>partial_outage Web:operational>partial_outage",
		}, course)
		got = ask()
		assert.Equal(t, ids[0], got.Components[0].ID, "ids stay")
		assert.Equal(t, ids[1], closed.Updates[4].ID)
		assert.Equal(t, ids[2], got.Page.ID)
	})
}

func TestV2_fiftyNewest(t *testing.T) {
	s := newSite(t)
	for n := range 60 {
		s.tell(alert{action: "Create", id: named("i", n), message: "x", tags: tags("major", "API"), updated: time.Now().Add(time.Duration(n-100) * time.Second)})
	}
	var got v2Answer
	s.getJSON("/api/v2/incidents.json", &got)
	require.Len(t, got.Incidents, 50)
	assert.Equal(t, named("i", 59), got.Incidents[0].ID)
}

func TestV2_maintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		s := newSite(t, func(c *statuspage.Config) {
			c.Site.Maintenance = []statuspage.Maintenance{
				{ID: "db", Title: "Database upgrade", Text: "Reads go on.", Services: []string{"API"}, Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)},
			}
		})
		s.tell(alert{action: "Create", id: "1", message: "x", tags: tags("green", "API", "Web"), updated: now})
		ask := func(path string) (got v2Answer) { s.getJSON("/api/v2/"+path, &got); return got }
		check := func(indicator, component, description string, upcoming, active, summary int) {
			t.Helper()
			got := ask("summary.json")
			assert.Equal(t, indicator, got.Status.Indicator)
			assert.Equal(t, component, got.Components[0].Status)
			assert.Equal(t, description, got.Status.Description)
			assert.Len(t, got.Maintenances, summary)
			assert.Len(t, ask("scheduled-maintenances/upcoming.json").Maintenances, upcoming)
			assert.Len(t, ask("scheduled-maintenances/active.json").Maintenances, active)
			assert.Len(t, ask("scheduled-maintenances.json").Maintenances, 1)
		}
		check("none", "operational", "All systems operational", 1, 0, 1)
		assert.Equal(t, "scheduled", ask("scheduled-maintenances.json").Maintenances[0].Status)
		time.Sleep(time.Hour) // nothing but time passes
		check("maintenance", "under_maintenance", "Under maintenance: API", 0, 1, 1)
		assert.Equal(t, "in_progress", ask("scheduled-maintenances.json").Maintenances[0].Status)
		s.tell(alert{action: "Create", id: "2", message: "x", tags: tags("major", "API"), updated: time.Now()})
		check("major", "partial_outage", "Partial outage: API", 0, 1, 1)
		time.Sleep(time.Hour)
		check("major", "partial_outage", "Partial outage: API", 0, 0, 0)
		assert.Equal(t, "completed", ask("scheduled-maintenances.json").Maintenances[0].Status)
	})
}
