package statuspageio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
)

func TestNewTellsEveryMistakeAndNoSecret(t *testing.T) {
	_, err := statuspageio.New(statuspageio.Config{
		PageID: "../x", APIKey: "se cret-key", APIURL: "http://example.com?k=secret", MaxSamples: -1, Interval: -1, Timeout: -1,
	})
	require.Error(t, err)
	assert.Equal(t, []string{
		"statuspageio: PageID: has a form that no id of a page has, such as kctbh9vrtdwd; it is neither the page's name nor its address",
		"statuspageio: APIKey: holds a blank, a line break or another character that no key has",
		"statuspageio: APIURL: holds a query or a fragment: leave it out",
		"statuspageio: MaxSamples: -1 is negative",
		"statuspageio: Interval: -1ns is negative",
		"statuspageio: Timeout: -1ns is negative",
	}, strings.Split(err.Error(), "\n"))

	ok := statuspageio.Config{PageID: "p", APIKey: "k"}
	for want, change := range map[string]func(*statuspageio.Config){
		"PageID: required":                     func(c *statuspageio.Config) { c.PageID = " \n" },
		"PageID: has a form":                   func(c *statuspageio.Config) { c.PageID = "https://status.example.com" },
		"PageID: has a form that no id":        func(c *statuspageio.Config) { c.PageID = strings.Repeat("a", 65) },
		"APIKey: required":                     func(c *statuspageio.Config) { c.APIKey = " \n" },
		"APIKey: give the key alone":           func(c *statuspageio.Config) { c.APIKey = "oauth canary-key" },
		"APIKey: holds a blank, a line break":  func(c *statuspageio.Config) { c.APIKey = "canary\nkey" },
		"APIURL: plain http to example.com":    func(c *statuspageio.Config) { c.APIURL = "http://example.com/v1" },
		"APIURL: want https:// and a host":     func(c *statuspageio.Config) { c.APIURL = "api.statuspage.io" },
		"APIURL: holds a user name or passwor": func(c *statuspageio.Config) { c.APIURL = "https://u:canary@example.com" },
	} {
		cfg := ok
		change(&cfg)
		_, err := statuspageio.New(cfg)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
	for _, cfg := range []statuspageio.Config{
		ok,
		{PageID: " p_1-X\n", APIKey: " k\n"},
		{PageID: "p", APIKey: "k", APIURL: "http://127.0.0.1:8080/v1/"},
	} {
		c, err := statuspageio.New(cfg)
		require.NoError(t, err)
		assert.Equal(t, 3000, c.MaxSamples())
		assert.Equal(t, "statuspage.io", c.Name())
		c.CloseIdleConnections()
	}
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
	if e, ok := v.(error); ok {
		for e = errors.Unwrap(e); e != nil; e = errors.Unwrap(e) {
			b.WriteString(shown(e))
		}
	}
	return b.String()
}

func assertNoKey(t *testing.T, out string) {
	t.Helper()
	for _, form := range []string{canary, canary[:12], fmt.Sprintf("%x", canary)} {
		if i := strings.Index(out, form); i >= 0 {
			t.Fatalf("the key shows: …%s…", out[max(0, i-100):min(len(out), i+100)])
		}
	}
}

func TestPrintsWithoutKey(t *testing.T) {
	cfg := statuspageio.Config{PageID: canary, APIKey: canary + "\n", APIURL: "https://u:" + canary + "@gw.example/?k=" + canary}
	ok := statuspageio.Config{PageID: "p", APIKey: canary, APIURL: "https://gw.example/" + canary, Transport: &http.Transport{}}
	c := client(t, nil)
	defer c.CloseIdleConnections()
	for _, v := range []any{
		cfg, &cfg, ok,
		[]statuspageio.Config{cfg},
		map[string]statuspageio.Config{"a": ok},
		struct{ C statuspageio.Config }{ok},
		c,
		struct{ C *statuspageio.Client }{c},
		[]*statuspageio.Client{c},
	} {
		assertNoKey(t, shown(v))
	}
	assert.Equal(t, `statuspageio.Config{PageID:"[redacted]" APIKey:"[redacted]" APIURL:"[redacted]" MaxSamples:0 Interval:0s Timeout:0s Transport:<nil>}`,
		fmt.Sprint(cfg))
	assert.Contains(t, fmt.Sprintf("%#v", statuspageio.Config{}), `APIKey:"" APIURL:""`, "a missing key is told")
	assert.Equal(t, "statuspageio.Client{page page1 at api.statuspage.io}", fmt.Sprintf("%+v", c))
}

func TestNoCallShowsKey(t *testing.T) {
	failing := map[string]roundTrip{
		"error with the request": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: "https://x/?key=" + canary, Err: fmt.Errorf("cannot send %v", r.Header)}
		},
		"panic": func(r *http.Request) (*http.Response, error) { panic(fmt.Sprint("cannot send ", r.Header)) },
		"metrics with the key": always(200, fmt.Sprintf(
			`[{"id":"m1","name":%[1]q,"most_recent_data_at":%[1]q},{"id":%[1]q,"name":"twice"},{"id":"m2","metric_identifier":"twice"}]`, canary)),
	}
	for _, status := range []int{200, 302, 401, 403, 404, 420, 422, 500} {
		failing[fmt.Sprint(status)] = always(status, fmt.Sprintf(`{"message":%q}`, "bad "+canary), "Retry-After", canary, "Location", canary)
		failing[fmt.Sprint(status, " with a page")] = always(status, "<html>"+canary)
	}
	for name, transport := range failing {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := client(t, transport)
				survey, err := c.Survey(t.Context(), []metricsync.Target{{ID: "m1"}, {ID: "gone"}, {Name: "twice"}})
				assertNoKey(t, shown(err))
				for _, found := range survey.Metrics {
					if found.Err != nil {
						assertNoKey(t, shown(found.Err))
					}
				}
				assertNoKey(t, shown(c.Send(t.Context(), one("m1", 1))))
			})
		})
	}
}

// An own address, and one key for the header.
func TestRequests(t *testing.T) {
	var seen []string
	c := client(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization"))
		return answer(200, "[]"), nil
	}), func(cfg *statuspageio.Config) {
		cfg.APIURL, cfg.PageID, cfg.APIKey, cfg.Interval = "https://gw.example/statuspage/v1/", " kctbh9vrtdwd ", " key\n", time.Nanosecond
	})
	_, err := c.Survey(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, c.Send(t.Context(), one("m1", 1)))
	assert.Equal(t, []string{
		"GET https://gw.example/statuspage/v1/pages/kctbh9vrtdwd/metrics?page=1&per_page=100 OAuth key",
		"POST https://gw.example/statuspage/v1/pages/kctbh9vrtdwd/metrics/data OAuth key",
	}, seen)
}
