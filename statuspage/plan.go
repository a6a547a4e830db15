package statuspage

import (
	"cmp"
	"time"
)

// plan is a scheduled maintenance that concerns the page, with the services by
// name.
type plan struct {
	Maintenance
	services  []string
	announced time.Time // zero where that is not known
}

// plans are all scheduled maintenances, oldest first.
func (p *Page) plans(snap *Snapshot) []plan {
	var out []plan
	for _, m := range p.cfg.Site.Maintenance {
		of := plan{Maintenance: m, announced: snap.announced[m.planned()]}
		for _, r := range snap.Services {
			if m.Concerns(r.Name) {
				of.services = append(of.services, r.Name)
			}
		}
		out = append(out, of)
	}
	return out
}

// planNews is a piece of news of a maintenance.
type planNews struct {
	ID    string // fixed, and its own within the maintenance
	At    time.Time
	Stage Stage
}

// news is everything that visitors may know of a maintenance by now, oldest first:
// that it is planned, has begun and is over. What is planned only after it has
// begun has begun when it was planned.
func (p plan) news(now time.Time) (out []planNews) {
	add := func(stage Stage, at time.Time) {
		out = append(out, planNews{string(stage) + "-" + p.planned(), at, stage})
	}
	if !p.announced.IsZero() && p.announced.Before(p.Start) {
		add(Scheduled, p.announced)
	}
	if began := latest(p.Start, p.announced); !now.Before(began) {
		add(InProgress, began)
	}
	if !now.Before(p.End) {
		add(Completed, p.End)
	}
	return out
}

// text is what a piece of news says.
func (p plan) text(stage Stage) string {
	switch stage {
	case Scheduled:
		return cmp.Or(p.Text, "Maintenance is planned.")
	case InProgress:
		return "The maintenance has begun."
	default:
		return "The maintenance is over."
	}
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
