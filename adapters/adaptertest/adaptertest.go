// Package adaptertest is the table that every adapter of routewatch passes,
// for those who write one for another framework:
//
//	func TestAdapter(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Adapter{Handler: newService})
//	}
//
// Each row serves one request twice, without routewatch and with it, through an
// http.Server and an http.Client on a network in memory. What the client gets
// must be the same both times; and the alerts must be those that net/http's own
// middleware raises. All status classes are watched, so that every row says which
// status the adapter saw. Time is that of testing/synctest: an hour costs nothing.
package adaptertest

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// Adapter is an adapter under test, and what is to be known of its framework.
type Adapter struct {
	// Handler builds a service in the framework. It is called twice for each
	// row. Required.
	Handler func(Service) http.Handler

	// Template writes a path template of net/http, such as "/orders/{id}" or
	// "/files/{path...}", in the way of the framework's router. Defaults to
	// leaving it alone.
	Template func(string) string

	// HTTPError makes the error by which the framework's handlers ask for a
	// status; internal is the error beneath it, or nil. Where there is no such
	// thing, the rows named "HTTPError …" belong into Skip.
	HTTPError func(status int, internal error) error

	// Skip names the rows that the framework cannot express, each with the
	// reason.
	Skip map[string]string
}

// Service is what [Adapter.Handler] has to build.
type Service struct {
	// Watcher watches the service, through the adapter under test. Nil leaves
	// the adapter out, and nothing else.
	Watcher *routewatch.Watcher

	// Recovery is where the framework's recoverer of panics goes.
	Recovery Recovery

	// ErrorStatus, if not zero, is what the service's own error handler answers
	// to every error that a handler returned.
	ErrorStatus int

	// Routes are all that the service answers.
	Routes []Route
}

// Route is a route of a [Service].
type Route struct {
	Method string
	Groups []string // prefixes of the groups it is in, the outermost first
	Path   string   // its template within them, as net/http writes it

	// Handle answers. In a framework whose handlers return nothing, the error
	// is handed to whatever it has instead.
	Handle func(w http.ResponseWriter, r *http.Request) error
}

// Template is the route's whole template, with the prefixes of its groups.
func (r Route) Template() string { return strings.Join(r.Groups, "") + r.Path }

// Recovery is where the framework's recoverer of panics is installed.
type Recovery int

// The places of a recoverer, seen from routewatch.
const (
	NoRecovery      Recovery = iota // there is none
	RecoveryOutside                 // routewatch is within it, as it should be
	RecoveryInside                  // routewatch sees what the recoverer answered
)

// Run runs the table against an adapter, a sub-test for each row.
func Run(t *testing.T, a Adapter) {
	t.Helper()
	require.NotNil(t, a.Handler, "Adapter.Handler")
	if a.Template == nil {
		a.Template = func(s string) string { return s }
	}
	rows := slices.Concat(answers, failures, panics, durations, routings)
	unknown := maps.Clone(a.Skip) // a row that was renamed must not be left out
	for _, r := range rows {
		delete(unknown, r.name)
		t.Run(r.name, func(t *testing.T) {
			if reason := a.Skip[r.name]; reason != "" {
				t.Skip(reason)
			}
			r.run(t, a)
		})
	}
	assert.Empty(t, unknown, "Adapter.Skip names rows that are not there")
}

// threshold is the LatencyThreshold in all rows.
const threshold = 2 * time.Second

// row is a request, and what is to come of it.
type row struct {
	name string

	// The service. Its route is GET /orders/{id} unless a row has another.
	route         Route
	handle        func(x *exchange, w http.ResponseWriter, r *http.Request) error
	recovery      Recovery
	recoverPanics bool
	errorStatus   int

	// The client. It asks for /orders/7 unless a row says otherwise.
	method, path string
	ask          func(x *exchange, req *http.Request) seen

	want want
}

// want is what a row is about. The zero value is one status alert, which tells
// the status that the client got, whatever it is.
type want struct {
	status   int    // that the client gets; 0 where frameworks differ
	silent   bool   // no alert at all
	unrouted bool   // no route answers: see judge
	slow     bool   // a latency alert beside the status alert
	failure  string // the error that the status alert tells of
	panic    string // one exception alert with this text, and no other
}

