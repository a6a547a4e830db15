package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// errStock is what goes wrong in the shop.
var errStock = errors.New("no stock")

// answers are the rows in which a handler answers in an odd way.
var answers = []row{
	{name: "103, then 503", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	}},
	{name: "103, then a body", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		return say(w, "ok")
	}, want: want{status: 200}},
	{name: "two headers", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusNotFound)
		w.WriteHeader(http.StatusOK)
		return nil
	}},
	{name: "a body, then 500", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		err := say(w, "ok")
		w.WriteHeader(http.StatusInternalServerError)
		return err
	}, want: want{status: 200}},
	{name: "a flush, then 500", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		err := flush(w)
		w.WriteHeader(http.StatusInternalServerError)
		return err
	}, want: want{status: 200}},
	{name: "nothing written", want: want{status: 200}},
	{name: "no content", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}, want: want{status: 204}},
	{name: "a redirect", handle: func(_ *exchange, w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
		return nil
	}, want: want{status: 302}},
	{name: "an early flush", handle: func(x *exchange, w http.ResponseWriter, _ *http.Request) error {
		if err := errors.Join(say(w, "first,"), flush(w)); err != nil {
			return err
		}
		<-x.released // only when the client has the first part
		return say(w, "second")
	}, ask: func(x *exchange, req *http.Request) seen {
		var first [6]byte
		s := x.doing(req, func(res *http.Response) {
			_, _ = io.ReadFull(res.Body, first[:])
			close(x.released)
		})
		s.Body = string(first[:]) + s.Body
		return s
	}, want: want{status: 200}},
	{name: "a client that has gone", handle: func(x *exchange, w http.ResponseWriter, r *http.Request) error {
		close(x.reached)
		<-r.Context().Done()
		w.WriteHeader(http.StatusInternalServerError)
		return nil
	}, ask: func(x *exchange, req *http.Request) seen {
		ctx, cancel := context.WithCancel(req.Context())
		go func() {
			<-x.reached
			cancel()
		}()
		return x.do(req.WithContext(ctx))
	}, want: want{silent: true}},
}

// failures are the rows in which a handler returns an error.
var failures = []row{
	{name: "an error returned", handle: func(*exchange, http.ResponseWriter, *http.Request) error {
		return errStock
	}, want: want{status: 500, failure: "no stock"}},
	{name: "an error returned after the body", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		return errors.Join(say(w, "ok"), errStock)
	}, want: want{status: 200, failure: "no stock"}},
	{name: "an error handler that changes the status", handle: func(*exchange, http.ResponseWriter, *http.Request) error {
		return errStock
	}, errorStatus: http.StatusTeapot, want: want{status: 418, failure: "no stock"}},
	{name: "HTTPError 503", handle: func(x *exchange, _ http.ResponseWriter, _ *http.Request) error {
		return x.adapter.HTTPError(503, nil)
	}, want: want{status: 503}},
	{name: "HTTPError over an error", handle: func(x *exchange, _ http.ResponseWriter, _ *http.Request) error {
		return x.adapter.HTTPError(503, errStock)
	}, want: want{status: 503, failure: "no stock"}},
	{name: "HTTPError over an HTTPError", handle: func(x *exchange, _ http.ResponseWriter, _ *http.Request) error {
		return x.adapter.HTTPError(500, x.adapter.HTTPError(404, nil))
	}},
	{name: "HTTPError in an error", handle: func(x *exchange, _ http.ResponseWriter, _ *http.Request) error {
		return fmt.Errorf("order 7: %w", x.adapter.HTTPError(503, errStock))
	}, want: want{failure: "no stock"}},
}

// durations are the rows that take their time.
var durations = []row{
	{name: "slow", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		time.Sleep(threshold + 1)
		return say(w, "ok")
	}, want: want{status: 200, slow: true}},
	{name: "slow, and 500", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		time.Sleep(threshold + 1)
		w.WriteHeader(http.StatusInternalServerError)
		return nil
	}, want: want{status: 500, slow: true}},
	{name: "slow, and nothing written", handle: func(*exchange, http.ResponseWriter, *http.Request) error {
		time.Sleep(threshold + 1)
		return nil
	}, want: want{status: 200, slow: true}},
	{name: "slow, and a panic", handle: func(*exchange, http.ResponseWriter, *http.Request) error {
		time.Sleep(threshold + 1)
		return explode("boom")
	}, want: want{panic: "boom"}},
	{name: "as slow as the threshold", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		time.Sleep(threshold)
		return say(w, "ok")
	}, want: want{status: 200}},
	{name: "a stream of events", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		err := errors.Join(say(w, "data: 1\n\n"), flush(w))
		time.Sleep(time.Hour)
		return errors.Join(err, say(w, "data: 2\n\n"))
	}, want: want{status: 200}},
	{name: "a hijacked connection", handle: func(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: parrot\r\n\r\n"
		if _, err := io.WriteString(conn, upgraded); err != nil {
			return err
		}
		word, err := buf.ReadString('\n')
		time.Sleep(time.Hour)
		_, _ = io.WriteString(conn, word)
		return err
	}, ask: func(x *exchange, req *http.Request) seen {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "parrot")
		return x.doing(req, func(res *http.Response) {
			_, _ = io.WriteString(res.Body.(io.Writer), "hello\n")
		})
	}, want: want{status: 101}},
}

// routings are the rows about which route is told.
var routings = []row{
	{name: "an unknown path", path: "/nowhere/7", want: want{status: 404, unrouted: true}},
	{name: "an unknown path in a group", route: Route{Groups: []string{"/api"}}, path: "/api/nowhere", want: want{status: 404, unrouted: true}},
	{name: "a method that is not allowed", method: http.MethodDelete, want: want{status: 405, unrouted: true}},
	{name: "a group", route: Route{Groups: []string{"/api"}}, path: "/api/orders/7", handle: unavailable, want: want{status: 503}},
	{name: "a group in a group", route: Route{Groups: []string{"/api", "/v1"}}, path: "/api/v1/orders/7", handle: unavailable, want: want{status: 503}},
	{name: "a panic in a group in a group", route: Route{Groups: []string{"/api", "/v1"}}, path: "/api/v1/orders/7", handle: exploding("boom"), want: want{panic: "boom"}},
	{name: "the rest of a path", route: Route{Path: "/files/{path...}"}, path: "/files/a/b", handle: unavailable, want: want{status: 503}},
	{name: "no parameters", route: Route{Method: http.MethodPost, Path: "/orders"}, path: "/orders", handle: unavailable, want: want{status: 503}},
}

func unavailable(_ *exchange, w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusServiceUnavailable)
	return nil
}

func say(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

func flush(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() }
