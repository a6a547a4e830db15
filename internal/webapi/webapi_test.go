package webapi_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/webapi"
)

func TestParseBase(t *testing.T) {
	for _, raw := range []string{
		"", "   ", "example.com", "ftp://example.com", "https://", "https:opaque", "://", "https://user:s3cret@example.com",
		"https://example.com?token=s3cret", "https://example.com?", "https://example.com/#s3cret", "http://[::1",
	} {
		_, err := webapi.ParseBase(raw, false)
		require.Error(t, err, raw)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	for raw, want := range map[string]string{
		" https://api.example.com/v1/ ": "https://api.example.com/v1",
		"https://api.example.com":       "https://api.example.com",
		"http://127.0.0.1:9090/":        "http://127.0.0.1:9090",
		"http://LOCALHOST:9090":         "http://LOCALHOST:9090",
		"http://[::1]:9090":             "http://[::1]:9090",
		"https://example.com/a%2Fb/":    "https://example.com/a%2Fb",
	} {
		got, err := webapi.ParseBase(raw, true)
		require.NoError(t, err, raw)
		assert.Equal(t, want, got.String())
	}
	_, err := webapi.ParseBase("http://prometheus:9090", true)
	assert.ErrorContains(t, err, "use https", "a secret would go over it in clear")
	_, err = webapi.ParseBase("http://prometheus:9090", false)
	assert.NoError(t, err)
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"7":                     7 * time.Second,
			" 60 ":                  time.Minute,
			"+5":                    5 * time.Second,
			"-5":                    0,
			"0":                     0,
			"31536000":              webapi.MaxRetryAfter,
			"99999999999999999999":  webapi.MaxRetryAfter,
			"-99999999999999999999": 0,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       0,
			time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat):   webapi.MaxRetryAfter,
		} {
			got, ok := webapi.RetryAfter(http.Header{"Retry-After": {value}})
			assert.True(t, ok, value)
			assert.Equal(t, want, got, value)
		}
		for _, value := range []string{"", "soon", "1.5", "--1", "5s", "1e3"} {
			got, ok := webapi.RetryAfter(http.Header{"Retry-After": {value}})
			assert.False(t, ok, value)
			assert.Zero(t, got, value)
		}
	})
}

func TestCleaner(t *testing.T) {
	clean := webapi.Cleaner("s3cret/key=", "t")
	for said, want := range map[string]string{
		"the token s3cret/key= is wrong":            "the token [redacted] is wrong",
		"at https://x/?k=s3cret%2Fkey%3D and so on": "at https://x/?k=[redacted] and so on",
		"parted s3c\u200bret/key=":                  "parted [redacted]",
		"two\nlines\x00":                            "two lines",
	} {
		assert.Equal(t, want, clean(said, 100))
	}
	assert.Equal(t, "the to…", clean("the token", 7))
	assert.NotContains(t, clean("ab s3cret/key=", 8), "s3c", "cut after it was taken out")
}
