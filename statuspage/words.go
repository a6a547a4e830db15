package statuspage

import (
	"fmt"
	"maps"
	"strings"
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

	// States of incidents.
	"investigating": "Investigating",
	"identified":    "Identified",
	"resolved":      "Resolved",
	"update":        "Update",

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
	"until":            "until",
	"days_ago":         "{} days ago",
	"today":            "Today",
	"uptime":           "{} % uptime",
	"bars":             "{}, last {} days: {}.",
	"bars_none":        "no outages",
	"bars_more":        "and {} more days",
	"no_data":          "no data",
	"full_history":     "Full incident history",
	"all_of_service":   "All incidents of {}",
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
}

// words are the texts of one page.
type words map[string]string

func newWords(replace map[string]string) words {
	w := maps.Clone(DefaultWords)
	maps.Copy(w, replace)
	return w
}

// say returns a text with its "{}" filled in, in order.
func (w words) say(key string, args ...any) string {
	text := w[key]
	for _, a := range args {
		text = strings.Replace(text, "{}", fmt.Sprint(a), 1)
	}
	return text
}
