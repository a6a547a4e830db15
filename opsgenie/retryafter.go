package opsgenie

import (
	"net/http"
	"time"

	"github.com/routewatch/routewatch/internal/webapi"
)

// retryAfter reads how long an answer asks to wait: Retry-After in seconds or
// as a date, which Opsgenie does not document and proxies send, else the period
// of the rate limit that was hit. Always between 0 and webapi.MaxRetryAfter.
func retryAfter(status int, h http.Header) time.Duration {
	if status != http.StatusTooManyRequests && status < 500 {
		return 0
	}
	if d, ok := webapi.RetryAfter(h); ok {
		return d
	}
	if status != http.StatusTooManyRequests {
		return 0 // the period is sent with every answer, and says nothing of a failure
	}
	d, _ := webapi.Seconds(h.Get("X-RateLimit-Period-In-Sec"))
	return d
}
