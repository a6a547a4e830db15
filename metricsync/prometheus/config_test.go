package prometheus_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

const (
	canary  = "canary-5ecret/+="
	urlSafe = "canary-5ecret" // the part of it that a URL can hold
)

func TestMistakes(t *testing.T) {
	good := func(change func(*prometheus.Config)) prometheus.Config {
		cfg := prometheus.Config{URL: "https://prometheus.example.com"}
		change(&cfg)
		return cfg
	}
	for _, test := range []struct {
		name string
		cfg  prometheus.Config
		want []string
	}{
		{"nothing", prometheus.Config{}, []string{"prometheus: URL: required, such as http://prometheus:9090"}},
		{"no scheme", prometheus.Config{URL: "prometheus:9090"}, []string{"URL: want https:// and a host"}},
		{"a password in the URL", prometheus.Config{URL: "https://me:" + urlSafe + "@example.com"}, []string{"URL: holds a user name or password"}},
		{"a query in the URL", prometheus.Config{URL: "https://example.com?key=" + canary}, []string{"URL: holds a query"}},
		{"the path of the API", prometheus.Config{URL: "http://localhost:9090/api/v1"}, []string{"URL: ends before /api/v1"}},
		{"the path of a query", prometheus.Config{URL: "http://localhost:9090/prometheus/api/v1/query_range/"}, []string{"URL: ends before /api/v1"}},
		{"a token in clear", prometheus.Config{URL: "http://prometheus:9090", Token: canary}, []string{"URL: plain http to prometheus would show the credentials"}},
		{"a password in clear", prometheus.Config{URL: "http://prometheus:9090", User: "me", Password: canary}, []string{"use https"}},
		{"a key in clear", prometheus.Config{URL: "http://prometheus:9090", Header: http.Header{"X-Api-Key": {canary}}}, []string{"use https"}},
		{"both kinds", good(func(c *prometheus.Config) { c.Token, c.User, c.Password = canary, "me", canary }), []string{"Token: is set beside User or Password"}},
		{"a token of two lines", good(func(c *prometheus.Config) { c.Token = canary + "\nX-Evil: 1" }), []string{"Token: holds a blank"}},
		{"a password alone", good(func(c *prometheus.Config) { c.Password = canary }), []string{"User: required beside Password"}},
		{"a user with a colon", good(func(c *prometheus.Config) { c.User, c.Password = "a:b", canary }), []string{"User: holds a colon"}},
		{"a password of two lines", good(func(c *prometheus.Config) { c.User, c.Password = "me", canary+"\r\n" }), []string{"Password: holds a line break"}},
		{"authorization by hand", good(func(c *prometheus.Config) { c.Header = http.Header{"authorization": {canary}} }), []string{"Header: holds Authorization: use Token"}},
		{"a header of the client's", good(func(c *prometheus.Config) { c.Header = http.Header{"Host": {"x"}} }), []string{"Header: holds Host"}},
		{"no name of a header", good(func(c *prometheus.Config) { c.Header = http.Header{"X Y": {"x"}, "": {"x"}} }), []string{`Header: "X Y" is no name`, `Header: "" is no name`}},
		{"a header of two lines", good(func(c *prometheus.Config) { c.Header = http.Header{"X-Scope-OrgID": {canary + "\r\nX-Evil: 1"}} }), []string{`Header: the value of "X-Scope-OrgID"`}},
		{"no points", good(func(c *prometheus.Config) { c.MaxPoints = -1 }), []string{"MaxPoints: -1: want at least 1"}},
		{"no time", good(func(c *prometheus.Config) { c.Timeout = time.Millisecond }), []string{"Timeout: 1ms: want at least 1s"}},
		{"a time that is over", good(func(c *prometheus.Config) { c.Timeout = -time.Second }), []string{"Timeout: -1s"}},
		{"all at once", prometheus.Config{URL: "http://prometheus:9090", Token: canary, MaxPoints: -1, Timeout: 1, Header: http.Header{"Host": {"x"}}}, []string{"URL: plain http", "MaxPoints", "Timeout", "Header"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := prometheus.New(test.cfg)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), urlSafe)
			assert.Len(t, strings.Split(err.Error(), "\n"), len(test.want), "no more mistakes than there are")
		})
	}
}

func TestPlainHTTP(t *testing.T) {
	for _, cfg := range []prometheus.Config{
		{URL: "http://prometheus:9090"},
		{URL: "http://prometheus:9090", Header: http.Header{"X-Scope-OrgID": {"team"}}},
		{URL: "http://127.0.0.1:9090", Token: canary},
		{URL: "http://localhost:9090/prefix/", User: "me", Password: canary},
		{URL: " https://prometheus.example.com ", Token: canary + "\n"},
	} {
		src, err := prometheus.New(cfg)
		assert.NoError(t, err)
		src.CloseIdleConnections()
	}
}

