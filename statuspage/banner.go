package statuspage

import (
	"fmt"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// Banner is how a page or a service is, in one sentence. The heading of the
// page, its title, its badge, its feeds and its API all take it from here, so
// that no two of them can contradict each other.
type Banner struct {
	// State is the worst of all services.
	State State
	// Maintenance is whether a service is being worked on as planned, and none
	// is worse than that.
	Maintenance bool
	// Empty is whether no service was heard of yet: there is nothing to be
	// green about.
	Empty bool
	// Services are those that are as the banner says, by name; none where all is
	// well.
	Services []string
	// Text is the sentence, such as "Major outage: API and 2 more".
	Text string
}

// Banner is how all services are, leaving maintenance out. Page.Banner has it in.
func (s *Snapshot) Banner() Banner { return bannerOf(s.Services, nil) }

// Banner is how all services are at a moment.
func (p *Page) Banner(now time.Time) Banner {
	snap := p.Snapshot()
	return bannerOf(snap.Services, underMaintenance(p.plans(snap), now))
}

// bannerOf says how services are. An outage is worse than a maintenance, also in
// the service that is maintained: an alert is never hidden by a plan.
func bannerOf(services []*Record, maintained map[string]bool) Banner {
	b := Banner{State: Green, Empty: len(services) == 0}
	for _, r := range services {
		switch {
		case r.State.Worse(b.State):
			b.State, b.Maintenance, b.Services = r.State, false, []string{r.Name}
		case b.State == Green && maintained[r.Name]:
			b.Maintenance, b.Services = true, append(b.Services, r.Name)
		case b.State != Green && r.State == b.State:
			b.Services = append(b.Services, r.Name)
		}
	}
	switch {
	case b.Empty:
		b.Text = "No data"
	case b.State == Critical:
		b.Text = "Major outage: " + nameSome(b.Services)
	case b.State == Major:
		b.Text = "Partial outage: " + nameSome(b.Services)
	case b.Maintenance:
		b.Text = "Under maintenance: " + nameSome(b.Services)
	default:
		b.Text = "All systems operational"
	}
	return b
}

// nameSome names one or two services, and of more the first and how many.
func nameSome(services []string) string {
	first := text.CleanLine(services[0])
	switch len(services) {
	case 1:
		return first
	case 2:
		return first + " and " + text.CleanLine(services[1])
	}
	return fmt.Sprintf("%s and %d more", first, len(services)-1)
}

// Indicator is the banner in the word of Atlassian Statuspage: none, major,
// critical or maintenance.
func (b Banner) Indicator() string {
	switch {
	case b.State == Critical:
		return "critical"
	case b.State == Major:
		return "major"
	case b.Maintenance:
		return "maintenance"
	}
	return "none"
}

// Component is the banner as the status of a component of Atlassian Statuspage.
func (b Banner) Component() string {
	switch {
	case b.State == Critical:
		return "major_outage"
	case b.State == Major:
		return "partial_outage"
	case b.Maintenance:
		return "under_maintenance"
	}
	return "operational"
}

// Word is the banner in a word or two, for a badge.
func (b Banner) Word() string {
	switch {
	case b.Empty:
		return "no data"
	case b.State == Critical:
		return "major outage"
	case b.State == Major:
		return "partial outage"
	case b.Maintenance:
		return "maintenance"
	}
	return "operational"
}
