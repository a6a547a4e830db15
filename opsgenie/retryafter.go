package opsgenie

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter caps what a server may ask for: a year would silence alerting
// for a year.
const maxRetryAfter = 10 * time.Minute

// retryAfter reads how long an answer asks to wait: Retry-After in seconds or
// as a date, which Opsgenie does not document and proxies send, else the period
// of the rate limit that was hit. Always between 0 and maxRetryAfter.
func retryAfter(status int, h http.Header) time.Duration {
	if status != http.StatusTooManyRequests && status < 500 {
		return 0
	}
	if d, ok := parseSeconds(h.Get("Retry-After")); ok {
		return d
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	if status != http.StatusTooManyRequests {
		return 0 // the period is sent with every answer, and says nothing of a failure
	}
	d, _ := parseSeconds(h.Get("X-RateLimit-Period-In-Sec"))
	return d
}

func parseSeconds(s string) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	digits := strings.TrimLeft(s, "+-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(s)-len(digits) > 1 {
		return 0, false
	}
	if s[0] == '-' {
		return 0, true
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > int64(maxRetryAfter/time.Second) { // more than an int64 is more than the cap
		return maxRetryAfter, true
	}
	return time.Duration(n) * time.Second, true
}
