package statuspage_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
)

// The summary beside a handler that writes the same bytes from memory, over
// loopback, for pages of different sizes.
func BenchmarkAPI_summary(b *testing.B) {
	for _, services := range []int{10, 1000} {
		page, err := statuspage.New(b.Context(), statuspage.Config{Store: memstore.New(), WebhookKeys: []string{testKey}})
		require.NoError(b, err)
		s := &site{webhook: page.Webhook(), api: page.API()}
		for n := range services {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/webhook", nil)
			r.Body = io.NopCloser(alertBody(alert{action: "Create", id: named("i", n), message: "x", tags: tags("major", named("s", n)), updated: time.Now()}))
			require.Equal(b, http.StatusOK, do(s.webhook, r, "X-Api-Key", testKey).Code)
		}
		body := do(s.api, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v2/summary.json", nil)).Body.Bytes()
		for name, h := range map[string]http.Handler{
			"page": s.api,
			"bytes": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json; charset=utf-8")
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				_, _ = w.Write(body)
			}),
		} {
			b.Run(fmt.Sprintf("services=%d/%s", services, name), func(b *testing.B) {
				srv := httptest.NewServer(h)
				defer srv.Close()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					resp, err := http.Get(srv.URL + "/api/v2/summary.json")
					require.NoError(b, err)
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		}
	}
}
