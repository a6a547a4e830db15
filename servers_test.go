package routewatch_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
)

// server is a real one, on loopback, with a client that speaks its protocol.
type server struct {
	*httptest.Server
	client *http.Client
	log    *buffer
	stop   func() // waits until every handler has returned, and the Watcher's deferred call with it
}

// buffer is what several goroutines write into.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newServer(t *testing.T, h http.Handler, start func(*httptest.Server) *http.Client) server {
	var running sync.WaitGroup // Close knows nothing of handlers that hijacked
	running.Add(1)             // until stop
	s := server{log: &buffer{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(s.log, "", 0)
	s.client = start(s.Server)
	s.stop = sync.OnceFunc(func() {
		running.Done()
		running.Wait() // first: to a handler that still runs, a closed connection is a client gone
		s.client.CloseIdleConnections()
		s.Close()
	})
	t.Cleanup(s.stop)
	return s
}

// get is the status and the body of an answer; 0 where the connection was cut.
func (s server) get(t *testing.T, path string) (int, string) {
	t.Helper()
	res, err := s.client.Get(s.URL + path)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, string(body)
	}
	return res.StatusCode, string(body)
}

func http1(s *httptest.Server) *http.Client {
	s.Start()
	return s.Client()
}

func http2(s *httptest.Server) *http.Client {
	s.EnableHTTP2 = true
	s.StartTLS()
	return s.Client()
}

func h2c(s *httptest.Server) *http.Client {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	s.Config.Protocols = &p
	s.Start()
	return &http.Client{Transport: &http.Transport{Protocols: &p}}
}

var protocols = []struct {
	name, proto string
	start       func(*httptest.Server) *http.Client
}{
	{"HTTP/1.1", "HTTP/1.1", http1},
	{"HTTP/2", "HTTP/2.0", http2},
	{"HTTP/2 without TLS", "HTTP/2.0", h2c},
}

// The writers of the standard library, each behind a Watcher as it is without.
func TestServersWriters(t *testing.T) {
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		names := optionals(w)
		rc := http.NewResponseController(w)
		for name, err := range map[string]error{
			"SetReadDeadline":  rc.SetReadDeadline(time.Time{}),
			"SetWriteDeadline": rc.SetWriteDeadline(time.Time{}),
			"EnableFullDuplex": rc.EnableFullDuplex(),
		} {
			if err == nil {
				names = append(names, name)
			}
		}
		_, _ = w.Write([]byte(r.Proto + "," + strings.Join(names, ",")))
	})
	split := func(s string) (string, []string) {
		names := strings.Split(s, ",")
		return names[0], names[1:]
	}
	watched := newWatcher(t, routewatch.Config{}).Handler(bare)
	timeout := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") }
	inTimeout := []string{"Pusher"}

	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("/bare", bare)
			mux.Handle("/watched", watched)
			mux.Handle("/timeout/bare", timeout(bare))
			mux.Handle("/timeout/watched", timeout(watched))
			s := newServer(t, mux, p.start)
			for _, path := range []string{"", "/timeout"} {
				_, b := s.get(t, path+"/bare")
				_, w := s.get(t, path+"/watched")
				proto, want := split(b)
				_, got := split(w)
				assert.Equal(t, p.proto, proto)
				assert.ElementsMatch(t, want, got)
				if path == "/timeout" {
					assert.ElementsMatch(t, inTimeout, got)
				} else {
					assert.Contains(t, got, "EnableFullDuplex")
				}
			}
		})
	}
	t.Run("httptest.ResponseRecorder", func(t *testing.T) {
		w := httptest.NewRecorder()
		watched.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		_, got := split(w.Body.String())
		assert.ElementsMatch(t, []string{"Flusher", "StringWriter"}, got)
	})
}

// unwrapper is a wrapper that leaves everything to http.ResponseController.
type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// What is reached through Unwrap is watched too, and only there where it is.
func TestUnwrap(t *testing.T) {
	w := newWatcher(t, routewatch.Config{})
	reach := func(w http.ResponseWriter) (names []string) {
		for {
			if is[http.Flusher](w) || is[flushErrorer](w) {
				names = append(names, "flush")
			}
			if is[http.Hijacker](w) {
				names = append(names, "hijack")
			}
			u, ok := w.(interface{ Unwrap() http.ResponseWriter })
			if !ok {
				return names
			}
			w = u.Unwrap()
		}
	}
	for set := range routewatch.NumSets {
		below := routewatch.Narrow(&everything{}, set)
		plain := struct{ http.ResponseWriter }{below} // an end, without Unwrap
		for _, writer := range []http.ResponseWriter{plain, unwrapper{plain}, unwrapper{unwrapper{below}}} {
			w.Handler(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
				assert.ElementsMatch(t, optionals(writer), optionals(out))
				want, got := reach(writer), reach(out)
				for _, name := range []string{"flush", "hijack"} {
					assert.Equal(t, contains(want, name), contains(got, name), "set %d: %s", set, name)
				}
			})).ServeHTTP(writer, httptest.NewRequest("GET", "/", nil))
		}
	}
}

func contains(names []string, name string) bool {
	return strings.Contains(strings.Join(names, " "), name)
}

