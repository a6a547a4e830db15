// Package demo runs a small shop behind routewatch, a local Opsgenie, a status
// page that its webhooks keep current, and a page on which a person breaks the
// first and watches the others.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// Config changes the demo. The zero value is the one that a newcomer sees, but
// for Addr.
type Config struct {
	// Addr is where the page is served. When its port is taken, a free one is.
	Addr string
	// Renotify and ResolveAfter are those of the shop's Watcher. They default to
	// 5 and 15 seconds, so that there is something to see.
	Renotify, ResolveAfter time.Duration
	// Slow is how long the slow search takes, and twice the threshold. Defaults
	// to 800 ms.
	Slow time.Duration
	// Logger is the shop's. Defaults to slog.Default().
	Logger *slog.Logger
}

// Demo is a running demo. Make it with [Start], and end it with [Demo.Close].
type Demo struct {
	URL         string // of the page
	ShopURL     string
	OpsgenieURL string
	StatusURL   string // of the status page
	// Moved says why the page is not at Config.Addr; nil where it is.
	Moved error
	// Exposed says that other machines can reach the page.
	Exposed bool

	cfg      Config
	watcher  *routewatch.Watcher
	opsgenie *opsgenietest.Fake
	shop     *shop
	presser  *presser
	status   *status
	servers  []*http.Server // in the order in which they are stopped
	serving  sync.WaitGroup
	down     atomic.Bool   // the local Opsgenie is
	calls    atomic.Uint64 // to it
}

// anyKey is what the local Opsgenie takes.
const anyKey = "demo"

// Start listens and serves, until Close. The shop and the local Opsgenie are for
// this machine alone, whatever Addr says. ctx bounds the start.
func Start(ctx context.Context, cfg Config) (*Demo, error) {
	if cfg.Renotify == 0 {
		cfg.Renotify = 5 * time.Second
	}
	if cfg.ResolveAfter == 0 {
		cfg.ResolveAfter = 15 * time.Second
	}
	if cfg.Slow == 0 {
		cfg.Slow = 800 * time.Millisecond
	}
	d := &Demo{cfg: cfg}
	ok := false
	var listeners []net.Listener
	defer func() {
		if !ok {
			for _, ln := range listeners {
				_ = ln.Close()
			}
		}
	}()
	take := func(addr string) (net.Listener, error, error) {
		ln, moved, err := listen(ctx, addr)
		if err == nil {
			listeners = append(listeners, ln)
		}
		return ln, moved, err
	}
	pageLn, moved, err := take(cfg.Addr)
	if err != nil {
		return nil, err
	}
	shopLn, _, err := take("127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the shop: %w", err)
	}
	opsgenieLn, _, err := take("127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the local Opsgenie: %w", err)
	}
	d.URL, d.ShopURL, d.OpsgenieURL = urlOf(pageLn), urlOf(shopLn), urlOf(opsgenieLn)
	d.Moved, d.Exposed = moved, !loopback(pageLn)

	d.watcher, err = routewatch.New(d.watch())
	if err != nil {
		return nil, err
	}
	d.opsgenie = opsgenietest.New(opsgenietest.Options{ProcessingDelay: 50 * time.Millisecond})
	d.StatusURL = d.URL + statusPath + "/"
	if d.status, err = newStatus(ctx, d.opsgenie); err != nil {
		d.opsgenie.Close()
		return nil, errors.Join(err, d.watcher.Close(ctx))
	}
	ok = true
	d.shop = newShop(d.watcher, cfg.Slow)
	d.presser = newPresser(d.ShopURL)
	d.serve(pageLn, d.page())
	d.serve(shopLn, d.shop.handler())
	d.serve(opsgenieLn, d.counted(d.opsgenie))
	return d, nil
}

// watch is what the shop has routewatch do.
func (d *Demo) watch() routewatch.Config {
	return routewatch.Config{
		APIKey:           anyKey,
		APIURL:           d.OpsgenieURL,
		Service:          "shop",
		Environment:      "demo",
		StatusClasses:    []string{"5XX"},
		LatencyThreshold: d.cfg.Slow / 2,
		LatencyRoutes:    []string{"/search"},
		Priority:         opsgenie.P2,
		Responders:       []opsgenie.Responder{{Type: opsgenie.Team, Name: "shop"}},
		Details:          map[string]string{"runbook": "https://example.com/runbooks/shop"},
		StatusPage:       routewatch.StatusPage{Service: "shop"},
		Renotify:         d.cfg.Renotify,
		ResolveAfter:     d.cfg.ResolveAfter,
		Logger:           d.cfg.Logger,
	}
}

// counted counts the calls of the API, and leaves out the fake's own page.
func (d *Demo) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/") {
			d.calls.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

func (d *Demo) serve(ln net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	d.servers = append(d.servers, srv)
	d.serving.Go(func() { _ = srv.Serve(ln) }) // ends with Close, and only so
}

// Close stops the demo: first what takes requests, then the Watcher, which
// delivers what waits, then the local Opsgenie. ctx bounds all of it.
func (d *Demo) Close(ctx context.Context) error {
	last := len(d.servers) - 1
	d.status.page.Shutdown() // its streams would last as long as their browsers
	for _, srv := range d.servers[:last] {
		stop(ctx, srv)
	}
	d.presser.client.CloseIdleConnections()
	d.repair() // so that nothing is left undelivered
	err := d.watcher.Close(ctx)
	d.opsgenie.Close()
	d.status.close()
	stop(ctx, d.servers[last])
	d.serving.Wait()
	return err
}

// stop lets requests end that are being answered, but not wait for connections
// that browsers open and do not use.
func stop(ctx context.Context, srv *http.Server) {
	const patience = time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close()
	}
}

// fail takes the local Opsgenie down, and repair brings it back.
func (d *Demo) fail() {
	if !d.down.Swap(true) {
		d.opsgenie.Inject(opsgenietest.Fault{Status: http.StatusServiceUnavailable, Times: -1})
	}
}

func (d *Demo) repair() {
	d.opsgenie.ClearFaults()
	d.down.Store(false)
}
