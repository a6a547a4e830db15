package opsgenie_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

// Each test of this file is a flaw of the official SDK that this package mends.
// "bare SDK" shows the flaw, so that its mending can go when the SDK has it.

func bareSDK(t *testing.T, host string, transport http.RoundTripper) *alert.Client {
	t.Helper()
	silent := logrus.New()
	silent.SetOutput(io.Discard)
	c, err := alert.NewClient(&sdk.Config{
		ApiKey: canary, OpsGenieAPIURL: sdk.ApiUrl(host), Logger: silent,
		HttpClient: &http.Client{Transport: transport},
	})
	require.NoError(t, err)
	return c
}

var (
	newAlert    = opsgenie.NewAlert{Message: "m", Alias: "a"}
	sdkNewAlert = &alert.CreateAlertRequest{Message: "m", Alias: "a"}
)

func TestSDKBaseURLWithPathPrefix(t *testing.T) {
	var got string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r.URL.String() + " " + r.Host
		return answer(202, accepted), nil
	})
	t.Run("bare SDK", func(t *testing.T) {
		_, err := bareSDK(t, opsgenie.JSM, transport).Create(t.Context(), sdkNewAlert)
		assert.Error(t, err, "it cannot be told a path prefix")
	})
	_, err := newClient(t, opsgenie.Config{BaseURL: opsgenie.JSM, Transport: transport}).Create(t.Context(), newAlert)
	require.NoError(t, err)
	assert.Equal(t, "https://api.atlassian.com/jsm/ops/integration/v2/alerts api.atlassian.com", got)
}

func TestSDKPlainHTTP(t *testing.T) {
	var scheme string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		scheme = r.URL.Scheme
		return answer(202, accepted), nil
	})
	t.Run("bare SDK", func(t *testing.T) {
		_, err := bareSDK(t, "proxy.example", transport).Create(t.Context(), sdkNewAlert)
		require.NoError(t, err)
		assert.Equal(t, "http", scheme, "the key goes in clear, as the host has no \"api\" in it")
	})
	_, err := newClient(t, opsgenie.Config{BaseURL: "https://proxy.example", Transport: transport}).Create(t.Context(), newAlert)
	require.NoError(t, err)
	assert.Equal(t, "https", scheme)
}

func TestSDKIdentifierInPath(t *testing.T) {
	const alias = "GET /a/b?x=1#f%20;ü+&"
	var uri string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		uri = r.URL.RequestURI()
		return answer(202, accepted), nil
	})
	t.Run("bare SDK", func(t *testing.T) {
		_, err := bareSDK(t, "api.opsgenie.com", transport).Close(t.Context(),
			&alert.CloseAlertRequest{IdentifierType: alert.ALIAS, IdentifierValue: alias})
		require.NoError(t, err)
		assert.Contains(t, uri, "/a/b", "the alias is three segments")
	})
	// A prefix that is escaped itself must come through as it is.
	c := newClient(t, opsgenie.Config{BaseURL: "https://gw.example/ops%2Fgenie/", Transport: transport})
	_, err := c.Close(t.Context(), opsgenie.Alias(alias), opsgenie.Action{})
	require.NoError(t, err)
	assert.Equal(t, "/ops%2Fgenie/v2/alerts/GET%20%2Fa%2Fb%3Fx=1%23f%2520%3B%C3%BC+&/close?identifierType=alias", uri)

	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/v2/alerts/"+alias+"/close", r.URL.Path)
		_, _ = io.WriteString(w, accepted)
	})
	_, err = newClient(t, opsgenie.Config{BaseURL: rec.URL}).Close(t.Context(), opsgenie.Alias(alias), opsgenie.Action{})
	require.NoError(t, err)
}

