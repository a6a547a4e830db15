package statuspage_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

func outage(id string) alert {
	return alert{action: "Create", id: id, message: "API errors", tags: tags("critical", "API"), updated: time.Now()}
}

func TestWebhook_answers(t *testing.T) {
	good := outage("1").body(t)
	tests := []struct {
		name, method, body string
		headers            []string
		want               int
		wantBody           string
		stats              statuspage.WebhookStats
	}{
		{name: "no key", body: good, want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "wrong key", body: good, headers: []string{"X-Api-Key", "wrong"}, want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "beginning of the key", body: good, headers: []string{"X-Api-Key", testKey[:20]}, want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "key and more", body: good, headers: []string{"X-Api-Key", testKey + "x"}, want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "both keys at once", body: good, headers: []string{"X-Api-Key", testKey + ",another-key-of-this-page"}, want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "bearer without token", body: good, headers: []string{"Authorization", "Bearer "}, want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "key as Basic", body: good, headers: []string{"Authorization", "Basic " + testKey}, want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "wrong key, unreadable body", body: "{", want: 401, stats: statuspage.WebhookStats{WrongKey: 1}},
		{name: "GET", method: "GET", headers: []string{"X-Api-Key", testKey}, want: 405, wantBody: `{"error":"a webhook is sent by POST"}`},
		{name: "empty body", headers: []string{"X-Api-Key", testKey}, want: 400, stats: statuspage.WebhookStats{Malformed: 1}},
		{name: "no JSON", body: "action=Create", headers: []string{"X-Api-Key", testKey}, want: 400, stats: statuspage.WebhookStats{Malformed: 1}},
		{name: "JSON of something else", body: `{"ref":"refs/heads/main"}`, headers: []string{"X-Api-Key", testKey}, want: 400, stats: statuspage.WebhookStats{Malformed: 1}},
		{name: "deep JSON", body: strings.Repeat("[", 100_000), headers: []string{"X-Api-Key", testKey}, want: 400, stats: statuspage.WebhookStats{Malformed: 1}},
		{name: "too large", body: good + strings.Repeat(" ", opsgenie.MaxEvent), headers: []string{"X-Api-Key", testKey}, want: 413, stats: statuspage.WebhookStats{TooLarge: 1}},
		{name: "custom action", body: `{"action":"Restart it!","alert":{"alertId":"1"}}`, headers: []string{"X-Api-Key", testKey}, want: 200, stats: statuspage.WebhookStats{Accepted: 1, Custom: 1}},
		{name: "nothing for the page", body: `{"action":"Create","alert":{"alertId":"1","tags":["db"]}}`, headers: []string{"X-Api-Key", testKey}, want: 200, stats: statuspage.WebhookStats{Accepted: 1}},
		{name: "as large as may be", body: good + strings.Repeat(" ", opsgenie.MaxEvent-len(good)), headers: []string{"X-Api-Key", testKey}, want: 200, stats: statuspage.WebhookStats{Accepted: 1}},
		{name: "key", body: good, headers: []string{"X-Api-Key", testKey}, want: 200, wantBody: `{"result":"stored"}`, stats: statuspage.WebhookStats{Accepted: 1}},
		{name: "bearer", body: good, headers: []string{"Authorization", "Bearer " + testKey}, want: 200, stats: statuspage.WebhookStats{Accepted: 1}},
		{name: "bearer in small letters", body: good, headers: []string{"Authorization", "bearer " + testKey}, want: 200, stats: statuspage.WebhookStats{Accepted: 1}},
		{name: "wrong key and right bearer", body: good, headers: []string{"X-Api-Key", "wrong", "Authorization", "Bearer " + testKey}, want: 200, stats: statuspage.WebhookStats{Accepted: 1}},
		{name: "second key", body: good, headers: []string{"X-Api-Key", "another-key-of-this-page"}, want: 200, stats: statuspage.WebhookStats{Accepted: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, func(c *statuspage.Config) { c.WebhookKeys = []string{testKey, "another-key-of-this-page"} })
			method := tt.method
			if method == "" {
				method = http.MethodPost
			}
			w := do(s.webhook, httptest.NewRequestWithContext(t.Context(), method, "/anything", strings.NewReader(tt.body)), tt.headers...)
			assert.Equal(t, tt.want, w.Code, w.Body)
			switch {
			case tt.want == http.StatusUnauthorized:
				assert.Empty(t, w.Body.String())
				assert.Empty(t, s.page.Snapshot().Services)
			case tt.wantBody != "":
				assert.JSONEq(t, tt.wantBody, w.Body.String())
			}
			assert.Equal(t, tt.stats, s.page.Stats().Webhooks)
			assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), "a webhook is not for browsers")
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			assert.NotContains(t, w.Body.String(), testKey)
		})
	}
}

