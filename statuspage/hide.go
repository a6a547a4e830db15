package statuspage

import (
	"context"
	"log/slog"
	"net/http"
)

// Hide takes an incident back that should not have been public, by the id of its
// alert: page, API and feeds know nothing of it any more, in this process and in
// all that share the store, whatever is told of it later. What it said is
// forgotten, also by the store; that cannot be undone. The states of services and
// their uptime stay what they are: to hide an outage makes nothing well.
//
// It reports whether there is such an incident. To hide one twice is fine. When it
// returns an error, the incident may still be shown; doing it again helps.
func (p *Page) Hide(ctx context.Context, id string) (known bool, err error) {
	id = clean(id, maxID)
	if err := p.Refresh(ctx); !onlyDamage(err) { // others may know it, and more of it
		return false, err
	}
	if len(p.snap.servicesOf(id)) == 0 {
		return false, nil
	}
	return p.take(ctx, Change{ID: id, Hidden: true}, wallNow())
}

// hide makes the incident one that is hidden.
func (i *Incident) hide() {
	i.Hidden, i.Said, i.Aside = true, i.withoutText(), nil
}

// forgetMessages drops what the record itself says of its incidents, the current
// message too: settle fetches that again from the one that decides.
func (r *Record) forgetMessages() {
	r.Message = ""
	for n := range r.Changes {
		r.Changes[n].Message = ""
	}
}

func (a *api) hide(w http.ResponseWriter, r *http.Request, id string) {
	if !a.guard.let(w, r) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), webhookStoreFor)
	defer cancel()
	id = clean(id, maxID)
	known, err := a.page.Hide(ctx, id)
	switch {
	case err != nil:
		a.page.log.ErrorContext(ctx, "statuspage: hiding an incident", slog.Any("error", err), slog.String("alert", id))
		w.Header().Set("Retry-After", "5")
		fail(w, r, http.StatusServiceUnavailable, "the store failed; send it again")
	case !known:
		fail(w, r, http.StatusNotFound, "there is no such incident")
	default:
		a.page.log.InfoContext(ctx, "statuspage: an incident was hidden", slog.String("alert", id))
		h := w.Header()
		h["Cache-Control"] = valueNoStore
		h["Content-Type"] = valueJSON
		_, _ = w.Write([]byte("{\"result\":\"hidden\"}\n"))
	}
}
