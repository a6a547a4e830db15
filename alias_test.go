package routewatch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// declinedError is an error with a telling type.
type declinedError struct{ reason string }

func (e *declinedError) Error() string { return "declined: " + e.reason }

const me = "routewatch_test."

//go:noinline
func boom(w *routewatch.Watcher, v any) {
	h := w.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(v) }))
	defer func() { _ = recover() }()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

//go:noinline
func raiseText(w *routewatch.Watcher) {
	w.RaiseExceptionAlert(context.Background(), errors.New("text"), routewatch.WithFunc("charge"))
}

func TestAliases(t *testing.T) {
	get := func(pattern string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/orders/17?x=1", nil)
		r.Pattern = pattern
		return r
	}
	status := func(r *http.Request, code int) func(*routewatch.Watcher) {
		return func(w *routewatch.Watcher) { w.Observe(routewatch.Observation{Request: r, Status: code}) }
	}
	latency := func(w *routewatch.Watcher) {
		w.Observe(routewatch.Observation{Request: get(""), Status: 200, Duration: 2})
	}
	panics := func(v any) func(*routewatch.Watcher) {
		return func(w *routewatch.Watcher) {
			h := w.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(v) }))
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), get(""))
		}
	}
	raise := func(err error, opts ...routewatch.AlertOption) func(*routewatch.Watcher) {
		return func(w *routewatch.Watcher) { w.RaiseExceptionAlert(context.Background(), err, opts...) }
	}
	nilPointer := func(w *routewatch.Watcher) {
		h := w.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { (*http.Request)(nil).UserAgent() }))
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), get(""))
	}
	textPanic := func(w *routewatch.Watcher) { boom(w, "text") }
	errorPanic := func(w *routewatch.Watcher) { boom(w, errors.New("text")) }
	declined := &declinedError{"no"}
	handled := routewatch.WithFunc("charge")

	tests := []struct {
		name string
		cfg  routewatch.Config
		do   func(*routewatch.Watcher)
		want string
	}{
		// Where nothing is set, what flask-opsgenie documents.
		{"status", routewatch.Config{}, status(get(""), 500), "shop-response-status-alert"},
		{"latency", routewatch.Config{}, latency, "shop-response-latency-alert"},
		{"panic", routewatch.Config{}, panics(declined), "shop-exception-alert"},
		{"raised without a function", routewatch.Config{}, raise(declined), "shop-exception-alert"},
		{"handled", routewatch.Config{}, raise(declined, handled), "shop-charge-" + me + "declinedError"},

		{"Alias is for all", routewatch.Config{Alias: "a"}, status(get(""), 500), "a"},
		{"Alias, latency", routewatch.Config{Alias: "a"}, latency, "a"},
		{"Alias ends a panic's", routewatch.Config{Alias: "a"}, panics(declined), "shop-" + me + "declinedError-a"},
		{"Alias ends a raised one's", routewatch.Config{Alias: "a"}, raise(declined), "shop-" + me + "declinedError-a"},
		{"Alias ends a handled one's", routewatch.Config{Alias: "a"}, raise(declined, handled), "shop-charge-" + me + "declinedError-a"},
		{"StatusAlias over Alias", routewatch.Config{Alias: "a", StatusAlias: "s"}, status(get(""), 500), "s"},
		// Departs: flask-opsgenie takes the exception alias here.
		{"LatencyAlias over Alias", routewatch.Config{Alias: "a", LatencyAlias: "l", ExceptionAlias: "e"}, latency, "l"},
		{"ExceptionAlias over Alias", routewatch.Config{Alias: "a", ExceptionAlias: "e"}, panics(declined), "shop-" + me + "declinedError-e"},
		{"ExceptionAlias is not for handled ones", routewatch.Config{ExceptionAlias: "e"}, raise(declined, handled), "shop-charge-" + me + "declinedError"},
		{"a set alias never grows", routewatch.Config{Alias: "a"}, func(w *routewatch.Watcher) {
			raise(declined)(w)
			raise(declined)(w)
		}, "shop-" + me + "declinedError-a"},

		{"placeholders", routewatch.Config{StatusAlias: "{service}/{env}/{method}/{route}/{status}/{class}"}, status(get("GET /orders/{id}"), 503), "shop/local/GET//orders/{id}/503/5XX"},
		{"route: pattern with a host", routewatch.Config{StatusAlias: "{route}"}, status(get("POST example.com/x/{y...}"), 500), "/x/{y...}"},
		{"route: chi's pattern", routewatch.Config{StatusAlias: "{route}"}, status(get("/v1/users/{id}"), 500), "/v1/users/{id}"},
		{"route: none, no pattern: never the path", routewatch.Config{StatusAlias: "{route}"}, status(get(""), 500), "unmatched"},
		{"route: none, the pattern that matched", routewatch.Config{StatusAlias: "{route}", MonitoredRoutes: []string{"/x", "/orders"}}, status(get(""), 500), "/orders"},
		{"route: a redirected CONNECT leaves its path", routewatch.Config{StatusAlias: "{route}"}, func(w *routewatch.Watcher) {
			r := get("/orders/17")
			r.Method = http.MethodConnect
			status(r, 500)(w)
		}, "unmatched"},
		{"route: the adapter's first", routewatch.Config{StatusAlias: "{route}"}, func(w *routewatch.Watcher) {
			w.Observe(routewatch.Observation{Request: get("/std"), Route: "/gin/:id", Status: 500})
		}, "/gin/:id"},
		{"method: made up by a client", routewatch.Config{StatusAlias: "{method}"}, func(w *routewatch.Watcher) {
			r := get("")
			r.Method = "X1234"
			status(r, 500)(w)
		}, "OTHER"},

		// {exception} is the most telling type in the chain.
		{"wrapped", routewatch.Config{}, raise(fmt.Errorf("charging: %w", declined), handled), "shop-charge-" + me + "declinedError"},
		{"joined", routewatch.Config{}, raise(errors.Join(errors.New("x"), declined), handled), "shop-charge-" + me + "declinedError"},
		{"plain text: where it came up", routewatch.Config{}, raiseText, "shop-charge-" + me + "raiseText"},
		{"panic with a plain text: who panicked", routewatch.Config{Alias: "a"}, textPanic, "shop-" + me + "boom-a"},
		{"panic with a plain error: who panicked", routewatch.Config{Alias: "a"}, errorPanic, "shop-" + me + "boom-a"},
		{"nil pointer: who panicked", routewatch.Config{Alias: "a"}, nilPointer, "shop-http.(*Request).UserAgent-a"},
		{"panic with a value of a type", routewatch.Config{Alias: "a"}, panics(opsgenie.P1), "shop-opsgenie.Priority-a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n recorder
			tt.cfg.Notifier = &n
			tt.cfg.StatusClasses = []string{"5XX"}
			tt.cfg.LatencyThreshold, tt.cfg.LatencyRoutes = 1, []string{"/"}
			w := newWatcher(t, tt.cfg)
			tt.do(w)
			require.NoError(t, w.Flush(t.Context()))
			alerts := n.alerts()
			require.NotEmpty(t, alerts)
			for _, a := range alerts {
				assert.Equal(t, tt.want, a.Alias)
			}
		})
	}
}

