package statuspage_test

import (
	"encoding/xml"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

func TestBadge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(c *statuspage.Config) {
			c.Site.Maintenance = []statuspage.Maintenance{{Title: "x", Services: []string{"Web"}, Start: time.Now().Add(time.Hour), End: time.Now().Add(2 * time.Hour)}}
		})
		check := func(path, label, message, color string) {
			t.Helper()
			assert.JSONEq(t, `{"schemaVersion":1,"label":"`+label+`","message":"`+message+`","color":"`+color+`"}`, s.get(path+".json").Body.String())
			w := s.get(path + ".svg")
			assert.Equal(t, "image/svg+xml; charset=utf-8", w.Header().Get("Content-Type"))
			svg := parseSVG(t, w.Body.String())
			assert.Equal(t, "img", svg.attr("role"))
			assert.Equal(t, label+": "+message, svg.attr("aria-label"))
			assert.Equal(t, label+": "+message, svg.one(t, "title").Text)
			assert.Contains(t, w.Body.String(), `fill="`+color+`"`)
		}
		check("/badge", "Acme", "no data", "#59636e")
		s.tell(alert{action: "Create", id: "0", message: "x", tags: tags("green", "API", "Web"), updated: time.Now()})
		check("/badge", "Acme", "operational", "#1a7f37")
		time.Sleep(time.Hour)
		check("/badge", "Acme", "maintenance", "#0b5cad")
		check("/services/Web/badge", "Web", "maintenance", "#0b5cad")
		check("/services/API/badge", "API", "operational", "#1a7f37")
		s.tell(alert{action: "Create", id: "1", message: "x", tags: tags("major", "API"), updated: time.Now()})
		check("/badge", "Acme", "partial outage", "#bc4c00")
		s.tell(alert{action: "Create", id: "2", message: "x", tags: tags("critical", "API"), updated: time.Now()})
		check("/badge", "Acme", "major outage", "#b3121f")
		check("/services/API/badge", "API", "major outage", "#b3121f")
	})
}

// A badge is shown by pages that we know nothing of: a name must not draw on it.
func TestBadge_hostileNames(t *testing.T) {
	for _, name := range []string{`</title><script>alert(1)</script>`, `" onload="x`, "&amp;", "\x00\x1b", strings.Repeat("W", 300), "支払い", "i"} {
		s := newSite(t)
		s.tell(alert{action: "Create", id: "1", message: "x", tags: tags("major", name), updated: time.Now()})
		var all map[string]any
		s.getJSON("/api/services", &all)
		w := s.get("/services/" + escapeName(name) + "/badge.svg")
		require.Equal(t, 200, w.Code, name)
		svg := parseSVG(t, w.Body.String())
		assert.NotContains(t, w.Body.String(), "<script")
		assert.NotContains(t, w.Body.String(), "style", "a strict policy would not let it in")
		width, err := strconv.Atoi(svg.attr("width"))
		require.NoError(t, err)
		assert.Less(t, width, 700)
		assert.Greater(t, width, 90)
	}
}

// White on each colour is readable: WCAG AA asks for 4.5 to 1.
func TestBadge_contrast(t *testing.T) {
	for _, color := range []string{"59636e", "1a7f37", "0b5cad", "bc4c00", "b3121f", "555555"} {
		rgb, err := strconv.ParseUint(color, 16, 32)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, 1.05/(luminance(uint32(rgb))+0.05), 4.5, color)
	}
}

func parseSVG(t *testing.T, body string) node {
	t.Helper()
	var root node
	require.NoError(t, xml.Unmarshal([]byte(body), &root))
	assert.Equal(t, xml.Name{Space: "http://www.w3.org/2000/svg", Local: "svg"}, root.XMLName)
	return root
}
