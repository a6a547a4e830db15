package signalfx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
)

// Client reads from SignalFx with one token. Make it with [New]. It is safe for
// concurrent use, logs nothing, and prints without its token.
type Client struct {
	api, stream *httpcall.Client
	apiPace     pace
	streamPace  pace
	mayRead     atomic.Bool // a 403 to a window is not about the token
	maxDelay    time.Duration
	timeout     time.Duration
}

// New makes a client. It connects to nothing. An error tells every mistake in cfg
// at once and does not show the token.
func New(cfg Config) (*Client, error) {
	cfg, at, err := cfg.check()
	if err != nil {
		return nil, err
	}
	c := &Client{maxDelay: cfg.MaxDelay, timeout: cfg.Timeout}
	call := httpcall.Config{
		Header: "X-SF-Token", Secret: cfg.Token,
		Transport: cfg.Transport, Timeout: cfg.Timeout,
	}

	call.Base, call.Hint = at.api, seriesHint
	// Where it is asked faster than it likes, SignalFx was seen to say 403 for some
	// seconds, after answers that were fine and answers of 200 without data.
	throttled := func(e *metricsync.Error) bool {
		return e.Status == http.StatusTooManyRequests || e.Status == http.StatusForbidden && c.mayRead.Load()
	}
	call.Again = func(e *metricsync.Error) bool { return e.Temporary() || throttled(e) }
	call.Before, call.After = c.apiPace.wait, func(e *metricsync.Error) {
		if throttled(e) {
			c.apiPace.slower()
		}
	}
	c.api = httpcall.New(call)

	call.Base, call.Hint, call.Again = at.stream, flowHint, nil
	call.Before, call.After = c.streamPace.wait, func(e *metricsync.Error) {
		if e.Status == http.StatusTooManyRequests {
			c.streamPace.slower()
		}
	}
	c.stream = httpcall.New(call)
	return c, nil
}

// tooOften is the hint of an answer of 200 that is none.
const tooOften = "SignalFx was seen to answer so where it is called too often; or a proxy is in between"

func seriesHint(e *metricsync.Error) string {
	switch e.Status {
	case http.StatusBadRequest:
		return "is the query right?"
	case http.StatusUnauthorized:
		return "is the token one of this realm, with the scope API?"
	case http.StatusForbidden:
		return "may the token read? SignalFx also says so where it is called too often"
	case http.StatusNotFound:
		return "are realm and API URL right?"
	}
	return ""
}

func flowHint(e *metricsync.Error) string {
	switch e.Status {
	case http.StatusBadRequest:
		return "is the program right?"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "is the token one of this realm, with the scope API and the role admin or power?"
	case http.StatusNotFound:
		return "are realm and stream URL right?"
	}
	return ""
}

// TimeSeries is the source whose queries are those of the API's series windows,
// such as `sf_metric:"Latency" AND lb:"shop"`. The series of a point is its id at
// SignalFx, and its time the beginning of what it rolls up. It has no use for a
// label.
//
// Source: dev.splunk.com, "Retrieve MTS data" (/v1/timeserieswindow).
func (c *Client) TimeSeries() metricsync.Source { return timeSeries{c} }

// SignalFlow is the source whose queries are SignalFlow programs. A query's label
// is that of the publish whose stream is read; without one, the program must
// publish one stream alone. The series of a point is named by its dimensions, as in
// az=a,lb=shop, and its logical time is taken for the beginning of what it rolls
// up.
//
// Source: dev.splunk.com, "SignalFlow API" (/v2/signalflow/execute) and
// "Stream messages".
func (c *Client) SignalFlow() metricsync.Source { return signalFlow{c} }

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() {
	c.api.CloseIdleConnections()
	c.stream.CloseIdleConnections()
}

// Format prints whom c calls, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "signalfx.Client{%s, %s}", c.api.Host(), c.stream.Host())
}

// again is the error of an attempt after which another may do better.
type again struct{ err error }

func (a *again) Error() string { return a.err.Error() }
func (a *again) Unwrap() error { return a.err }

// attempts calls try until its error is not one of again, at most n times. Between
// attempts it waits as httpcall does; this is for what goes wrong behind an
// answer's header, where httpcall does not look.
func attempts(ctx context.Context, n int, try func() error) error {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := try()
		a := (*again)(nil)
		if !errors.As(err, &a) {
			return err
		}
		if n--; n < 1 || !sleep(ctx, wait/4+rand.N(wait)) {
			return a.err
		}
	}
}

// sleep reports whether it could. It does not begin what ctx would not let it end.
func sleep(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
