package echowatch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/adapters/adaptertest"
	"github.com/routewatch/routewatch/adapters/echowatch"
	"github.com/routewatch/routewatch/opsgenie"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAdapter(t *testing.T) {
	for _, install := range []string{"Use", "Pre"} {
		t.Run(install, func(t *testing.T) {
			adaptertest.Run(t, adaptertest.Adapter{
				Handler:  func(s adaptertest.Service) http.Handler { return newEcho(s, install == "Pre") },
				Template: template,
				HTTPError: func(status int, internal error) error {
					return echo.NewHTTPError(status).SetInternal(internal)
				},
				Skip: map[string]string{
					"a flush, then 500": "echo takes the 500 for the answer's status: its Flush does not commit",
				},
			})
		})
	}
}

func newEcho(s adaptertest.Service, pre bool) http.Handler {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	use := e.Use
	if pre {
		use = e.Pre
	}
	if s.Recovery == adaptertest.RecoveryOutside {
		use(middleware.Recover())
	}
	var opts []echowatch.Option
	if s.ErrorStatus != 0 {
		e.HTTPErrorHandler = func(err error, c echo.Context) {
			_ = c.String(s.ErrorStatus, "sorry")
		}
		opts = append(opts, echowatch.ErrorStatus(func(error, echo.Context) int { return s.ErrorStatus }))
	}
	if s.Watcher != nil {
		use(echowatch.Middleware(s.Watcher, opts...))
	}
	if s.Recovery == adaptertest.RecoveryInside {
		use(middleware.Recover())
	}
	for _, r := range s.Routes {
		in, handle := e.Group(""), func(c echo.Context) error { return r.Handle(c.Response(), c.Request()) }
		for _, prefix := range r.Groups {
			in = in.Group(prefix)
		}
		in.Add(r.Method, template(r.Path), handle)
	}
	return e
}

var parameter = regexp.MustCompile(`\{(\w+)(\.\.\.)?\}`)

// template writes net/http's "/a/{b}/{c...}" as echo's "/a/:b/*".
func template(path string) string {
	return parameter.ReplaceAllStringFunc(path, func(p string) string {
		if strings.HasSuffix(p, "...}") {
			return "*"
		}
		return ":" + strings.Trim(p, "{}")
	})
}

func TestErrorStatus(t *testing.T) {
	errStock := errors.New("no stock")
	asked := func(status int) func(error, echo.Context) int {
		return func(err error, c echo.Context) int {
			if !errors.Is(err, errStock) || c.Path() != "/orders/:id" {
				return 599
			}
			return status
		}
	}
	committed := func(c echo.Context) error { return errors.Join(c.String(http.StatusAccepted, "ok"), errStock) }
	returned := func(echo.Context) error { return errStock }
	conflict := func(echo.Context) error { return echo.NewHTTPError(http.StatusConflict).SetInternal(errStock) }
	for _, tt := range []struct {
		name    string
		handler echo.HandlerFunc
		status  func(error, echo.Context) int
		want    string
	}{
		{"committed already", committed, asked(409), "answered 202"},
		{"zero is echo's own rule", conflict, asked(0), "answered 409"},
		{"nil is echo's own rule", returned, nil, "answered 500"},
		{"another status", conflict, asked(418), "answered 418"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, got := newWatcher(t, routewatch.Config{StatusClasses: []string{"2XX", "4XX", "5XX"}})
			e := echo.New()
			e.Use(echowatch.Middleware(w, echowatch.ErrorStatus(tt.status)))
			e.GET("/orders/:id", tt.handler)
			e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/orders/7", nil))
			require.NoError(t, w.Flush(t.Context()))
			assert.Contains(t, (<-got).Message, tt.want)
		})
	}
}

// echo would answer with the code of an HTTPError.
func TestRecoverPanicsOfAnHTTPError(t *testing.T) {
	w, got := newWatcher(t, routewatch.Config{RecoverPanics: true})
	e := echo.New()
	e.Use(echowatch.Middleware(w))
	e.GET("/", func(echo.Context) error { panic(echo.ErrNotFound) })
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	require.NoError(t, w.Flush(t.Context()))
	assert.Equal(t, "shop-exception-alert", (<-got).Alias)
}

// What others make of the error, they make of the same error.
func TestErrorIsReturnedAsItIs(t *testing.T) {
	w, _ := newWatcher(t, routewatch.Config{})
	want := echo.NewHTTPError(http.StatusConflict)
	c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder())
	got := echowatch.Middleware(w)(func(echo.Context) error { return want })(c)
	assert.Same(t, want, got)
	assert.False(t, c.Response().Committed, "the answer was committed")
}

func TestAllocations(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
	}{
		{"healthy", 200},
		{"failing, with the alert open", 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := newWatcher(t, routewatch.Config{
				StatusClasses: []string{"5XX"}, LatencyThreshold: time.Hour, LatencyRoutes: []string{"/"},
			})
			c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder())
			require.NoError(t, c.NoContent(tt.status))
			mw, next := echowatch.Middleware(w), func(echo.Context) error { return nil }
			serve := func() { _ = mw(next)(c) } // as echo does for each request
			serve()
			require.NoError(t, w.Flush(t.Context()))
			assert.LessOrEqual(t, testing.AllocsPerRun(1000, serve), 1.0)
		})
	}
}

// alerts are what a Watcher raised.
type alerts chan opsgenie.NewAlert

func (a alerts) Create(_ context.Context, alert opsgenie.NewAlert) (string, error) {
	a <- alert
	return "", nil
}

func (a alerts) Close(context.Context, opsgenie.Ref, opsgenie.Action) (string, error) { return "", nil }

func newWatcher(t *testing.T, cfg routewatch.Config) (*routewatch.Watcher, alerts) {
	t.Helper()
	got := make(alerts, 8)
	cfg.Notifier, cfg.Service = got, "shop"
	w, err := routewatch.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close(context.Background())) })
	return w, got
}
