package opsgenietest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/routewatch/routewatch/internal/inprocess"
	"github.com/routewatch/routewatch/opsgenie"
)

// Webhook is an outgoing webhook integration: what happens to alerts is posted
// to URL, in order, once.
type Webhook struct {
	// URL is where to. Its host must be loopback, unless Handler is set.
	URL string
	// Handler takes the deliveries in the process instead, for testing/synctest.
	Handler http.Handler
	// Header is sent with every delivery: where a shared secret goes.
	Header http.Header
	// Name is the name of the integration. Defaults to "Webhook".
	Name string
	// Description and Details are the two check-boxes of the integration that
	// add these fields of the alert.
	Description, Details bool
	// Actions, the Act constants, chooses what is posted. Defaults to all.
	Actions []string
	// Filter chooses further, as the integration's alert filter does. It must
	// not call the Fake. Nil chooses all.
	Filter func(Alert) bool
	// RepeatCreate also posts a Create when an open alert is created again.
	RepeatCreate bool
	// Timeout bounds one delivery. Defaults to 10 s.
	Timeout time.Duration
}

// Delivery is a webhook call that was made.
type Delivery struct {
	URL     string
	Action  string
	AlertID string
	Body    []byte
	Status  int   // of the answer; 0 for none
	Err     error // why there was no answer, or nil
	At      time.Time
}

// AddWebhook posts all that happens from now on to w. It fails for a URL that
// is not on loopback: nothing of a test may leave the machine.
func (f *Fake) AddWebhook(w Webhook) error {
	h := &hook{Webhook: w, id: newID()}
	u, err := url.Parse(w.URL)
	switch {
	case err != nil:
		return fmt.Errorf("opsgenietest: webhook: %w", err)
	case w.Handler != nil:
		h.client = &http.Client{Transport: inprocess.Transport(w.Handler)}
		if w.URL == "" {
			h.URL = "http://webhook.test/"
		}
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("opsgenietest: webhook: %q is no http or https URL", u.Redacted())
	case !loopback(u.Hostname()):
		return fmt.Errorf("opsgenietest: webhook: host %q is not loopback", u.Hostname())
	default:
		// No proxy and no kept connections: nothing is left when a delivery ends.
		dialer := &net.Dialer{Control: loopbackOnly}
		h.client = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	}
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.client.Timeout = w.Timeout
	if w.Timeout <= 0 {
		h.client.Timeout = 10 * time.Second
	}
	if h.Name == "" {
		h.Name = "Webhook"
	}
	h.Header = w.Header.Clone()
	h.Actions = slices.Clone(w.Actions)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.webhooks = append(f.webhooks, h)
	return nil
}

// Deliveries returns the webhook calls so far; of very many, the latest 10,000.
func (f *Fake) Deliveries() []Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sent)
}

// hook is a webhook and what it has to deliver. Its worker runs only while
// there is something. The Fake's lock guards waiting and busy.
type hook struct {
	Webhook
	id      string
	client  *http.Client
	waiting []Delivery
	busy    bool // a worker runs
}

// fire queues an act for all webhooks that want it. f.mu is held.
func (f *Fake) fire(act Act, alert *Alert, old opsgenie.Priority, repeated bool) {
	if f.closed || act.Name == ActAddDetails || act.Name == ActRemoveDetails {
		return
	}
	for _, h := range f.webhooks {
		if len(h.Actions) > 0 && !slices.Contains(h.Actions, act.Name) ||
			repeated && !h.RepeatCreate ||
			h.Filter != nil && !h.Filter(alert.clone()) {
			continue
		}
		body, err := json.Marshal(payload(h, act, alert, old))
		if err != nil {
			panic(fmt.Sprintf("opsgenietest: %v", err)) // only texts and numbers go in
		}
		h.waiting = append(h.waiting, Delivery{URL: h.URL, Action: act.Name, AlertID: alert.ID, Body: body})
		if !h.busy {
			h.busy = true
			f.work.Add(1)
			go f.deliver(h)
		}
	}
}

// deliver posts what waits for h, and ends when nothing does.
func (f *Fake) deliver(h *hook) {
	defer f.work.Done()
	for {
		f.mu.Lock()
		if len(h.waiting) == 0 || f.closed {
			h.waiting, h.busy = nil, false
			f.broadcast()
			f.mu.Unlock()
			return
		}
		d := h.waiting[0]
		h.waiting = h.waiting[1:]
		f.mu.Unlock()

		d.At = now()
		d.Status, d.Err = h.post(f.ctx, d.Body)

		f.mu.Lock()
		if len(f.sent) >= keptCalls {
			f.sent = slices.Delete(f.sent, 0, keptCalls/10)
		}
		f.sent = append(f.sent, d)
		f.broadcast()
		f.mu.Unlock()
	}
}

func (h *hook) post(ctx context.Context, body []byte) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "opsgenietest")
	for key, values := range h.Header {
		r.Header[http.CanonicalHeaderKey(key)] = values
	}
	resp, err := h.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)) // the answer is of no interest
	return resp.StatusCode, nil
}

// loopback reports whether a host name is this machine's own.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// loopbackOnly refuses to connect elsewhere, whatever a name resolves to.
func loopbackOnly(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !ap.Addr().IsLoopback() {
		return fmt.Errorf("%s is not loopback", address)
	}
	return nil
}
