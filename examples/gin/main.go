// Command gin is a small shop on gin, watched by routewatch.
//
//	OPSGENIE_TOKEN=your-key go run ./examples/gin
//
// The key is that of an API integration. Break the shop, and see the alerts
// arrive in Opsgenie:
//
//	curl localhost:8080/orders/7          200, no alert
//	curl localhost:8080/orders/13         200, alert shop-stockOf-main.stockError
//	curl localhost:8080/slow              200, alert shop-response-latency-alert
//	curl localhost:8080/panic             500, alert shop-exception-alert
//	curl -X POST localhost:8080/restock   202, alert shop-restock-main.warehouseError
//	curl localhost:8080/fail              503, alert shop-response-status-alert
//
// Every option of routewatch can be set in the environment, see
// routewatch.FromEnv; OPSGENIE_API_BASE says where alerts go, and ADDR where the
// shop listens. Ctrl-C stops it, when what waits is delivered.
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/adapters/ginwatch"
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
	srv := &http.Server{Handler: routes(w), ReadHeaderTimeout: 5 * time.Second}

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

func routes(w *routewatch.Watcher) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery(), ginwatch.Middleware(w)) // in this order: see package ginwatch

	// An error that the answer does not show: it is handled, and raised by hand.
	r.GET("/orders/:id", func(c *gin.Context) {
		id := c.Param("id")
		stock, err := stockOf(id)
		if err != nil {
			w.RaiseExceptionAlert(c.Request.Context(), err, routewatch.WithFunc("stockOf"),
				routewatch.WithRequest(c.Request), routewatch.WithRoute(c.FullPath()))
			stock = "unknown"
		}
		c.String(http.StatusOK, "order %s, stock %s\n", id, stock)
	})

	// What goes wrong by itself is seen by the middleware.
	r.GET("/slow", func(c *gin.Context) {
		time.Sleep(400 * time.Millisecond)
		c.String(http.StatusOK, "at last\n")
	})
	r.GET("/fail", func(c *gin.Context) {
		c.String(http.StatusServiceUnavailable, "the till is closed\n")
	})
	r.GET("/panic", func(c *gin.Context) {
		c.String(http.StatusOK, "%d\n", cheapest(nil))
	})

	// Work that outlives its request is watched too.
	r.POST("/restock", func(c *gin.Context) {
		w.Go(context.WithoutCancel(c.Request.Context()), "restock", restock)
		c.Status(http.StatusAccepted)
	})
	return r
}

// stockError and warehouseError have types of their own because the names of
// the types become part of the alerts' aliases.
type stockError struct{ order string }

func (e stockError) Error() string { return "no stock is known for order " + e.order }

type warehouseError struct{}

func (warehouseError) Error() string { return "the warehouse does not answer" }

func stockOf(order string) (string, error) {
	if order == "13" {
		return "", stockError{order}
	}
	return "plenty", nil
}

func restock(context.Context) error { return warehouseError{} }

// cheapest panics without prices, as code does.
func cheapest(prices []int) int { return prices[0] }
