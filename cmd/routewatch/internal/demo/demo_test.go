package demo_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/demo"
	"github.com/routewatch/routewatch/opsgenie"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client keeps no connections, so that none is left at the end.
var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// start runs a demo in which alerts close soon, and slow is not very slow.
func start(t *testing.T, change func(*demo.Config)) *demo.Demo {
	t.Helper()
	cfg := demo.Config{
		Addr: "127.0.0.1:0", Renotify: 50 * time.Millisecond, ResolveAfter: time.Hour, Slow: 60 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	d, err := demo.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { closeSoon(t, d) })
	return d
}

// closeSoon closes the demo, and fails rather than hang.
func closeSoon(t *testing.T, d *demo.Demo) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	assert.NoError(t, d.Close(ctx))
}

// call makes a request to the page and returns its status and body.
func call(t *testing.T, method, url string, header ...string) (status int, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, body
}

func press(t *testing.T, d *demo.Demo, button string) demo.Answer {
	t.Helper()
	status, body := call(t, "POST", d.URL+"/press/"+button)
	require.Equal(t, http.StatusOK, status, "%s", body)
	var a demo.Answer
	require.NoError(t, json.Unmarshal(body, &a))
	return a
}

func state(t *testing.T, d *demo.Demo) demo.State {
	t.Helper()
	status, body := call(t, "GET", d.URL+"/state")
	require.Equal(t, http.StatusOK, status)
	var s demo.State
	require.NoError(t, json.Unmarshal(body, &s))
	return s
}

// await asks for the state until it is as wanted.
func await(t *testing.T, d *demo.Demo, what string, is func(demo.State) bool) demo.State {
	t.Helper()
	var s demo.State
	require.Eventually(t, func() bool {
		s = state(t, d)
		return is(s)
	}, 10*time.Second, 10*time.Millisecond, what)
	return s
}

func find(s demo.State, alias string) (demo.Alert, bool) {
	for _, a := range s.Alerts {
		if a.Alias == alias {
			return a, true
		}
	}
	return demo.Alert{}, false
}

func awaitAlert(t *testing.T, d *demo.Demo, alias string, is func(demo.Alert) bool) demo.Alert {
	t.Helper()
	var a demo.Alert
	await(t, d, "alert "+alias, func(s demo.State) bool {
		var ok bool
		a, ok = find(s, alias)
		return ok && is(a)
	})
	return a
}

func TestEachButtonRaisesItsAlert(t *testing.T) {
	for _, test := range []struct {
		button   string
		status   int
		requests int
		alias    string
		message  string
		details  map[string]string
		priority opsgenie.Priority
		severity string
	}{
		{
			"panic", 500, 1, "shop-exception-alert", "panic in GET /orders/{id}: runtime error",
			map[string]string{"route": "/orders/{id}", "endpoint": "/orders/13"},
			opsgenie.P2, "critical",
		},
		{
			"status", 500, 1, "shop-response-status-alert", "POST /checkout answered 500",
			map[string]string{"status_class": "5XX", "method": "POST"},
			opsgenie.P2, "major",
		},
		{
			"slow", 200, 1, "shop-response-latency-alert", "GET /search took",
			map[string]string{"threshold": "30ms", "route": "/search"},
			opsgenie.P2, "major",
		},
		{
			"storm", 500, 500, "shop-response-status-alert", "POST /checkout answered 500",
			map[string]string{"status_class": "5XX"},
			opsgenie.P2, "major",
		},
		{
			"handled", 202, 1, "shop-sendReceipt-demo.mailError", "550 no such mailbox",
			map[string]string{"function": "sendReceipt", "order": "13"},
			opsgenie.P2, "critical",
		},
		{
			"goroutine", 202, 1, "shop-refresh-stock-demo.supplierError", "acme has moved",
			map[string]string{"function": "refresh-stock"},
			opsgenie.P2, "critical",
		},
	} {
		t.Run(test.button, func(t *testing.T) {
			d := start(t, nil)

			got := press(t, d, test.button)

			assert.Equal(t, test.status, got.Status)
			assert.Equal(t, test.requests, got.Requests)
			assert.Positive(t, got.Median)
			assert.LessOrEqual(t, got.Median, got.Slowest)
			a := awaitAlert(t, d, test.alias, func(demo.Alert) bool { return true })
			assert.Contains(t, a.Message, test.message)
			assert.Equal(t, test.priority, a.Priority)
			assert.Equal(t, []string{"statuspage", "servicename:shop", test.severity, "routewatch"}, a.Tags)
			for name, value := range test.details {
				assert.Equal(t, value, a.Details[name], name)
			}
			s := state(t, d)
			assert.Len(t, s.Alerts, 1)
			assert.Equal(t, uint64(test.requests), s.Served)
			assert.Equal(t, test.button, s.Answers[0].Button)
		})
	}
}