// Aliases of two long routes stay two.
func TestLongAliasesStayApart(t *testing.T) {
	var n recorder
	w := newWatcher(t, routewatch.Config{StatusAlias: "{route}", StatusClasses: []string{"5XX"}, Notifier: &n})
	long := "/" + strings.Repeat("ü", 600)
	for _, route := range []string{long + "a", long + "b"} {
		w.Observe(routewatch.Observation{Request: httptest.NewRequest(http.MethodGet, "/", nil), Route: route, Status: 500})
	}
	require.NoError(t, w.Flush(t.Context()))
	alerts := n.alerts()
	require.Len(t, alerts, 2)
	assert.NotEqual(t, alerts[0].Alias, alerts[1].Alias)
	for _, a := range alerts {
		assert.LessOrEqual(t, utf8.RuneCountInString(a.Alias), opsgenie.MaxAlias)
	}
}

// Ids in the path are one alert, not one each.
func TestIDsInThePathAreOneAlert(t *testing.T) {
	var n recorder
	w := newWatcher(t, routewatch.Config{StatusAlias: "{service}-{route}", StatusClasses: []string{"5XX"}, Notifier: &n})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) })
	h := w.Handler(mux)
	for i := range 100 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, fmt.Sprintf("/orders/%d", i), nil))
	}
	require.NoError(t, w.Flush(t.Context()))
	aliases := map[string]bool{}
	for _, a := range n.alerts() {
		aliases[a.Alias] = true
	}
	assert.Equal(t, map[string]bool{"shop-/orders/{id}": true}, aliases)
}
