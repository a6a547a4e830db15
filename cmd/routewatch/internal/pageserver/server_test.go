package pageserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageserver"
	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/jsmops"
	"github.com/routewatch/routewatch/opsgenie/jsmops/jsmopstest"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "a-webhook-key-of-the-tests"

// circle is an Opsgenie that posts to a page, which asks it in turn. All of it
// talks over HTTP.
type circle struct {
	*pageserver.Server

	t    *testing.T
	og   *opsgenietest.Server
	lost atomic.Bool
}

func start(t *testing.T, change ...func(*pageserver.Config)) *circle {
	t.Helper()
	og := opsgenietest.NewServer(t, nil)
	client, err := opsgenie.New(opsgenie.Config{APIKey: "a-key-of-the-tests", BaseURL: og.URL, Timeout: 200 * time.Millisecond})
	require.NoError(t, err)
	cfg := pageserver.Config{
		Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Version: "v1.2.3",
		Page: statuspage.Config{
			Store: memstore.New(), Alerts: statuspage.ClientAlerts(client), WebhookKeys: []string{"an-older-key-012345", key},
			ReconcileInterval: -1, // by refresh alone
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := pageserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		assert.NoError(t, s.Close(ctx))
		client.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
	})
	c := &circle{Server: s, t: t, og: og}
	require.NoError(t, og.AddWebhook(opsgenietest.Webhook{
		URL: s.Webhook, Header: http.Header{"X-Api-Key": {key}},
		Filter: func(opsgenietest.Alert) bool { return !c.lost.Load() },
	}))
	return c
}

// away loses all webhooks of what f does.
func (c *circle) away(f func()) {
	c.lost.Store(true)
	defer c.lost.Store(false)
	f()
}

// raise raises an alert for a service and waits until the page was told.
func (c *circle) raise(service, severity string) string {
	c.t.Helper()
	a := c.og.Raise(opsgenie.NewAlert{Message: service + " is down", Tags: []string{"statuspage", "servicename:" + service, severity}})
	c.settle()
	return a.ID
}

func (c *circle) do(act, id string) {
	c.t.Helper()
	_, err := c.og.Do(opsgenietest.Act{Name: act, Ref: opsgenie.ID(id)})
	require.NoError(c.t, err)
	c.settle()
}

func (c *circle) settle() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(c.t, c.og.Settle(ctx))
}

func (c *circle) state(service string) string {
	c.t.Helper()
	var s struct{ State string }
	require.NoError(c.t, json.Unmarshal([]byte(c.get("api/services/"+service)), &s))
	return s.State
}

func (c *circle) get(path string) string {
	c.t.Helper()
	resp, err := http.Get(c.URL + path)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return string(body)
}

func (c *circle) post(url, key, body string) (status int, answer string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("X-Api-Key", key)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, string(b)
}

func (c *circle) refresh(service string) int {
	c.t.Helper()
	status, _ := c.post(c.URL+"api/services/"+service+"/refresh", key, "")
	return status
}

func TestTheCircle(t *testing.T) {
	c := start(t)
	first := c.raise("API", "major")
	assert.Equal(t, "major", c.state("API"))
	second := c.raise("API", "critical")
	c.raise("Mail", "major")
	assert.Equal(t, "critical", c.state("API"))
	c.do(opsgenietest.ActAcknowledge, second)
	assert.Equal(t, "critical", c.state("API"))
	require.Equal(t, http.StatusOK, c.refresh("API"))
	c.do(opsgenietest.ActClose, second)
	assert.Equal(t, "major", c.state("API"))
	c.do(opsgenietest.ActDelete, first)
	assert.Equal(t, "green", c.state("API"))
	assert.Equal(t, "major", c.state("Mail"))
}

