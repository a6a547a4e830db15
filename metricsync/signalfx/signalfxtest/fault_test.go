package signalfxtest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

func TestFaultsChoose(t *testing.T) {
	for name, fault := range map[string]signalfxtest.Fault{
		"op":    {Op: signalfxtest.OpTimeSeries},
		"match": {Match: func(c signalfxtest.Call) bool { return c.Text == "q" && c.Span() == time.Hour }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, nil)
			c.AddProgram("p", signalfxtest.Stream{})
			fault.Status, fault.Times, fault.Skip = 500, 2, 1
			c.Inject(fault)
			r, err := c.run("p", job(noon, after(1)))
			require.NoError(t, err)
			assert.Equal(t, 200, r.status)
			var got []int
			for range 4 {
				got = append(got, c.window(noon, after(60), time.Minute).status)
			}
			assert.Equal(t, []int{200, 500, 500, 200}, got)
			c.Inject(signalfxtest.Fault{Times: -1, Status: 429})
			for range 3 {
				assert.Equal(t, 429, c.window(noon, after(60), time.Minute).status)
			}
			c.ClearFaults()
			assert.Equal(t, 200, c.window(noon, after(60), time.Minute).status)
		})
	}
}

func TestThrottled(t *testing.T) {
	c := newCaller(t, nil)
	c.Inject(signalfxtest.Throttled(2, 1)...)
	for _, want := range []struct {
		status     int
		kind, body string
	}{
		{200, "text/plain", signalfxtest.Sentence},
		{200, "text/plain", signalfxtest.Sentence},
		{403, "application/json", `{"code":403,"message":"Forbidden","type":"error"}`},
		{200, "application/json", `{"data":{},"errors":[]}`},
	} {
		r := c.window(noon, after(1), time.Minute)
		assert.Equal(t, want.status, r.status)
		assert.Equal(t, want.kind, r.header.Get("Content-Type"))
		assert.Equal(t, want.body, r.body)
	}
}

func TestFaultOfStatus(t *testing.T) {
	c := newCaller(t, nil)
	c.Inject(signalfxtest.Fault{Status: 503, Body: "<h1>down</h1>", Header: http.Header{"content-type": {"text/html"}, "retry-after": {"7"}}})
	r := c.window(noon, after(1), time.Minute)
	assert.Equal(t, reply{503, r.header, "<h1>down</h1>"}, r)
	assert.Equal(t, "7", r.header.Get("Retry-After"))
	assert.Equal(t, "text/html", r.header.Get("Content-Type"))
}

func TestDelayPauseHangAndStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil)
		c.AddSeries("q", make([]signalfxtest.Series, 3)...)
		c.AddProgram("p", signalfxtest.Stream{Series: make([]signalfxtest.Series, 1)})
		start := time.Now()
		c.Inject(signalfxtest.Fault{Delay: time.Second, Pause: time.Minute})
		c.window(noon, after(1), time.Minute)
		assert.Equal(t, 3*time.Minute+time.Second, time.Since(start))

		c.Inject(signalfxtest.Fault{Pause: time.Minute})
		_, err := c.run("p", job(noon, after(4)))
		require.NoError(t, err)
		assert.Equal(t, 7*time.Minute+time.Second, time.Since(start))

		for _, fault := range []signalfxtest.Fault{{Hang: true}, {Delay: time.Hour}, {Cut: signalfxtest.StallAt, At: 20}} {
			c.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r, err := http.NewRequestWithContext(ctx, "GET", "http://x.test/v1/timeserieswindow?query=q&startMs=0&endMs=60000&resolution=60000", nil)
			require.NoError(t, err)
			r.Header.Set("X-SF-Token", "t")
			at := time.Now()
			resp, err := c.Transport().RoundTrip(r)
			if fault.Cut == signalfxtest.StallAt {
				require.NoError(t, err)
				var body []byte
				body, err = io.ReadAll(resp.Body)
				assert.Len(t, body, 20)
				resp.Body.Close()
			}
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(at))
			cancel()
		}

		// Closing the fake frees who hangs, and Close waits for them.
		c.Inject(signalfxtest.Fault{Hang: true})
		done := make(chan error, 1)
		go func() {
			_, err := c.run("p", job(noon, after(1)))
			done <- err
		}()
		synctest.Wait()
		c.Close()
		assert.Error(t, <-done)
		_, err = c.run("p", job(noon, after(1)))
		assert.Error(t, err)
		calls := c.Calls()
		assert.Len(t, calls, 6)
	})
}

// A cut answer looks alike on a socket and in the process.
func TestCut(t *testing.T) {
	s := signalfxtest.NewServer(t, nil)
	s.AddProgram("p", signalfxtest.Stream{Series: make([]signalfxtest.Series, 2)})
	socket := &http.Transport{}
	t.Cleanup(socket.CloseIdleConnections)
	for name, transport := range map[string]http.RoundTripper{"socket": socket, "process": s.Transport()} {
		t.Run(name, func(t *testing.T) {
			c := &caller{t: t, Fake: s.Fake, transport: transport, base: s.URL, token: "t"}
			whole, err := c.run("p", job(noon, after(10)))
			require.NoError(t, err)
			assert.Contains(t, whole.body, "END_OF_CHANNEL")

			c.Inject(signalfxtest.Fault{Cut: signalfxtest.CutBefore})
			_, err = c.run("p", job(noon, after(10)))
			assert.Error(t, err)
			for _, at := range []int{0, 1, 500, 2000, len(whole.body) - 1} {
				c.Inject(signalfxtest.Fault{Cut: signalfxtest.CutAt, At: at})
				r, err := c.run("p", job(noon, after(10)))
				assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
				assert.Len(t, r.body, at)
				c.Inject(signalfxtest.Fault{Cut: signalfxtest.EndAt, At: at})
				r, err = c.run("p", job(noon, after(10)))
				assert.NoError(t, err)
				assert.Len(t, r.body, at)
			}
			c.Inject(signalfxtest.Fault{Cut: signalfxtest.CutAt, At: 1 << 20})
			r, err := c.run("p", job(noon, after(10)))
			assert.NoError(t, err, "it was over before")
			assert.Len(t, r.body, len(whole.body))
		})
	}
}

// A server that hangs ends with its test, and its port with it.
func TestServerEnds(t *testing.T) {
	var inner tb
	s := signalfxtest.NewServer(&inner, &signalfxtest.Options{})
	asked := make(chan struct{})
	s.Inject(signalfxtest.Fault{Hang: true, Match: func(signalfxtest.Call) bool {
		close(asked)
		return true
	}})
	done := make(chan error, 1)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	go func() {
		r, err := http.NewRequest("POST", s.URL+"/v2/signalflow/execute?"+url.Values{}.Encode(), strings.NewReader("p"))
		if err == nil {
			_, err = transport.RoundTrip(r)
		}
		done <- err
	}()
	<-asked
	inner.end()
	assert.Error(t, <-done)
	_, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	assert.Error(t, err)
}
