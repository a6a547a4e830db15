package signalfxtest

import (
	"context"
	"net"
	"net/http"
	"time"
)

// TB is what this package needs of a testing.TB, which satisfies it.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// Server is a [Fake] that listens on loopback.
type Server struct {
	*Fake
	// URL is the base URL of the API, and of SignalFlow.
	URL string
}

// NewServer starts a server on a free port of loopback, and stops it at the end of
// the test. Nil options are fine.
func NewServer(tb TB, opts *Options) *Server {
	tb.Helper()
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("signalfxtest: %v", err)
		return nil
	}
	f := newFor(opts)
	srv := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(ln) // always ends with http.ErrServerClosed, by the cleanup
	}()
	tb.Cleanup(func() {
		// Closing the connections first ends the calls that hang.
		_ = srv.Close()
		<-served
		f.Close()
	})
	return &Server{Fake: f, URL: "http://" + ln.Addr().String()}
}

// NewFake is [NewServer] without a socket: [Fake.Transport] reaches it. Inside a
// testing/synctest bubble make it in the bubble.
func NewFake(tb TB, opts *Options) *Fake {
	tb.Helper()
	f := newFor(opts)
	tb.Cleanup(f.Close)
	return f
}

func newFor(opts *Options) *Fake {
	if opts == nil {
		opts = &Options{}
	}
	return New(*opts)
}