// Whatever an Opsgenie that is not well says, a service with an alert that was
// seen open stays red, and the alert that is really closed turns it green once
// Opsgenie is well.
func TestAnUnwellOpsgenieTurnsNothingGreen(t *testing.T) {
	forever := func(f opsgenietest.Fault) opsgenietest.Fault { f.Times = -1; return f }
	html := http.Header{"Content-Type": {"text/html"}}
	for _, test := range []struct {
		name  string
		fault opsgenietest.Fault
		fine  bool // the refresh succeeds
	}{
		{"down", opsgenietest.Fault{Status: 503}, false},
		{"throttling", opsgenietest.RateLimited(time.Minute), false},
		{"hanging", opsgenietest.Fault{Hang: true}, false},
		{"slow", opsgenietest.Fault{Delay: 400 * time.Millisecond}, false},
		{"cut before the answer", opsgenietest.Fault{Cut: opsgenietest.CutBefore}, false},
		{"cut in the middle", opsgenietest.Fault{Cut: opsgenietest.CutMiddle}, false},
		{"refusing the key", opsgenietest.Fault{Status: 401}, false},
		{"forbidding", opsgenietest.Fault{Status: 403}, false},
		{"not there", opsgenietest.Fault{Status: 404}, false},
		{"a proxy's page", opsgenietest.Fault{Status: 200, Body: "<html>", Header: html}, false},
		{"redirecting", opsgenietest.Fault{Status: 302, Header: http.Header{"Location": {"https://example.com"}}}, false},
		{"an empty list", opsgenietest.Fault{Op: opsgenietest.OpList, Status: 200, Body: `{"data":[],"took":0.1,"requestId":"x"}`}, true},
		{"lists fail", opsgenietest.Fault{Op: opsgenietest.OpList, Status: 500}, false},
		{"single alerts fail", opsgenietest.Fault{Op: opsgenietest.OpGet, Status: 500}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t)
			other := c.raise("API", "major")
			id := c.raise("API", "critical")
			require.Equal(t, http.StatusOK, c.refresh("API"))

			c.og.Inject(forever(test.fault))
			assert.Equal(t, test.fine, c.refresh("API") == http.StatusOK)
			assert.Equal(t, "critical", c.state("API"))
			c.do(opsgenietest.ActClose, other) // the webhook of another one makes it look
			assert.Equal(t, "critical", c.state("API"))
			assert.NotContains(t, c.get("badge.svg"), "operational")

			c.og.ClearFaults()
			c.do(opsgenietest.ActClose, id)
			assert.Equal(t, "green", c.state("API"), "its own webhook closes it")
		})
	}
}

func TestLostWebhooksAreMadeUpFor(t *testing.T) {
	c := start(t)
	id := c.raise("API", "critical")
	require.Equal(t, http.StatusOK, c.refresh("API"))

	// The page is away when one alert ends and another begins.
	c.away(func() {
		_, err := c.og.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.ID(id)})
		require.NoError(t, err)
		c.og.Raise(opsgenie.NewAlert{Message: "x", Tags: []string{"statuspage", "servicename:Mail", "major"}})
		c.settle()
	})
	assert.Equal(t, "critical", c.state("API"))
	assert.Equal(t, http.StatusOK, c.refresh("Mail"))
	assert.Equal(t, "major", c.state("Mail"))
	assert.Equal(t, "green", c.state("API"))
}

func TestBeforeTheFirstComparisonAStateIsOnlyRaised(t *testing.T) {
	c := start(t, func(cfg *pageserver.Config) {
		dead, err := opsgenie.New(opsgenie.Config{APIKey: "a-key-of-the-tests", BaseURL: "http://127.0.0.1:1", Timeout: 100 * time.Millisecond})
		require.NoError(t, err)
		cfg.Page.Alerts = statuspage.ClientAlerts(dead)
	})
	id := c.raise("API", "critical")
	c.do(opsgenietest.ActClose, id)
	assert.Equal(t, "critical", c.state("API"), "others may be open that were never heard of")
	assert.Contains(t, c.get("metrics"), "routewatch_statuspage_reconcile_last_success_timestamp_seconds 0\n")
}

