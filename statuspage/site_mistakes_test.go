package statuspage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

func TestSiteMistakes(t *testing.T) {
	now := time.Now()
	for _, row := range []struct {
		want string
		site statuspage.Site
	}{
		{"BasePath", statuspage.Site{BasePath: "status"}},
		{"BasePath", statuspage.Site{BasePath: "/a/../b"}},
		{"BasePath", statuspage.Site{BasePath: "/{x}"}},
		{"URL", statuspage.Site{URL: "status.example.com"}},
		{"URL", statuspage.Site{URL: "https://user@status.example.com"}},
		{"URL", statuspage.Site{URL: "https://status.example.com/?x"}},
		{"URL", statuspage.Site{URL: "https://example.com", BasePath: "/status"}},
		{"Lang", statuspage.Site{Lang: "not a language"}},
		{"Logo", statuspage.Site{Logo: "logo.exe"}},
		{"Logo", statuspage.Site{Logo: "http://example.com/logo.gif"}},
		{"Logo", statuspage.Site{Logo: "/nowhere/logo.svg"}},
		{"Colours", statuspage.Site{Colours: map[string]string{"nothing": "#fff"}}},
		{"Colours", statuspage.Site{Colours: map[string]string{"green": "red;}body{display:none"}}},
		{"Links", statuspage.Site{Links: []statuspage.Link{{Text: "x", URL: "javascript:alert(1)"}}}},
		{"Links", statuspage.Site{Links: []statuspage.Link{{URL: "https://example.com"}}}},
		{"Groups", statuspage.Site{Groups: []statuspage.Group{{}}}},
		{"Groups[1]", statuspage.Site{Groups: []statuspage.Group{{Name: "a"}, {Name: "a"}}}},
		{"Words", statuspage.Site{Words: map[string]string{"nothing": "x"}}},
		{"EmbedIn", statuspage.Site{EmbedIn: []string{"example.com"}}},
		{"EmbedIn", statuspage.Site{EmbedIn: []string{"https://example.com; script-src *"}}},
		{"EmbedIn", statuspage.Site{EmbedIn: []string{"https://example.com/path"}}},
		{"Maintenance", statuspage.Site{Maintenance: []statuspage.Maintenance{{Start: now, End: now.Add(1)}}}},
		{"Maintenance", statuspage.Site{Maintenance: []statuspage.Maintenance{{Title: "x", Start: now, End: now}}}},
		{"Maintenance", statuspage.Site{Maintenance: []statuspage.Maintenance{{Title: "x", ID: "a b", Start: now, End: now.Add(1)}}}},
		{"Maintenance", statuspage.Site{Maintenance: []statuspage.Maintenance{
			{Title: "x", ID: "a", Start: now, End: now.Add(1)}, {Title: "y", ID: "a", Start: now, End: now.Add(1)},
		}}},
	} {
		_, err := statuspage.New(t.Context(), statuspage.Config{Store: memstore.New(), InsecureWebhook: true, Site: row.site})
		assert.ErrorContains(t, err, "statuspage: Site."+row.want)
	}
}
