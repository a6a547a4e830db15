package opsgenietest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// The limits of the list. Source: docs.opsgenie.com/docs/alert-api, "List
// Alerts".
const (
	defaultLimit = 20
	maxLimit     = 100
	window       = 20_000 // offset + limit must stay below
)

// search is what a call that lists asks for.
type search struct {
	match         match
	by            func(a, b *Alert) int
	order         string // asc or desc
	direction     string // next or prev, of notes
	limit, offset int
}

// readSearch reads the query of a list or a count.
func (x *exchange) readSearch() {
	q := x.call.Query
	if id := q.Get("searchIdentifier"); id != "" {
		x.wrong = &refusal{status: http.StatusNotFound, message: fmt.Sprintf("Saved search %q does not exist", id)}
		return
	}
	if n := len(q["query"]); n > 1 {
		x.refuse("query", fmt.Sprintf("is given %d times, and what then counts is not defined", n))
	}
	m, err := parseQuery(q.Get("query"), x.f.opts.LooseTags)
	if err != nil {
		x.refuse("query", "is not understood: "+err.Error())
	}
	by, known := sorts[cmp.Or(q.Get("sort"), "createdAt")]
	if !known {
		x.refuse("sort", fmt.Sprintf("can not be %q", q.Get("sort")))
	}
	x.search = search{
		match:  m,
		by:     by,
		order:  x.oneOf("order", "desc", "asc"),
		limit:  x.number("limit", defaultLimit, 1, maxLimit),
		offset: x.number("offset", 0, 0, window),
	}
	if x.search.offset+x.search.limit >= window {
		x.refuse("offset", fmt.Sprintf("plus limit must stay below %d", window))
	}
}

// list answers with a page of alerts.
func (x *exchange) list() answer {
	found := x.f.find(x.search.match)
	slices.SortFunc(found, func(a, b *Alert) int {
		c := cmp.Or(x.search.by(a, b), cmp.Compare(a.seq, b.seq))
		if x.search.order == "desc" {
			return -c
		}
		return c
	})
	limit, offset := x.search.limit, x.search.offset
	total := len(found)
	data := []map[string]any{}
	for _, alert := range found[min(offset, total):min(offset+limit, total)] {
		data = append(data, item(alert))
	}
	paging := make(map[string]string)
	link := func(name string, offset int) {
		paging[name] = x.link(map[string]string{"offset": fmt.Sprint(offset), "limit": fmt.Sprint(limit)})
	}
	link("first", 0)
	link("last", max(0, (total-1)/limit*limit))
	if offset > 0 {
		link("prev", max(0, offset-limit))
	}
	if offset+limit < total {
		link("next", offset+limit)
	}
	return x.paged(data, paging)
}

// count answers with the number of alerts.
func (x *exchange) count() answer {
	n := len(x.f.find(x.search.match))
	return x.reply(http.StatusOK, map[string]any{"data": map[string]int{"count": n}})
}

// number reads a number of the query.
func (x *exchange) number(name string, otherwise, low, high int) int {
	s := x.call.Query.Get(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		x.refuse(name, fmt.Sprintf("must be a number from %d to %d, not %q", low, high, s))
		return otherwise
	}
	return n
}

// oneOf reads a word of the query; the first choice is the default.
func (x *exchange) oneOf(name string, choices ...string) string {
	s := strings.ToLower(cmp.Or(x.call.Query.Get(name), choices[0]))
	if !slices.Contains(choices, s) {
		x.refuse(name, fmt.Sprintf("must be one of %s, not %q", strings.Join(choices, ", "), s))
	}
	return s
}

// link is the absolute URL of the same call with other parameters.
func (x *exchange) link(with map[string]string) string {
	q := url.Values(http.Header(x.call.Query).Clone())
	for key, value := range with {
		q.Set(key, value)
	}
	u := url.URL{Scheme: "http", Host: x.r.Host, Path: x.r.URL.Path, RawPath: x.r.URL.RawPath, RawQuery: q.Encode()}
	if x.r.TLS != nil || x.r.URL.Scheme == "https" {
		u.Scheme = "https"
	}
	return u.String()
}

// paged is an answer with links to its neighbours, in the body and in headers.
func (x *exchange) paged(data any, paging map[string]string) answer {
	a := x.reply(http.StatusOK, map[string]any{"data": data, "paging": paging})
	for name, link := range paging {
		a.header.Set("X-Paging-"+name, link)
	}
	return a
}

// get answers with one alert, as it is now.
func (x *exchange) get() answer {
	alert, no := x.alert()
	if no != nil {
		return x.fail(no)
	}
	data := item(&alert)
	data["description"] = alert.Description
	data["details"] = alert.Details
	if alert.Details == nil {
		data["details"] = map[string]string{}
	}
	data["entity"] = alert.Entity
	data["actions"] = append([]string{}, alert.Actions...)
	return x.reply(http.StatusOK, map[string]any{"data": data})
}

// alert copies the alert that the path names.
func (x *exchange) alert() (Alert, *refusal) {
	x.f.mu.Lock()
	defer x.f.mu.Unlock()
	alert := x.f.account.find(x.call.Ref)
	if alert == nil {
		return Alert{}, &refusal{status: http.StatusNotFound, message: "Alert not found"}
	}
	c := alert.clone()
	c.wake(time.Now())
	return c, nil
}

// item is an alert as the list shows it.
func item(alert *Alert) map[string]any {
	data := map[string]any{
		"id": alert.ID, "tinyId": alert.TinyID, "alias": alert.Alias, "message": alert.Message,
		"status": alert.Status, "acknowledged": alert.Acknowledged, "isSeen": alert.Seen, "seen": alert.Seen,
		"tags": append([]string{}, alert.Tags...), "snoozed": alert.Snoozed, "count": alert.Count,
		"lastOccurredAt": alert.LastOccurredAt, "createdAt": alert.CreatedAt, "updatedAt": alert.UpdatedAt,
		"source": alert.Source, "owner": alert.Owner, "priority": alert.Priority,
		"responders":  append([]opsgenie.Responder{}, alert.Responders...),
		"integration": alert.Integration, "ownerTeamId": "",
	}
	if alert.Snoozed {
		data["snoozedUntil"] = alert.SnoozedUntil
	}
	report := make(map[string]any)
	if !alert.AcknowledgedAt.IsZero() {
		report["ackTime"] = alert.AcknowledgedAt.Sub(alert.CreatedAt).Milliseconds()
		report["acknowledgedBy"] = alert.AcknowledgedBy
	}
	if !alert.ClosedAt.IsZero() {
		report["closeTime"] = alert.ClosedAt.Sub(alert.CreatedAt).Milliseconds()
		report["closedBy"] = alert.ClosedBy
	}
	if len(report) > 0 {
		data["report"] = report
	}
	return data
}
