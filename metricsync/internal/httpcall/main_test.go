package httpcall_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is a secret that is nowhere by chance.
const canary = "canary-4f1d9c55/7b1e+secret=63d0a7c1b2f4"

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is what a server says: header is name, value, name, value.
func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// script is a transport with an answer to each attempt: the last one answers all
// that follow.
type script struct {
	steps []roundTrip
	mu    sync.Mutex
	at    []time.Time // of the attempts
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	step := s.steps[min(len(s.at), len(s.steps)-1)]
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	return step(r)
}

// pauses are the times between attempts.
func (s *script) pauses() (all []time.Duration) {
	for i := 1; i < len(s.at); i++ {
		all = append(all, s.at[i].Sub(s.at[i-1]))
	}
	return all
}

func says(status int, body string, header ...string) roundTrip {
	return func(*http.Request) (*http.Response, error) { return answer(status, body, header...), nil }
}

// hangs is a server that never answers.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// config is a client's of a transport, at an address that nobody has.
func config(t *testing.T, transport http.RoundTripper) httpcall.Config {
	t.Helper()
	base, err := webapi.ParseBase("https://api.example.com/v1", true)
	require.NoError(t, err)
	return httpcall.Config{Base: base, Header: "Authorization", Scheme: "OAuth ", Secret: canary, Transport: transport}
}

// serve starts a real HTTP server on pipes, which may be in a bubble of synctest,
// and returns a transport that reaches it.
func serve(t *testing.T, h http.HandlerFunc) *http.Transport {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l)
	}()
	transport := &http.Transport{DialTLSContext: l.dial, DialContext: l.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = srv.Close()
		<-served
	})
	return transport
}

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func asError(t *testing.T, err error) *metricsync.Error {
	t.Helper()
	var e *metricsync.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "test: calling", e.Op)
	require.Equal(t, "api.example.com", e.Host)
	return e
}

var call = httpcall.Request{Op: "test: calling", Path: "/things", Query: url.Values{"q": {"query-of-the-user"}}}
