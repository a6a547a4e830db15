package ginwatch_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/adapters/adaptertest"
	"github.com/routewatch/routewatch/adapters/ginwatch"
	"github.com/routewatch/routewatch/opsgenie"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	goleak.VerifyTestMain(m)
}

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Handler:  newEngine,
		Template: template,
		Skip: map[string]string{
			"HTTPError 503":               "gin has no error that carries a status",
			"HTTPError over an error":     "gin has no error that carries a status",
			"HTTPError over an HTTPError": "gin has no error that carries a status",
			"HTTPError in an error":       "gin has no error that carries a status",
		},
	})
}

func newEngine(s adaptertest.Service) http.Handler {
	e := gin.New()
	e.HandleMethodNotAllowed = true
	recovery := gin.RecoveryWithWriter(io.Discard)
	if s.Recovery == adaptertest.RecoveryOutside {
		e.Use(recovery)
	}
	if s.Watcher != nil {
		e.Use(ginwatch.Middleware(s.Watcher))
	}
	if s.Recovery == adaptertest.RecoveryInside {
		e.Use(recovery)
	}
	if s.ErrorStatus != 0 {
		e.Use(func(c *gin.Context) {
			if c.Next(); len(c.Errors) > 0 {
				c.AbortWithStatus(s.ErrorStatus)
			}
		})
	}
	for _, r := range s.Routes {
		in := &e.RouterGroup
		for _, prefix := range r.Groups {
			in = in.Group(prefix)
		}
		in.Handle(r.Method, template(r.Path), func(c *gin.Context) {
			switch err := r.Handle(c.Writer, c.Request); {
			case err == nil:
			case s.ErrorStatus != 0:
				_ = c.Error(err)
			default:
				_ = c.AbortWithError(http.StatusInternalServerError, err)
			}
		})
	}
	return e
}

var parameter = regexp.MustCompile(`\{(\w+)(\.\.\.)?\}`)

// template writes net/http's "/a/{b}/{c...}" as gin's "/a/:b/*c".
func template(path string) string {
	return parameter.ReplaceAllStringFunc(path, func(p string) string {
		if name, rest := strings.CutSuffix(strings.Trim(p, "{}"), "..."); rest {
			return "*" + name
		} else {
			return ":" + name
		}
	})
}

// A check that panics has not let the request pass.
func TestRecoverPanicsAborts(t *testing.T) {
	w, _ := newWatcher(t, routewatch.Config{RecoverPanics: true})
	e := gin.New()
	e.Use(ginwatch.Middleware(w), func(*gin.Context) { panic("no session") })
	reached := false
	e.GET("/", func(*gin.Context) { reached = true })
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	assert.False(t, reached, "the handler behind the check ran")
}

// c.Stream asserts CloseNotifier and takes its time.
func TestStream(t *testing.T) {
	w, got := newWatcher(t, routewatch.Config{StatusClasses: []string{"2XX"}})
	e := gin.New()
	e.Use(ginwatch.Middleware(w))
	e.GET("/stream", func(c *gin.Context) {
		n := 0
		c.Stream(func(io.Writer) bool {
			n++
			c.SSEvent("tick", n)
			return n < 3
		})
	})
	server := httptest.NewServer(e)
	defer server.Close()
	res, err := server.Client().Get(server.URL + "/stream")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(body), "event:tick"), "body %q", body)
	require.NoError(t, w.Flush(t.Context()))
	assert.Contains(t, (<-got).Message, "GET /stream answered 200")
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
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
			c.Status(tt.status)
			mw := ginwatch.Middleware(w)
			mw(c)
			require.NoError(t, w.Flush(t.Context()))
			// gin counts the calls of Next in an int8.
			assert.Zero(t, testing.AllocsPerRun(100, func() { mw(c) }))
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
