package statuspage

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// How long a webhook may take: to send its body, and to be stored.
const (
	webhookReadFor  = 10 * time.Second
	webhookStoreFor = 10 * time.Second
)

// Webhook returns the handler of Opsgenie's or Jira Service Management's
// webhooks, which does not look at its path. It answers
//
//	200  what the webhook told is stored, or there was nothing in it for the page
//	400  the body is not a webhook; to send it again is of no use
//	401  the key is wrong, with an empty body
//	405  the method is not POST
//	413  the body is larger than 256 KiB
//	429  the key is wrong, once more from the same source
//	503  the store failed; send it again
//
// A webhook with a right key is never refused for how many there are.
func (p *Page) Webhook() http.Handler {
	guard := p.guard()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.secure(w.Header(), r)
		switch r.Method {
		case http.MethodPost:
			if guard.let(w, r) {
				p.receive(w, r)
			}
		case http.MethodOptions:
			w.Header()["Allow"] = valueAllowPost
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header()["Allow"] = valueAllowPost
			fail(w, r, http.StatusMethodNotAllowed, "a webhook is sent by POST")
		}
	})
}

func (p *Page) receive(w http.ResponseWriter, r *http.Request) {
	// Not every ResponseWriter can; then the server's own limits hold.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(webhookReadFor))
	// What type it is said to be of does not matter: Amazon SNS says text/plain.
	e, err := opsgenie.ReadEvent(r.Body)
	switch {
	case errors.Is(err, opsgenie.ErrEventTooLarge):
		p.counts.tooLarge.Add(1)
		fail(w, r, http.StatusRequestEntityTooLarge, "a webhook has at most 256 KiB")
		return
	case errors.Is(err, opsgenie.ErrNotEvent):
		p.counts.malformed.Add(1)
		// The error quotes nothing of the body, which may hold the sender's key.
		p.log.WarnContext(r.Context(), "statuspage: a webhook that cannot be read", slog.Any("error", err))
		fail(w, r, http.StatusBadRequest, err.Error())
		return
	case err != nil: // the body broke off
		p.counts.malformed.Add(1)
		fail(w, r, http.StatusBadRequest, "the body broke off")
		return
	}
	// An event that is here is stored, also when its sender has hung up by now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), webhookStoreFor)
	defer cancel()
	if err := p.Apply(ctx, e); err != nil {
		p.counts.failed.Add(1)
		p.log.ErrorContext(ctx, "statuspage: storing a webhook", slog.Any("error", err),
			slog.String("action", string(e.Action)), slog.String("alert", e.Alert.ID))
		w.Header().Set("Retry-After", "5")
		fail(w, r, http.StatusServiceUnavailable, "the store failed; send it again")
		return
	}
	p.counts.accepted.Add(1)
	if !e.Action.Known() {
		p.counts.custom.Add(1)
	}
	h := w.Header()
	h["Cache-Control"] = valueNoStore
	h["Content-Type"] = valueJSON
	_, _ = w.Write([]byte("{\"result\":\"stored\"}\n"))
}
