package pageserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageserver"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// pipes is a listener whose connections are pipes, so that a bubble's time is that
// of both ends.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

func (p *pipes) dial(t *testing.T) net.Conn {
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	p.conns <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// onPipes serves a page in a bubble.
func onPipes(t *testing.T, store statuspage.Store, alerts statuspage.Alerts) (*pageserver.Server, *pipes) {
	log := slog.New(slog.DiscardHandler)
	cfg := pageserver.Config{Log: log, Page: statuspage.Config{
		Store: store, Alerts: alerts, WebhookKeys: []string{key}, Logger: log, ReconcileInterval: -1,
	}}
	page, err := statuspage.New(t.Context(), cfg.Page)
	require.NoError(t, err)
	ln := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	s := pageserver.Serve(t.Context(), cfg, page, ln)
	t.Cleanup(func() { assert.NoError(t, s.Close(context.Background())) })
	return s, ln
}

// request is a request that sends so much of its body.
func request(line, body string, length int) string {
	return fmt.Sprintf("%s HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s", line, key, length, body)
}

// status sends a request and returns the status of its answer; 0 is that there is
// none.
func status(conn net.Conn, request string) int {
	if _, err := io.WriteString(conn, request); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// A client that does not go on must not keep a connection, whatever it waits for.
func TestEachPhaseOfAConnectionHasAnEnd(t *testing.T) {
	for _, tt := range []struct {
		name, sends string
		readsAfter  time.Duration // the client reads nothing sooner
		answer      string        // how it begins; "" is that there is none
		took        time.Duration
	}{
		{"nothing comes", "", 0, "", 10 * time.Second},
		{"half a header", "GET / HTTP/1.1\r\nHost: x\r\nX-Half", 0, "HTTP/1.1 400", 10 * time.Second},
		{"too large a header", "GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 64<<10), 0, "HTTP/1.1 431", 500 * time.Millisecond},
		{"a webhook breaks off", request("POST /webhook", "{", 100), 0, "HTTP/1.1 400", 10 * time.Second},
		{"a body that nobody wants breaks off", request("GET /healthz", "{", 100), 0, "HTTP/1.1 200", 15 * time.Second},
		{"the answer is read late", request("GET /", "", 0), 29 * time.Second, "HTTP/1.1 200", 29*time.Second + 2*time.Minute},
		{"the answer is not read", request("GET /", "", 0), 31 * time.Second, "", 31 * time.Second},
		{"no further request", request("GET /", "", 0), 0, "HTTP/1.1 200", 2 * time.Minute},
		{"half a further request", request("GET /", "", 0) + "GET /", 0, "HTTP/1.1 200", 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, ln := onPipes(t, memstore.New(), nil)
				conn := ln.dial(t)
				start := time.Now()
				require.NoError(t, conn.SetReadDeadline(start.Add(time.Hour)))
				go func() { _, _ = io.WriteString(conn, tt.sends) }()
				time.Sleep(tt.readsAfter)
				answer, err := io.ReadAll(conn)
				require.NoError(t, err, "the server ends it")
				assert.Equal(t, tt.took, time.Since(start))
				got, _, _ := strings.Cut(string(answer), "\r\n")
				if tt.answer == "" {
					assert.Empty(t, got)
				} else {
					assert.Contains(t, got, tt.answer)
				}
			})
		})
	}
}

// A stream lasts for as long as its client reads, also on a connection that has
// answered something else before.
func TestStreamsHaveNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ln := onPipes(t, memstore.New(), nil)
		conn := ln.dial(t)
		go func() { _, _ = io.WriteString(conn, request("GET /healthz", "", 0)+request("GET /events", "", 0)) }()
		r := bufio.NewReader(conn)
		resp, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		resp, err = http.ReadResponse(r, nil)
		require.NoError(t, err)
		start, lines := time.Now(), bufio.NewScanner(resp.Body)
		for time.Since(start) < time.Hour && lines.Scan() {
		}
		assert.GreaterOrEqual(t, time.Since(start), time.Hour)
	})
}

// slow is an Alert API that takes ten seconds to list its alert.
type slow struct{ alert opsgenie.Alert }

func (s slow) Open(context.Context, string) iter.Seq2[opsgenie.Alert, error] {
	return func(yield func(opsgenie.Alert, error) bool) {
		time.Sleep(10 * time.Second)
		yield(s.alert, nil)
	}
}

func (s slow) Get(context.Context, string) (opsgenie.Alert, error) { return s.alert, nil }

// A request that takes longer than a body may is answered nevertheless: of three
// who ask for a refresh, the second waits for the first, and the third shares that
// of the second.
func TestRefreshesThatTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ln := onPipes(t, memstore.New(), slow{opsgenie.Alert{
			ID: "1", Message: "down", Status: "open", Tags: []string{"statuspage", "servicename:API", "critical"}, CreatedAt: time.Now(), UpdatedAt: time.Now(),
		}})
		type answer struct {
			code int
			took time.Duration
		}
		start := time.Now()
		var answers [3]answer
		var wg sync.WaitGroup
		for n := range answers {
			conn := ln.dial(t)
			wg.Go(func() {
				code := status(conn, request("POST /api/services/API/refresh", "", 0))
				answers[n] = answer{code, time.Since(start)}
			})
			synctest.Wait() // the next one asks while this one waits
		}
		wg.Wait()
		assert.Equal(t, [3]answer{{200, 10 * time.Second}, {200, 20 * time.Second}, {200, 20 * time.Second}}, answers)
	})
}

// held is a store whose first Update waits until it may go on.
type held struct {
	statuspage.Store
	once         sync.Once
	inside, goOn chan struct{}
	atClose      string // the record of API
}

func (s *held) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	s.once.Do(func() {
		close(s.inside)
		<-s.goOn
	})
	return s.Store.Update(ctx, key, change)
}

func (s *held) Close() error {
	if doc, err := s.Get(context.Background(), "records/API.json"); err == nil {
		s.atClose = string(doc)
	}
	return s.Store.Close()
}

// A webhook that is being stored when the server is told to stop is stored and
// answered first, for as long as there is time.
func TestCloseWaitsForAWebhook(t *testing.T) {
	const body = `{"action":"Create","alert":{"alertId":"1","message":"down","tags":["statuspage","servicename:API","critical"]}}`
	for _, tt := range []struct {
		name   string
		time   time.Duration // that Close has
		stored bool
	}{
		{"with time", 20 * time.Second, true},
		{"without", time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &held{Store: memstore.New(), inside: make(chan struct{}), goOn: make(chan struct{})}
				s, ln := onPipes(t, store, nil)
				conn := ln.dial(t)
				answered := make(chan int, 1)
				go func() { answered <- status(conn, request("POST /webhook", body, len(body))) }()
				<-store.inside

				ctx, cancel := context.WithTimeout(t.Context(), tt.time)
				defer cancel()
				closed := make(chan error, 1)
				go func() { closed <- s.Close(ctx) }()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				var err error
				waits := false
				select {
				case err = <-closed:
				default:
					waits = true
				}
				assert.Equal(t, tt.stored, waits, "Close waits for the request")
				close(store.goOn)
				code := <-answered
				if waits {
					err = <-closed
				}
				if !tt.stored {
					assert.ErrorContains(t, err, "requests were cut off")
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Zero(t, code)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, http.StatusOK, code)
				assert.Contains(t, store.atClose, `"critical"`, "it is there when the store is closed")
				_, err = store.Get(t.Context(), "records/API.json")
				assert.ErrorIs(t, err, statuspage.ErrClosed)
			})
		})
	}
}
