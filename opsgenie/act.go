package opsgenie

import (
	"context"
	"fmt"
	"strings"

	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"

	"github.com/routewatch/routewatch/internal/text"
)

// The calls of this file are taken up by Opsgenie and carried out later: without
// an error they mean "accepted", and [Client.RequestStatus] tells by the request
// id what became of it. The id is empty when the service gave none.

// Create raises an alert, after [NewAlert.Fit]. An alert that is open under the
// same Alias gets a higher count and nothing else of a. With an Alias it is safe
// to repeat after a failure.
func (c *Client) Create(ctx context.Context, a NewAlert) (requestID string, err error) {
	const op = "create alert"
	a = a.Fit()
	if err := a.Validate(); err != nil {
		return "", c.newError(op, err)
	}
	return c.act(ctx, op, &alert.CreateAlertRequest{
		Message:     a.Message,
		Alias:       a.Alias,
		Description: a.Description,
		Responders:  sdkResponders(a.Responders),
		VisibleTo:   sdkResponders(a.VisibleTo),
		Actions:     a.Actions,
		Tags:        a.Tags,
		Details:     a.Details,
		Entity:      a.Entity,
		Source:      a.Source,
		Priority:    alert.Priority(a.Priority),
		User:        a.User,
		Note:        a.Note,
	})
}

// Close closes an alert. Closing one that is not there, or closed already, is
// success.
func (c *Client) Close(ctx context.Context, ref Ref, act Action) (requestID string, err error) {
	const op = "close alert"
	kind, value, err := ref.sdk()
	if err != nil {
		return "", c.newError(op, err)
	}
	act = act.fit()
	var result asyncResult
	e := c.call(ctx, op, &alert.CloseAlertRequest{
		IdentifierType: kind, IdentifierValue: value, User: act.User, Source: act.Source, Note: act.Note,
	}, &result)
	if gone(e) {
		return e.RequestID, nil
	}
	if e != nil {
		return "", e
	}
	return c.requestID(&result), nil
}

// Acknowledge says that somebody is looking after an alert.
func (c *Client) Acknowledge(ctx context.Context, ref Ref, act Action) (requestID string, err error) {
	const op = "acknowledge alert"
	kind, value, err := ref.sdk()
	if err != nil {
		return "", c.newError(op, err)
	}
	act = act.fit()
	return c.act(ctx, op, &alert.AcknowledgeAlertRequest{
		IdentifierType: kind, IdentifierValue: value, User: act.User, Source: act.Source, Note: act.Note,
	})
}

// AddNote adds a note of at most MaxNote runes to an alert. The Note of act is
// not used.
func (c *Client) AddNote(ctx context.Context, ref Ref, note string, act Action) (requestID string, err error) {
	const op = "add note"
	kind, value, err := ref.sdk()
	if err == nil && strings.TrimSpace(note) == "" {
		err = fmt.Errorf("%w: the note is empty", ErrInvalid)
	}
	if err != nil {
		return "", c.newError(op, err)
	}
	act = act.fit()
	return c.act(ctx, op, &alert.AddNoteRequest{
		IdentifierType: kind, IdentifierValue: value, User: act.User, Source: act.Source, Note: fitText(note, MaxNote),
	})
}

// AddTags adds tags to an alert. They are cut as [NewAlert.Fit] cuts them; an
// alert holds no more than MaxTags, and what comes after is dropped silently.
func (c *Client) AddTags(ctx context.Context, ref Ref, tags []string, act Action) (requestID string, err error) {
	const op = "add tags"
	if err := c.unsupported(op, insteadTags); err != nil {
		return "", err
	}
	kind, value, err := ref.sdk()
	tags = fitLines(tags, MaxTags, MaxTag)
	if err == nil && len(tags) == 0 {
		err = fmt.Errorf("%w: no tags", ErrInvalid)
	}
	if err != nil {
		return "", c.newError(op, err)
	}
	act = act.fit()
	return c.act(ctx, op, &alert.AddTagsRequest{
		IdentifierType: kind, IdentifierValue: value, Tags: tags, User: act.User, Source: act.Source, Note: act.Note,
	})
}

// RemoveTags takes tags off an alert. The API takes them as one list with
// commas, so a tag that holds a comma cannot be removed. All of act travels in
// the URL, so its Note is cut at 500 runes.
func (c *Client) RemoveTags(ctx context.Context, ref Ref, tags []string, act Action) (requestID string, err error) {
	const op = "remove tags"
	if err := c.unsupported(op, insteadTags); err != nil {
		return "", err
	}
	kind, value, err := ref.sdk()
	tags = fitLines(tags, MaxTags, MaxTag)
	list := strings.Join(tags, ",")
	switch {
	case err != nil:
	case len(tags) == 0:
		err = fmt.Errorf("%w: no tags", ErrInvalid)
	case strings.Count(list, ",") != len(tags)-1:
		err = fmt.Errorf("%w: a tag that holds a comma cannot be removed", ErrInvalid)
	}
	if err != nil {
		return "", c.newError(op, err)
	}
	act = act.fit()
	return c.act(ctx, op, &alert.RemoveTagsRequest{
		IdentifierType: kind, IdentifierValue: value, Tags: list, User: act.User, Source: act.Source,
		Note: text.Cut(act.Note, 500),
	})
}

// asyncResult is the answer to a request that is carried out later.
type asyncResult struct {
	sdk.ResultMetadata
	// ID is the id that the request status is asked by. The SDK prefers the
	// header X-Request-Id, which gateways on the way replace by their own.
	ID looseText `json:"requestId"`
}

func (c *Client) act(ctx context.Context, op string, req sdk.ApiRequest) (requestID string, err error) {
	var result asyncResult
	if e := c.call(ctx, op, req, &result); e != nil {
		return "", e
	}
	return c.requestID(&result), nil
}

func (c *Client) requestID(r *asyncResult) string {
	if r.ID != "" {
		return c.safe(string(r.ID), maxErrorID)
	}
	return c.safe(r.RequestId, maxErrorID)
}

func (act Action) fit() Action {
	return Action{
		User:   fitLine(act.User, MaxUser),
		Source: fitLine(act.Source, MaxSource),
		Note:   fitText(act.Note, MaxNote),
	}
}

// sdk returns the reference as the SDK takes it, with the value escaped: the
// SDK pastes it into the path, where the slashes of an alias would be segments.
func (r Ref) sdk() (alert.AlertIdentifier, string, error) {
	kind := alert.ALERTID
	switch r.By {
	case ByID, "":
	case ByTinyID:
		kind = alert.TINYID
	case ByAlias:
		kind, r.Value = alert.ALIAS, FitAlias(r.Value) // as Create did
	default:
		return 0, "", fmt.Errorf("%w: identifier type %q is none of id, alias, tiny", ErrInvalid, text.Cut(string(r.By), 20))
	}
	value, err := pathSegment(r.Value)
	return kind, value, err
}

func sdkResponders(in []Responder) []alert.Responder {
	var out []alert.Responder
	for _, r := range in {
		out = append(out, alert.Responder{
			Type: alert.ResponderType(r.Type), Id: r.ID, Name: r.Name, Username: r.Username,
		})
	}
	return out
}
