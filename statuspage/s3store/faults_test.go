package s3store_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"syscall"
)

// faults makes a share of the requests go wrong, in the ways of networks and of
// S3. In half of them the server has done what was asked, and nobody learns it.
type faults struct {
	next  http.RoundTripper
	share float64
	count *atomic.Int64
}

func (f faults) RoundTrip(r *http.Request) (*http.Response, error) {
	if rand.Float64() >= f.share {
		return f.next.RoundTrip(r)
	}
	f.count.Add(1)
	switch rand.N(7) {
	case 0: // lost on the way there
		closeBody(r)
		return nil, syscall.ECONNRESET
	case 1:
		closeBody(r)
		return answer(r, http.StatusConflict, "ConditionalRequestConflict"), nil
	case 2:
		closeBody(r)
		return answer(r, http.StatusServiceUnavailable, "SlowDown"), nil
	}
	res, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch rand.N(4) {
	case 0: // lost on the way back
		res.Body.Close()
		return nil, syscall.ECONNRESET
	case 1:
		res.Body.Close()
		return answer(r, http.StatusInternalServerError, "InternalError"), nil
	case 2: // the caller waits in vain
		res.Body.Close()
		<-r.Context().Done()
		return nil, r.Context().Err()
	default: // cut in its midst
		res.Body = cut{res.Body}
		return res, nil
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// cut is a body that ends too early.
type cut struct{ io.ReadCloser }

func (c cut) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p[:min(len(p), 1)])
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
