// Command metricsync is a shop that routewatch watches, that Prometheus measures,
// and whose figures customers see on a page of Statuspage.io.
//
// It takes three commands, each in a terminal of its own. The shop; the key is that
// of an API integration of Opsgenie:
//
//	OPSGENIE_TOKEN=your-key go run ./examples/metricsync
//
// A Prometheus that asks the shop for its figures:
//
//	prometheus --config.file=examples/metricsync/prometheus.yml --storage.tsdb.path=/tmp/shop-metrics
//
// And what carries two of them, the 95th percentile of the response time and the
// percentage of errors, to the status page. It wants the page's key in
// STATUSPAGE_API_KEY, and its id and those of its metrics in metricsync.yaml. The
// first call sends nothing, and shows the curves without a page too, with any key:
//
//	routewatch metricsync check --config examples/metricsync/metricsync.yaml
//	routewatch metricsync run --config examples/metricsync/metricsync.yaml --interval 1m
//
// Buy something for ten minutes, well and badly, and look again. What engineers get
// is an alert, what customers get is a curve:
//
//	curl localhost:8080/orders/7   200, no alert
//	curl localhost:8080/slow       200, alert shop-response-latency-alert
//	curl localhost:8080/fail       503, alert shop-response-status-alert
//
// What Prometheus gets is at localhost:8080/metrics. ADDR says where the shop
// listens. Ctrl-C stops it, when what waits is delivered.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/routewatch/routewatch"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", cmp.Or(os.Getenv("ADDR"), "localhost:8080"))
	if err != nil {
		return err
	}
	w, err := newWatcher()
	if err != nil {
		return err
	}
	// What is watched and measured is the shop, not the answers to Prometheus.
	registry := prometheus.NewRegistry()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("/", w.Handler(measured(registry, routes())))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	log.Printf("the shop is open at http://%s", ln.Addr())
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	// First the requests end, and then their alerts are delivered.
	stopping, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, srv.Shutdown(stopping), w.Close(stopping))
}

// newWatcher reads the environment, and sets what it leaves open.
func newWatcher() (*routewatch.Watcher, error) {
	cfg, err := routewatch.FromEnv()
	if err != nil {
		return nil, err
	}
	if cfg.APIKey == "" {
		return nil, errors.New("OPSGENIE_TOKEN is not set: give it the key of an API integration of Opsgenie")
	}
	cfg.Service = cmp.Or(cfg.Service, "shop")
	if len(cfg.StatusCodes)+len(cfg.StatusClasses) == 0 {
		cfg.StatusClasses = []string{"5XX"}
	}
	if cfg.LatencyThreshold == 0 && len(cfg.LatencyRoutes) == 0 {
		cfg.LatencyThreshold, cfg.LatencyRoutes = 300*time.Millisecond, []string{"/"}
	}
	return routewatch.New(cfg)
}

// measured counts and times what next answers.
func measured(registry *prometheus.Registry, next http.Handler) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total",
		Help: "Requests answered, by status code.",
	}, []string{"code"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_request_duration_seconds",
		Help:    "How long the answers took.",
		Buckets: prometheus.DefBuckets,
	}, nil)
	registry.MustRegister(requests, duration)
	return promhttp.InstrumentHandlerDuration(duration, promhttp.InstrumentHandlerCounter(requests, next))
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(rw http.ResponseWriter, r *http.Request) {
		time.Sleep(rand.N(50 * time.Millisecond))
		fmt.Fprintf(rw, "order %s is on its way\n", r.PathValue("id"))
	})
	mux.HandleFunc("GET /slow", func(rw http.ResponseWriter, _ *http.Request) {
		time.Sleep(400 * time.Millisecond)
		fmt.Fprintln(rw, "at last")
	})
	mux.HandleFunc("GET /fail", func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "the till is closed", http.StatusServiceUnavailable)
	})
	return mux
}
