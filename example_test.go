package routewatch_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// printer is a Notifier that prints what on-call would see first.
type printer struct{ delivered chan<- struct{} }

func (p printer) Create(_ context.Context, a opsgenie.NewAlert) (string, error) {
	fmt.Println(a.Priority, a.Message)
	if p.delivered != nil {
		close(p.delivered)
	}
	return "", nil
}

func (printer) Close(_ context.Context, ref opsgenie.Ref, _ opsgenie.Action) (string, error) {
	fmt.Println("closed", ref.Value)
	return "", nil
}

func get(h http.Handler, path string) {
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
}

// A service that alerts on every 5XX, on slow checkouts, and on panics.
func Example() {
	w, err := routewatch.New(routewatch.Config{
		APIKey:           os.Getenv("OPSGENIE_TOKEN"),
		Service:          "shop",
		StatusClasses:    []string{"5XX"},
		IgnoredRoutes:    []string{"/healthz"},
		LatencyThreshold: 2 * time.Second,
		LatencyRoutes:    []string{"/checkout"},
		Notifier:         printer{}, // leave it out to have alerts in Opsgenie
	})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close(context.Background())

	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "the database is away", http.StatusServiceUnavailable)
	})
	handler := w.Handler(mux)

	get(handler, "/orders/17")
	// Output: P4 shop: GET /orders/{id} answered 503
}

// A handled error, raised from inside a request.
func ExampleWatcher_RaiseExceptionAlert() {
	w, err := routewatch.New(routewatch.Config{Service: "shop", Notifier: printer{}})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close(context.Background())

	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := charge(); err != nil {
			w.RaiseExceptionAlert(r.Context(), err,
				routewatch.WithFunc("charge"),
				routewatch.WithRequest(r),
				routewatch.WithPriority(opsgenie.P1))
			fmt.Fprintln(rw, "We will charge you later.")
		}
	})

	get(handler, "/checkout")
	// Output: P1 shop: charge: the bank does not answer
}

func charge() error { return errors.New("the bank does not answer") }

// A goroutine that is watched: its error or panic is an alert.
func ExampleWatcher_Go() {
	delivered := make(chan struct{})
	w, err := routewatch.New(routewatch.Config{Service: "shop", Notifier: printer{delivered}})
	if err != nil {
		log.Fatal(err)
	}

	defer w.Close(context.Background())

	w.Go(context.Background(), "mailer", func(context.Context) error {
		return errors.New("no route to the mail server")
	})
	<-delivered // a service would go on
	// Output: P4 shop: mailer: no route to the mail server
}

// The configuration as flask-opsgenie has it, from the environment.
func ExampleFromEnv() {
	for name, value := range map[string]string{
		"SERVICE_ID":          "shop",
		"ALERT_STATUS_CODES":  "500,503",
		"MONITORED_ENDPOINTS": "/api,/admin",
	} {
		os.Setenv(name, value)
		defer os.Unsetenv(name)
	}

	cfg, err := routewatch.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.Service, cfg.StatusCodes, cfg.MonitoredRoutes)
	// Output: shop [500 503] [/api /admin]
}

// Every mistake in a configuration is told at once.
func ExampleConfigError() {
	_, err := routewatch.New(routewatch.Config{
		StatusClasses: []string{"5XX", "6XX"},
		IgnoredRoutes: []string{"/(?!api)"},
		Priority:      "P0",
		Notifier:      printer{},
	})
	fmt.Println(err)
	// Output:
	// routewatch: StatusClasses[1]: "6XX": is no status class; there are 1XX to 5XX
	// routewatch: IgnoredRoutes[0]: "/(?!api)": look-ahead is not possible in Go's regexp; write what shall match, perhaps with IgnoredRoutes for what shall not
	// routewatch: Priority: "P0": is none of P1, P2, P3, P4, P5
}

// An adapter for a framework that is not net/http ends in Observe.
func ExampleWatcher_Observe() {
	w, err := routewatch.New(routewatch.Config{Service: "shop", StatusCodes: []int{502}, Notifier: printer{}})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close(context.Background())

	r := httptest.NewRequest(http.MethodPost, "/v1/orders/17", nil)
	w.Observe(routewatch.Observation{Request: r, Route: "/v1/orders/:id", Status: 502})
	// Output: P4 shop: POST /v1/orders/:id answered 502
}
