package prometheustest_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is the beginning of the spans that the tests ask for.
var start = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// reply is an answer, read.
type reply struct {
	status int
	kind   string // Content-Type
	header http.Header
	body   string
}

// ask makes one query by a method, to the API at base.
func ask(ctx context.Context, rt http.RoundTripper, method, base string, form url.Values) (reply, error) {
	at, body := base+"/api/v1/query_range", ""
	if method == http.MethodPost {
		body = form.Encode()
	} else {
		at += "?" + form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := rt.RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header, string(all)}, err
}

// form is the parameters of a query: pairs of names and values over those that ask
// for one minute of q.
func form(pairs ...string) url.Values {
	f := url.Values{"query": {"q"}, "start": {"1793577600"}, "end": {"1793577660"}, "step": {"60"}}
	for i := 0; i < len(pairs); i += 2 {
		if f.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			f.Del(pairs[i])
		}
	}
	return f
}

// tb is a test that is allowed to fail.
type tb struct {
	cleanups []func()
	fatal    bool
}

func (b *tb) Helper()               {}
func (b *tb) Cleanup(f func())      { b.cleanups = append(b.cleanups, f) }
func (b *tb) Fatalf(string, ...any) { b.fatal = true }
