// Package pageserver serves a status page to visitors and webhooks, with its
// metrics, and stops it without losing an event.
package pageserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageexport"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncrun"
	"github.com/routewatch/routewatch/statuspage"
)

// The time that each phase of a request may take. The stream of events bounds
// each of its writes anew, and has no body to be read.
const (
	headerFor = 10 * time.Second
	readFor   = 15 * time.Second // with its body
	writeFor  = 30 * time.Second // from the headers to the end of the answer
	idleFor   = 2 * time.Minute
	maxHeader = 32 << 10
)

// syncInterval is how often metrics are brought: each minute, for windows of one.
const syncInterval = time.Minute

// Config is what a server needs. Store is its own from Start on: Close closes it.
type Config struct {
	Listen string
	Page   statuspage.Config // with its Store
	// Publish keeps files of the page current; nil for none.
	Publish pageexport.Target
	// Sync brings metrics to the page and elsewhere; nil for none.
	Sync *syncrun.Runner
	Log  *slog.Logger
	// Version stands in the metrics.
	Version string
}

// Server is a page that is served. Make it with [Start].
type Server struct {
	URL     string // of the page, for a browser on this machine
	Webhook string // where Opsgenie posts to
	Metrics string
	// Exposed says that other machines can reach it.
	Exposed bool

	Page *statuspage.Page

	cfg     Config
	http    *http.Server
	stopRun context.CancelFunc
	work    sync.WaitGroup
	failed  chan error // gets the error with which serving ended by itself
}

// Start reads the store, listens and serves, until Close. ctx bounds the start.
// Where it fails, it has closed the store.
func Start(ctx context.Context, cfg Config) (_ *Server, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, cfg.Page.Store.Close())
		}
	}()
	cfg.Page.Logger = cfg.Log
	page, err := statuspage.New(ctx, cfg.Page)
	if err != nil {
		return nil, err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, err
	}
	return serve(ctx, cfg, page, ln), nil
}

// serve serves a page on a listener, until Close.
func serve(ctx context.Context, cfg Config, page *statuspage.Page, ln net.Listener) *Server {
	base := strings.TrimRight(cfg.Page.Site.BasePath, "/")
	s := &Server{Page: page, cfg: cfg, failed: make(chan error, 1), Exposed: !loopback(ln)}
	at := urlOf(ln) + base
	s.URL, s.Webhook, s.Metrics = at+"/", at+"/webhook", at+"/metrics"

	var publisher *pageexport.Publisher
	if cfg.Publish != nil {
		publisher = pageexport.NewPublisher(page, cfg.Page.Site, cfg.Publish)
	}
	registry := prometheus.NewRegistry()
	register(registry, page, cfg.Page.Alerts != nil, publisher, cfg.Version)
	fresh := syncrun.NewFreshness()
	if cfg.Sync != nil {
		registry.MustRegister(fresh)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+base+"/metrics", metricsHandler(registry))
	mux.Handle("/", page)
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerFor,
		ReadTimeout:       readFor,
		WriteTimeout:      writeFor,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug), // clients that hang up
	}
	runCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stopRun = stop
	s.work.Go(func() { page.Run(runCtx) })
	if publisher != nil {
		s.work.Go(func() { publisher.Run(runCtx, cfg.Log) })
	}
	if cfg.Sync != nil {
		s.work.Go(func() { cfg.Sync.Every(runCtx, syncInterval, cfg.Log, fresh.Told) })
	}
	s.work.Go(func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	return s
}

// Failed gets an error when serving ends by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Close stops: streams end, so that their clients go elsewhere; requests that are
// being answered are answered to the end, as far as ctx allows; then the store is
// closed.
func (s *Server) Close(ctx context.Context) error {
	s.Page.Shutdown()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("requests were cut off: %w", errors.Join(err, s.http.Close()))
	}
	s.stopRun()
	s.work.Wait()
	return errors.Join(err, s.cfg.Page.Store.Close())
}

// urlOf is where a browser on this machine finds a listener.
func urlOf(ln net.Listener) string {
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return "http://" + ln.Addr().String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func loopback(ln net.Listener) bool {
	a, err := netip.ParseAddrPort(ln.Addr().String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}
