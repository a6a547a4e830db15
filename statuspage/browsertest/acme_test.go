package browsertest

import (
	"fmt"
	"time"

	"github.com/routewatch/routewatch/statuspage"
)

// well is a service without a past.
func well(name string, days int) statuspage.Record {
	return statuspage.Record{Name: name, State: statuspage.Green, FirstAt: time.Now().AddDate(0, 0, -days)}
}

func incident(id, message string, severity statuspage.State, from time.Time, lasts time.Duration, services ...string) statuspage.Incident {
	i := statuspage.Incident{
		ID: id, CreatedAt: from, Said: statuspage.Said{Message: message, MessageAt: from},
		Points: []statuspage.Point{{At: from, Page: true, Services: services, Severity: severity}},
	}
	if lasts > 0 {
		i.ResolvedAt = from.Add(lasts)
	}
	return i
}

var acmeServices = []string{
	"Website", "Checkout", "API", "Search", "Payments",
	"Mail delivery", "Login", "Webhooks", "Reports", "Exports", "Images", "Videos",
	"Chat", "Calendar", "Billing", "Imports", "Mobile app", "Partner API", "Docs", "Support desk",
}

// acme is a page with everything on it.
func acme(now time.Time) statuspage.Site {
	return statuspage.Site{
		Title: "Acme status",
		Links: []statuspage.Link{{Text: "acme.example", URL: "https://acme.example"}, {Text: "Support", URL: "https://acme.example/support"}},
		Groups: []statuspage.Group{
			{Name: "Shop", Services: acmeServices[:5]},
			{Name: "Platform", Services: acmeServices[5:12]},
			{Name: "Office", Services: acmeServices[12:], Closed: true},
		},
		Maintenance: []statuspage.Maintenance{
			{Title: "Move of the search index", Services: []string{"Search"}, Start: now.Add(-20 * time.Minute), End: now.Add(70 * time.Minute), Text: "Results may be a few minutes old."},
			{Title: "Database upgrade", Services: []string{"Reports", "Exports"}, Start: now.Add(30 * time.Hour), End: now.Add(31 * time.Hour), Text: "Reports are read-only for about half an hour."},
		},
	}
}

// acmeRecords are services with a past, two of which are not well.
func acmeRecords(now time.Time) (records []statuspage.Record) {
	for n, name := range acmeServices {
		r := well(name, 120)
		if n%5 == 2 {
			r.FirstAt = now.AddDate(0, 0, -50)
		}
		for k := range n % 5 {
			severity, says := statuspage.Major, "Slow answers from %s"
			if (n+k)%3 == 0 {
				severity, says = statuspage.Critical, "%s is not reachable"
			}
			from := now.AddDate(0, 0, -1-(n*17+k*23)%48).Add(-3*time.Hour - time.Duration(k)*7*time.Minute)
			i := incident(fmt.Sprintf("i%d-%d", n, k), fmt.Sprintf(says, name), severity, from, time.Duration(11+k*97+n)*time.Minute, name)
			i.Updates = []statuspage.Update{
				{At: from.Add(4 * time.Minute), Text: "We have found the cause and are rolling back."},
				{At: from.Add(9 * time.Minute), Text: "Error rates are back to normal. We keep watching."},
			}
			r.Incidents = append(r.Incidents, i)
		}
		if name == "Checkout" || name == "Payments" {
			from := now.Add(-47 * time.Minute)
			i := incident("open-1", "Card payments fail for some customers", statuspage.Major, from, 0, "Checkout", "Payments")
			i.Acked, i.AckedAt = true, from.Add(3*time.Minute)
			i.Updates = []statuspage.Update{
				{At: from.Add(4 * time.Minute), Text: "Our payment provider reports errors in one region."},
				{At: from.Add(8 * time.Minute), Text: "We are moving traffic to another region. About a tenth of payments is still refused."},
			}
			r.Incidents = append(r.Incidents, i)
			r.State, r.Message, r.Since = statuspage.Major, i.Message, i.CreatedAt
		}
		records = append(records, r)
	}
	return records
}
