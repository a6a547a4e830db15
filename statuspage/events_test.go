package statuspage_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

type heard struct {
	id, name string
	data     struct {
		Service, State, Message string
		At                      time.Time
	}
}

// ear listens to a stream of events, as a browser does.
type ear struct {
	t      *testing.T
	resp   *http.Response
	lines  *bufio.Scanner
	lastID string
	other  []string // comments and retries
	cancel context.CancelFunc
}

func listen(t *testing.T, url, lastID string) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	e := &ear{t: t, resp: resp, lines: bufio.NewScanner(resp.Body), lastID: lastID, cancel: cancel}
	t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	return e
}

// next is the next event; without one, the stream has ended. A block with an id
// alone only moves the id, as the specification has it.
func (e *ear) next() (ev heard, ok bool) {
	e.t.Helper()
	for e.lines.Scan() {
		field, value, _ := strings.Cut(e.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "":
			if e.lines.Text() != "" {
				e.other = append(e.other, e.lines.Text())
			} else if ev.name != "" {
				return ev, true
			}
		case "id":
			e.lastID, ev.id = value, value
		case "event":
			ev.name = value
		case "data":
			require.NoError(e.t, json.Unmarshal([]byte(value), &ev.data))
		default:
			e.other = append(e.other, e.lines.Text())
		}
	}
	return heard{}, false
}

func (e *ear) want(service, state, message string) {
	e.t.Helper()
	ev, ok := e.next()
	for ok && ev.name == "incident" { // news that changes no state
		ev, ok = e.next()
	}
	require.True(e.t, ok, "the stream has ended")
	assert.Equal(e.t, "state", ev.name)
	assert.Equal(e.t, []string{service, state, message}, []string{ev.data.Service, ev.data.State, ev.data.Message})
	assert.False(e.t, ev.data.At.IsZero())
}

func (s *site) set(service, severity, message string) {
	s.t.Helper()
	s.sets++ // of two at the same time the lower id decides
	s.tell(alert{action: "Create", id: named("set", s.sets), message: message, tags: tags(severity, service), updated: time.Now()})
}

func TestEvents_refused(t *testing.T) {
	s := newSite(t)
	w := do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/events", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	stiff := struct{ http.ResponseWriter }{httptest.NewRecorder()}
	s.api.ServeHTTP(stiff, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil))
	assert.Equal(t, http.StatusNotImplemented, stiff.ResponseWriter.(*httptest.ResponseRecorder).Code, "a server that cannot stream")
	head := do(s.api, httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/events", nil))
	assert.Equal(t, http.StatusOK, head.Code)
	assert.Zero(t, s.page.Stats().Streams.Open)
}

func TestEvents_wholeStateThenChanges(t *testing.T) {
	s := newSite(t)
	s.set("API", "major", "slow")
	s.set("Mail", "green", "")
	srv := serve(t, s.api)
	e := listen(t, srv.URL+"/events", "")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
		"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff", "Etag": "",
	} {
		assert.Equal(t, want, e.resp.Header.Get(name), name)
	}
	e.want("API", "major", "slow")
	e.want("Mail", "green", "")
	s.set("API", "critical", "down\nand <out>")
	e.want("API", "critical", "down\nand <out>")
	s.set("Web", "major", "new service")
	e.want("Web", "major", "new service")
	assert.Regexp(t, `^retry: \d{4}$`, e.other[0])
	assert.Equal(t, int64(1), s.page.Stats().Streams.Open)
}

func TestEvents_resume(t *testing.T) {
	s := newSite(t)
	s.set("API", "major", "one")
	srv := serve(t, s.api)
	e := listen(t, srv.URL+"/events", "")
	e.want("API", "major", "one")
	s.set("API", "critical", "two")
	e.want("API", "critical", "two")
	e.cancel()
	s.set("Web", "major", "three")
	s.set("Mail", "major", "four")

	again := listen(t, srv.URL+"/events", e.lastID)
	again.want("Web", "major", "three")
	again.want("Mail", "major", "four")
	nothing := listen(t, srv.URL+"/events", again.lastID)
	s.set("API", "critical", "five") // not the oldest critical one: no change
	s.set("Web", "critical", "six")
	nothing.want("Web", "critical", "six")

	for _, foreign := range []string{
		"x", "-", "1", "other-1", "0", again.lastID + "0", strings.Repeat("9", 40),
		regexp.MustCompile(`\d+$`).ReplaceAllString(again.lastID, "18446744073709551615"),
	} {
		e := listen(t, srv.URL+"/events", foreign)
		e.want("API", "critical", "two")
		e.want("Mail", "major", "four")
		e.want("Web", "critical", "six")
		e.cancel()
	}
}

