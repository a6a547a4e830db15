// Package inprocess brings HTTP requests to a handler of the same process, by a
// function call or by loopback: for the servers that this project offers to tests.
package inprocess

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Transport returns a transport that serves requests by calling h, whatever
// their host. It opens no socket and starts no goroutine, so that time in a
// testing/synctest bubble goes on while a call is delayed or hangs. An answer is
// there when h has returned; where h panics with http.ErrAbortHandler, it is cut.
// A request whose context ends has that error, once h has returned.
func Transport(h http.Handler) http.RoundTripper { return direct{h} }

// direct serves requests by calling a handler.
type direct struct{ h http.Handler }

// errCut is what a client sees of a connection that was cut.
var errCut = fmt.Errorf("inprocess: the connection was cut: %w", io.ErrUnexpectedEOF)

// RoundTrip implements [http.RoundTripper].
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := r.Clone(ctx)
	s.Body = io.NopCloser(bytes.NewReader(body))
	s.ContentLength = int64(len(body))
	s.RemoteAddr = "127.0.0.1:0"
	s.RequestURI = r.URL.RequestURI()
	if s.Host == "" {
		s.Host = r.URL.Host
	}
	if s.Header == nil {
		s.Header = http.Header{}
	}
	w := &response{header: http.Header{}}
	cut := w.serve(d.h, s)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cut && w.status == 0 {
		return nil, errCut
	}
	var answer io.Reader = bytes.NewReader(w.body.Bytes())
	if cut {
		answer = io.MultiReader(answer, cutReader{})
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.sent,
		Body:          io.NopCloser(answer),
		ContentLength: -1,
		Request:       r,
	}, nil
}

// response takes what a handler writes.
type response struct {
	header http.Header
	sent   http.Header // header at the time of the status
	status int
	body   bytes.Buffer
}

// serve calls the handler and reports whether it cut the connection.
func (w *response) serve(h http.Handler, r *http.Request) (cut bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			cut = true
		default:
			panic(v)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *response) Flush() { w.WriteHeader(http.StatusOK) }

// cutReader ends a body that was cut.
type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, errors.Unwrap(errCut) }
