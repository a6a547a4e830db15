package signalfxtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is a time that is over, also in a synctest bubble.
var noon = time.Date(1999, 12, 20, 12, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

// caller makes calls to a fake, in the process.
type caller struct {
	t testing.TB
	*signalfxtest.Fake
	transport http.RoundTripper
	base      string
	token     string
}

func newCaller(t testing.TB, opts *signalfxtest.Options) *caller {
	t.Helper()
	f := signalfxtest.NewFake(t, opts)
	return &caller{t: t, Fake: f, transport: f.Transport(), base: "https://api.us1.signalfx.com", token: "a-token"}
}

func (c *caller) open(method, path string, q url.Values, body string) (*http.Response, error) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path+"?"+q.Encode(), strings.NewReader(body))
	require.NoError(c.t, err)
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("X-SF-Token", c.token)
	}
	return c.transport.RoundTrip(r)
}

// try makes a call and reads its answer as far as it comes.
func (c *caller) try(method, path string, q url.Values, body string) (reply, error) {
	c.t.Helper()
	resp, err := c.open(method, path, q, body)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(data)}, err
}

// window asks for a window of query "q".
func (c *caller) window(from, to time.Time, step time.Duration) reply {
	c.t.Helper()
	r, err := c.try("GET", "/v1/timeserieswindow", url.Values{
		"query": {"q"}, "startMs": {ms(from)}, "endMs": {ms(to)}, "resolution": {fmt.Sprint(step.Milliseconds())},
	}, "")
	require.NoError(c.t, err)
	return r
}

// job asks for a job of a minute's steps.
func job(from, to time.Time) url.Values {
	return url.Values{"start": {ms(from)}, "stop": {ms(to)}, "resolution": {"60000"}, "maxDelay": {"1000"}, "immediate": {"true"}}
}

// run runs a program.
func (c *caller) run(program string, q url.Values) (reply, error) {
	c.t.Helper()
	return c.try("POST", "/v2/signalflow/execute", q, program)
}

func ms(t time.Time) string { return fmt.Sprint(t.UnixMilli()) }

// tb is a test that ends when it is told to.
type tb struct{ cleanups []func() }

func (b *tb) Helper()                           {}
func (b *tb) Cleanup(f func())                  { b.cleanups = append(b.cleanups, f) }
func (b *tb) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (b *tb) end() {
	for _, f := range b.cleanups {
		f()
	}
}
