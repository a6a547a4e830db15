package opsgenie

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"
)

// NotesOptions chooses notes of an alert. The zero value is the newest ones, as
// many as Opsgenie sends by itself.
type NotesOptions struct {
	Limit int // at most MaxPage, more is taken as that; 0 is Opsgenie's default
	// Order defaults to Opsgenie's desc: newest first.
	Order Order
	// Offset is that of a [Note] or of a page's Next. Opaque.
	Offset string
	// Backward lists what lies before Offset, instead of after it.
	Backward bool
}

// NotesPage is a piece of the notes of an alert.
type NotesPage struct {
	Notes []Note
	// Next are the options that list what follows, or nil at the end.
	Next *NotesOptions
}

// Notes returns notes of an alert. An answer is read up to 1 MiB: where notes
// are very long, a smaller Limit helps.
func (c *Client) Notes(ctx context.Context, ref Ref, o NotesOptions) (NotesPage, error) {
	const op = "list notes"
	if err := c.unsupported(op, insteadAccount); err != nil {
		return NotesPage{}, err
	}
	kind, value, err := ref.sdk()
	if err == nil && o.Limit < 0 {
		err = fmt.Errorf("%w: limit below 0", ErrInvalid)
	}
	if err != nil {
		return NotesPage{}, c.newError(op, err)
	}
	o.Limit = min(o.Limit, MaxPage)
	req := &alert.ListAlertNotesRequest{
		IdentifierType: kind, IdentifierValue: value,
		Offset: o.Offset, Order: alert.Order(o.Order), Limit: uint32(o.Limit),
	}
	if o.Offset != "" {
		req.Direction = alert.NEXT
		if o.Backward {
			req.Direction = alert.PREV
		}
	}
	var result struct {
		sdk.ResultMetadata
		Data []struct {
			Note      looseText `json:"note"`
			Owner     looseText `json:"owner"`
			CreatedAt looseTime `json:"createdAt"`
			Offset    looseText `json:"offset"`
		} `json:"data"`
		Paging paging `json:"paging"`
	}
	if e := c.call(ctx, op, req, &result); e != nil {
		return NotesPage{}, e
	}
	page := NotesPage{Notes: make([]Note, 0, len(result.Data))}
	for _, n := range result.Data {
		page.Notes = append(page.Notes, Note{string(n.Note), string(n.Owner), n.CreatedAt.Time, string(n.Offset)})
	}
	if next := result.Paging.next(); next != nil && len(page.Notes) > 0 {
		page.Next = o.after(next)
	}
	return page, nil
}

// after returns the options of the page that the service's next link names, or
// nil if it leads nowhere further.
func (o NotesOptions) after(next url.Values) *NotesOptions {
	n := o
	n.Offset = next.Get("offset")
	if n.Offset == "" || n.Offset == o.Offset {
		return nil
	}
	if limit, err := strconv.Atoi(next.Get("limit")); err == nil && limit > 0 {
		n.Limit = min(limit, MaxPage)
	}
	if order := Order(next.Get("order")); order == Ascending || order == Descending {
		n.Order = order
	}
	n.Backward = next.Get("direction") == string(alert.PREV)
	return &n
}
