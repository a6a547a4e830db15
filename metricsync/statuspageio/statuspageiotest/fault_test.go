package statuspageiotest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

func TestFaultOfStatus(t *testing.T) {
	c := newCaller(t, nil, "m1")
	c.f.Inject(
		statuspageiotest.Fault{Status: 503, Header: http.Header{"retry-after": {"7"}, "content-type": {"text/html"}}, Body: "<h1>down</h1>"},
		statuspageiotest.Fault{Status: 500, CarryOut: true},
		statuspageiotest.Fault{Status: 401},
		statuspageiotest.Fault{Status: 422},
	)
	at := ago(time.Hour)
	post := func(value float64) reply { return c.do("POST", "/metrics/data", points("m1", at, value)) }
	r := post(1)
	assert.Equal(t, 503, r.status)
	assert.Equal(t, "7", r.header.Get("Retry-After"))
	assert.Equal(t, "<h1>down</h1>", r.raw)
	assert.Empty(t, c.f.Samples("m1"))
	assert.Equal(t, 500, post(2).status)
	assert.Equal(t, []float64{2}, c.values("m1"))
	r = post(3)
	assert.Equal(t, 401, r.status)
	assert.Equal(t, "Unauthorized", r.at("message"))
	assert.Equal(t, "Unprocessable Entity", post(4).at("error", 0))
	assert.Equal(t, 202, post(5).status)
	assert.Equal(t, []float64{5}, c.values("m1"))
	var statuses []int
	for _, call := range c.f.CallsOf(statuspageiotest.OpSend) {
		statuses = append(statuses, call.Status)
	}
	assert.Equal(t, []int{503, 500, 401, 422, 202}, statuses)
	assert.Empty(t, c.f.CallsOf(statuspageiotest.OpList))
}

func TestFaultsChoose(t *testing.T) {
	at := ago(time.Hour)
	all := []struct{ method, path, body string }{
		{"GET", "/metrics", ""},
		{"GET", "/metrics/m1", ""},
		{"POST", "/metrics/data", points("m1", at, 1)},
		{"POST", "/metrics/data", points("m2", at, 1)},
		{"POST", "/metrics/m1/data", fmt.Sprintf(`{"data":{"timestamp":%.0f,"value":1}}`, at)},
		{"DELETE", "/metrics/m1/data", ""},
		{"GET", "/metrics", ""},
	}
	for name, test := range map[string]struct {
		fault statuspageiotest.Fault
		want  []int
	}{
		"any, once":     {statuspageiotest.Fault{}, []int{500, 200, 202, 202, 201, 200, 200}},
		"any, always":   {statuspageiotest.Fault{Times: -1}, []int{500, 500, 500, 500, 500, 500, 500}},
		"from the 3rd":  {statuspageiotest.Fault{Skip: 2, Times: 2}, []int{200, 200, 500, 500, 201, 200, 200}},
		"an op":         {statuspageiotest.Fault{Op: statuspageiotest.OpSend, Times: -1}, []int{200, 200, 500, 500, 201, 200, 200}},
		"an op, 2nd":    {statuspageiotest.Fault{Op: statuspageiotest.OpList, Skip: 1}, []int{200, 200, 202, 202, 201, 200, 500}},
		"a metric":      {statuspageiotest.Fault{Metric: "m1", Times: -1}, []int{200, 500, 500, 202, 500, 500, 200}},
		"no such":       {statuspageiotest.Fault{Metric: "m3", Times: -1}, []int{200, 200, 202, 202, 201, 200, 200}},
		"what it likes": {statuspageiotest.Fault{Match: func(r *http.Request) bool { return r.Method == "DELETE" }}, []int{200, 200, 202, 202, 201, 500, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, nil, "m1", "m2")
			test.fault.Status = 500
			c.f.Inject(test.fault)
			var got []int
			for _, call := range all {
				got = append(got, c.do(call.method, call.path, call.body).status)
			}
			assert.Equal(t, test.want, got)
			c.f.ClearFaults()
			assert.Equal(t, 200, c.do("GET", "/metrics", "").status)
		})
	}
}

func TestForgetAndHalf(t *testing.T) {
	at := ago(time.Hour)
	c := newCaller(t, nil, "m1", "m2", "m3")
	mixed := fmt.Sprintf(`{"data":{
		"m2":[{"timestamp":%[1]v,"value":1},{"timestamp":%[2]v,"value":2}],
		"m3":[{"timestamp":%[1]v,"value":1}],
		"m1":[{"timestamp":%[1]v,"value":1},{"timestamp":%[2]v,"value":2}]}}`, int64(at), int64(at)+30)
	c.f.Inject(statuspageiotest.Fault{Forget: true})
	assert.Equal(t, 202, c.do("POST", "/metrics/data", mixed).status)
	for _, id := range []string{"m1", "m2", "m3"} {
		assert.Empty(t, c.f.Samples(id))
	}
	assert.Equal(t, map[string]int{"m1": 2, "m2": 2, "m3": 1}, c.f.Calls()[0].Points)

	c.f.Inject(statuspageiotest.Fault{Half: true, Status: 502})
	assert.Equal(t, 502, c.do("POST", "/metrics/data", mixed).status)
	assert.Equal(t, []float64{1, 2}, c.values("m1"))
	assert.Empty(t, c.values("m2"))
	c.f.Reset("m1")
	c.f.Inject(statuspageiotest.Fault{Half: true})
	c.send("m1", at, 1, at+30, 2, at+60, 3, at+90, 4)
	assert.Equal(t, []float64{1, 2}, c.values("m1"))
}

func TestDelayAndHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil, "m1")
		start := time.Now()
		c.f.Inject(statuspageiotest.Fault{Delay: time.Second})
		c.send("m1", ago(0), 1)
		assert.Equal(t, time.Second, time.Since(start))

		// The client leaves: a slow call is not carried out, one that hangs may be.
		for i, fault := range []statuspageiotest.Fault{
			{Delay: time.Hour},
			{Hang: true},
			{Hang: true, CarryOut: true},
		} {
			c.f.Reset("m1")
			c.f.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			r, err := http.NewRequestWithContext(ctx, "POST", "http://x.test/v1/pages/page1/metrics/data",
				strings.NewReader(points("m1", ago(0), 1)))
			require.NoError(t, err)
			r.Header.Set("Authorization", "OAuth k")
			_, err = c.f.Transport().RoundTrip(r)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Len(t, c.f.Samples("m1"), map[int]int{2: 1}[i])
			assert.Zero(t, c.f.Calls()[len(c.f.Calls())-1].Status)
			cancel()
		}

		// Closing frees who hangs, and Close waits for them.
		c.f.Inject(statuspageiotest.Fault{Hang: true})
		done := make(chan error, 1)
		go func() {
			_, err := c.try("GET", "/v1/pages/page1/metrics", "", "OAuth k")
			done <- err
		}()
		synctest.Wait()
		c.f.Close()
		assert.Error(t, <-done)
		_, err := c.try("GET", "/v1/pages/page1/metrics", "", "OAuth k")
		assert.Error(t, err)
		c.f.Close()
	})
}

// A cut connection looks alike on a socket and in the process.
func TestCut(t *testing.T) {
	s := statuspageiotest.NewServer(t, &statuspageiotest.Options{Page: "p2", Prefix: "base/"})
	assert.True(t, strings.HasSuffix(s.URL, "/base"))
	socket := &http.Transport{}
	t.Cleanup(socket.CloseIdleConnections)
	for name, transport := range map[string]http.RoundTripper{"socket": socket, "process": s.Transport()} {
		t.Run(name, func(t *testing.T) {
			s.Add(statuspageiotest.Metric{ID: name})
			send := func() (int, string, error) {
				r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/pages/p2/metrics/data", strings.NewReader(points(name, ago(0), 1)))
				require.NoError(t, err)
				r.Header.Set("Authorization", "OAuth k")
				resp, err := transport.RoundTrip(r)
				if err != nil {
					return 0, "", err
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				return resp.StatusCode, string(body), err
			}
			s.Inject(
				statuspageiotest.Fault{Cut: statuspageiotest.CutBefore},
				statuspageiotest.Fault{Cut: statuspageiotest.CutMiddle},
				statuspageiotest.Fault{Cut: statuspageiotest.CutMiddle, CarryOut: true},
			)
			_, _, err := send()
			assert.Error(t, err)
			status, body, err := send()
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Equal(t, 202, status)
			assert.NotEmpty(t, body)
			assert.Empty(t, s.Samples(name))
			_, _, err = send()
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Len(t, s.Samples(name), 1)
		})
	}
	s.Put("socket", sample(ago(time.Hour), 1))
	s.Inject(statuspageiotest.Fault{Cut: statuspageiotest.CutMiddle})
	r, err := http.NewRequestWithContext(t.Context(), "DELETE", s.URL+"/pages/p2/metrics/socket/data", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "OAuth k")
	resp, err := s.Transport().RoundTrip(r)
	require.NoError(t, err)
	resp.Body.Close()
	assert.NotEmpty(t, s.Samples("socket"), "a call that is cut is not carried out")
}

// A server ends with its test, and its port with it, also while a call hangs.
func TestServerEnds(t *testing.T) {
	var inner tb
	s := statuspageiotest.NewServer(&inner, nil)
	hanging := make(chan struct{})
	s.Inject(statuspageiotest.Fault{Hang: true, Match: func(*http.Request) bool { close(hanging); return true }})
	done := make(chan error, 1)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	go func() {
		r, err := http.NewRequest("GET", s.URL+"/pages/page1/metrics", nil)
		if err == nil {
			_, err = transport.RoundTrip(r)
		}
		done <- err
	}()
	<-hanging
	inner.end()
	assert.Error(t, <-done)
	_, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.URL, "http://"), "/v1"))
	assert.Error(t, err)
}

func TestRequireSamples(t *testing.T) {
	c := newCaller(t, nil, "m1")
	want := []metricsync.Sample{sample(0, 1), sample(30, 2)}
	c.f.Put("m1", want...)
	var inner tb
	c.f.RequireSamples(&inner, "m1", want)
	assert.Empty(t, inner.errors)
	want[0].At = want[0].At.Local()
	c.f.RequireSamples(&inner, "m1", want)
	assert.Empty(t, inner.errors)
	c.f.RequireSamples(&inner, "m1", []metricsync.Sample{sample(0, 9), sample(60, 3)})
	assert.Equal(t, []string{"statuspageiotest: metric m1 after 0 calls:\n" +
		"\t1970-01-01T00:00:00Z: 1, want 9\n\t1970-01-01T00:01:00Z: none, want 3\n\t1970-01-01T00:00:30Z: 2, want none"}, inner.errors)
	c.f.RequireSamples(&inner, "m1", make([]metricsync.Sample, 100))
	assert.Contains(t, inner.errors[1], "and 92 more")
}

// A program with a fake in it gets no flags of the testing packages.
func TestImportsNoTesting(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	assert.Contains(t, deps, "net/http")
	assert.NotContains(t, deps, "testing")
	assert.NotContains(t, deps, "net/http/httptest")
	assert.NotContains(t, deps, "github.com/routewatch/routewatch/metricsync/statuspageio")
}
