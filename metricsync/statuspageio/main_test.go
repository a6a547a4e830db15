package statuspageio_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is a key that is nowhere by chance.
const canary = "canary-4f1d9c55-7b1e-key-9a0e-63d0a7c1b2f4"

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is what a server says: header is name, value, name, value.
func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// always is a transport that gives the same answer to every request.
func always(status int, body string, header ...string) roundTrip {
	return func(*http.Request) (*http.Response, error) { return answer(status, body, header...), nil }
}

// client is one of the page of a fake, or of any transport.
func client(t testing.TB, transport http.RoundTripper, change ...func(*statuspageio.Config)) *statuspageio.Client {
	t.Helper()
	cfg := statuspageio.Config{PageID: statuspageiotest.Page, APIKey: canary, Transport: transport}
	for _, f := range change {
		f(&cfg)
	}
	c, err := statuspageio.New(cfg)
	require.NoError(t, err)
	return c
}

// fake is a page with metrics, and its client.
func fake(t testing.TB, opts *statuspageiotest.Options, ids ...string) (*statuspageiotest.Fake, *statuspageio.Client) {
	t.Helper()
	f := statuspageiotest.NewFake(t, opts)
	for _, id := range ids {
		f.Add(statuspageiotest.Metric{ID: id})
	}
	return f, client(t, f.Transport())
}

// one is one sample of one metric, an hour ago.
func one(id string, value float64) []metricsync.Series {
	at := time.Now().Add(-time.Hour).Truncate(time.Minute)
	return []metricsync.Series{{ID: id, Samples: []metricsync.Sample{{At: at, Value: value}}}}
}

func asError(t testing.TB, err error) *metricsync.Error {
	t.Helper()
	var e *metricsync.Error
	require.ErrorAs(t, err, &e)
	return e
}