func TestSDKContext(t *testing.T) {
	after := func(d time.Duration) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(d):
				return answer(202, accepted), nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
	}
	t.Run("bare SDK", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := bareSDK(t, "api.opsgenie.com", after(9*time.Second))
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, _ = c.Create(ctx, sdkNewAlert)
			assert.Equal(t, 9*time.Second, time.Since(start), "it waits for the server")
		})
	})
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, opsgenie.Config{Transport: after(9 * time.Second)})
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				start := time.Now()
				err := call.do(ctx, c)
				assert.Equal(t, 200*time.Millisecond, time.Since(start))
				require.ErrorIs(t, err, context.DeadlineExceeded)

				ctx, stop := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, stop)
				start = time.Now()
				err = call.do(ctx, c)
				assert.Equal(t, time.Second, time.Since(start))
				require.ErrorIs(t, err, context.Canceled)
				assert.False(t, asError(t, err).Temporary(), "the caller wants no more")
			})
		})
	}
	t.Run("ended before the call", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := newClient(t, opsgenie.Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			t.Error("a request was made")
			return nil, io.EOF
		})})
		_, err := c.Create(ctx, newAlert)
		assert.ErrorIs(t, err, context.Canceled)
	})
}

func TestSDKTimeout(t *testing.T) {
	// slow answers at once, and its body only after an hour.
	slow := roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := answer(202, "")
		resp.Body = io.NopCloser(readFunc(func([]byte) (int, error) {
			select {
			case <-time.After(time.Hour):
				return 0, io.EOF
			case <-r.Context().Done():
				return 0, r.Context().Err()
			}
		}))
		return resp, nil
	})
	t.Run("bare SDK", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, _ = bareSDK(t, "api.opsgenie.com", slow).Create(t.Context(), sdkNewAlert)
			assert.Equal(t, time.Hour, time.Since(start))
		})
	})
	for _, tt := range []struct {
		timeout, want time.Duration
	}{{0, 10 * time.Second}, {3 * time.Second, 3 * time.Second}, {-1, time.Hour}} {
		t.Run(tt.timeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := newClient(t, opsgenie.Config{Transport: slow, Timeout: tt.timeout}).Create(t.Context(), newAlert)
				assert.Equal(t, tt.want, time.Since(start))
				e := asError(t, err)
				assert.True(t, e.Temporary())
				if tt.timeout >= 0 {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.ErrorContains(t, err, "no answer within "+tt.want.String())
				}
			})
		})
	}
}

func TestSDKRetriesByItself(t *testing.T) {
	n := 0
	transport := roundTrip(func(*http.Request) (*http.Response, error) {
		n++
		return answer(429, `{"message":"slow down"}`), nil
	})
	t.Run("bare SDK", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := bareSDK(t, "api.opsgenie.com", transport).Create(t.Context(), sdkNewAlert)
			require.Error(t, err)
			assert.Equal(t, 5, n)
		})
	})
	n = 0
	_, err := newClient(t, opsgenie.Config{Transport: transport}).Create(t.Context(), newAlert)
	require.Error(t, err)
	assert.Equal(t, 1, n)
}

func TestSDKConnections(t *testing.T) {
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(202)
		_, _ = io.WriteString(w, accepted)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := newClient(t, opsgenie.Config{BaseURL: srv.URL})
	for range 20 {
		_, err := c.Create(t.Context(), newAlert)
		require.NoError(t, err)
	}
	assert.Equal(t, int32(1), conns.Load())
}

// closing is a transport that counts how often its idle connections are closed.
type closing struct {
	roundTrip
	n int
}

func (c *closing) CloseIdleConnections() { c.n++ }

func TestSDKClosesConnectionsOfOthers(t *testing.T) {
	fail := roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	t.Run("bare SDK", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			transport := &closing{roundTrip: fail}
			_, err := bareSDK(t, "api.opsgenie.com", transport).Create(t.Context(), sdkNewAlert)
			require.Error(t, err)
			assert.NotZero(t, transport.n, "one failed call closes the connections of all")
		})
	})
	transport := &closing{roundTrip: fail}
	c := newClient(t, opsgenie.Config{Transport: transport})
	_, err := c.Create(t.Context(), newAlert)
	require.Error(t, err)
	assert.Zero(t, transport.n)
}

