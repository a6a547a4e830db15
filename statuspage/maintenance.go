package statuspage

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/routewatch/routewatch/internal/text"
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

// calendar is all maintenance as an iCalendar, which calendars subscribe to.
// https://www.rfc-editor.org/rfc/rfc5545
func (s *Site) calendar(address string) []byte {
	host := "statuspage"
	if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	var out bytes.Buffer
	line := func(name, value string) { foldLine(&out, name+":"+value) }
	stamp := func(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
	line("BEGIN", "VCALENDAR")
	line("VERSION", "2.0")
	line("PRODID", "-//routewatch//status page//EN")
	line("X-WR-CALNAME", calendarText(s.Title))
	for _, m := range s.Maintenance {
		line("BEGIN", "VEVENT")
		line("UID", m.ID+"@"+host)
		line("DTSTAMP", stamp(m.Start)) // it must be there, and the bytes are to stay
		line("DTSTART", stamp(m.Start))
		line("DTEND", stamp(m.End))
		line("SUMMARY", calendarText(m.Title))
		if m.Text != "" {
			line("DESCRIPTION", calendarText(m.Text))
		}
		if len(m.Services) > 0 {
			all := make([]string, len(m.Services))
			for n, name := range m.Services {
				all[n] = calendarText(name)
			}
			line("CATEGORIES", strings.Join(all, ","))
		}
		line("URL", address+"/#m-"+m.ID)
		line("END", "VEVENT")
	}
	line("END", "VCALENDAR")
	return out.Bytes()
}

var calendarEscapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

func calendarText(s string) string { return calendarEscapes.Replace(text.Clean(s)) }

// foldLine writes a line in pieces of at most 75 bytes, none of which cuts a
// character.
func foldLine(out *bytes.Buffer, line string) {
	length := 0
	for _, r := range line {
		size := utf8.RuneLen(r)
		if length+size > 75 {
			out.WriteString("\r\n ")
			length = 1
		}
		out.WriteRune(r)
		length += size
	}
	out.WriteString("\r\n")
}
