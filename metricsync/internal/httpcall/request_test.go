package httpcall_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

func TestRequests(t *testing.T) {
	type seen struct {
		method, uri, body string
		header            http.Header
	}
	for name, test := range map[string]struct {
		base   string
		secret string
		r      httpcall.Request
		want   seen
	}{
		"as little as possible": {
			"https://api.example.com", "",
			httpcall.Request{},
			seen{"GET", "/", "", http.Header{"Accept": {"application/json"}, "User-Agent": {"routewatch"}}},
		},
		"with a secret": {
			"https://api.example.com/v1", "k",
			httpcall.Request{Path: "/pages"},
			seen{"GET", "/v1/pages", "", http.Header{"Accept": {"application/json"}, "User-Agent": {"routewatch"}, "Authorization": {"OAuth k"}}},
		},
		"escapes stay as they are": {
			"https://api.example.com/v1", "",
			httpcall.Request{Path: "/a%2Fb/c%3Fd/%C3%A9%20", Query: url.Values{"q": {`sf_metric:"a&b"`}}},
			seen{"GET", "/v1/a%2Fb/c%3Fd/%C3%A9%20?q=sf_metric%3A%22a%26b%22", "", http.Header{"Accept": {"application/json"}, "User-Agent": {"routewatch"}}},
		},
		"with a body": {
			"https://api.example.com/v1", "",
			httpcall.Request{Method: "PUT", Path: "/x", Body: []byte("data"), Type: "text/plain", Accept: "text/event-stream"},
			seen{"PUT", "/v1/x", "data", http.Header{
				"Accept": {"text/event-stream"}, "User-Agent": {"routewatch"}, "Content-Type": {"text/plain"}, "Content-Length": {"4"},
			}},
		},
		"with an empty body": {
			"https://api.example.com/v1", "",
			httpcall.Request{Method: "POST", Path: "/x", Body: []byte{}},
			seen{"POST", "/v1/x", "", http.Header{
				"Accept": {"application/json"}, "User-Agent": {"routewatch"}, "Content-Type": {"application/json"}, "Content-Length": {"0"},
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all []seen
				cfg := config(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					r.Header.Del("Accept-Encoding")
					all = append(all, seen{r.Method, r.RequestURI, string(body), r.Header})
					w.WriteHeader(503)
				}))
				var err error
				cfg.Base, err = webapi.ParseBase(test.base, true)
				require.NoError(t, err)
				cfg.Secret, cfg.Tries = test.secret, 2
				_, err = httpcall.New(cfg).Do(t.Context(), test.r, nil)
				require.Error(t, err)
				assert.Equal(t, []seen{test.want, test.want}, all, "each attempt sends all of it")
			})
		})
	}
	for name, r := range map[string]httpcall.Request{
		"an escape that is none": {Op: call.Op, Path: "/100%"},
		"a method that is none":  {Op: call.Op, Method: "GET IT"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: []roundTrip{says(200, "")}}
			_, err := httpcall.New(config(t, s)).Do(t.Context(), r, nil)
			assert.EqualError(t, err, "test: calling at api.example.com: the address cannot be asked")
			assert.Empty(t, s.at)
		})
	}
}

// The calls of one client do not get into each other's way.
func TestConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n, told int
		var mu sync.Mutex
		cfg := config(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			n++
			bad := n%3 == 0
			mu.Unlock()
			if bad {
				w.WriteHeader(500)
				return
			}
			_, _ = io.Copy(w, r.Body)
		}))
		cfg.Tries = 50
		cfg.After = func(*metricsync.Error) {
			mu.Lock()
			defer mu.Unlock()
			told++
		}
		c := httpcall.New(cfg)
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				want := strings.Repeat("x", i)
				r := call
				r.Method, r.Body = "POST", []byte(want)
				_, err := c.Do(t.Context(), r, func(body []byte) error {
					assert.Equal(t, want, string(body))
					return nil
				})
				assert.NoError(t, err)
			})
		}
		all.Wait()
		assert.Equal(t, n-30, told)
	})
}
