package statuspage_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/statuspage"
)

func TestBanner(t *testing.T) {
	// A state by service, "work" for one that is worked on as planned.
	tests := []struct {
		name      string
		services  map[string]string
		want      string
		indicator string
		concerned []string
	}{
		{"no service", nil, "No data", "none", nil},
		{"all well", map[string]string{"API": "green", "Web": "green"}, "All systems operational", "none", nil},
		{"one", map[string]string{"API": "major", "Web": "green"}, "Partial outage: API", "major", []string{"API"}},
		{"two", map[string]string{"API": "major", "Web": "major"}, "Partial outage: API and Web", "major", []string{"API", "Web"}},
		{"three", map[string]string{"A": "critical", "B": "critical", "C": "critical"}, "Major outage: A and 2 more", "critical", []string{"A", "B", "C"}},
		{"the worst alone is named", map[string]string{"A": "major", "B": "critical", "C": "major"}, "Major outage: B", "critical", []string{"B"}},
		{"work", map[string]string{"A": "green", "B": "work"}, "Under maintenance: B", "maintenance", []string{"B"}},
		{"an outage after work", map[string]string{"A": "work", "B": "major"}, "Partial outage: B", "major", []string{"B"}},
		{"work after an outage", map[string]string{"A": "major", "B": "work"}, "Partial outage: A", "major", []string{"A"}},
		{"a name on many lines", map[string]string{"A\u202e": "major"}, "Partial outage: A", "major", []string{"A\u202e"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				s := newSite(t, func(c *statuspage.Config) {
					for name, state := range tt.services {
						if state == "work" {
							c.Site.Maintenance = append(c.Site.Maintenance, statuspage.Maintenance{
								Title: name, Services: []string{name}, Start: now.Add(-time.Hour), End: now.Add(time.Hour),
							})
						}
					}
				})
				for name, state := range tt.services {
					if state == "work" {
						state = "green"
					}
					s.set(name, state, "x")
				}
				b := s.page.Banner(now)
				assert.Equal(t, tt.want, b.Text)
				assert.Equal(t, tt.indicator, b.Indicator())
				assert.Equal(t, tt.concerned, b.Services)
				assert.Equal(t, tt.services == nil, b.Empty)
			})
		})
	}
}