// Who comes back after more than is kept gets the whole state.
func TestEvents_resumeTooLate(t *testing.T) {
	s := newSite(t)
	s.set("API", "major", "one")
	srv := serve(t, s.api)
	first, witness := listen(t, srv.URL+"/events", ""), listen(t, srv.URL+"/events", "")
	first.want("API", "major", "one")
	witness.want("API", "major", "one")
	s.set("API", "critical", "two")
	first.want("API", "critical", "two")
	witness.want("API", "critical", "two")
	first.cancel()
	for n := range 2100 {
		s.set(named("s", n), "major", "x")
		_, ok := witness.next()
		require.True(t, ok)
	}
	late := listen(t, srv.URL+"/events", first.lastID)
	late.want("API", "critical", "two")
	seen := map[string]bool{}
	for range 2100 {
		ev, ok := late.next()
		require.True(t, ok)
		seen[ev.data.Service] = true
	}
	assert.Len(t, seen, 2100)
	recent := listen(t, srv.URL+"/events", witness.lastID)
	s.set("Last", "major", "z")
	recent.want("Last", "major", "z")
}

func TestEvents_endOnShutdown(t *testing.T) {
	s := newSite(t)
	srv := httptest.NewUnstartedServer(s.api)
	srv.Config.RegisterOnShutdown(s.page.Shutdown)
	srv.Start()
	defer srv.Close()
	e := listen(t, srv.URL+"/events", "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, srv.Config.Shutdown(ctx))
	_, ok := e.next()
	assert.False(t, ok)
	assert.Zero(t, s.page.Stats().Streams.Open)
}

// pipeServer serves h on pipes, so that a bubble's time is that of both ends.
func pipeServer(t *testing.T, h http.Handler) (dial func() net.Conn) {
	t.Helper()
	return func() net.Conn {
		client, server := net.Pipe()
		l := &oneConn{conn: server, done: make(chan struct{})}
		srv := &http.Server{Handler: h}
		go func() { _ = srv.Serve(l) }()
		t.Cleanup(func() { _ = client.Close(); _ = srv.Close() })
		return client
	}
}

func TestEvents_heartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		conn := pipeServer(t, s.api)()
		go func() { _, _ = io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n") }()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		lines := bufio.NewScanner(resp.Body)
		start, beats := time.Now(), 0
		for beats < 3 && lines.Scan() {
			if strings.HasPrefix(lines.Text(), ":") {
				beats++
				assert.Equal(t, time.Duration(beats)*20*time.Second, time.Since(start))
			}
		}
		assert.Equal(t, 3, beats)
		_ = conn.Close()
		synctest.Wait()
	})
}

// A client that does not read is let go when a write of its takes too long, and
// nobody else waits for it.
func TestEvents_clientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.set("API", "major", strings.Repeat("long ", 2000)) // more than a server keeps back
		conn := pipeServer(t, s.api)()
		_, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, int64(1), s.page.Stats().Streams.Open)
		start := time.Now()
		s.set("API", "critical", "x")
		assert.Zero(t, time.Since(start), "a webhook does not wait for listeners")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		assert.Zero(t, s.page.Stats().Streams.Open)
		_ = conn.Close()
		synctest.Wait()
	})
}

// A client that reads now and then gets the whole state for what it missed.
func TestEvents_slowClientIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.set("API", "major", "x")
		conn := pipeServer(t, s.api)()
		go func() { _, _ = io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n") }()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		e := &ear{t: t, resp: resp, lines: bufio.NewScanner(resp.Body)}
		e.want("API", "major", "x")
		witness := pipeServer(t, s.api)()
		go func() { _, _ = io.WriteString(witness, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n") }()
		go func() { _, _ = io.Copy(io.Discard, witness) }()
		for n := range 2100 { // the pipe takes nothing: the first write waits
			s.set(named("s", n), "major", "x")
			synctest.Wait()
		}
		s.set("Last", "critical", "z")
		last := ""
		for last != "Last" {
			ev, ok := e.next()
			require.True(t, ok)
			last = ev.data.Service
		}
		synctest.Wait()
		assert.Equal(t, uint64(1), s.page.Stats().Streams.Skipped)
		_, _ = conn.Close(), witness.Close()
		synctest.Wait()
	})
}

func TestEvents_bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ctx, cancel := context.WithCancel(t.Context())
		for range 10_000 {
			go s.api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil))
		}
		synctest.Wait()
		assert.Equal(t, int64(10_000), s.page.Stats().Streams.Open)
		w := s.get("/events")
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.NotEmpty(t, w.Header().Get("Retry-After"))
		assert.Equal(t, http.StatusOK, s.get("/api/services").Code, "all else goes on")
		cancel()
		synctest.Wait()
		assert.Equal(t, statuspage.StreamStats{Refused: 1}, s.page.Stats().Streams)
	})
}

func TestEvents_manyListenersAgree(t *testing.T) {
	s := newSite(t)
	srv := serve(t, s.api)
	const listeners, changes = 50, 40
	ears := make([]*ear, listeners)
	for n := range ears {
		ears[n] = listen(t, srv.URL+"/events", "")
	}
	var wg sync.WaitGroup
	for n, e := range ears {
		wg.Go(func() {
			for {
				ev, ok := e.next()
				if !assert.True(t, ok, "listener %d", n) || ev.data.Message == fmt.Sprint(changes-1) {
					return
				}
			}
		})
	}
	for n := range changes {
		s.set(named("s", n), "major", fmt.Sprint(n))
	}
	wg.Wait()
}
