package jsmops

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/routewatch/routewatch/opsgenie"
)

// ErrUnreadable is in the chain of the error of [Client.Get] where an alert is
// said not to be there, and no other alert can be seen either: that is what the
// API answers to an account without the right to read alerts.
var ErrUnreadable = errors.New("no alert can be seen at all: has the account the right to read them?")

// ListOptions chooses alerts. The zero value is the newest of all.
type ListOptions struct {
	// Query is in the search language of Opsgenie, such as
	// `status:open AND tag:"servicename:API"`.
	Query  string
	Offset int                // how many to leave out
	Size   int                // at most opsgenie.MaxPage, more is taken as that; 0 is the API's default
	Sort   opsgenie.SortField // defaults to the API's createdAt
	Order  opsgenie.Order     // defaults to the API's desc
}

// Page is a piece of a list of alerts.
type Page struct {
	Alerts []opsgenie.Alert
	// Next are the options that list what follows, or nil at the end.
	Next *ListOptions
}

// Open yields the alerts that are open and may have the tag, oldest first, each
// once. The list is a search index that lags behind, and how it splits tags into
// words is not documented: look at the tags of what comes. An account without
// the right to read alerts gets an empty list, and no error.
func (c *Client) Open(ctx context.Context, tag string) iter.Seq2[opsgenie.Alert, error] {
	return c.All(ctx, ListOptions{
		Query: fmt.Sprintf("status: open AND tag: %q", tag),
		Sort:  opsgenie.ByCreatedAt, Order: opsgenie.Ascending,
	})
}

// All lists all alerts that o chooses, page by page as they are asked for, each
// once. An error ends the list: [opsgenie.ErrWindow] after nearly
// opsgenie.MaxWindow alerts.
func (c *Client) All(ctx context.Context, o ListOptions) iter.Seq2[opsgenie.Alert, error] {
	return func(yield func(opsgenie.Alert, error) bool) {
		o := o
		if o.Size <= 0 {
			o.Size = opsgenie.MaxPage
		}
		seen := make(map[string]bool)
		for {
			if room := opsgenie.MaxWindow - 1 - o.Offset; room > 0 {
				o.Size = min(o.Size, room)
			}
			page, err := c.List(ctx, o)
			if err != nil {
				yield(opsgenie.Alert{}, err)
				return
			}
			for _, a := range page.Alerts {
				if seen[a.ID] {
					continue
				}
				seen[a.ID] = true
				if !yield(a, nil) {
					return
				}
			}
			if page.Next == nil {
				return
			}
			o = *page.Next
		}
	}
}

