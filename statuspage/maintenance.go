package statuspage

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Maintenance is work on services that is announced. While it runs, its services
// are shown as under maintenance unless they are worse, and the time does not
// count for their uptime.
type Maintenance struct {
	// ID is its name in addresses: letters, digits, "-" and "_". Defaults to a
	// hash of Title and Start.
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	// Services are those that it concerns. None are all.
	Services []string  `yaml:"services"`
	Start    time.Time `yaml:"start"`
	End      time.Time `yaml:"end"`
	Text     string    `yaml:"text"`
}

// Phase is how far a maintenance has come.
type Phase string

// The phases of a maintenance.
const (
	Upcoming Phase = "upcoming"
	Running  Phase = "running"
	Done     Phase = "done"
)

// Phase says how far it has come at a time.
func (m Maintenance) Phase(now time.Time) Phase {
	switch {
	case now.Before(m.Start):
		return Upcoming
	case now.Before(m.End):
		return Running
	}
	return Done
}

// Concerns reports whether the work is on a service.
func (m Maintenance) Concerns(service string) bool {
	return len(m.Services) == 0 || slices.Contains(m.Services, service)
}

// MaintenanceRunning returns the first maintenance of a service that runs at a
// time, or nil.
func (s *Site) MaintenanceRunning(service string, now time.Time) *Maintenance {
	for n := range s.Maintenance {
		if m := &s.Maintenance[n]; m.Phase(now) == Running && m.Concerns(service) {
			return m
		}
	}
	return nil
}

var maintenanceID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// settleMaintenance orders all by Start and gives those an ID that have none.
func settleMaintenance(all []Maintenance) (errs []error) {
	seen := map[string]bool{}
	for n := range all {
		m := &all[n]
		bad := func(reason string) {
			errs = append(errs, fmt.Errorf("statuspage: Site.Maintenance[%d] %q %s", n, m.Title, reason))
		}
		if m.Title == "" {
			bad("has no title")
		}
		if m.Start.IsZero() || !m.End.After(m.Start) {
			bad("needs a start, and an end after it")
		}
		if m.ID == "" {
			sum := sha256.Sum256([]byte(m.Start.UTC().Format(time.RFC3339) + m.Title))
			m.ID = hex.EncodeToString(sum[:6])
		}
		if !maintenanceID.MatchString(m.ID) {
			bad(fmt.Sprintf("has the id %q; letters, digits, - and _ make one", m.ID))
		}
		if seen[m.ID] {
			bad(fmt.Sprintf("has the id %q of another", m.ID))
		}
		seen[m.ID] = true
	}
	slices.SortStableFunc(all, func(a, b Maintenance) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	return errs
}
