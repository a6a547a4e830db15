package opsgenie_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

// The flaws of the official SDK in reading answers: see sdk_test.go.

func TestSDKLimitsOfErrors(t *testing.T) {
	transport := always(429, `{"message":"slow down"}`, "Retry-After", "7", "X-RateLimit-Period-In-Sec", "60", "X-Request-Id", "r-9")
	t.Run("bare SDK", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := bareSDK(t, "api.opsgenie.com", transport).Create(t.Context(), sdkNewAlert)
			var e *sdk.ApiError
			require.ErrorAs(t, err, &e)
			assert.NotContains(t, fmt.Sprintf("%+v %#v", e, e), "r-9", "no header reaches the caller")
		})
	})
	_, err := newClient(t, opsgenie.Config{Transport: transport}).Create(t.Context(), newAlert)
	e := asError(t, err)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	assert.Equal(t, "r-9", e.RequestID)
}

func TestSDKReadsBodiesWithoutLimit(t *testing.T) {
	const total = 16 << 20
	for _, status := range []int{200, 400, 302} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			read := 0
			transport := roundTrip(func(*http.Request) (*http.Response, error) {
				resp := answer(status, "")
				resp.Body = io.NopCloser(io.LimitReader(readFunc(func(p []byte) (int, error) {
					read += len(p)
					return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
				}), total))
				return resp, nil
			})
			t.Run("bare SDK", func(t *testing.T) {
				_, err := bareSDK(t, "api.opsgenie.com", transport).Create(t.Context(), sdkNewAlert)
				require.Error(t, err)
				assert.GreaterOrEqual(t, read, total)
			})
			read = 0
			_, err := newClient(t, opsgenie.Config{Transport: transport}).Create(t.Context(), newAlert)
			require.Error(t, err)
			assert.LessOrEqual(t, read, 2<<20)
			assert.Less(t, len(err.Error()), 1000)
		})
	}
}

func TestSDKFollowsRedirects(t *testing.T) {
	n := 0
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		if n++; n == 1 {
			return answer(307, "", "Location", "https://api.opsgenie.com/elsewhere"), nil
		}
		return answer(202, accepted), nil
	})
	t.Run("bare SDK", func(t *testing.T) {
		_, err := bareSDK(t, "api.opsgenie.com", transport).Create(t.Context(), sdkNewAlert)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"https://evil.example/?" + canary, "http://127.0.0.1/", "/v2/elsewhere", "::bad", ""} {
			requests := 0
			c := newClient(t, opsgenie.Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				requests++
				return answer(status, "", "Location", location), nil
			})})
			_, err := c.Create(t.Context(), newAlert)
			e := asError(t, err)
			assert.Equal(t, status, e.Status)
			assert.False(t, e.Temporary())
			assert.ErrorContains(t, err, "redirects are not followed")
			assert.NotContains(t, err.Error(), "evil")
			assert.Equal(t, 1, requests)
		}
	}
}

func TestSDKRefusesOddAlerts(t *testing.T) {
	const body = `{"data":{"id":"1","seen":true,"snoozedUntil":"","count":"2","priority":"P2","details":{"code":500,"ok":true,"list":[1]},
		"createdAt":"2026-11-20T10:00:00.5Z","responders":[{"type":"team","id":"t"}]},"took":1,"requestId":"r"}`
	transport := always(200, body)
	t.Run("bare SDK", func(t *testing.T) {
		_, err := bareSDK(t, "api.opsgenie.com", transport).Get(t.Context(), &alert.GetAlertRequest{IdentifierValue: "1"})
		assert.Error(t, err)
	})
	got, err := newClient(t, opsgenie.Config{Transport: transport}).Get(t.Context(), opsgenie.ID("1"))
	require.NoError(t, err)
	assert.Equal(t, opsgenie.Alert{
		ID: "1", Seen: true, Count: 2, Priority: opsgenie.P2, Details: map[string]string{"code": "500", "ok": "true", "list": "[1]"},
		CreatedAt:  time.Date(2026, 11, 20, 10, 0, 0, 5e8, time.UTC),
		Responders: []opsgenie.Responder{{Type: opsgenie.Team, ID: "t"}},
	}, got)
}

func TestSDKTakesRequestIDOfGateways(t *testing.T) {
	transport := always(202, accepted, "X-Request-Id", "of-a-gateway")
	t.Run("bare SDK", func(t *testing.T) {
		got, err := bareSDK(t, "api.opsgenie.com", transport).Create(t.Context(), sdkNewAlert)
		require.NoError(t, err)
		assert.Equal(t, "of-a-gateway", got.RequestId)
	})
	got, err := newClient(t, opsgenie.Config{Transport: transport}).Create(t.Context(), newAlert)
	require.NoError(t, err)
	assert.Equal(t, "r-1", got)
}