func (r row) run(t *testing.T, a Adapter) {
	if r.route.Method == "" {
		r.route.Method = http.MethodGet
	}
	if r.route.Path == "" {
		r.route.Path = "/orders/{id}"
	}
	if r.method == "" {
		r.method = r.route.Method
	}
	if r.path == "" {
		r.path = "/orders/7"
	}
	var bare, watched seen
	synctest.Test(t, func(t *testing.T) { bare = r.serve(t, a, nil) })
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		w, err := routewatch.New(routewatch.Config{
			Notifier: rec, Service: "shop", Logger: slog.New(slog.DiscardHandler),
			StatusClasses:    []string{"1XX", "2XX", "3XX", "4XX", "5XX"},
			LatencyThreshold: threshold, LatencyRoutes: []string{"/"},
			RecoverPanics: r.recoverPanics,
		})
		require.NoError(t, err)
		watched = r.serve(t, a, w)
		stats := w.Stats()
		require.NoError(t, w.Close(t.Context()))
		r.judge(t, a, watched, rec, stats)
	})
	// RecoverPanics is there to change the answer of a panic.
	if !r.recoverPanics || r.want.status == 0 {
		assert.Equal(t, bare, watched, "what the client gets without routewatch, and with it")
	}
	if r.want.status != 0 {
		assert.Equal(t, r.want.status, watched.Status, "the status that the client gets")
	}
}

// serve has the service answer the row's request.
func (r row) serve(t *testing.T, a Adapter, w *routewatch.Watcher) seen {
	x := newExchange(a)
	route := r.route
	route.Handle = func(w http.ResponseWriter, req *http.Request) error {
		if r.handle == nil {
			return nil
		}
		return r.handle(x, w, req)
	}
	x.start(a.Handler(Service{
		Watcher: w, Recovery: r.recovery, ErrorStatus: r.errorStatus, Routes: []Route{route},
	}))
	defer x.stop()

	req, err := http.NewRequestWithContext(t.Context(), r.method, "http://shop.test"+r.path, nil)
	require.NoError(t, err)
	ask := r.ask
	if ask == nil {
		ask = (*exchange).do
	}
	s := ask(x, req)
	synctest.Wait() // the handler may still be at work
	s.Logged = x.logged()
	return s
}

// judge compares the alerts with what they should be.
func (r row) judge(t *testing.T, a Adapter, s seen, rec *recorder, stats routewatch.Stats) {
	template := a.Template(r.route.Template())
	routes, place := []string{template}, r.method+" "+template
	if r.want.unrouted {
		// What routers tell where none of their routes answered, never the path:
		// nothing, the group that it would be in, the route of another method.
		routes = append(routes, "unmatched", strings.Join(r.route.Groups, "")+"/*")
		place = ""
	}
	want := map[string]string{} // alias and part of the message
	switch {
	case r.want.silent:
	case r.want.panic != "":
		want["shop-exception-alert"] = "panic in " + place
	default:
		want["shop-response-status-alert"] = strings.TrimSpace(place + " answered " + s.code())
	}
	if r.want.slow {
		want["shop-response-latency-alert"] = place + " took"
	}

	got := rec.alerts()
	for alias, text := range want {
		alert, ok := got[alias]
		if !assert.True(t, ok, "no alert %s, but %v", alias, slices.Collect(maps.Keys(got))) {
			continue
		}
		assert.Contains(t, alert.Message, text, "message of %s", alias)
		assert.Contains(t, routes, alert.Details["route"], "route of %s", alias)
		assert.Equal(t, r.method, alert.Details["method"], "method of %s", alias)
		switch alias {
		case "shop-exception-alert":
			assert.Contains(t, alert.Message, r.want.panic, "what was panicked with")
			culprit, _, _ := strings.Cut(alert.Details["stack"], "\n")
			assert.True(t, strings.HasSuffix(culprit, "."+culpritName), "the stack begins at %q, not at the function that panicked", culprit)
		case "shop-response-status-alert":
			assert.Contains(t, alert.Details["error"], r.want.failure, "the error of the handler")
		}
	}
	for alias, alert := range got {
		assert.Contains(t, want, alias, "an alert too many: %s", alert.Message)
	}
	hits := stats.Hits.Status + stats.Hits.Latency + stats.Hits.Exception
	assert.EqualValues(t, len(want), hits, "hits: each alert is counted once")
}
