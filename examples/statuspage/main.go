// Command statuspage is a service with a status page of its own, at /status
// beside its other routes.
//
//	STATUS_WEBHOOK_KEY=a-long-random-key go run ./examples/statuspage
//
// Have a webhook integration of Opsgenie post to /status/webhook, with that key
// as X-Api-Key, or do what Opsgenie would:
//
//	curl -H 'X-Api-Key: a-long-random-key' localhost:8080/status/webhook -d '{"action": "Create",
//	  "alert": {"alertId": "1", "message": "Search is slow", "tags": ["statuspage", "servicename:Search", "major"]}}'
//
// and look at http://localhost:8080/status/ turn red by itself. With
// OPSGENIE_TOKEN set, the page also asks Opsgenie what it missed. ADDR says where
// the service listens, and STATUS_DIR where the page keeps its state. Ctrl-C stops
// it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	store, err := filestore.Open(filestore.Config{Dir: cmp.Or(os.Getenv("STATUS_DIR"), "status")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }() // the last: the page uses it until then
	page, err := newPage(ctx, store)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", cmp.Or(os.Getenv("ADDR"), "localhost:8080"))
	if err != nil {
		return err
	}

	// The page is a handler like any other.
	mux := http.NewServeMux()
	mux.Handle("/status/", page)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "a service; how it is: /status/")
	})
	// No WriteTimeout: it would end the streams that keep browsers current.
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	srv.RegisterOnShutdown(page.Shutdown) // ends those streams

	var work sync.WaitGroup
	running, stopRun := context.WithCancel(context.WithoutCancel(ctx))
	work.Go(func() { page.Run(running) })
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	log.Printf("the status page is at http://%s/status/", ln.Addr())
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(err, srv.Shutdown(stopping))
	stopRun()
	work.Wait()
	return err
}

func newPage(ctx context.Context, store statuspage.Store) (*statuspage.Page, error) {
	key := os.Getenv("STATUS_WEBHOOK_KEY")
	if key == "" {
		return nil, errors.New("STATUS_WEBHOOK_KEY is not set: without a key, anybody could turn the page red")
	}
	cfg := statuspage.Config{
		Store:       store,
		WebhookKeys: []string{key},
		Site: statuspage.Site{
			Title:    "A service",
			BasePath: "/status",
			Groups:   []statuspage.Group{{Name: "Services", Services: []string{"Search", "Checkout"}}},
		},
	}
	if token := os.Getenv("OPSGENIE_TOKEN"); token != "" {
		client, err := opsgenie.New(opsgenie.Config{APIKey: token, BaseURL: os.Getenv("OPSGENIE_API_BASE")})
		if err != nil {
			return nil, err
		}
		cfg.Alerts = statuspage.ClientAlerts(client)
	}
	return statuspage.New(ctx, cfg)
}
