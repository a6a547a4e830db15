package signalfx_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx"
)

func TestNewTellsEveryMistakeAndNoSecret(t *testing.T) {
	_, err := signalfx.New(signalfx.Config{
		Realm: "us1.evil.example/", APIURL: "http://api.example.com/" + canary, StreamURL: "https://u:" + canary + "@stream.example.com",
		Token: canary + " and more", MaxDelay: time.Hour, Timeout: time.Millisecond,
	})
	require.Error(t, err)
	for _, want := range []string{
		"signalfx: Realm: want letters and digits", "APIURL: plain http to api.example.com", "StreamURL: holds a user name",
		"Token: holds a blank", "MaxDelay: 1h0m0s: want", "Timeout: 1ms: want",
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), canary)

	for want, cfg := range map[string]signalfx.Config{
		"Token: required":                  {},
		"Token: holds a blank":             {Token: "two\nlines"},
		"APIURL: want https://":            {APIURL: "api.us1.signalfx.com"},
		"StreamURL: holds a query":         {StreamURL: "https://stream.us1.signalfx.com?x"},
		"MaxDelay: -1s: want":              {MaxDelay: -time.Second},
		"MaxDelay: 1.0005s: want":          {MaxDelay: time.Second + 500*time.Microsecond},
		"Timeout: -1s: want":               {Timeout: -time.Second},
		"Realm: want letters and digits":   {Realm: "us 1"},
		"Realm: want letters and digits, ": {Realm: "-us1"},
	} {
		_, err := signalfx.New(cfg)
		assert.ErrorContains(t, err, want)
	}
}

func TestRealmsAndHosts(t *testing.T) {
	for _, test := range []struct {
		cfg         signalfx.Config
		api, stream string
	}{
		{signalfx.Config{}, "https://api.us0.signalfx.com", "https://stream.us0.signalfx.com"},
		{signalfx.Config{Realm: " EU0\n"}, "https://api.eu0.signalfx.com", "https://stream.eu0.signalfx.com"},
		{
			signalfx.Config{Realm: "us1", APIURL: "https://api.us1.observability.splunkcloud.com/"},
			"https://api.us1.observability.splunkcloud.com", "https://stream.us1.signalfx.com",
		},
		{
			signalfx.Config{APIURL: "http://127.0.0.1:1/base", StreamURL: "http://localhost:2"},
			"http://127.0.0.1:1/base", "http://localhost:2",
		},
	} {
		var asked []string
		cfg := test.cfg
		cfg.Token = canary + "\n"
		cfg.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, fmt.Sprintf("%s %s://%s%s %s", r.Method, r.URL.Scheme, r.URL.Host, r.URL.Path, r.Header.Get("X-SF-Token")))
			return always(400, "application/json", `{"code":400,"message":"no"}`)(r)
		})
		c, err := signalfx.New(cfg)
		require.NoError(t, err)
		_, err = read(t.Context(), c.TimeSeries(), text("q"), minutes(0, 1))
		assert.Error(t, err)
		_, err = read(t.Context(), c.SignalFlow(), text("q"), minutes(0, 1))
		assert.Error(t, err)
		assert.Equal(t, []string{
			"GET " + test.api + "/v1/timeserieswindow " + canary,
			"POST " + test.stream + "/v2/signalflow/execute " + canary,
		}, asked)
	}
}

func TestSourcesAreAlike(t *testing.T) {
	c := newClient(t, nil)
	sources := make(map[metricsync.Source]bool)
	for range 2 {
		sources[c.TimeSeries()], sources[c.SignalFlow()] = true, true
	}
	assert.Len(t, sources, 2, "two metrics have the same source")
}

// shown returns v in every way in which a program comes to show it.
func shown(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Error("m", "v", v, slog.Group("g", "v", v), "all", []any{v})
	}
	j, err := json.Marshal(map[string]any{"v": v})
	fmt.Fprintln(&b, string(j), err)
	return b.String()
}

func assertNoToken(t *testing.T, out string) {
	t.Helper()
	for _, form := range []string{canary, canary[:14], url.QueryEscape(canary), fmt.Sprintf("%x", canary)} {
		if i := strings.Index(out, form); i >= 0 {
			t.Fatalf("the token shows: …%s…", out[max(0, i-100):min(len(out), i+100)])
		}
	}
}

func TestPrintsWithoutToken(t *testing.T) {
	cfg := signalfx.Config{Token: canary, APIURL: "https://u:" + canary + "@api.example/?k=" + canary, Realm: canary, StreamURL: canary}
	ok := signalfx.Config{Token: canary, APIURL: "https://api.example/" + canary, StreamURL: "https://" + canary + ".example", Transport: keyed{canary}}
	c := newClient(t, keyed{canary})
	for _, v := range []any{
		cfg, &cfg, ok,
		[]signalfx.Config{cfg},
		map[string]signalfx.Config{"a": ok},
		struct{ C signalfx.Config }{ok},
		c,
		struct{ C *signalfx.Client }{c},
		[]*signalfx.Client{c},
		c.TimeSeries(), c.SignalFlow(),
		[]metricsync.Source{c.SignalFlow()},
	} {
		assertNoToken(t, shown(v))
	}
	assert.Equal(t, `signalfx.Config{Realm:"us1" APIURL:"" StreamURL:stream.example MaxDelay:1s Timeout:0s}`,
		fmt.Sprint(signalfx.Config{Realm: "us1", StreamURL: "https://stream.example", Token: canary, MaxDelay: time.Second}))
	assert.Equal(t, "signalfx.Client{api.us0.signalfx.com, stream.us0.signalfx.com}", fmt.Sprintf("%+v", newClient(t, nil)))
	assert.Equal(t, "signalfx.TimeSeries{api.us0.signalfx.com}", fmt.Sprint(c.TimeSeries()))
	assert.Equal(t, "signalfx.SignalFlow{stream.us0.signalfx.com}", fmt.Sprint(c.SignalFlow()))
}

// keyed is a transport that holds the token where printing finds it.
type keyed struct{ Key string }

type keyedError struct{ Key string }

func (keyedError) Error() string                                { return "failed" }
func (k keyed) RoundTrip(*http.Request) (*http.Response, error) { return nil, keyedError(k) }