func TestCredentials(t *testing.T) {
	for _, test := range []struct {
		name string
		opts prometheustest.Options
		cfg  prometheus.Config
		err  string
	}{
		{"a token", prometheustest.Options{Token: canary}, prometheus.Config{Token: " " + canary + "\n"}, ""},
		{"a user", prometheustest.Options{User: "me", Password: canary}, prometheus.Config{User: "me", Password: canary}, ""},
		{"a user without a password", prometheustest.Options{User: "me"}, prometheus.Config{User: "me"}, ""},
		{"another token", prometheustest.Options{Token: canary}, prometheus.Config{Token: "of-somebody-else"}, "is the token, or the user and the password, right?"},
		{"none", prometheustest.Options{User: "me", Password: canary}, prometheus.Config{}, "401 Unauthorized"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := prometheustest.NewFake(t, &test.opts)
			p.Handle("q", prometheustest.Series{Value: minutes})
			src := source(t, p, func(cfg *prometheus.Config) {
				cfg.URL = "https://prometheus.example.com"
				cfg.Token, cfg.User, cfg.Password = test.cfg.Token, test.cfg.User, test.cfg.Password
			})
			_, err := read(t.Context(), src, "q", hours(1, time.Minute))
			if test.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
		})
	}
}

// No secret is printed, whoever says it: the server, the transport, or a printer.
func TestSecretsAreNotPrinted(t *testing.T) {
	const tenant = "canary-tenant-1"
	basic := base64.StdEncoding.EncodeToString([]byte("me:" + canary))
	for _, test := range []struct {
		cfg     prometheus.Config
		secrets []string
	}{
		{prometheus.Config{Token: canary}, []string{canary, tenant}},
		{prometheus.Config{User: "me", Password: canary}, []string{canary, basic, tenant}},
	} {
		cfg := test.cfg
		cfg.URL, cfg.Header = "https://prometheus.example.com", http.Header{"X-Scope-OrgID": {tenant}}
		var printed strings.Builder
		logger, lines := logged()
		cfg.Logger = logger
		show := func(v any) {
			fmt.Fprintf(&printed, "%v %+v %#v %s %q\n", v, v, v, v, v)
			if b, err := json.Marshal(v); err == nil {
				printed.Write(b)
			}
			logger.Info("shown", "v", v)
		}
		synctest.Test(t, func(t *testing.T) {
			said := "you sent " + strings.Join(test.secrets, " and ")
			p := prometheustest.NewFake(t, nil)
			p.Handle("q", prometheustest.Series{Value: minutes})
			for _, fault := range []prometheustest.Fault{
				{Status: 400, Error: said},
				{Status: 401, Body: said},
				{Status: 500, Error: said},
				{Status: 200, Error: said},
				{Status: 200, Body: said},
				{Status: 200, Body: `{"status":"success","data":{"resultType":"` + said + `"}}`},
				{Warnings: []string{said}},
				{Warnings: []string{"PromQL warning: " + said}},
				{Infos: []string{said}},
			} {
				fault.Times = -1
				p.ClearFaults()
				p.Inject(fault)
				cfg.Transport = p.Transport()
				src, err := prometheus.New(cfg)
				require.NoError(t, err)
				_, err = read(t.Context(), src, "q", hours(1, time.Minute))
				show(err)
				show(src)
			}
			cfg.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
				return nil, fmt.Errorf("%s: no network", said)
			})
			src, err := prometheus.New(cfg)
			require.NoError(t, err)
			_, err = read(t.Context(), src, "q", hours(1, time.Minute))
			assert.ErrorContains(t, err, "no network")
			show(err)
		})
		show(cfg)
		show(&cfg)
		show([]prometheus.Config{cfg})
		show(map[string]any{"cfg": cfg})
		all := printed.String() + strings.Join(lines(), "\n")
		for _, secret := range test.secrets {
			assert.NotContains(t, all, secret)
		}
		assert.Contains(t, all, "prometheus.example.com", "whom it concerns is said")
		assert.Contains(t, all, "[redacted]")
	}
	bad := prometheus.Config{URL: "https://me:" + urlSafe + "@example.com/?k=" + urlSafe}
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", bad, bad, bad), urlSafe)
	bad.URL = "https://%zz" + urlSafe
	assert.NotContains(t, bad.String(), urlSafe)
}

// A Header of the caller's is his to change after New.
func TestTheHeaderIsCopied(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	p.Handle("q")
	header := http.Header{"X-Scope-OrgID": {"one"}}
	src := source(t, p, func(cfg *prometheus.Config) { cfg.Header = header })
	for name := range header {
		header[name][0] = "two"
	}
	header.Set("X-More", "1")
	_, err := read(t.Context(), src, "q", hours(1, time.Minute))
	require.NoError(t, err)
	got := p.Calls()[0].Header
	assert.Equal(t, []string{"one"}, got.Values("X-Scope-OrgID"))
	assert.Empty(t, got.Get("X-More"))
	assert.Equal(t, "application/x-www-form-urlencoded", got.Get("Content-Type"))
}

var quiet = slog.New(slog.DiscardHandler)

// logged returns a logger, and what it was given.
func logged() (*slog.Logger, func() []string) {
	var mu sync.Mutex
	var buf bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(writer(func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		buf.Write(b)
	}), nil))
	return logger, func() (lines []string) {
		mu.Lock()
		defer mu.Unlock()
		for line := range strings.Lines(buf.String()) {
			var entry struct{ Level, Msg, Text, Host, V string }
			_ = json.Unmarshal([]byte(line), &entry)
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s text=%s host=%s %s", entry.Level, entry.Msg, entry.Text, entry.Host, entry.V)))
		}
		return lines
	}
}

type writer func(b []byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

var (
	_ io.Writer         = writer(nil)
	_ metricsync.Source = (*prometheus.Source)(nil)
)