func TestMetrics(t *testing.T) {
	c := start(t)
	id := c.raise("API", "critical")
	c.raise("Mail", "major")
	c.raise("quo\"te", "major")
	status, body := c.post(c.Webhook, "wrong", "{}")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Empty(t, body)
	status, _ = c.post(c.Webhook, key, "not JSON")
	assert.Equal(t, http.StatusBadRequest, status)
	status, _ = c.post(c.Webhook, "an-older-key-012345", strings.Repeat("x", 300<<10))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	require.Equal(t, http.StatusOK, c.refresh("API"))
	c.og.Inject(opsgenietest.Fault{Status: 503})
	require.Equal(t, http.StatusBadGateway, c.refresh("API"))
	c.do(opsgenietest.ActClose, id)

	m := c.get("metrics")
	for _, want := range []string{
		`routewatch_build_info{goversion="go1.`,
		`routewatch_statuspage_webhooks_total{outcome="accepted"} 4`,
		`routewatch_statuspage_webhooks_total{outcome="malformed"} 1`,
		`routewatch_statuspage_webhooks_total{outcome="wrong_key"} 1`,
		`routewatch_statuspage_webhooks_total{outcome="limited"} 0`,
		`routewatch_statuspage_webhooks_total{outcome="too_large"} 1`,
		`routewatch_statuspage_webhooks_total{outcome="failed"} 0`,
		`routewatch_statuspage_service_state{service="API"} 0`,
		`routewatch_statuspage_service_state{service="Mail"} 1`,
		`routewatch_statuspage_service_state{service="quo\"te"} 1`,
		`routewatch_statuspage_services{state="major"} 2`,
		`routewatch_statuspage_incidents_open 2`,
		`routewatch_statuspage_reconciles_total{outcome="failed"} 1`,
		`routewatch_statuspage_streams_open 0`,
		`go_goroutines `,
		`process_open_fds `,
	} {
		assert.Contains(t, m, want)
	}
	assert.Regexp(t, `routewatch_statuspage_reconcile_last_success_timestamp_seconds 1\.\d+e\+09`, m)
	assert.NotContains(t, m, "publish", "nothing is published")
	assert.NotContains(t, m, key)

	doc, err := os.ReadFile("../../../../docs/api.md")
	require.NoError(t, err)
	names := func(form, in string) (all []string) {
		for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(in, -1) {
			if !strings.Contains(m[1], "_publish") {
				all = append(all, m[1])
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	assert.Equal(t, names(`(?m)^# TYPE (routewatch_\w+) `, m), names("(?m)^\\| `(routewatch_\\w+)", string(doc)), "docs/api.md has them all")
}

func TestABasePathHasAllOfIt(t *testing.T) {
	c := start(t, func(cfg *pageserver.Config) { cfg.Page.Site.BasePath = "/status" })
	c.raise("API", "major")
	assert.True(t, strings.HasSuffix(c.Webhook, "/status/webhook"))
	assert.Equal(t, "major", c.state("API"))
	assert.Contains(t, c.get("metrics"), "routewatch_statuspage")
	metrics, err := http.Get(c.URL + "metrics")
	require.NoError(t, err)
	_ = metrics.Body.Close()
	services, err := http.Get(c.URL + "api/services")
	require.NoError(t, err)
	_ = services.Body.Close()
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"} {
		assert.Equal(t, services.Header[name], metrics.Header[name], name)
	}
	for _, path := range []string{"metrics", "webhook", "api/services"} {
		resp, err := http.Get(strings.TrimSuffix(c.URL, "status/") + path)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, http.StatusNotFound, resp.StatusCode, path)
	}
}

func TestStreamsTellAtOnceAndEndWithTheServer(t *testing.T) {
	c := start(t)
	resp, err := http.Get(c.URL + "events")
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	go c.og.Raise(opsgenie.NewAlert{Message: "down", Tags: []string{"statuspage", "servicename:API", "critical"}})
	told := false
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") && strings.Contains(lines.Text(), "critical") {
			told = true
			break
		}
	}
	require.True(t, told, "%v", lines.Err())
	assert.Contains(t, c.get("metrics"), "routewatch_statuspage_streams_open 1")
	c.settle()

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, c.Close(ctx))
	for lines.Scan() { // it ends
	}
}

func TestAStartThatFailsClosesTheStore(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	store := memstore.New()
	_, err = pageserver.Start(t.Context(), pageserver.Config{
		Listen: ln.Addr().String(), Log: slog.New(slog.DiscardHandler),
		Page: statuspage.Config{Store: store, InsecureWebhook: true},
	})
	require.ErrorContains(t, err, "address already in use")
	_, err = store.Get(t.Context(), "a.json")
	assert.NotErrorIs(t, err, statuspage.ErrNotFound, "it is closed")

	_, err = pageserver.Start(t.Context(), pageserver.Config{
		Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Page: statuspage.Config{Store: memstore.New()},
	})
	require.ErrorContains(t, err, "WebhookKeys")
}

// An account that lost its right to read gets empty lists, and "not found" for
// each alert, which must not pass for alerts that are gone.
func TestABlindAccountOfJSMTurnsNothingGreen(t *testing.T) {
	fake := opsgenietest.NewFake(t, nil)
	var blind atomic.Bool
	site := httptest.NewServer(&jsmopstest.Site{Alerts: fake, Blind: blind.Load})
	t.Cleanup(site.Close)
	client, err := jsmops.New(jsmops.Config{Site: site.URL, BaseURL: site.URL, Email: jsmopstest.Email, Token: jsmopstest.Token})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	c := start(t, func(cfg *pageserver.Config) { cfg.Page.Alerts = client })

	a := fake.Raise(opsgenie.NewAlert{Message: "API is down", Tags: []string{"statuspage", "servicename:API", "critical"}})
	require.Equal(t, http.StatusOK, c.refresh("API"))
	assert.Equal(t, "critical", c.state("API"))

	blind.Store(true)
	assert.Equal(t, http.StatusBadGateway, c.refresh("API"))
	assert.Equal(t, "critical", c.state("API"))

	blind.Store(false)
	_, err = fake.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.ID(a.ID)})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, c.refresh("API"))
	assert.Equal(t, "green", c.state("API"))
}
