package opsgenietest

import (
	"slices"

	"github.com/routewatch/routewatch/opsgenie"
)

// readPage reads which notes a call asks for.
func (x *exchange) readPage() {
	x.search = search{
		limit:     x.number("limit", maxLimit, 1, maxLimit),
		order:     x.oneOf("order", "desc", "asc"),
		direction: x.oneOf("direction", "next", "prev"),
	}
}

// listNotes answers with a page of the notes of an alert.
func (x *exchange) listNotes() answer {
	alert, no := x.alert()
	if no != nil {
		return x.fail(no)
	}
	notes := alert.Notes
	if x.search.order == "desc" {
		slices.Reverse(notes)
	}
	first, last := pageOf(notes, x.call.Query.Get("offset"), x.search.direction, x.search.limit)
	page := append([]opsgenie.Note{}, notes[first:last]...)
	paging := map[string]string{"first": x.link(map[string]string{"offset": "", "direction": "next"})}
	if last < len(notes) && last > first {
		paging["next"] = x.link(map[string]string{"offset": notes[last-1].Offset, "direction": "next"})
	}
	return x.paged(page, paging)
}

// pageOf finds the page of at most limit notes after, or before, the note with
// the offset; without an offset it is the first page.
func pageOf(notes []opsgenie.Note, offset, direction string, limit int) (first, last int) {
	at := slices.IndexFunc(notes, func(n opsgenie.Note) bool { return n.Offset == offset })
	if direction == "prev" && at >= 0 {
		return max(0, at-limit), at
	}
	first = at + 1
	return first, min(first+limit, len(notes))
}