func TestPanicTellsWhereItCameUp(t *testing.T) {
	d := start(t, nil)

	press(t, d, "panic")

	a := awaitAlert(t, d, "shop-exception-alert", func(demo.Alert) bool { return true })
	assert.Contains(t, a.Description, "(*order).greeting")
	assert.Contains(t, a.Details["stack"], "shop.go")
}

func TestStormIsAHandfulOfCalls(t *testing.T) {
	d := start(t, nil)

	press(t, d, "storm")

	s := await(t, d, "all hits", func(s demo.State) bool { return s.Stats.Hits.Status == 500 && s.Stats.Waiting == 0 })
	assert.LessOrEqual(t, s.Calls, uint64(50))
	a := awaitAlert(t, d, "shop-response-status-alert", func(a demo.Alert) bool { return a.Count > 1 })
	assert.Equal(t, opsgenie.StatusOpen, a.Status)
}

func TestGoodRequestsCloseTheAlerts(t *testing.T) {
	d := start(t, func(c *demo.Config) { c.ResolveAfter = 100 * time.Millisecond })
	all := []string{"status", "panic", "slow", "handled", "goroutine"}
	for _, button := range all {
		press(t, d, button)
	}
	await(t, d, "all alerts", func(s demo.State) bool { return len(s.Alerts) >= len(all) })

	got := press(t, d, "mend")

	assert.Less(t, got.Status, 500)
	s := await(t, d, "all closed", func(s demo.State) bool {
		for _, a := range s.Alerts {
			if a.Open() {
				return false
			}
		}
		return true
	})
	for _, a := range s.Alerts {
		assert.False(t, a.ClosedAt.IsZero(), a.Alias)
		require.NotEmpty(t, a.Notes, a.Alias)
		assert.Contains(t, a.Notes[0].Note, "Closed by routewatch")
	}
}

func TestOpsgenieDownIsMadeUpFor(t *testing.T) {
	d := start(t, nil)
	status, _ := call(t, "POST", d.URL+"/opsgenie/down")
	require.Equal(t, http.StatusOK, status)

	press(t, d, "status")
	s := await(t, d, "a failed attempt", func(s demo.State) bool { return s.Stats.Retries > 0 })
	assert.True(t, s.OpsgenieDown)
	assert.Empty(t, s.Alerts)
	assert.Equal(t, 1, s.Stats.Waiting)

	status, _ = call(t, "POST", d.URL+"/opsgenie/up")
	require.Equal(t, http.StatusOK, status)
	awaitAlert(t, d, "shop-response-status-alert", func(demo.Alert) bool { return true })
	assert.False(t, state(t, d).OpsgenieDown)
}

func TestCloseDeliversWhatOpsgenieMissed(t *testing.T) {
	d, err := demo.Start(t.Context(), demo.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	call(t, "POST", d.URL+"/opsgenie/down")
	press(t, d, "status")

	closeSoon(t, d)
}

func TestAPersonClosesAnAlert(t *testing.T) {
	d := start(t, nil)
	press(t, d, "status")
	a := awaitAlert(t, d, "shop-response-status-alert", func(demo.Alert) bool { return true })

	status, _ := call(t, "POST", d.URL+"/alerts/"+a.ID+"/acknowledge")
	assert.Equal(t, http.StatusOK, status)
	status, _ = call(t, "POST", d.URL+"/alerts/"+a.ID+"/close")
	assert.Equal(t, http.StatusOK, status)

	got, _ := find(state(t, d), a.Alias)
	assert.True(t, got.Acknowledged)
	assert.Equal(t, opsgenie.StatusClosed, got.Status)
	assert.Equal(t, "you", got.ClosedBy)
}

func TestWhatThePageRefuses(t *testing.T) {
	d := start(t, nil)
	for _, test := range []struct {
		name, method, path string
		header             []string
		want               int
	}{
		{"unknown button", "POST", "/press/reboot", nil, 404},
		{"button by GET", "GET", "/press/status", nil, 405},
		{"button of another site", "POST", "/press/status", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"button of another origin", "POST", "/press/status", []string{"Origin", "https://evil.example"}, 403},
		{"neither up nor down", "POST", "/opsgenie/sideways", nil, 404},
		{"unknown act", "POST", "/alerts/1/escalate", nil, 404},
		{"unknown alert", "POST", "/alerts/1/close", nil, 409},
		{"unknown page", "GET", "/etc/passwd", nil, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, _ := call(t, test.method, d.URL+test.path, test.header...)
			assert.Equal(t, test.want, status)
		})
	}
	assert.Zero(t, state(t, d).Served)
}