// The bare SDK fails this one under -race: each constructor writes the package
// variable that holds the User-Agent, and each call reads it.
func TestSDKClientsRace(t *testing.T) {
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			c, err := opsgenie.New(opsgenie.Config{APIKey: canary, Transport: always(202, accepted)})
			if assert.NoError(t, err) {
				for _, call := range calls {
					assert.NoError(t, call.do(t.Context(), c), call.name)
				}
			}
		})
	}
	wg.Wait()
}

func TestSDKUserAgentAndKey(t *testing.T) {
	var got http.Header
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r.Header
		return answer(202, accepted), nil
	})
	t.Run("bare SDK", func(t *testing.T) {
		_, err := bareSDK(t, "api.opsgenie.com", transport).Create(t.Context(), sdkNewAlert)
		require.NoError(t, err)
		assert.Contains(t, got.Get("User-Agent"), "opsgenie-go-sdk-2.0.0", "it cannot be set, and is not its version")
		assert.Contains(t, fmt.Sprintf("%+v", sdk.Config{ApiKey: canary}), canary, "it prints its key")
	})
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			require.NoError(t, call.do(t.Context(), newClient(t, opsgenie.Config{Transport: transport, UserAgent: "shop/1.2"})))
			assert.Equal(t, []string{"shop/1.2"}, got["User-Agent"])
			assert.Equal(t, []string{"GenieKey " + canary}, got["Authorization"])
			assert.NotContains(t, got["Content-Type"], "")
		})
	}
	_, err := newClient(t, opsgenie.Config{Transport: transport, APIKey: "\t" + canary + "\n"}).Create(t.Context(), newAlert)
	require.NoError(t, err)
	assert.Equal(t, "GenieKey "+canary, got.Get("Authorization"), "blanks are taken off the key")
	assert.Equal(t, "routewatch", got.Get("User-Agent"), "default")
}

func TestSDKLogsToStderr(t *testing.T) {
	fail := always(400, `{"message":"no"}`)
	t.Run("bare SDK", func(t *testing.T) {
		out := captureStderr(t, func() {
			c, err := alert.NewClient(&sdk.Config{ApiKey: canary, HttpClient: &http.Client{Transport: fail}})
			require.NoError(t, err)
			_, err = c.Create(t.Context(), sdkNewAlert)
			require.Error(t, err)
		})
		assert.Contains(t, out, "Client is configured")
	})
	out := captureStderr(t, func() {
		for _, call := range calls {
			_ = call.do(t.Context(), newClient(t, opsgenie.Config{Transport: fail}))
		}
	})
	assert.Empty(t, out)
}

// The SDK's logger is made once in a process, with the standard error of that
// moment: only in a process of its own is a test sure to see what it writes.
func TestNothingOnStderr(t *testing.T) {
	for _, test := range []string{"TestSDKLogsToStderr", "TestNoCallShowsKey"} {
		t.Run(test, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$")
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.NoError(t, cmd.Run(), "%s", &stdout)
			assert.Empty(t, stderr.String())
			assert.Contains(t, stdout.String(), "PASS")
		})
	}
}

func TestSDKTransportErrorsNameURL(t *testing.T) {
	fail := roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	t.Run("bare SDK", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := bareSDK(t, "api.opsgenie.com", fail).Close(t.Context(), &alert.CloseAlertRequest{IdentifierValue: "secret-path"})
			assert.ErrorContains(t, err, "secret-path")
		})
	})
	_, err := newClient(t, opsgenie.Config{Transport: fail, BaseURL: "https://gw.example/prefix"}).
		Close(t.Context(), opsgenie.Alias("secret-path"), opsgenie.Action{})
	assert.EqualError(t, err, "opsgenie: close alert at gw.example: unexpected EOF")
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// captureStderr returns what fn writes to the process's standard error.
func captureStderr(t *testing.T, fn func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	old := os.Stderr
	os.Stderr = w
	out := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		out <- string(b)
	}()
	func() {
		defer func() { os.Stderr = old; _ = w.Close() }()
		fn()
	}()
	return <-out
}
