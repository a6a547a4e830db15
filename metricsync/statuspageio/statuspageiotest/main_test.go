package statuspageiotest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/statuspageio/statuspageiotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   any
	raw    string
}

// at follows a path of keys and indexes into the body.
func (r reply) at(path ...any) any {
	v := r.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// caller makes calls to a fake, in the process, without this project's client.
type caller struct {
	t testing.TB
	f *statuspageiotest.Fake
}

func newCaller(t testing.TB, opts *statuspageiotest.Options, ids ...string) *caller {
	t.Helper()
	c := &caller{t, statuspageiotest.NewFake(t, opts)}
	for _, id := range ids {
		c.f.Add(statuspageiotest.Metric{ID: id})
	}
	return c
}

// do makes a call below the page, with a key.
func (c *caller) do(method, path, body string) reply {
	c.t.Helper()
	r, err := c.try(method, "/v1/pages/page1"+path, body, "OAuth a-key")
	require.NoError(c.t, err)
	return r
}

func (c *caller) try(method, path, body, auth string) (reply, error) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, "https://api.statuspage.test"+path, bytes.NewBufferString(body))
	require.NoError(c.t, err)
	if auth != "" {
		r.Header.Set("Authorization", auth)
	}
	resp, err := c.f.Transport().RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	got := reply{status: resp.StatusCode, header: resp.Header, raw: string(data)}
	if err != nil {
		return got, err
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		require.NoError(c.t, json.Unmarshal(data, &got.body), "body: %s", data)
	}
	return got, nil
}

// points is the body of a call for one metric: timestamp, value, timestamp, value.
func points(id string, pairs ...float64) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf(`{"timestamp":%.0f,"value":%v}`, pairs[i], pairs[i+1]))
	}
	return fmt.Sprintf(`{"data":{%q:[%s]}}`, id, strings.Join(list, ","))
}

// send posts points of one metric, which must be accepted.
func (c *caller) send(id string, pairs ...float64) {
	c.t.Helper()
	r := c.do("POST", "/metrics/data", points(id, pairs...))
	require.Equal(c.t, http.StatusAccepted, r.status, r.raw)
}

// values are the stored values of a metric, oldest first.
func (c *caller) values(id string) (values []float64) {
	for _, s := range c.f.Samples(id) {
		values = append(values, s.Value)
	}
	return values
}

// ago is a time by the clock of the test, in seconds, on a slot.
func ago(d time.Duration) float64 {
	return float64(time.Now().Add(-d).Truncate(statuspageiotest.Slot).Unix())
}

func sample(at, value float64) metricsync.Sample {
	return metricsync.Sample{At: time.Unix(int64(at), 0).UTC(), Value: value}
}

// tb is a test that is allowed to fail.
type tb struct {
	cleanups []func()
	errors   []string
}

func (b *tb) Helper()          {}
func (b *tb) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }
func (b *tb) Fatalf(format string, args ...any) {
	b.errors = append(b.errors, fmt.Sprintf(format, args...))
}

func (b *tb) end() {
	for _, f := range b.cleanups {
		f()
	}
}
