package signalfxtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
)

// Transport carries requests to the Fake without a socket, whatever their host.
// Give it to a client with any base URL. An answer is read while it is written, as
// from a socket, and the Fake waits while nobody reads.
func (f *Fake) Transport() http.RoundTripper { return direct{f} }

// direct serves requests by calling a handler in a goroutine of its own, which ends
// with the answer's body.
type direct struct{ h http.Handler }

// errCut is what a client sees of a connection that was cut.
var errCut = fmt.Errorf("signalfxtest: the connection was cut: %w", io.ErrUnexpectedEOF)

// RoundTrip implements [http.RoundTripper].
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := r.Clone(ctx)
	s.Body = io.NopCloser(bytes.NewReader(body))
	s.ContentLength = int64(len(body))
	s.RemoteAddr, s.RequestURI = "127.0.0.1:0", r.URL.RequestURI()
	pr, pw := io.Pipe()
	w := &response{header: http.Header{}, begun: make(chan struct{}), pw: pw}
	unhook := context.AfterFunc(ctx, func() { _ = pw.CloseWithError(ctx.Err()) })
	go func() {
		defer unhook()
		w.serve(d.h, s)
	}()
	select {
	case <-w.begun:
	case <-ctx.Done():
		cancel()
		return nil, ctx.Err()
	}
	if w.status == 0 {
		cancel()
		return nil, errCut
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.sent,
		Body:          &answer{pr, cancel},
		ContentLength: -1,
		Request:       r,
	}, nil
}

// answer is the body of an answer. Its reader leaves by closing it.
type answer struct {
	*io.PipeReader
	leave context.CancelFunc
}

// Close implements [io.Closer].
func (a *answer) Close() error {
	a.leave()
	return a.PipeReader.Close()
}

// response takes what a handler writes.
type response struct {
	header http.Header
	begun  chan struct{} // closed when the next two are set, or will never be
	status int
	sent   http.Header // header at the time of the status
	pw     *io.PipeWriter
}

// serve calls the handler.
func (w *response) serve(h http.Handler, r *http.Request) {
	defer func() {
		v := recover()
		if v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
		switch {
		case v != nil && w.status == 0:
			close(w.begun)
		case v != nil:
			_ = w.pw.CloseWithError(cmp.Or(r.Context().Err(), io.ErrUnexpectedEOF))
		default:
			w.WriteHeader(http.StatusOK)
			_ = w.pw.Close()
		}
	}()
	h.ServeHTTP(w, r)
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pw.Write(p)
}

func (w *response) Flush() { w.WriteHeader(http.StatusOK) }
