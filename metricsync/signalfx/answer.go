package signalfx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

// patience is how many time-outs the reading of an answer may take in all: one that
// sends a byte now and then must end, too.
const patience = 10

var (
	errQuiet = errors.New("it said nothing for too long")
	errSlow  = errors.New("it took too long")
)

// answer is the body of an answer. Only its Reads wait for the other end, so only
// they are timed: a reader may take its time in between.
type answer struct {
	header http.Header
	body   io.ReadCloser
	ctx    context.Context // the call's, with the reason that it ended
	end    context.CancelCauseFunc
	quiet  time.Duration
	left   time.Duration
}

// open makes a call and returns its answer, to be closed.
func (c *Client) open(ctx context.Context, to *httpcall.Client, r httpcall.Request) (*answer, error) {
	ctx, end := context.WithCancelCause(ctx)
	resp, err := to.Open(ctx, r) //nolint:bodyclose // answer.Close does
	if err != nil {
		end(nil)
		return nil, err
	}
	return &answer{
		header: resp.Header, body: resp.Body, ctx: ctx, end: end,
		quiet: c.timeout, left: patience * c.timeout,
	}, nil
}

// Read implements [io.Reader].
func (a *answer) Read(p []byte) (int, error) {
	wait, why := a.quiet, errQuiet
	if a.left < wait {
		wait, why = a.left, errSlow
	}
	started := time.Now()
	timer := time.AfterFunc(wait, func() { a.end(why) })
	n, err := a.body.Read(p)
	timer.Stop()
	a.left -= time.Since(started)
	if cause := context.Cause(a.ctx); cause != nil && err != nil && !errors.Is(err, io.EOF) {
		err = cause
	}
	return n, err
}

// Close ends the call, and with it a job that runs for it.
func (a *answer) Close() error {
	defer a.end(nil)
	return a.body.Close()
}

// is reports whether the answer says that it is of a media type, or says nothing.
func (a *answer) is(mediaType string) bool {
	got, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	return err != nil || got == mediaType
}

// cut is the error of an answer that ended too early, with what reading it came to.
// Another attempt may do better, unless the caller has ended it.
func cut(ctx context.Context, from *httpcall.Client, op string, err error) error {
	if ctx.Err() != nil {
		return ended(ctx, from, op)
	}
	return &again{from.Fail(op, 0, fmt.Errorf("the answer was cut: %w", err))}
}

// ended is the error after ctx has ended.
func ended(ctx context.Context, from *httpcall.Client, op string) error {
	return &metricsync.Error{Op: op, Host: from.Host(), Err: context.Cause(ctx)}
}
