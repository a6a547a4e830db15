package prometheustest_test

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

const anywhere = "http://prometheus.test"

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		name   string
		opts   prometheustest.Options
		status int
		want   string
	}{
		{"none", prometheustest.Options{}, 200, `"success"`},
		{"points", prometheustest.Options{MaxPoints: 10}, 400, "exceeded maximum resolution of 10 points per timeseries"},
		{"many points", prometheustest.Options{MaxPoints: 59}, 400, "of 59 points"},
		{"the last point", prometheustest.Options{MaxPoints: 60}, 200, `"success"`},
		{"range", prometheustest.Options{MaxRange: 30 * time.Second}, 422, "the query time range exceeds the limit (query length: 1m0s, limit: 30s)"},
		{"the longest range", prometheustest.Options{MaxRange: time.Minute}, 200, `"success"`},
		{"samples", prometheustest.Options{MaxSamples: 121}, 422, "would load too many samples into memory"},
		{"the last sample", prometheustest.Options{MaxSamples: 122}, 200, `"success"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := prometheustest.NewFake(t, &test.opts)
			f.Handle(" q\n", prometheustest.Series{Value: prometheustest.Constant(1)}, prometheustest.Series{Labels: map[string]string{"a": "1"}, Value: prometheustest.Constant(1)})
			got, err := ask(t.Context(), f.Transport(), http.MethodPost, anywhere, form("step", "1"))
			require.NoError(t, err)
			assert.Equal(t, test.status, got.status)
			assert.Contains(t, got.body, test.want)
			assert.Equal(t, "application/json", got.kind)
		})
	}
}

func TestCredentials(t *testing.T) {
	token := prometheustest.Options{Token: "right"}
	basic := prometheustest.Options{User: "me", Password: "right"}
	for _, test := range []struct {
		name   string
		opts   prometheustest.Options
		set    func(*http.Request)
		status int
	}{
		{"none wanted", prometheustest.Options{}, func(*http.Request) {}, 200},
		{"no token", token, func(*http.Request) {}, 401},
		{"another token", token, func(r *http.Request) { r.Header.Set("Authorization", "Bearer wrong") }, 401},
		{"the token", token, func(r *http.Request) { r.Header.Set("Authorization", "Bearer right") }, 200},
		{"no user", basic, func(*http.Request) {}, 401},
		{"another password", basic, func(r *http.Request) { r.SetBasicAuth("me", "wrong") }, 401},
		{"another user", basic, func(r *http.Request) { r.SetBasicAuth("you", "right") }, 401},
		{"the user", basic, func(r *http.Request) { r.SetBasicAuth("me", "right") }, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := prometheustest.NewFake(t, &test.opts)
			f.Handle("q")
			got, err := ask(t.Context(), setting{f.Transport(), test.set}, http.MethodGet, anywhere, form())
			require.NoError(t, err)
			assert.Equal(t, test.status, got.status)
			calls := f.Calls()
			require.Len(t, calls, 1)
			assert.Equal(t, test.status, calls[0].Status)
			assert.Empty(t, calls[0].Header.Get("Authorization"), "credentials are not kept")
		})
	}
}

// setting sets something on each request.
type setting struct {
	http.RoundTripper
	set func(*http.Request)
}

func (s setting) RoundTrip(r *http.Request) (*http.Response, error) {
	s.set(r)
	return s.RoundTripper.RoundTrip(r)
}

func TestPaths(t *testing.T) {
	f := prometheustest.NewServer(t, &prometheustest.Options{Prefix: "select/0/prometheus/"})
	f.Handle("q")
	base, _, _ := strings.Cut(f.URL, "/select")
	for url, status := range map[string]int{
		f.URL + "/api/v1/query_range?" + form().Encode(): 200,
		f.URL + "/-/ready":           200,
		f.URL + "/-/healthy":         200,
		f.URL + "/api/v1/labels":     404,
		base + "/api/v1/query_range": 404,
		base + "/-/ready":            404,
		base:                         404,
	} {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(url)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, status, resp.StatusCode, url)
	}
	assert.Len(t, f.Calls(), 1, "queries alone are recorded")
}

func TestGETOnly(t *testing.T) {
	f := prometheustest.NewFake(t, &prometheustest.Options{GETOnly: true})
	f.Handle("q")
	got, err := ask(t.Context(), f.Transport(), http.MethodPost, anywhere, form())
	require.NoError(t, err)
	assert.Equal(t, http.StatusMethodNotAllowed, got.status)
	assert.Equal(t, "GET, OPTIONS", got.header.Get("Allow"))
	got, err = ask(t.Context(), f.Transport(), http.MethodGet, anywhere, form())
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, got.status)
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		fault  prometheustest.Fault
		status int // 0 is a cut before the answer
		want   string
		err    error
		took   time.Duration
	}{
		{"throttled", prometheustest.RateLimited(time.Minute), 429, `"too many outstanding requests"`, nil, 0},
		{"timed out", prometheustest.TimedOut(), 503, `"errorType":"timeout"`, nil, 100 * time.Millisecond},
		{"a page", prometheustest.HTMLPage(200), 200, "<!DOCTYPE html>", nil, 0},
		{"an error", prometheustest.Fault{Status: 422, Type: "execution", Error: "made up"}, 422, `{"status":"error","errorType":"execution","error":"made up"}`, nil, 0},
		{"a body", prometheustest.Fault{Status: 200, Body: "made up"}, 200, "made up", nil, 0},
		{"slow", prometheustest.Fault{Delay: time.Second}, 200, `"success"`, nil, time.Second},
		{"cut", prometheustest.Fault{Cut: prometheustest.CutBefore}, 0, "", io.ErrUnexpectedEOF, 0},
		{"slow and cut", prometheustest.Fault{Delay: time.Second, Cut: prometheustest.CutBefore}, 0, "", io.ErrUnexpectedEOF, time.Second},
		{"cut in the middle", prometheustest.Fault{Cut: prometheustest.CutMiddle}, 200, `{"status":"succ`, io.ErrUnexpectedEOF, 0},
		{"hanging", prometheustest.Fault{Hang: true}, 0, "", context.DeadlineExceeded, time.Hour},
		{"warnings", prometheustest.Fault{Warnings: []string{"w\"1", "w2"}}, 200, `,"warnings":["w\"1","w2"]}`, nil, 0},
		{"infos", prometheustest.Fault{Infos: []string{"i"}}, 200, `,"infos":["i"]}`, nil, 0},
		{"partial", prometheustest.Fault{Partial: true}, 200, `,"isPartial":true}`, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := prometheustest.NewFake(t, nil)
				f.Handle("q", prometheustest.Series{Value: prometheustest.Constant(1)})
				f.Inject(test.fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				got, err := ask(ctx, f.Transport(), http.MethodPost, anywhere, form())
				assert.ErrorIs(t, err, test.err)
				assert.Equal(t, test.took, time.Since(began))
				assert.Equal(t, test.status, got.status)
				assert.Contains(t, got.body, test.want)
				assert.Equal(t, test.status, f.Calls()[0].Status)

				got, err = ask(t.Context(), f.Transport(), http.MethodPost, anywhere, form())
				require.NoError(t, err)
				assert.JSONEq(t, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1793577600,"1"],[1793577660,"1"]]}]}}`, got.body)
			})
		})
	}
}

func TestFaultsChooseQueries(t *testing.T) {
	f := prometheustest.NewFake(t, nil)
	f.Handle("errors")
	f.Handle("total")
	long := func(c prometheustest.Call) bool { return c.Points() > 2 }
	f.Inject(prometheustest.Fault{Query: "err", Status: 500, Times: 2}, prometheustest.Fault{Match: long, Status: 501, Times: -1})
	status := func(pairs ...string) int {
		got, err := ask(t.Context(), f.Transport(), http.MethodGet, anywhere, form(pairs...))
		require.NoError(t, err)
		return got.status
	}
	assert.Equal(t, 200, status("query", "total"))
	assert.Equal(t, 500, status("query", "errors"))
	assert.Equal(t, 501, status("query", "total", "step", "1"))
	assert.Equal(t, 500, status("query", "errors"))
	assert.Equal(t, 200, status("query", "errors"))
	assert.Equal(t, 501, status("query", "total", "step", "1"))
	f.ClearFaults()
	assert.Equal(t, 200, status("query", "total", "step", "1"))
	assert.Equal(t, 400, status("query", "unknown"))
}

func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := prometheustest.NewFake(t, nil)
		f.Handle("q")
		_, err := ask(t.Context(), f.Transport(), http.MethodPost, anywhere, form("step", "30", "end", "1793577660.5"))
		require.NoError(t, err)
		_, err = ask(t.Context(), f.Transport(), http.MethodGet, anywhere, form("step", "0"))
		require.NoError(t, err)
		calls := f.Calls()
		require.Len(t, calls, 2)
		c := calls[0]
		assert.Equal(t, http.MethodPost, c.Method)
		assert.Equal(t, "q", c.Query)
		assert.Equal(t, start, c.Start)
		assert.Equal(t, start.Add(60500*time.Millisecond), c.End)
		assert.Equal(t, 30*time.Second, c.Step)
		assert.Equal(t, 3, c.Points())
		assert.Equal(t, time.Now(), c.At)
		assert.Zero(t, calls[1].Points())

		c.Form.Set("query", "changed")
		c.Header.Set("X-Changed", "1")
		assert.Equal(t, "q", f.Calls()[0].Form.Get("query"), "a caller's copy")
		assert.Empty(t, f.Calls()[0].Header.Get("X-Changed"))

		for range 10_050 {
			_, err := ask(t.Context(), f.Transport(), http.MethodGet, anywhere, form("query", "last"))
			require.NoError(t, err)
		}
		calls = f.Calls()
		assert.LessOrEqual(t, len(calls), 10_000)
		assert.Equal(t, "last", calls[len(calls)-1].Query)
	})
}

func TestHistograms(t *testing.T) {
	f := prometheustest.NewFake(t, nil)
	f.Handle("q", prometheustest.Series{Value: prometheustest.Constant(2.5), Histogram: true})
	got, err := ask(t.Context(), f.Transport(), http.MethodGet, anywhere, form("end", "1793577600"))
	require.NoError(t, err)
	assert.Contains(t, got.body, `"result":[{"metric":{},"histograms":[[1793577600,{"count":"1","sum":"2.5","buckets":[]}]]}]`)
}

// Closing ends what hangs, and what comes later.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := prometheustest.New(prometheustest.Options{})
		f.Inject(prometheustest.Fault{Hang: true})
		failed := make(chan error)
		go func() {
			_, err := ask(t.Context(), f.Transport(), http.MethodGet, anywhere, form())
			failed <- err
		}()
		synctest.Wait()
		go f.Close()
		assert.ErrorIs(t, <-failed, io.ErrUnexpectedEOF)
		f.Close()
		_, err := ask(t.Context(), f.Transport(), http.MethodGet, anywhere, form())
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

func TestServerEndsWithItsTest(t *testing.T) {
	var b tb
	s := prometheustest.NewServer(&b, nil)
	came := make(chan bool, 1)
	s.Inject(prometheustest.Fault{Hang: true, Match: func(prometheustest.Call) bool { came <- true; return true }})
	transport := &http.Transport{DisableKeepAlives: true}
	failed := make(chan error)
	go func() {
		_, err := ask(t.Context(), transport, http.MethodGet, s.URL, form())
		failed <- err
	}()
	<-came
	for _, f := range b.cleanups {
		f()
	}
	assert.Error(t, <-failed)
	_, err := ask(t.Context(), transport, http.MethodGet, s.URL, form())
	assert.Error(t, err)
	assert.False(t, b.fatal)
}

// A program with a fake in it gets no flags of the testing packages.
func TestImportsNoTesting(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	assert.Contains(t, deps, "net/http")
	assert.NotContains(t, deps, "testing")
	assert.NotContains(t, deps, "net/http/httptest")
}
