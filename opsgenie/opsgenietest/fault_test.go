package opsgenietest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

func TestFaultOfStatus(t *testing.T) {
	c := newCaller(t, nil)
	c.f.Inject(
		opsgenietest.RateLimited(time.Minute),
		opsgenietest.Fault{Status: 503, Body: "<h1>down</h1>", Header: http.Header{"content-type": {"text/html"}, "retry-after": {"7"}}},
		opsgenietest.Fault{Status: 500, CarryOut: true},
	)
	r := c.do("POST", "/v2/alerts", `{"message":"m","alias":"a"}`)
	assert.Equal(t, 429, r.status)
	assert.Equal(t, "THROTTLED", r.header.Get("X-RateLimit-State"))
	assert.Equal(t, "ACCOUNT", r.header.Get("X-RateLimit-Reason"))
	assert.Equal(t, "60", r.header.Get("X-RateLimit-Period-In-Sec"))
	assert.NotEmpty(t, r.header.Get("X-Request-ID"))
	assert.NotEmpty(t, r.header.Get("X-Response-Time"))
	assert.NotEmpty(t, r.at("message"))

	r = c.do("POST", "/v2/alerts", `{"message":"m","alias":"a"}`)
	assert.Equal(t, 503, r.status)
	assert.Equal(t, "<h1>down</h1>", r.raw)
	assert.Equal(t, "7", r.header.Get("Retry-After"))
	c.f.RequireNone(t)

	assert.Equal(t, 500, c.do("POST", "/v2/alerts", `{"message":"m","alias":"a"}`).status)
	c.f.RequireCount(t, "a", 1)
	r = c.do("POST", "/v2/alerts", `{"message":"m","alias":"a"}`)
	assert.Equal(t, "OK", r.header.Get("X-RateLimit-State"))
	c.f.RequireCount(t, "a", 2)

	var statuses []int
	for _, call := range c.f.CallsOf(opsgenietest.OpCreate) {
		statuses = append(statuses, call.Status)
	}
	assert.Equal(t, []int{429, 503, 500, 202}, statuses)
}

func TestFaultsChoose(t *testing.T) {
	tests := map[string]opsgenietest.Fault{
		"op":     {Op: opsgenietest.OpClose},
		"method": {Method: "POST", Path: "close"},
		"match":  {Match: func(r *http.Request) bool { return r.URL.Query().Get("identifierType") == "alias" }},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, nil)
			fault.Status, fault.Times = 500, -1
			c.f.Inject(fault)
			c.create("m", "a")
			for range 3 {
				assert.Equal(t, 500, c.do("POST", "/v2/alerts/a/close?identifierType=alias", "").status)
			}
			c.f.ClearFaults()
			assert.Equal(t, 202, c.do("POST", "/v2/alerts/a/close?identifierType=alias", "").status)
		})
	}
}

func TestForgetAndReject(t *testing.T) {
	c := newCaller(t, nil)
	c.f.Inject(opsgenietest.Fault{Forget: true}, opsgenietest.Fault{Reject: "Team does not exist"})
	id := c.create("m", "a")
	r := c.do("GET", "/v2/alerts/requests/"+id, "")
	// The request status is a call like any other, and met the second fault.
	assert.Equal(t, 404, r.status)
	assert.Equal(t, "RequestNotProcessed", r.header.Get("X-Opsgenie-Errortype"))

	c.f.Inject(opsgenietest.Fault{Op: opsgenietest.OpCreate, Reject: "Team does not exist"})
	got := c.outcome(c.create("m", "a"))
	assert.Equal(t, false, got["isSuccess"])
	assert.Equal(t, "Team does not exist", got["status"])
	c.f.RequireNone(t)
}

func TestDelayAndHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil)
		start := time.Now()
		c.f.Inject(opsgenietest.Fault{Delay: time.Second})
		c.create("m", "a")
		assert.Equal(t, time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c.f.Inject(opsgenietest.Fault{Hang: true, CarryOut: true})
		r, err := http.NewRequestWithContext(ctx, "POST", "http://x.test/v2/alerts", strings.NewReader(`{"message":"m","alias":"b"}`))
		require.NoError(t, err)
		r.Header.Set("Authorization", "GenieKey k")
		_, err = c.f.Transport().RoundTrip(r)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 4*time.Second, time.Since(start))
		c.f.RequireOpen(t, "b")

		// Closing the server frees who hangs, and Close waits for them.
		c.f.Inject(opsgenietest.Fault{Hang: true})
		done := make(chan error, 1)
		go func() {
			_, err := c.try("GET", "/v2/alerts", "")
			done <- err
		}()
		synctest.Wait()
		c.f.Close()
		assert.Error(t, <-done)
		_, err = c.try("GET", "/v2/alerts", "")
		assert.Error(t, err)
		assert.Error(t, c.f.Wait(t.Context(), func([]opsgenietest.Alert) bool { return false }))
	})
}

// Close drops what waits.
func TestCloseDropsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &opsgenietest.Options{ProcessingDelay: time.Hour})
		c.create("m", "a")
		start := time.Now()
		c.f.Close()
		assert.Zero(t, time.Since(start))
		c.f.RequireNone(t)
	})
}

// A cut connection looks alike on a socket and in the process.
func TestCut(t *testing.T) {
	s := opsgenietest.NewServer(t, nil)
	socket := &http.Transport{}
	t.Cleanup(socket.CloseIdleConnections)
	for name, transport := range map[string]http.RoundTripper{"socket": socket, "process": s.Transport()} {
		t.Run(name, func(t *testing.T) {
			create := func() (string, error) {
				r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v2/alerts",
					strings.NewReader(`{"message":"m","alias":"`+name+`"}`))
				require.NoError(t, err)
				r.Header.Set("Authorization", "GenieKey k")
				resp, err := transport.RoundTrip(r)
				if err != nil {
					return "", err
				}
				defer resp.Body.Close()
				assert.Equal(t, 202, resp.StatusCode)
				body, err := io.ReadAll(resp.Body)
				return string(body), err
			}
			s.Inject(
				opsgenietest.Fault{Cut: opsgenietest.CutBefore},
				opsgenietest.Fault{Cut: opsgenietest.CutMiddle},
				opsgenietest.Fault{Cut: opsgenietest.CutMiddle, CarryOut: true},
			)
			_, err := create()
			assert.Error(t, err)
			body, err := create()
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.NotEmpty(t, body)
			s.RequireNone(t, name)
			_, err = create()
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			s.RequireOpen(t, name)
		})
	}
}

// A server that hangs ends with its test, and its port with it.
func TestServerEnds(t *testing.T) {
	var inner tb
	s := opsgenietest.NewServer(&inner, &opsgenietest.Options{Prefix: "/base"})
	assert.True(t, strings.HasSuffix(s.URL, "/base"))
	s.Inject(opsgenietest.Fault{Hang: true})
	done := make(chan error, 1)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	go func() {
		r, err := http.NewRequest("GET", s.URL+"/v2/alerts", nil)
		if err == nil {
			_, err = transport.RoundTrip(r)
		}
		done <- err
	}()
	require.NoError(t, s.Wait(t.Context(), func([]opsgenietest.Alert) bool { return len(s.Calls()) == 1 }))
	assert.Empty(t, inner.end())
	assert.Error(t, <-done)
	_, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.URL, "http://"), "/base"))
	assert.Error(t, err)
}
