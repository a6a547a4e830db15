package statuspage

import (
	"cmp"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// readTags reads the tags of an event or of an alert. Relays are known to put
// several tags into one element, with blanks between; a tag may also hold blanks
// of its own. So the words of the elements are looked at only when the elements
// say nothing.
func (p *Page) readTags(tags []string) reading {
	whole := p.tags.read(tags)
	if whole.Page {
		return whole
	}
	var words []string
	for _, tag := range tags {
		words = append(words, strings.Fields(tag)...)
	}
	if r := p.tags.read(words); r.Page {
		return r
	}
	return whole
}

// changeOf says what an event says of its alert, and which services it names:
// those of the tags that are there, that came and that went.
func (p *Page) changeOf(e opsgenie.Event, now time.Time) (c Change, services []string) {
	a := e.Alert
	c = Change{
		ID:        a.ID,
		At:        firstTime(a.UpdatedAt, a.InsertedAt, a.CreatedAt, now),
		CreatedAt: a.CreatedAt,
		Message:   a.Message,
	}
	// A clock that is ahead must not make what comes after it look old for ever.
	if c.At.After(now.Add(maxSkew)) {
		c.At = now
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = c.At
	}
	if a.Tags != nil {
		r := p.readTags(a.Tags)
		c.Tags = &Point{At: c.At, Page: r.Page, Services: r.Services, Severity: r.Severity}
		services = append(services, r.Services...)
	}
	services = append(services, p.readTags(a.AddedTags).Services...)
	services = append(services, p.readTags(a.RemovedTags).Services...)

	switch e.Action {
	case opsgenie.EventClose, opsgenie.EventDelete:
		c.Closed = true
	case opsgenie.EventAcknowledge:
		c.Acked = new(bool)
		*c.Acked = true
	case opsgenie.EventUnacknowledge:
		c.Acked = new(bool)
	}
	if note := strings.TrimSpace(a.Note); note != "" {
		c.Update = &Update{At: c.At, Text: note}
	}
	return c, services
}

// changeOfAlert says what the Alert API says of an alert.
func (p *Page) changeOfAlert(a opsgenie.Alert, now time.Time) (c Change, services []string) {
	r := p.readTags(a.Tags)
	at := firstTime(a.UpdatedAt, a.CreatedAt, now)
	c = Change{
		ID: a.ID, At: at, CreatedAt: a.CreatedAt, Message: strings.TrimSpace(a.Message), Closed: !a.Open(),
		Tags: &Point{At: at, Page: r.Page, Services: r.Services, Severity: r.Severity},
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = at
	}
	return c, r.Services
}

// maxSkew is how far ahead of ours Opsgenie's clock may be.
const maxSkew = 10 * time.Minute

func firstTime(times ...time.Time) time.Time { return cmp.Or(times...) }
