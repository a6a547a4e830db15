package prometheus_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// What fails, how often it is tried, and what is said of it.
func TestFailures(t *testing.T) {
	const forever = -1
	fault := func(f prometheustest.Fault) prometheustest.Fault { f.Times = forever; return f }
	for _, test := range []struct {
		name      string
		fault     prometheustest.Fault
		calls     int // of a span of one point
		status    int
		temporary bool
		want      string
	}{
		{"throttled", fault(prometheustest.RateLimited(7 * time.Second)), 5, 429, true, "too many outstanding requests, retry after 7s"},
		{"down", prometheustest.Fault{Times: forever, Status: 503}, 5, 503, true, "Service Unavailable"},
		{"too slow for the server", fault(prometheustest.TimedOut()), 1, 503, true, "query timed out in expression evaluation"},
		{"a full queue", prometheustest.Fault{Times: forever, Status: 503, Error: "query timed out in query queue"}, 5, 503, true, "query queue"},
		{"no expression", prometheustest.Fault{Times: forever, Status: 400, Type: "bad_data", Error: `1:5: parse error: unclosed left parenthesis`}, 1, 400, false, "400 Bad Request: 1:5: parse error: unclosed left parenthesis"},
		{"many to many", prometheustest.Fault{Times: forever, Status: 422, Type: "execution", Error: "many-to-many matching not allowed"}, 1, 422, false, "many-to-many matching not allowed"},
		{"unauthorized", prometheustest.Fault{Times: forever, Status: 401}, 1, 401, false, "is the token, or the user and the password, right?"},
		{"forbidden", prometheustest.Fault{Times: forever, Status: 403}, 1, 403, false, "is the tenant right?"},
		{"no such path", prometheustest.Fault{Times: forever, Status: 404, Body: "404 page not found"}, 1, 404, false, "is a prefix missing from the URL"},
		{"a login page", fault(prometheustest.HTMLPage(200)), 1, 200, false, "the answer is a page of HTML"},
		{"a proxy's page", fault(prometheustest.HTMLPage(502)), 5, 502, true, "a page of HTML or XML, so not the API's answer"},
		{"redirected", prometheustest.Fault{Times: forever, Status: 302, Header: http.Header{"Location": {"https://login.example.com"}}}, 1, 302, false, "redirects are not followed"},
		{"cut before the answer", prometheustest.Fault{Times: forever, Cut: prometheustest.CutBefore}, 5, 0, true, "unexpected EOF"},
		{"cut in the middle", prometheustest.Fault{Times: forever, Cut: prometheustest.CutMiddle}, 5, 0, true, "unexpected EOF"},
		{"hanging", prometheustest.Fault{Times: forever, Hang: true}, 5, 0, true, "no answer within 30s"},
		{"an error in a 200", prometheustest.Fault{Times: forever, Status: 200, Error: "made up"}, 1, 200, false, "made up"},
		{"too long for a URL", prometheustest.Fault{Times: forever, Status: 414}, 1, 414, false, "too long for it"},
		{"not implemented", prometheustest.Fault{Times: forever, Status: 501}, 2, 501, true, "Not Implemented"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := prometheustest.NewFake(t, nil)
				p.Handle("q", prometheustest.Series{Value: minutes})
				p.Inject(test.fault)
				src := source(t, p, nil)
				points, err := read(t.Context(), src, "q", metricsync.Span{From: start, To: start.Add(time.Minute), Step: time.Minute})
				assert.Empty(t, points)
				var e *metricsync.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, test.status, e.Status)
				assert.Equal(t, test.temporary, e.Temporary())
				assert.ErrorContains(t, err, "prometheus: reading a range at prometheus")
				assert.ErrorContains(t, err, test.want)
				assert.Len(t, p.Calls(), test.calls)

				p.ClearFaults()
				points, err = read(t.Context(), src, "q", hours(1, time.Minute))
				assert.NoError(t, err)
				assert.Len(t, points, 60)
			})
		})
	}
}

// One failure is made good, wherever it comes, and no point is lost or doubled.
func TestRetries(t *testing.T) {
	for name, fault := range map[string]prometheustest.Fault{
		"throttled":    prometheustest.RateLimited(time.Minute),
		"down":         {Status: 500},
		"proxy":        prometheustest.HTMLPage(504),
		"cut":          {Cut: prometheustest.CutMiddle},
		"cut at once":  {Cut: prometheustest.CutBefore},
		"hanging":      {Hang: true},
		"slow":         {Delay: 29 * time.Second},
		"far too slow": {Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := prometheustest.NewFake(t, nil)
				p.Handle("q", prometheustest.Series{Value: minutes})
				fault.Match = func(c prometheustest.Call) bool { return c.Start.Equal(start.Add(24 * time.Hour)) }
				p.Inject(fault)
				points, err := read(t.Context(), source(t, p, nil), "q", hours(72, time.Hour))
				require.NoError(t, err)
				require.Len(t, points, 72)
				for i, got := range points {
					assert.Equal(t, metricsync.Point{Series: "{}", At: start.Add(time.Duration(i) * time.Hour), Value: float64(60 * i)}, got)
				}
			})
		})
	}
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prometheustest.NewFake(t, nil)
		p.Handle("q")
		p.Inject(prometheustest.RateLimited(time.Minute))
		began := time.Now()
		_, err := read(t.Context(), source(t, p, nil), "q", hours(1, time.Minute))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), time.Minute)
	})
}

func TestItEndsWithItsContext(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	p.Handle("q", prometheustest.Series{Value: minutes})
	src := source(t, p, nil)
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var n int
	var err error
	for _, err = range src.Points(ctx, metricsync.Query{Text: "q"}, hours(24, time.Minute)) {
		if err != nil {
			break
		}
		if n++; n == 10 {
			cancel(enough)
		}
	}
	assert.ErrorIs(t, err, enough)
	assert.Equal(t, 10, n)
	_, err = read(ctx, src, "q", hours(24, time.Minute))
	assert.ErrorIs(t, err, enough)
	assert.Len(t, p.Calls(), 1)
}

func TestADeadlineInTheMiddleOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prometheustest.NewFake(t, nil)
		p.Inject(prometheustest.Fault{Hang: true, Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		_, err := read(ctx, source(t, p, nil), "q", hours(24, time.Minute))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(began))
	})
}
