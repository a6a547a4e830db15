// Package echowatch watches the requests of an echo v4 service.
//
//	e := echo.New()
//	e.Use(middleware.Recover(), echowatch.Middleware(w))
//
// Install it once, behind whatever recovers panics, as above: there it sees a
// panic as what it is. In front of it, a panic is a plain 500, for by then
// it has been recovered.
//
// echo does not tell a middleware that an answer was flushed, so that a status
// which comes too late behind a Flush is taken for the answer's. Nor does it tell
// that a connection was hijacked: a request for an upgrade to which echo itself
// answered nothing is taken for one.
package echowatch

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/routewatch/routewatch"
)

// Option changes how a [Middleware] watches.
type Option func(*watch)

// ErrorStatus tells the status with which the service's own HTTPErrorHandler
// answers an error: echo calls that after all middleware. Zero leaves it to the
// rule of echo's DefaultHTTPErrorHandler, which is also the default. It is not
// asked when the answer is committed already, and may be called by several
// goroutines at once.
func ErrorStatus(status func(err error, c echo.Context) int) Option {
	return func(m *watch) { m.errorStatus = status }
}

// Middleware returns a middleware by which w watches requests: the status that
// echo answers, under the route's template (c.Path()), how long it takes, and
// panics, which go on as they were. With Config.RecoverPanics a panic becomes an
// error with status 500, for the service's HTTPErrorHandler, where nothing was
// written. Errors are returned as they are.
func Middleware(w *routewatch.Watcher, opts ...Option) echo.MiddlewareFunc {
	m := &watch{Watcher: w}
	for _, opt := range opts {
		opt(m)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		// echo comes here for each request. Two words are all that it costs.
		return func(c echo.Context) (err error) {
			start, returned := m.Clock(), false
			defer func() {
				if returned {
					m.answered(c, err, start)
				} else if v := recover(); v != nil { // nil is runtime.Goexit
					err = m.panicked(c, v)
				}
			}()
			err = next(c)
			returned = true
			return err
		}
	}
}

type watch struct {
	*routewatch.Watcher
	errorStatus func(error, echo.Context) int // or nil
}

func (m *watch) answered(c echo.Context, err error, start time.Duration) {
	status := m.status(c, err)
	took := m.Took(start, status, c.Response())
	if m.Quiet(status, took) {
		return
	}
	m.Observe(routewatch.Observation{Request: c.Request(), Route: c.Path(), Status: status, Duration: took, Err: err})
}

// panicked runs in the deferred call, so that the frames of the panic are still
// on the stack, for Observe and for whoever recovers next.
func (m *watch) panicked(c echo.Context, v any) error {
	m.Observe(routewatch.Observation{
		Request: c.Request(), Route: c.Path(), Status: http.StatusInternalServerError, Panic: v,
	})
	// By ==, as net/http does: a wrapped ErrAbortHandler is a panic like others.
	if v == http.ErrAbortHandler || c.Response().Committed || !m.RecoversPanics() {
		panic(v)
	}
	err, ok := v.(error)
	if !ok {
		err = fmt.Errorf("%v", v)
	}
	// Wrapped, or echo would answer with the code of an HTTPError that was
	// panicked with.
	return echo.NewHTTPError(http.StatusInternalServerError).SetInternal(fmt.Errorf("panic: %w", err))
}

// status is the code that the client gets or, for an error that is still on its
// way to the HTTPErrorHandler, will get. To call c.Error here would commit the
// answer in other middleware's stead.
func (m *watch) status(c echo.Context, err error) int {
	res := c.Response()
	switch {
	case res.Committed && (res.Status >= http.StatusOK || res.Status == http.StatusSwitchingProtocols):
		return res.Status
	case res.Committed: // 1xx is no answer: net/http makes it 200, and echo drops what follows
		return http.StatusOK
	case err != nil:
		return m.statusOf(err, c)
	case c.Request().Header.Get("Upgrade") != "":
		return http.StatusSwitchingProtocols // see the package comment
	}
	return http.StatusOK
}

// statusOf finds the status of an error as DefaultHTTPErrorHandler does: by type,
// so that an HTTPError which is wrapped in another error is 500.
func (m *watch) statusOf(err error, c echo.Context) int {
	if m.errorStatus != nil {
		if status := m.errorStatus(err, c); status != 0 {
			return status
		}
	}
	he, ok := err.(*echo.HTTPError) //nolint:errorlint // as echo does
	if !ok {
		return http.StatusInternalServerError
	}
	if inner, ok := he.Internal.(*echo.HTTPError); ok { //nolint:errorlint // as echo does
		he = inner
	}
	return he.Code
}
