package statuspage_test

import (
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// lines are components in short: position, name, status, and of a group what is
// in it, of others the group that they are in.
func lines(all []v2Component) (out []string) {
	names := map[string]string{}
	for _, c := range all {
		names[c.ID] = c.Name
	}
	for _, c := range all {
		line := fmt.Sprintf("%d %s %s", c.Position, c.Name, c.Status)
		if c.GroupID != nil {
			line += " in " + names[*c.GroupID]
		}
		if c.Group {
			line += ":"
			for _, id := range c.Components {
				line += " " + names[id]
			}
		}
		out = append(out, line)
	}
	return out
}

func TestV2_groups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		s := newSite(t, func(c *statuspage.Config) {
			c.Site.Groups = []statuspage.Group{
				{Name: "Shop", Services: []string{"Web", "never heard of", "Cart", "Web"}},
				{Name: "empty", Services: []string{"never heard of"}},
				{Name: "Inner <b>", Services: []string{"DB", "Cart"}, Closed: true},
			}
			c.Site.Maintenance = []statuspage.Maintenance{{Title: "x", Services: []string{"DB"}, Start: start.Add(time.Hour), End: start.Add(2 * time.Hour)}}
		})
		components := func() []v2Component {
			var got, summary v2Answer
			s.getJSON("/api/v2/components.json", &got)
			s.getJSON("/api/v2/summary.json", &summary)
			assert.Equal(t, got.Components, summary.Components)
			return got.Components
		}
		assert.Empty(t, components(), "a group of which nothing is known is not said to be operational")

		for n, name := range []string{"Web", "Cart", "DB", "Mail", "API"} {
			s.tell(alert{action: "Create", id: name, message: "down", tags: tags("green", name), updated: time.Now()})
			if n < 4 {
				time.Sleep(time.Minute)
			}
		}
		// Statuspage lists by position, which counts within the group.
		assert.Equal(t, []string{
			"1 Shop operational: Web Cart", "1 Web operational in Shop", "1 DB operational in Inner <b>",
			"2 Cart operational in Shop", "2 Inner <b> operational: DB Cart",
			"3 API operational",
			"4 Mail operational",
		}, lines(components()))
		all := components()
		shop, web := all[0], all[1]
		assert.True(t, shop.Group)
		assert.Nil(t, shop.StartDate)
		assert.False(t, shop.Showcase)
		assert.True(t, web.Showcase)
		assert.Equal(t, start.Format(time.DateOnly), *web.StartDate)
		assert.WithinDuration(t, start, shop.Created, 0, "since its first service")
		assert.WithinDuration(t, start.Add(time.Minute), shop.Updated, 0)

		s.tell(alert{action: "Create", id: "1", message: "down", tags: tags("major", "Cart"), updated: time.Now()})
		s.tell(alert{action: "Create", id: "2", message: "down", tags: tags("critical", "DB"), updated: time.Now()})
		all = components()
		assert.Equal(t, shop.ID, all[0].ID, "ids stay")
		assert.Equal(t, []string{
			"1 Shop partial_outage: Web Cart", "1 Web operational in Shop", "1 DB major_outage in Inner <b>",
			"2 Cart partial_outage in Shop", "2 Inner <b> major_outage: DB Cart",
			"3 API operational",
			"4 Mail operational",
		}, lines(all))
		assert.WithinDuration(t, time.Now(), all[0].Updated, 0)
		var incidents v2Answer
		s.getJSON("/api/v2/incidents.json", &incidents)
		for _, i := range incidents.Incidents {
			if i.ID == "1" {
				require.Len(t, i.Components, 1)
				assert.Equal(t, all[3], i.Components[0], "the same as in the list")
			}
		}

		s.tell(alert{action: "Close", id: "2", message: "down", tags: tags("critical", "DB"), updated: time.Now()})
		s.tell(alert{action: "Close", id: "1", message: "down", tags: tags("major", "Cart"), updated: time.Now()})
		time.Sleep(time.Hour) // nothing but time passes
		assert.Contains(t, lines(components()), "2 Inner <b> under_maintenance: DB Cart")
	})
}

// What the API says of a group is what the page says of it.
func TestV2_groupsAreAsThePageSays(t *testing.T) {
	now := time.Now()
	config := statuspage.Site{Maintenance: []statuspage.Maintenance{{Title: "x", Services: []string{"work"}, Start: now.Add(-time.Hour), End: now.Add(time.Hour)}}}
	records := []statuspage.Record{
		{Name: "green", State: statuspage.Green, FirstAt: now},
		{Name: "work", State: statuspage.Green, FirstAt: now},
		{Name: "major", State: statuspage.Major, FirstAt: now},
		{Name: "critical", State: statuspage.Critical, FirstAt: now},
	}
	for n := 1; n < 1<<len(records); n++ {
		g := statuspage.Group{Name: fmt.Sprint("group ", n), Services: []string{"never"}}
		for i, r := range records {
			if n&(1<<i) != 0 {
				g.Services = append(g.Services, r.Name)
			}
		}
		config.Groups = append(config.Groups, g)
	}
	p := webPage(t, config, records...)
	words := map[string]string{"s-green": "operational", "s-maintenance": "under_maintenance", "s-major": "partial_outage", "s-critical": "major_outage"}
	said := map[string]string{}
	for _, m := range regexp.MustCompile(`<details class="box (s-\w+)" id="g\d+"[^>]*><summary><span class="row"><span class="name">([^<]+)`).FindAllStringSubmatch(webGet(p, "/").Body.String(), -1) {
		said[m[2]] = words[m[1]]
	}
	require.Len(t, said, 15)
	s := &site{t: t, api: p.API()}
	var got v2Answer
	s.getJSON("/api/v2/components.json", &got)
	groups := 0
	for _, c := range got.Components {
		if c.Group {
			groups++
			assert.Equal(t, said[c.Name], c.Status, c.Name)
		}
	}
	assert.Equal(t, 15, groups)
}