// List returns a page of alerts.
func (c *Client) List(ctx context.Context, o ListOptions) (Page, error) {
	const op = "list alerts"
	o.Size = min(o.Size, opsgenie.MaxPage)
	switch {
	case o.Offset < 0 || o.Size < 0:
		return Page{}, newError(op, c.base, fmt.Errorf("%w: offset or size below 0", opsgenie.ErrInvalid))
	case o.Offset+max(o.Size, 1) >= opsgenie.MaxWindow:
		return Page{}, newError(op, c.base, fmt.Errorf("%w: offset and size must stay below %d", opsgenie.ErrWindow, opsgenie.MaxWindow))
	}
	q := url.Values{}
	for name, value := range map[string]string{
		"query": o.Query, "sort": string(o.Sort), "order": string(o.Order),
		"size": positive(o.Size), "offset": positive(o.Offset),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var answer struct {
		Values *[]alertData `json:"values"`
		Links  *links       `json:"links"`
	}
	u, err := c.at(ctx, q, "alerts")
	if err == nil {
		err = c.get(ctx, op, u, true, &answer)
	}
	if err == nil && answer.Values == nil {
		// An object of somebody else's must not pass for an empty list.
		err = newError(op, c.base, errors.New("the answer holds no list: is the base URL right, is a proxy in between?"))
	}
	if err != nil {
		return Page{}, err
	}
	page := Page{Alerts: make([]opsgenie.Alert, 0, len(*answer.Values))}
	for i := range *answer.Values {
		a := (*answer.Values)[i].alert()
		if a.ID == "" {
			return Page{}, newError(op, c.base, errors.New("the answer holds an alert without an id"))
		}
		page.Alerts = append(page.Alerts, a)
	}
	full := o.Size > 0 && len(page.Alerts) >= o.Size
	if answer.Links.more() || answer.Links == nil && full {
		page.Next = o.after(answer.Links.next(), len(page.Alerts))
	}
	return page, nil
}

// after returns the options of the page that the link names, or nil if it leads
// nowhere further. Only what the link asks for is taken from it: the call goes
// to the client's own base, whatever host the link names.
func (o ListOptions) after(next url.Values, got int) *ListOptions {
	n := o
	n.Offset = o.Offset + got
	if offset, err := strconv.Atoi(next.Get("offset")); err == nil {
		n.Offset = offset
	}
	if size, err := strconv.Atoi(next.Get("size")); err == nil && size > 0 {
		n.Size = min(size, opsgenie.MaxPage)
	}
	if n.Offset <= o.Offset {
		return nil // it would never end
	}
	return &n
}

// Get returns the alert with the given id, open or closed. Where it is not
// there, the error is an *opsgenie.Error with status 404; where that cannot be
// told from a missing right, it is [ErrUnreadable] and has no status.
func (c *Client) Get(ctx context.Context, id string) (opsgenie.Alert, error) {
	const op = "get alert"
	if err := checkID(id); err != nil {
		return opsgenie.Alert{}, newError(op, c.base, err)
	}
	u, err := c.at(ctx, nil, "alerts", url.PathEscape(id))
	var answer alertData
	if err == nil {
		err = c.get(ctx, op, u, true, &answer)
	}
	var refused *opsgenie.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		others, listErr := c.List(ctx, ListOptions{Size: 1})
		if listErr != nil {
			return opsgenie.Alert{}, listErr
		}
		if len(others.Alerts) == 0 {
			err = newError(op, c.base, ErrUnreadable)
		}
	}
	if err != nil {
		return opsgenie.Alert{}, err
	}
	a := answer.alert()
	if a.ID != id {
		return opsgenie.Alert{}, newError(op, c.base, errors.New("the answer is another alert"))
	}
	return a, nil
}

// Notes yields the notes of an alert, in the API's order: newest first. An error
// ends them.
func (c *Client) Notes(ctx context.Context, id string) iter.Seq2[opsgenie.Note, error] {
	const op = "list notes"
	return func(yield func(opsgenie.Note, error) bool) {
		if err := checkID(id); err != nil {
			yield(opsgenie.Note{}, newError(op, c.base, err))
			return
		}
		q := url.Values{"size": {strconv.Itoa(opsgenie.MaxPage)}}
		asked := map[string]bool{}
		for {
			asked[q.Encode()] = true
			var answer struct {
				Values *[]noteData `json:"values"`
				Links  *links      `json:"links"`
			}
			u, err := c.at(ctx, q, "alerts", url.PathEscape(id), "notes")
			if err == nil {
				err = c.get(ctx, op, u, true, &answer)
			}
			if err == nil && answer.Values == nil {
				err = newError(op, c.base, errors.New("the answer holds no list: is the base URL right, is a proxy in between?"))
			}
			if err != nil {
				yield(opsgenie.Note{}, err)
				return
			}
			for _, n := range *answer.Values {
				if !yield(n.note(), nil) {
					return
				}
			}
			if q = answer.Links.next(); !answer.Links.more() || asked[q.Encode()] {
				return
			}
		}
	}
}

// at returns the address of a path of the API. The segments are given escaped.
func (c *Client) at(ctx context.Context, q url.Values, segments ...string) (*url.URL, error) {
	id, err := c.id(ctx)
	if err != nil {
		return nil, err
	}
	u := c.base.JoinPath(append([]string{"jsm", "ops", "api", id, "v1"}, segments...)...)
	u.RawQuery = q.Encode()
	return u, nil
}

// checkID says what keeps id from being a segment of a path.
func checkID(id string) error {
	switch strings.TrimSpace(id) {
	case "", ".", "..":
		return fmt.Errorf("%w: %q is no id of an alert", opsgenie.ErrInvalid, id)
	}
	return nil
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}
