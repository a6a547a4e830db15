package prometheus

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

const (
	op = "prometheus: reading a range"
	// maxBody bounds an answer, and so what a piece takes of memory: about
	// 125,000 points of all series.
	maxBody = 4 << 20
)

// piece is the times of one query: n of them.
type piece struct {
	from time.Time
	step time.Duration
	n    int
}

// end is the last of the times.
func (p piece) end() time.Time { return p.from.Add(time.Duration(p.n-1) * p.step) }

// ask makes one query.
// https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
func (s *Source) ask(ctx context.Context, query string, p piece) (*answer, error) {
	form := url.Values{
		"query": {query},
		"start": {seconds(time.Duration(p.from.UnixNano()))},
		"end":   {seconds(time.Duration(p.end().UnixNano()))}, // inclusive
		"step":  {seconds(p.step)},
		// So that a query which is too slow is not taken for a server that is away,
		// and ends there too.
		"timeout": {seconds(s.patient)},
		// VictoriaMetrics moves the times of 50 points and more to those that its
		// cache has, unless told not to use it. Others ignore what they do not know.
		"nocache": {"1"},
	}
	r := httpcall.Request{Op: op, Path: "/api/v1/query_range", MaxBody: maxBody}
	var a answer
	read := httpcall.JSON(&a)
	if !s.byGET.Load() {
		// In a body, since a query may be longer than what a URL may have.
		post := r
		post.Method, post.Type, post.Body = http.MethodPost, "application/x-www-form-urlencoded", []byte(form.Encode())
		_, err := s.calls.Do(ctx, post, read)
		if err == nil {
			return &a, nil
		}
		var e *metricsync.Error
		if !errors.As(err, &e) || !noPOST(e) {
			return nil, err
		}
		s.byGET.Store(true)
	}
	r.Query = form
	if _, err := s.calls.Do(ctx, r, read); err != nil {
		return nil, err
	}
	return &a, nil
}

// seconds writes a duration, or a time as one since 1970, in seconds.
func seconds(d time.Duration) string {
	ms := d.Milliseconds()
	s := strconv.FormatInt(ms/1000, 10)
	if ms%1000 != 0 {
		s += "." + strconv.FormatInt(1000+ms%1000, 10)[1:]
	}
	return s
}

// noPOST reports whether a server takes queries by GET alone, as those before
// Prometheus 2.1 and some proxies do.
func noPOST(e *metricsync.Error) bool {
	return e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented
}

// again reports whether the same query may do better later: not where a smaller
// one may do better now.
func again(e *metricsync.Error) bool { return e.Temporary() && !noPOST(e) && !refusedAsTooMuch(e) }

var (
	// What servers refuse a query with that asks for too much. It is a wide net: a
	// query that is refused for another reason is asked a few times more, and
	// refused again.
	limits = regexp.MustCompile(`(?i)exceed|limit|maximum|too (many|large|long|much)|timed? ?out`)
	// Prometheus answers so with 503. A query that waited too long in a queue is
	// refused so too, but that is the server's load and not the query's size.
	timedOut = regexp.MustCompile(`(?i)timed out in (expression|query) `)
)

func refusedAsTooMuch(e *metricsync.Error) bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return limits.MatchString(e.Message)
	case http.StatusRequestEntityTooLarge:
		return true
	case http.StatusServiceUnavailable:
		return timedOut.MatchString(e.Message) && !strings.Contains(e.Message, "query queue")
	}
	return false
}

// hint says what to look at after an error.
func hint(e *metricsync.Error) string {
	switch {
	case errors.Is(e.Err, httpcall.ErrTooLong):
		return "these are very many series: aggregate them, as by sum or avg"
	case errors.Is(e.Err, context.DeadlineExceeded):
		return "where the server is well, let MaxPoints be less, or Timeout more"
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "is the token, or the user and the password, right?"
	case http.StatusForbidden:
		return "may this token or user query, and is the tenant right?"
	case http.StatusNotFound:
		return "is a prefix missing from the URL, such as /prometheus?"
	case http.StatusRequestURITooLong:
		return "the server takes queries in the URL alone, and this one is too long for it"
	}
	return ""
}
