package opsgenie_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/opsgenie"
)

// canary is a key that is nowhere by chance.
const canary = "canary-4f1d9c55-7b1e-key-9a0e-63d0a7c1b2f4"

const accepted = `{"result":"Request will be processed","took":0.1,"requestId":"r-1"}`

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// readFunc is a reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

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

func newClient(t testing.TB, cfg opsgenie.Config) *opsgenie.Client {
	t.Helper()
	if cfg.APIKey == "" {
		cfg.APIKey = canary
	}
	c, err := opsgenie.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// seen is a request as it arrived at a server.
type seen struct {
	Method, URI string
	Query       url.Values
	Header      http.Header
	Body        map[string]any
}

// recorder is a server that keeps what it gets and answers as respond does, or
// takes everything for accepted.
type recorder struct {
	*httptest.Server
	mu      sync.Mutex
	got     []seen
	respond http.HandlerFunc
}

func newRecorder(t testing.TB, respond http.HandlerFunc) *recorder {
	rec := &recorder{respond: respond}
	rec.Server = httptest.NewServer(rec)
	t.Cleanup(rec.Close)
	return rec
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := seen{Method: r.Method, URI: r.RequestURI, Query: r.URL.Query(), Header: r.Header}
	s.URI, _, _ = strings.Cut(s.URI, "?")
	_ = json.NewDecoder(r.Body).Decode(&s.Body)
	rec.mu.Lock()
	rec.got = append(rec.got, s)
	rec.mu.Unlock()
	if rec.respond != nil {
		rec.respond(w, r)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, accepted)
}

func (rec *recorder) one(t testing.TB) seen {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	require.Len(t, rec.got, 1, "requests")
	s := rec.got[0]
	rec.got = nil
	return s
}

// calls is every call of a client.
var calls = []struct {
	name string
	jsm  bool // whether a GenieKey may make it on Jira Service Management
	do   func(context.Context, *opsgenie.Client) error
}{
	{"create", true, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.Create(ctx, opsgenie.NewAlert{Message: "m", Alias: "a/b"})
		return err
	}},
	{"close", true, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.Close(ctx, opsgenie.Alias("a/b"), opsgenie.Action{Note: "n"})
		return err
	}},
	{"acknowledge", true, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.Acknowledge(ctx, opsgenie.Alias("a/b"), opsgenie.Action{})
		return err
	}},
	{"add note", true, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.AddNote(ctx, opsgenie.Alias("a/b"), "note", opsgenie.Action{})
		return err
	}},
	{"request status", true, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.RequestStatus(ctx, "r-1")
		return err
	}},
	{"add tags", false, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.AddTags(ctx, opsgenie.Alias("a/b"), []string{"t"}, opsgenie.Action{})
		return err
	}},
	{"remove tags", false, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.RemoveTags(ctx, opsgenie.Alias("a/b"), []string{"t"}, opsgenie.Action{})
		return err
	}},
	{"list", false, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.List(ctx, opsgenie.ListOptions{})
		return err
	}},
	{"all", false, func(ctx context.Context, c *opsgenie.Client) (err error) {
		for _, err = range c.All(ctx, opsgenie.ListOptions{}) {
		}
		return err
	}},
	{"get", false, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.Get(ctx, opsgenie.Alias("a/b"))
		return err
	}},
	{"notes", false, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.Notes(ctx, opsgenie.Alias("a/b"), opsgenie.NotesOptions{})
		return err
	}},
	{"ping", false, func(ctx context.Context, c *opsgenie.Client) error {
		_, err := c.Ping(ctx, "nightly")
		return err
	}},
}

func asError(t testing.TB, err error) *opsgenie.Error {
	t.Helper()
	var e *opsgenie.Error
	require.ErrorAs(t, err, &e)
	assert.NotEmpty(t, e.Op)
	return e
}
