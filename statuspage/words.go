package statuspage

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// DefaultWords are the texts of a page, in English, by key. Site.Words replaces
// any of them. Not to be changed.
var DefaultWords = map[string]string{
	// States of services.
	"green":       "Operational",
	"major":       "Partial outage",
	"critical":    "Major outage",
	"maintenance": "Under maintenance",
	"unknown":     "No data",

	// The heading: how the page is, and which services make it so.
	"banner_green":       "All systems operational",
	"banner_major":       "Partial outage: {}",
	"banner_critical":    "Major outage: {}",
	"banner_maintenance": "Under maintenance: {}",
	"banner_unknown":     "No data",
	"two_names":          "{} and {}",
	"many_names":         "{} and {} more",

	// Stages of incidents and what happened to them.
	"investigating": "Investigating",
	"identified":    "Identified",
	"resolved":      "Resolved",
	"identified_by": "Somebody is working on this.",
	"became":        "This is now: {}.",
	"notice":        "Notice", // an incident that changes no state

	// Phases of maintenance.
	"upcoming": "Scheduled",
	"running":  "In progress",
	"done":     "Completed",

	// Headings.
	"skip":                "Skip to the content",
	"active_incidents":    "Active incidents",
	"planned_maintenance": "Maintenance",
	"services":            "Services",
	"other_services":      "Other services",
	"past_incidents":      "Past incidents",
	"history":             "Incident history",
	"updates":             "Updates",
	"incidents":           "Incidents",

	// Sentences and labels.
	"as_of":            "as of",
	"connection_lost":  "Connection lost",
	"no_services":      "No service has been heard of yet.",
	"no_incidents":     "No incidents.",
	"no_history":       "No incidents are on record.",
	"since":            "since",
	"started":          "Started",
	"affects":          "Affects",
	"all_services":     "all services",
	"resolved_after":   "Resolved after {}.",
	"lasted":           "It lasted {}.",
	"until":            "until",
	"days_ago":         "{} days ago",
	"today":            "Today",
	"uptime":           "{} % uptime",
	"bars":             "{}, last {} days: {}.",
	"bars_none":        "no outages",
	"bars_more":        "and {} more days",
	"no_data":          "no data",
	"full_history":     "Full incident history",
	"back":             "All services",
	"feed":             "Feed",
	"calendar":         "Calendar",
	"newer":            "Newer",
	"older":            "Older",
	"not_found":        "There is no such page",
	"not_found_text":   "It may have been there once. Incidents are kept for a year.",
	"days_utc":         "Days are those of UTC.",
	"rule":             "Uptime is of the last {} days or since the service was first heard of, rounded down: a major outage counts whole, a partial outage {} %, announced maintenance not at all.",
	"unit_days":        "{} d",
	"unit_hours":       "{} h",
	"unit_minutes":     "{} min",
	"unit_less_minute": "less than 1 min",
	"months":           "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",

	// Metrics.
	"metrics":     "Metrics",
	"last_day":    "Last 24 hours",
	"last_week":   "Last 7 days",
	"last_month":  "Last 28 days",
	"plot":        "lowest {}, highest {}, mean {}.",
	"plot_newest": "Newest: {}.",
	"plot_stale":  "No data since {}.",
	"plot_gaps":   "No data for {} of it.",
	"means":       "A point is the mean of {}.",
	"as_table":    "As a table",
	"time":        "Time",
	"mean":        "Mean",
	"lowest":      "Lowest",
	"highest":     "Highest",
}

// words are the texts of one page.
type words map[string]string

// defaultWords are those of feeds, which are in English.
var defaultWords = words(DefaultWords)

func newWords(replace map[string]string) words {
	w := maps.Clone(DefaultWords)
	maps.Copy(w, replace)
	return w
}

// say returns a text with its "{}" filled in, in order.
func (w words) say(key string, args ...any) string {
	parts := strings.Split(w[key], "{}")
	var out strings.Builder
	for n, part := range parts {
		if n > 0 && n <= len(args) {
			fmt.Fprint(&out, args[n-1])
		}
		out.WriteString(part)
	}
	return out.String()
}

// day is a day of the last months.
func (w words) day(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%d %s", t.Day(), w.month(t))
}

// date is a day of any year.
func (w words) date(t time.Time) string { return fmt.Sprintf("%s %d", w.day(t), t.UTC().Year()) }

// stamp is a time as it is written where no script makes it the visitor's own.
func (w words) stamp(t time.Time) string {
	return w.date(t) + t.UTC().Format(", 15:04 UTC")
}

// monthName is a month of any year.
func (w words) monthName(t time.Time) string { return fmt.Sprintf("%s %d", w.month(t), t.Year()) }

func (w words) month(t time.Time) string {
	if names := strings.Fields(w["months"]); len(names) == 12 {
		return names[t.Month()-1]
	}
	return t.Format("01")
}