func TestPageKeepsToItself(t *testing.T) {
	d := start(t, nil)
	resp, err := client.Get(d.URL + "/")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)

	assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.NotContains(t, resp.Header.Get("Content-Security-Policy"), "unsafe")
	assert.NotContains(t, string(body), "<style")
	assert.NotContains(t, string(body), "style=")
	assert.NotContains(t, string(body), "https://")
	assert.NotRegexp(t, `<script(>| [^>]*>[^<])`, string(body), "inline script")
	for _, asset := range []string{"/page.css", "/page.js", "/icon.svg"} {
		status, _ := call(t, "GET", d.URL+asset)
		assert.Equal(t, http.StatusOK, status, asset)
		assert.Contains(t, string(body), asset)
	}
}

func TestShopAndOpsgenieAreThere(t *testing.T) {
	d := start(t, nil)

	status, body := call(t, "GET", d.ShopURL+"/orders/7")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, string(body), "teapot")
	status, _ = call(t, "GET", d.ShopURL+"/orders/8")
	assert.Equal(t, http.StatusNotFound, status)
	status, body = call(t, "GET", d.OpsgenieURL+"/")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, string(body), "Opsgenie")
	assert.Empty(t, state(t, d).Alerts)
}

func TestTakenPortGivesWayToAFreeOne(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()

	d := start(t, func(c *demo.Config) { c.Addr = taken.Addr().String() })

	require.ErrorContains(t, d.Moved, "address already in use")
	assert.NotContains(t, d.URL, taken.Addr().String())
	state(t, d)
}

func TestHostThatIsNotHere(t *testing.T) {
	// 192.0.2.0/24 is nobody's (RFC 5737).
	_, err := demo.Start(t.Context(), demo.Config{Addr: "192.0.2.1:8080"})
	require.ErrorContains(t, err, "192.0.2.1:8080")
}

func TestOnlyThisMachineUnlessAsked(t *testing.T) {
	assert.False(t, start(t, nil).Exposed)

	d := start(t, func(c *demo.Config) { c.Addr = "0.0.0.0:0" })
	assert.True(t, d.Exposed)
	assert.True(t, strings.HasPrefix(d.URL, "http://127.0.0.1:"), d.URL)
	assert.True(t, strings.HasPrefix(d.ShopURL, "http://127.0.0.1:"), d.ShopURL)
}

func TestCloseDoesNotWaitForIdleBrowsers(t *testing.T) {
	d, err := demo.Start(t.Context(), demo.Config{Addr: "127.0.0.1:0"})
	require.NoError(t, err)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(d.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()

	begun := time.Now()
	closeSoon(t, d)

	assert.Less(t, time.Since(begun), 4*time.Second)
	_, err = bufio.NewReader(conn).ReadByte()
	assert.Error(t, err, "the connection is still open")
}

func TestCheckAddr(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:8080": true, ":0": true, "[::1]:80": true, "localhost:65535": true,
		"8080": false, "": false, "127.0.0.1": false, "127.0.0.1:": false, "127.0.0.1:http": false, "127.0.0.1:99999": false, "::1:80": false,
	} {
		assert.Equal(t, ok, demo.CheckAddr(addr) == nil, addr)
	}
}

// The circle: a broken shop turns the status page red, and a mended one green,
// by alerts and webhooks alone.
func TestTheStatusPageFollowsTheShop(t *testing.T) {
	d := start(t, func(cfg *demo.Config) { cfg.ResolveAfter = 200 * time.Millisecond })
	status, body := call(t, "GET", d.StatusURL+"api/services")
	require.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{}`, string(body))

	press(t, d, "panic")
	awaitStatus(t, d, "critical")
	_, body = call(t, "GET", d.StatusURL+"api/services/shop")
	assert.Contains(t, string(body), `"state":"critical"`)
	_, body = call(t, "GET", d.StatusURL)
	assert.Contains(t, string(body), "A small shop")
	status, body = call(t, "GET", d.URL+"/status/embed")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, string(body), "critical")

	press(t, d, "mend")
	awaitStatus(t, d, "green")
}

// An Opsgenie that is down keeps the page as it was.
func TestTheStatusPageStaysRedWhileOpsgenieIsDown(t *testing.T) {
	d := start(t, func(cfg *demo.Config) { cfg.ResolveAfter = 200 * time.Millisecond })
	press(t, d, "panic")
	awaitStatus(t, d, "critical")
	call(t, "POST", d.URL+"/opsgenie/down")
	press(t, d, "mend")
	assert.Equal(t, "critical", string(state(t, d).Status.State))
	call(t, "POST", d.URL+"/opsgenie/up")
	awaitStatus(t, d, "green")
}

func awaitStatus(t *testing.T, d *demo.Demo, want string) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, want, string(state(t, d).Status.State))
	}, 20*time.Second, 20*time.Millisecond)
}
