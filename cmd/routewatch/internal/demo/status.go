package demo

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// statusPath is where the status page lies on the demo's own page, so that a
// browser on another machine finds it too.
const statusPath = "/status"

// statusService is the shop, as its alerts name it.
const statusService = "shop"

// status is the status page that customers of the shop would see.
type status struct {
	page *statuspage.Page
	stop context.CancelFunc
	run  sync.WaitGroup
}

// newStatus makes the page, has the Opsgenie post to it, and keeps it current.
func newStatus(ctx context.Context, og *opsgenietest.Fake) (*status, error) {
	// Not through the counting listener: what the flow at the top of the page
	// counts is the shop's calls.
	client, err := opsgenie.New(opsgenie.Config{APIKey: anyKey, Transport: og.Transport()})
	if err != nil {
		return nil, err
	}
	page, err := statuspage.New(ctx, statuspage.Config{
		Store: memstore.New(), Alerts: statuspage.ClientAlerts(client), InsecureWebhook: true,
		ReconcileInterval: 10 * time.Second,
		// What the log would tell is what the switch of the page does.
		Logger: slog.New(slog.DiscardHandler),
		Site: statuspage.Site{
			Title: "A small shop", BasePath: statusPath, EmbedIn: []string{"*"}, NoIndex: true,
			Groups: []statuspage.Group{{Name: "Services", Services: []string{statusService}}},
		},
	})
	if err != nil {
		return nil, err
	}
	if err := og.AddWebhook(opsgenietest.Webhook{Name: "status page", Handler: page.Webhook()}); err != nil {
		return nil, err
	}
	s := &status{page: page}
	runCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.run.Go(func() { page.Run(runCtx) })
	return s, nil
}

func (s *status) close() {
	s.stop()
	s.run.Wait()
}

// StatusState is what the status page says of the shop.
type StatusState struct {
	State   statuspage.State `json:"state"` // "" before anything was heard of it
	Message string           `json:"message"`
	Since   time.Time        `json:"since,omitzero"`
}

func (s *status) state() StatusState {
	r := s.page.Snapshot().Service(statusService)
	if r == nil {
		return StatusState{}
	}
	return StatusState{State: r.State, Message: r.Message, Since: r.Since}
}
