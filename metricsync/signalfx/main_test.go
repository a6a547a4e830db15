package signalfx_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// canary is a token that is nowhere by chance.
const canary = "canary-8f0c2b71-token-d4a9"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when most spans begin: days ago also by the clock of a synctest bubble,
// which starts at midnight UTC 2000-01-01.
var noon = time.Date(1999, 12, 20, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// after is a time that is some minutes after noon.
func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// minutes is the span from one minute after noon to another, in steps of 1 minute.
func minutes(from, to int) metricsync.Span {
	return metricsync.Span{From: after(from), To: after(to), Step: time.Minute}
}

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// always is a transport that gives the same answer to every request.
func always(status int, contentType, body string) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {contentType}}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func newClient(t testing.TB, transport http.RoundTripper, change ...func(*signalfx.Config)) *signalfx.Client {
	t.Helper()
	cfg := signalfx.Config{Token: canary, Transport: transport}
	for _, c := range change {
		c(&cfg)
	}
	c, err := signalfx.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// read reads all points.
func read(ctx context.Context, src metricsync.Source, q metricsync.Query, s metricsync.Span) (points []metricsync.Point, err error) {
	for p, err := range src.Points(ctx, q, s) {
		if err != nil {
			return points, err
		}
		points = append(points, p)
	}
	return points, nil
}

// text is a query without a label.
func text(s string) metricsync.Query { return metricsync.Query{Text: s} }

// asError is the *metricsync.Error in an error's chain.
func asError(t *testing.T, err error) *metricsync.Error {
	t.Helper()
	var e *metricsync.Error
	require.ErrorAs(t, err, &e)
	return e
}

// byMinute is a value that tells its time: minutes after noon.
func byMinute(t time.Time) float64 { return t.Sub(noon).Minutes() }

// assertWhole asserts that there is a point of each series at each step of a span,
// once, in order, with the value of byMinute.
func assertWhole(t *testing.T, points []metricsync.Point, s metricsync.Span, series int) {
	t.Helper()
	i := 0
	for at := s.From; at.Before(s.To); at = at.Add(s.Step) {
		seen := make(map[string]bool)
		for range series {
			if i == len(points) {
				t.Errorf("the points end before %s", at)
				return
			}
			p := points[i]
			if !p.At.Equal(at) || p.Value != byMinute(at) || seen[p.Series] {
				t.Errorf("got %v as point %d, want one at %s with %v, of a series other than %v", p, i, at, byMinute(at), seen)
				return
			}
			seen[p.Series] = true
			i++
		}
	}
	assert.Len(t, points, i)
}

// gauges are series whose values are those of byMinute.
func gauges(n int) []signalfxtest.Series {
	all := make([]signalfxtest.Series, n)
	for i := range all {
		all[i].Value = signalfxtest.Func(byMinute)
	}
	return all
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
