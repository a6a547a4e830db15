package opsgenie

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"
)

const (
	// MaxPage is the most alerts that one call lists.
	MaxPage = 100
	// MaxWindow bounds how far a list can be paged: offset and limit together
	// stay below it.
	MaxWindow = 20000
)

// SortField is the field by which alerts are listed. Fields other than these,
// such as "report.closeTime", go as well.
type SortField string

// The fields that are mostly sorted by.
const (
	ByCreatedAt      SortField = "createdAt"
	ByUpdatedAt      SortField = "updatedAt"
	ByLastOccurredAt SortField = "lastOccurredAt"
)

// Order is the direction of a list.
type Order string

// The two directions.
const (
	Ascending  Order = "asc"
	Descending Order = "desc"
)

// ListOptions chooses alerts. The zero value is the 20 newest of all.
type ListOptions struct {
	// Query is in Opsgenie's search language, such as
	// `status:open AND tag:"servicename:API"`. A value that holds a colon must
	// be quoted. How tags are split into words is not documented: look at the
	// tags of what comes back.
	Query  string
	Offset int       // how many to leave out
	Limit  int       // at most MaxPage, more is taken as that; 0 is Opsgenie's 20
	Sort   SortField // defaults to Opsgenie's createdAt
	Order  Order     // defaults to Opsgenie's desc
}

// Page is a piece of a list of alerts.
type Page struct {
	Alerts []Alert
	// Next are the options that list what follows, or nil at the end.
	Next *ListOptions
}

// List returns alerts, without their description, details, entity and actions.
// It reads Opsgenie's search index, which lags behind: an alert may still be
// listed as open after it was closed, and be missing after it was created.
func (c *Client) List(ctx context.Context, o ListOptions) (Page, error) {
	const op = "list alerts"
	if err := c.unsupported(op, insteadAccount); err != nil {
		return Page{}, err
	}
	o.Limit = min(o.Limit, MaxPage)
	switch {
	case o.Offset < 0 || o.Limit < 0:
		return Page{}, c.newError(op, fmt.Errorf("%w: offset or limit below 0", ErrInvalid))
	case o.Offset+max(o.Limit, 1) >= MaxWindow:
		return Page{}, c.newError(op, fmt.Errorf("%w: offset and limit must stay below %d", ErrWindow, MaxWindow))
	}
	var result struct {
		sdk.ResultMetadata
		Data   []alertData `json:"data"`
		Paging paging      `json:"paging"`
	}
	if e := c.call(ctx, op, &alert.ListAlertRequest{
		Query: o.Query, Offset: o.Offset, Limit: o.Limit, Sort: alert.SortField(o.Sort), Order: alert.Order(o.Order),
	}, &result); e != nil {
		return Page{}, e
	}
	page := Page{Alerts: make([]Alert, 0, len(result.Data))}
	for i := range result.Data {
		page.Alerts = append(page.Alerts, result.Data[i].alert())
	}
	if next := result.Paging.next(); next != nil {
		page.Next = o.after(next, len(page.Alerts))
	}
	return page, nil
}

// All lists all alerts that o chooses, page by page as they are asked for, in
// pages of MaxPage unless o has a Limit. Each alert comes once, also when new
// ones push it onto the next page. One that leaves the list meanwhile can push
// another over the edge unseen; Sort by createdAt and Order asc make that rare.
//
// An error ends the list: [ErrWindow] after nearly MaxWindow alerts.
func (c *Client) All(ctx context.Context, o ListOptions) iter.Seq2[Alert, error] {
	return func(yield func(Alert, error) bool) {
		o := o
		if o.Limit <= 0 {
			o.Limit = MaxPage
		}
		seen := make(map[string]bool)
		for {
			if room := MaxWindow - 1 - o.Offset; room > 0 {
				o.Limit = min(o.Limit, room)
			}
			page, err := c.List(ctx, o)
			if err != nil {
				yield(Alert{}, err)
				return
			}
			for _, a := range page.Alerts {
				if a.ID != "" && seen[a.ID] {
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

// after returns the options of the page that the service's next link names, or
// nil if it leads nowhere further. Only what the link asks for is taken from it:
// the call goes to the client's own base, whatever host the link names, and the
// key with it.
func (o ListOptions) after(next url.Values, got int) *ListOptions {
	n := o
	n.Offset = o.Offset + got
	if offset, err := strconv.Atoi(next.Get("offset")); err == nil {
		n.Offset = offset
	}
	if limit, err := strconv.Atoi(next.Get("limit")); err == nil && limit > 0 {
		n.Limit = min(limit, MaxPage)
	}
	if n.Offset <= o.Offset {
		return nil // it would never end
	}
	return &n
}

// paging holds the links of a list.
type paging struct {
	Next looseText `json:"next"`
}

// next returns what the link to the next page asks for, or nil without one.
func (p paging) next() url.Values {
	if p.Next == "" {
		return nil
	}
	u, err := url.Parse(string(p.Next))
	if err != nil {
		return nil
	}
	return u.Query()
}