func TestHijack(t *testing.T) {
	const raw = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
	hijack := func(w http.ResponseWriter) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, raw)
	}
	for _, row := range []struct {
		name string
		h    http.HandlerFunc
	}{
		{"WriteHeader after it", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w)
			w.WriteHeader(500) // as httputil.ReverseProxy did, golang/go#72954
			_, err := w.Write([]byte("x"))
			assert.ErrorIs(t, err, http.ErrHijacked)
		}},
		{"101 before it", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w)
			w.WriteHeader(101)
		}},
		{"alone", func(w http.ResponseWriter, _ *http.Request) { hijack(w) }},
		{"below a writer with Unwrap alone", func(w http.ResponseWriter, _ *http.Request) { hijack(w) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			rec := &recorder{}
			cfg := allStatuses(rec)
			cfg.LatencyThreshold, cfg.LatencyRoutes = 1, []string{"/"}
			w := newWatcher(t, cfg)
			h := w.Handler(row.h)
			if strings.HasPrefix(row.name, "below") {
				h = unwrapping(h)
			}
			s := newServer(t, h, http1)
			status, _ := s.get(t, "/")
			assert.Equal(t, 204, status)
			s.stop()
			assert.Equal(t, 101, recorded(t, w, rec), "neither 200 nor a latency alert")
		})
	}
}

// wire is a listener whose connections tell what is done with them.
type wire struct {
	net.Listener
	dead  atomic.Bool
	files atomic.Int32
}

type wireConn struct {
	*net.TCPConn
	wire *wire
}

var errDead = errors.New("the line is dead")

func (l *wire) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wireConn{c.(*net.TCPConn), l}, nil
}

func (c *wireConn) Write(p []byte) (int, error) {
	if c.wire.dead.Load() {
		return 0, errDead
	}
	return c.TCPConn.Write(p)
}

// ReadFrom is where sendfile begins, if it is a file that arrives here.
func (c *wireConn) ReadFrom(r io.Reader) (int64, error) {
	src := r
	for {
		l, ok := src.(*io.LimitedReader)
		if !ok {
			break
		}
		src = l.R
	}
	if _, ok := src.(syscall.Conn); ok { // as net asks, for *os.File
		c.wire.files.Add(1)
	}
	return c.TCPConn.ReadFrom(r)
}

func (l *wire) start(s *httptest.Server) *http.Client {
	l.Listener = s.Listener
	s.Listener = l
	return http1(s)
}

func TestSendfile(t *testing.T) {
	content := bytes.Repeat([]byte("file "), 1<<16)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, content, 0o600))
	for how, h := range map[string]http.HandlerFunc{
		"http.ServeFile": func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) },
		"io.Copy": func(w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(name)
			if assert.NoError(t, err) {
				defer f.Close()
				w.Header().Set("Content-Length", strconv.Itoa(len(content))) // chunks are not for sendfile
				n, err := io.Copy(w, f)
				assert.NoError(t, err)
				assert.Len(t, content, int(n))
			}
		},
	} {
		t.Run(how, func(t *testing.T) {
			var l wire
			s := newServer(t, newWatcher(t, routewatch.Config{}).Handler(h), l.start)
			status, body := s.get(t, "/")
			assert.Equal(t, 200, status)
			assert.Equal(t, string(content), body)
			assert.Equal(t, int32(1), l.files.Load(), "files that reached the connection")
		})
	}
}

func TestFlushOfDeadConnection(t *testing.T) {
	var l wire
	var err error
	s := newServer(t, newWatcher(t, routewatch.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		assert.NoError(t, rc.Flush())
		l.dead.Store(true)
		_, _ = w.Write([]byte("nobody hears"))
		err = rc.Flush()
	})), l.start)
	s.get(t, "/")
	s.stop()
	assert.ErrorIs(t, err, errDead)
}

func TestWriteDeadline(t *testing.T) {
	var err error
	s := newServer(t, newWatcher(t, routewatch.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		assert.NoError(t, rc.SetWriteDeadline(time.Now().Add(-time.Second)))
		_, _ = w.Write([]byte("too late"))
		err = rc.Flush()
	})), http1)
	s.get(t, "/")
	s.stop()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// Each side answers a line of the other's before it sends the next.
func TestFullDuplex(t *testing.T) {
	s := newServer(t, newWatcher(t, routewatch.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		assert.NoError(t, rc.EnableFullDuplex())
		in := bufio.NewScanner(r.Body)
		for in.Scan() {
			_, _ = io.WriteString(w, "echo "+in.Text()+"\n")
			assert.NoError(t, rc.Flush())
		}
	})), http1)
	body, lines := io.Pipe()
	go io.WriteString(lines, "one\n")
	res, err := s.client.Post(s.URL, "text/plain", body)
	require.NoError(t, err)
	defer res.Body.Close()
	out := bufio.NewScanner(res.Body)
	for _, next := range []string{"one", "two", "three"} {
		if next != "one" {
			_, err = io.WriteString(lines, next+"\n")
			require.NoError(t, err)
		}
		require.True(t, out.Scan())
		assert.Equal(t, "echo "+next, out.Text())
	}
	require.NoError(t, lines.Close())
}

// A client that takes pushes is no more to be had; what is left to see is that
// the server's own answer comes through.
func TestPush(t *testing.T) {
	var got, want error
	push := func(err *error) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { *err = w.(http.Pusher).Push("/style.css", nil) }
	}
	mux := http.NewServeMux()
	mux.Handle("/bare", push(&want))
	mux.Handle("/watched", newWatcher(t, routewatch.Config{}).Handler(push(&got)))
	s := newServer(t, mux, http2)
	s.get(t, "/bare")
	s.get(t, "/watched")
	s.stop()
	require.ErrorIs(t, want, http.ErrNotSupported)
	assert.Equal(t, want, got)
}
