package statuspage

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/routewatch/routewatch/opsgenie"
)

// readTags reads the tags of an event or of an alert. Relays are known to put
// several tags into one element, with blanks or commas between; a tag may also
// hold blanks of its own. So the words of an element are looked at only when the
// elements do not have the page's tag, and only where they have it together with
// another that speaks to the page.
func (p *Page) readTags(tags []string) reading {
	whole := p.tags.read(tags)
	if whole.Page {
		return whole
	}
	var split []string
	for _, tag := range tags {
		words := strings.FieldsFunc(tag, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
		if r := p.tags.read(words); r.Page && (len(r.Services) > 0 || r.Severity != "") {
			split = append(split, words...)
		} else {
			split = append(split, tag)
		}
	}
	return p.tags.read(split)
}

// changeOf says what an event says of its alert. While an alert does not have
// the page's tag, what is said of it is none of the visitors' business: only its
// tags and its end are taken then. Of a Delete and an Escalate, which do not tell
// the tags, no more is taken either; what others say that do not is put aside.
func (p *Page) changeOf(e opsgenie.Event, now time.Time) Change {
	a := e.Alert
	updated, created := sane(a.UpdatedAt, now), sane(a.CreatedAt, now)
	at := cmp.Or(updated, sane(a.InsertedAt, now), created)
	c := Change{ID: clean(a.ID, maxID), CreatedAt: created}
	if e.Action == opsgenie.EventClose || e.Action == opsgenie.EventDelete {
		c.ClosedAt = cmp.Or(updated, now)
	}
	added := e.Action == opsgenie.EventCreate || e.Action == opsgenie.EventAddTags
	switch {
	case a.Tags != nil:
		tags := a.Tags
		if added { // some relays tell the tags as they were before
			tags = slices.Concat(tags, notIn(tags, a.AddedTags))
		}
		c.Tags = p.readTags(tags).point(at)
	case added && len(a.AddedTags) > 0:
		c.Tags = p.readTags(a.AddedTags).point(at)
		c.Tags.Partial = true
	}
	switch {
	case c.Tags != nil && c.Tags.Page:
		c.CreatedAt = cmp.Or(created, at, now)
		c.Said = saidBy(e, at, cmp.Or(at, now))
	case neverTellsTags(e.Action), c.Tags != nil && !c.Tags.Partial:
	default:
		// Without a time nobody knows whether the alert had the tag then.
		if said := saidBy(e, updated, updated); !said.nothing() {
			c.Aside = &said
		}
	}
	if c.nothing() {
		c.CreatedAt = time.Time{} // an alert that is not known would not keep it
	}
	return c
}

// nothing reports whether an event says nothing that would ever count.
func (c Change) nothing() bool { return c.Tags == nil && c.Aside == nil && c.ClosedAt.IsZero() }

// saidBy is what an event says of its alert as of a time, zero where it is not
// known, and when it was noted.
func saidBy(e opsgenie.Event, at, noted time.Time) Said {
	s := saidOf(e.Alert.Message, e.Alert.Priority, at)
	if e.Action == opsgenie.EventAcknowledge || e.Action == opsgenie.EventUnacknowledge {
		s.Acked, s.AckedAt = e.Action == opsgenie.EventAcknowledge, at
	}
	if note := clean(e.Alert.Note, maxNote); note != "" {
		s.Updates = []Update{{At: noted, Text: note}}
	}
	return s
}

func neverTellsTags(a opsgenie.EventAction) bool {
	return a == opsgenie.EventDelete || a == opsgenie.EventEscalate
}

// notIn are the added tags that are neither among the tags nor a piece of one:
// Opsgenie writes those that were added as one text with commas between, which
// takes a tag apart that has a comma of its own.
func notIn(tags, added []string) []string {
	pieces := map[string]bool{}
	for _, tag := range tags {
		pieces[strings.TrimSpace(tag)] = true
		for piece := range strings.SplitSeq(tag, ",") {
			pieces[strings.TrimSpace(piece)] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(added), func(tag string) bool { return pieces[strings.TrimSpace(tag)] })
}

// changeOfAlert says what the Alert API says of an alert.
func (p *Page) changeOfAlert(a opsgenie.Alert, now time.Time) Change {
	updated, created := sane(a.UpdatedAt, now), sane(a.CreatedAt, now)
	at := cmp.Or(updated, created)
	c := Change{ID: clean(a.ID, maxID), CreatedAt: created}
	if !a.Open() {
		c.ClosedAt = cmp.Or(updated, now)
	}
	if a.Tags == nil {
		return c // an answer that does not tell the tags takes none away
	}
	r := p.readTags(a.Tags)
	c.Tags = r.point(at)
	if r.Page {
		c.CreatedAt = cmp.Or(created, at, now)
		c.Said = saidOf(a.Message, a.Priority, at)
	}
	return c
}

func saidOf(message string, priority opsgenie.Priority, at time.Time) Said {
	s := Said{Message: clean(message, maxMessage), MessageAt: at}
	if priority.Valid() {
		s.Priority, s.PriorityAt = priority, at
	}
	return s
}

func (r reading) point(at time.Time) *Point {
	return &Point{At: at, Page: r.Page, Services: r.Services, Severity: r.Severity}
}

// maxID is how many runes of an alert's id count. A UUID has 36; some have a
// time behind it.
const maxID = 200

// maxSkew is how far ahead of ours Opsgenie's clock may be. What is later is no
// time, and must not make all that follows it look old.
const maxSkew = 24 * time.Hour

// notBefore is long before the first alert of Opsgenie.
var notBefore = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

// sane is t where it can be true, else zero.
func sane(t, now time.Time) time.Time {
	if t.Before(notBefore) || t.After(now.Add(maxSkew)) {
		return time.Time{}
	}
	return t.UTC().Round(0)
}

// clean is text without blanks around it, that JSON can hold, and of at most n
// runes.
func clean(s string, n int) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
