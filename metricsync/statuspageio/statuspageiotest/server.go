package statuspageiotest

import (
	"net/http"

	"github.com/routewatch/routewatch/internal/inprocess"
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
	// URL is the base URL for a client, with the prefix of the options.
	URL string
}

// NewServer starts a server on a free port of loopback, and stops it at the end
// of the test. Nil options are fine.
func NewServer(tb TB, opts *Options) *Server {
	tb.Helper()
	f := newFor(opts)
	base, stop, err := inprocess.Listen(f)
	if err != nil {
		tb.Fatalf("statuspageiotest: %v", err)
		return nil
	}
	tb.Cleanup(func() {
		stop() // first, since it ends the calls that hang
		f.Close()
	})
	return &Server{Fake: f, URL: base + f.opts.Prefix}
}

// NewFake is [NewServer] without a socket: [Fake.Transport] reaches it. Inside a
// testing/synctest bubble make it in the bubble.
func NewFake(tb TB, opts *Options) *Fake {
	tb.Helper()
	f := newFor(opts)
	tb.Cleanup(f.Close)
	return f
}

// Transport carries requests to the Fake without a socket, whatever their host.
// It starts no goroutine, so that time in a testing/synctest bubble goes on while
// a call is delayed or hangs.
func (f *Fake) Transport() http.RoundTripper { return inprocess.Transport(f) }

func newFor(opts *Options) *Fake {
	if opts == nil {
		opts = &Options{}
	}
	return New(*opts)
}
