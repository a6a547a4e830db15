package statuspage

import "time"

// plan is a scheduled maintenance that concerns the page, with the services by
// name.
type plan struct {
	Maintenance
	services []string
}

// plans are all scheduled maintenances, oldest first.
func (p *Page) plans(services []*Record) []plan {
	var out []plan
	for _, m := range p.cfg.Site.Maintenance {
		of := plan{Maintenance: m}
		for _, r := range services {
			if m.Concerns(r.Name) {
				of.services = append(of.services, r.Name)
			}
		}
		out = append(out, of)
	}
	return out
}

// stage is how far the maintenance is, in the words of Atlassian Statuspage.
func (p plan) stage(now time.Time) Stage {
	switch p.Phase(now) {
	case Upcoming:
		return Scheduled
	case Running:
		return InProgress
	default:
		return Completed
	}
}

// underMaintenance are the services that are worked on at a moment.
func underMaintenance(plans []plan, now time.Time) map[string]bool {
	services := map[string]bool{}
	for _, p := range plans {
		if p.Phase(now) == Running {
			for _, s := range p.services {
				services[s] = true
			}
		}
	}
	return services
}

// nextTurn is when a maintenance next begins or ends; far away if none does.
func nextTurn(plans []plan, now time.Time) time.Time {
	next := now.Add(24 * time.Hour)
	for _, p := range plans {
		for _, t := range []time.Time{p.Start, p.End} {
			if t.After(now) && t.Before(next) {
				next = t
			}
		}
	}
	return next
}