// What decides of an action is its spelling on the wire, so these are literal
// bodies. Webhooks keep no order: the Create comes last.
func TestWebhook_actionsAsOpsgenieSpellsThem(t *testing.T) {
	for _, tt := range []struct {
		name   string
		early  [][2]string // action, and what else of the alert is told
		state  statuspage.State
		acked  bool
		closed bool
	}{
		{"Create", nil, statuspage.Major, false, false},
		{"RemoveTags", [][2]string{{"RemoveTags", `"tags":["servicename:API","major"],"removedTags":"statuspage"`}}, statuspage.Green, false, false},
		{"AddTags", [][2]string{{"AddTags", `"addedTags":"critical"`}}, statuspage.Critical, false, false},
		{"Close", [][2]string{{"Close", `"tags":["statuspage","servicename:API","major"]`}}, statuspage.Green, false, true},
		{"Delete", [][2]string{{"Delete", `"message":"API errors"`}}, statuspage.Green, false, true},
		{"Acknowledge", [][2]string{{"Acknowledge", `"message":"API errors"`}}, statuspage.Major, true, false},
		{"UnAcknowledge", [][2]string{{"Acknowledge", `"message":"API errors"`}, {"UnAcknowledge", `"message":"API errors"`}}, statuspage.Major, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			created := time.Now().Add(-time.Hour).UnixMilli()
			tell := func(action, fields string, updated int64) {
				body := fmt.Sprintf(`{"action":%q,"alert":{"alertId":"a","createdAt":%d,"updatedAt":%d,%s}}`, action, created, updated, fields)
				w := s.post(s.webhook, "/webhook", body, "X-Api-Key", testKey)
				require.Equal(t, http.StatusOK, w.Code, w.Body)
			}
			for n, early := range tt.early {
				tell(early[0], early[1], created+int64(n+1)*1000)
			}
			tell("Create", `"message":"API errors","tags":["statuspage","servicename:API","major"]`, created)
			r := s.page.Snapshot().Service("API")
			require.NotNil(t, r)
			assert.Equal(t, tt.state, r.State)
			i := r.Incident("a")
			require.NotNil(t, i)
			assert.Equal(t, tt.acked, i.Visible().Acked)
			assert.Equal(t, tt.closed, !i.Open())
			assert.Zero(t, s.page.Stats().Webhooks.Custom)
		})
	}
}

func TestWebhook_storeFails(t *testing.T) {
	s := newSite(t)
	s.store.failing.Store(true)
	w := s.post(s.webhook, "/webhook", outage("1").body(t), "X-Api-Key", testKey)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
	assert.NotContains(t, w.Body.String(), "secret", "what failed is for the log")
	assert.Equal(t, statuspage.WebhookStats{Failed: 1}, s.page.Stats().Webhooks)

	s.store.failing.Store(false)
	s.tell(outage("1"))
	assert.Equal(t, statuspage.Critical, s.page.Snapshot().Service("API").State)
}

func TestWebhook_senderHangsUp(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/webhook", strings.NewReader(outage("1").body(t)))
	assert.Equal(t, http.StatusOK, do(s.webhook, r, "X-Api-Key", testKey).Code)
	assert.NotNil(t, s.page.Snapshot().Service("API"), "what has arrived is stored")
}

func TestWebhook_limitIsForWrongKeysAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		body := outage("1").body(t)
		from := func(addr, key string) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook", strings.NewReader(body))
			r.RemoteAddr = addr
			return do(s.webhook, r, "X-Api-Key", key).Code
		}
		for range 20 {
			require.Equal(t, 401, from("192.0.2.1:1000", "wrong"))
		}
		assert.Equal(t, 429, from("192.0.2.1:1001", "wrong"), "another port is the same source")
		assert.Equal(t, 200, from("192.0.2.1:1000", testKey), "a right key is never refused")
		assert.Equal(t, 401, from("192.0.2.2:1000", "wrong"), "another source has a limit of its own")
		assert.Equal(t, uint64(1), s.page.Stats().Webhooks.Limited)
		for n := range 20 {
			require.Equal(t, 401, from(fmt.Sprintf("[2001:db8::%x]:1", n+1), "wrong"))
		}
		assert.Equal(t, 429, from("[2001:db8::ffff]:1", "wrong"), "a /64 is one source")
		time.Sleep(time.Minute)
		assert.Equal(t, 401, from("192.0.2.1:1000", "wrong"), "a minute later")
	})
}

func TestWebhook_manySourcesOfWrongKeys(t *testing.T) {
	s := newSite(t)
	limited := 0
	for n := range 5000 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook", nil)
		r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", n/256, n%256)
		if do(s.webhook, r).Code == http.StatusTooManyRequests {
			limited++
		}
	}
	assert.NotZero(t, limited, "those beyond what is remembered share a limit")
	s.tell(outage("1"))
}

func TestWebhook_storm(t *testing.T) {
	s := newSite(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for m := range 50 {
				a := outage(named("a", n*50+m))
				w := s.post(s.webhook, "/webhook", a.body(t), "X-Api-Key", testKey)
				assert.Equal(t, http.StatusOK, w.Code)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, statuspage.WebhookStats{Accepted: 400}, s.page.Stats().Webhooks)
	assert.Len(t, s.page.Snapshot().Service("API").Incidents, 400)
}

func TestWebhook_insecure(t *testing.T) {
	s := newSite(t, func(c *statuspage.Config) { c.WebhookKeys, c.InsecureWebhook = nil, true })
	w := s.post(s.webhook, "/webhook", outage("1").body(t))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, http.StatusOK, s.post(s.api, "/api/services/API/refresh", "").Code)
}

// A body that comes byte by byte must not keep a handler for ever.
func TestWebhook_slowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		client, server := net.Pipe()
		listener := &oneConn{conn: server, done: make(chan struct{})}
		srv := &http.Server{Handler: s.webhook}
		go func() { _ = srv.Serve(listener) }()
		go func() {
			_, _ = fmt.Fprintf(client, "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: 1000\r\n\r\n{", testKey)
		}()
		start := time.Now()
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
		assert.Equal(t, 10*time.Second, time.Since(start))
		_ = client.Close()
		_ = srv.Close()
	})
}

// oneConn is a listener of one connection.
type oneConn struct {
	conn net.Conn
	once sync.Once
	done chan struct{}
}

func (l *oneConn) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = l.conn })
	if conn != nil {
		return conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
