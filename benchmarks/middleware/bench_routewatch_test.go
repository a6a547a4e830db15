package peerbench

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// rwPattern selects the route that every peer serves, so that case=ok200 is a
// request that raises nothing and case=err500 and case=panic one that does.
const rwPattern = `^/api/v1/users/\d+/orders/?$`

// opsgenieTap stands where routewatch's client meets the network, so that the
// whole way down to the wire is paid for and nothing leaves. It answers as
// Opsgenie does and, where seen is set, shows each alert.
type opsgenieTap struct{ seen func(opsgenie.NewAlert) }

func (o opsgenieTap) RoundTrip(r *http.Request) (*http.Response, error) {
	code, body := http.StatusOK, `{"data":{"success":true,"isSuccess":true,"action":"Create"},"took":0.01,"requestId":"r"}`
	if r.Method == http.MethodPost {
		code, body = http.StatusAccepted, `{"result":"Request will be processed","took":0.01,"requestId":"r"}`
		var a opsgenie.NewAlert
		if o.seen != nil && json.NewDecoder(r.Body).Decode(&a) == nil && a.Message != "" {
			o.seen(a)
		}
	}
	res, err := deadTransport{code: code}.RoundTrip(r)
	res.Header.Set("Content-Type", "application/json")
	res.Body = io.NopCloser(strings.NewReader(body))
	return res, err
}

// hang is an Opsgenie that takes calls and never answers.
type hang struct{}

func (hang) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// rwConfig watches what floor-full watches: 5xx, latency over an hour, panics;
// patterns choose the routes of both.
func rwConfig(patterns ...string) routewatch.Config {
	return routewatch.Config{
		Service:          "bench",
		StatusClasses:    []string{"5XX"},
		MonitoredRoutes:  patterns,
		LatencyThreshold: slowAfter,
		LatencyRoutes:    patterns,
		Logger:           slog.New(slog.DiscardHandler),
	}
}

// rwNew makes a watcher whose client ends in transport. What is still waiting
// when tb ends is given up at once.
func rwNew(tb testing.TB, cfg routewatch.Config, transport http.RoundTripper) *routewatch.Watcher {
	tb.Helper()
	client, err := opsgenie.New(opsgenie.Config{APIKey: "not-a-real-key", Transport: transport})
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Notifier = client
	w, err := routewatch.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = w.Close(ctx)
	})
	return w
}

func rwStd(tb testing.TB, next http.Handler) http.Handler {
	return rwNew(tb, rwConfig(rwPattern), opsgenieTap{}).Handler(next)
}

// rwStd1000 is rwStd with 999 patterns before the one that matches.
func rwStd1000(tb testing.TB, next http.Handler) http.Handler {
	return rwNew(tb, rwConfig(append(routePatterns(999), rwPattern)...), opsgenieTap{}).Handler(next)
}

// seeRoutewatch makes a watcher for the behaviour tables: every status raises an
// alert, and the second result tells what the alerts said.
func seeRoutewatch(tb testing.TB) (*routewatch.Watcher, func() observed) {
	tb.Helper()
	var mu sync.Mutex
	o := observed{0, "", 0}
	cfg := routewatch.Config{Service: "bench", Logger: slog.New(slog.DiscardHandler)}
	for code := 101; code <= 599; code++ {
		cfg.StatusCodes = append(cfg.StatusCodes, code)
	}
	w := rwNew(tb, cfg, opsgenieTap{func(a opsgenie.NewAlert) {
		mu.Lock()
		defer mu.Unlock()
		o.route = a.Details["route"]
		if code, err := strconv.Atoi(a.Details["status_code"]); err == nil {
			o.status = code
		}
		if a.Details["exception"] != "" {
			o.reports++
		}
	}})
	return w, func() observed {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.Flush(ctx); err != nil {
			tb.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		return o
	}
}

var (
	_ = std("routewatch", rwStd)
	_ = std("routewatch-1000", rwStd1000)
	_ = watch("routewatch", func(tb testing.TB, next http.Handler) (http.Handler, func() observed) {
		w, seen := seeRoutewatch(tb)
		return w.Handler(next), seen
	})
)
