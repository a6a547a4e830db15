// Package ginwatch watches the requests of a gin engine.
//
//	r := gin.New()
//	r.Use(gin.Recovery(), ginwatch.Middleware(w))
//
// Install it once, behind whatever recovers panics, as above: there it sees a
// panic as what it is. In front of it, a panic is a plain 500, for by then
// it has been recovered.
//
// gin answers some requests by itself, and no middleware sees them: the redirects
// to a path with or without a slash at its end, and routes that were registered
// before Use. With HandleContext a request passes twice, and its alert counts
// two hits.
package ginwatch

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/routewatch/routewatch"
)

// Middleware returns a middleware by which w watches requests: the status that
// gin answers, under the route's template (c.FullPath()), how long it takes, and
// panics, which go on as they were. With Config.RecoverPanics a panic is answered
// by c.AbortWithStatus(500) instead, where nothing was written.
//
// The last of c.Errors is told in the alert that the status raises.
func Middleware(w *routewatch.Watcher) gin.HandlerFunc {
	return func(c *gin.Context) {
		start, returned := w.Clock(), false
		defer func() {
			if returned {
				answered(w, c, start)
			} else if v := recover(); v != nil { // nil is runtime.Goexit
				panicked(w, c, v)
			}
		}()
		c.Next()
		returned = true
	}
}

func answered(w *routewatch.Watcher, c *gin.Context, start time.Duration) {
	status := statusOf(c)
	took := w.Took(start, status, c.Writer)
	if w.Quiet(status, took) {
		return
	}
	o := routewatch.Observation{Request: c.Request, Route: c.FullPath(), Status: status, Duration: took}
	if last := c.Errors.Last(); last != nil {
		o.Err = last.Err
	}
	w.Observe(o)
}

// panicked runs in the deferred call, so that the frames of the panic are still
// on the stack, for Observe and for whoever recovers next.
func panicked(w *routewatch.Watcher, c *gin.Context, v any) {
	w.Observe(routewatch.Observation{
		Request: c.Request, Route: c.FullPath(), Status: http.StatusInternalServerError, Panic: v,
	})
	// By ==, as net/http does: a wrapped ErrAbortHandler is a panic like others.
	if v == http.ErrAbortHandler || c.Writer.Written() || !w.RecoversPanics() {
		panic(v)
	}
	// Abort, or the next handler would run, behind a check that has failed.
	c.AbortWithStatus(http.StatusInternalServerError)
}

// statusOf is the code that the client gets.
func statusOf(c *gin.Context) int {
	code := c.Writer.Status()
	switch {
	case code < http.StatusOK && code != http.StatusSwitchingProtocols:
		return http.StatusOK // 1xx is no answer: net/http makes it 200
	case code == http.StatusOK && c.Writer.Size() == 0 && c.GetHeader("Upgrade") != "":
		// gin does not say who hijacked the connection, but then its status
		// and size stay at these, whatever the client was sent.
		return http.StatusSwitchingProtocols
	}
	return code
}
