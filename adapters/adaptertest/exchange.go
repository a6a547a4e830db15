package adaptertest

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
)

// exchange is a server and a client for one request, and the signals between
// its handler and its client.
type exchange struct {
	adapter Adapter
	server  *http.Server
	client  *http.Client
	network *network
	log     lockedBuffer
	served  chan struct{} // the server has ended

	reached  chan struct{} // closed by a handler that waits for the client
	released chan struct{} // closed by the client, for the handler to go on
}

func newExchange(a Adapter) *exchange {
	return &exchange{
		adapter: a, network: newNetwork(), served: make(chan struct{}),
		reached: make(chan struct{}), released: make(chan struct{}),
	}
}

func (x *exchange) start(h http.Handler) {
	x.server = &http.Server{Handler: h, ErrorLog: log.New(&x.log, "", 0)} //nolint:gosec // its one client is our own
	x.client = &http.Client{
		Transport:     &http.Transport{DialContext: x.network.dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	go func() {
		defer close(x.served)
		_ = x.server.Serve(x.network) // ErrServerClosed
	}()
}

func (x *exchange) stop() {
	x.client.CloseIdleConnections()
	_ = x.server.Close()
	<-x.served
}

// seen is what the client gets, and what the server says of it.
type seen struct {
	Err     string // of the request
	Status  int
	Early   []int // 1xx that came before
	Header  http.Header
	Body    string
	BodyErr string
	Logged  logged
}

// logged is what net/http logged: that it met a panic, and that the stack it
// shows still leads to where that came up.
type logged struct{ Panic, Culprit bool }

func (s seen) code() string { return strconv.Itoa(s.Status) }

// do sends the request and reads the answer to its end.
func (x *exchange) do(req *http.Request) seen {
	return x.doing(req, nil)
}

// doing is do for a client that does something when the header is there.
func (x *exchange) doing(req *http.Request, with func(*http.Response)) (s seen) {
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			s.Early = append(s.Early, code)
			return nil
		},
	})
	res, err := x.client.Do(req.WithContext(ctx))
	if err != nil {
		s.Err = err.Error()
		return s
	}
	defer res.Body.Close()
	s.Status, s.Header = res.StatusCode, res.Header
	if with != nil {
		with(res)
	}
	body, err := io.ReadAll(res.Body)
	s.Body = string(body)
	if err != nil {
		s.BodyErr = err.Error()
	}
	return s
}

func (x *exchange) logged() logged {
	text := x.log.String()
	return logged{strings.Contains(text, "http: panic serving"), strings.Contains(text, "."+culpritName+"(")}
}

// lockedBuffer is written by the server's goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
