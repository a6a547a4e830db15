package statuspage_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// TestWebhookWhileTheAPIHangs: what a webhook tells is stored and seen at once, also
// in the middle of a reconciliation of the same page that waits for an answer.
func TestWebhookWhileTheAPIHangs(t *testing.T) {
	for _, op := range []opsgenietest.Op{opsgenietest.OpList, opsgenietest.OpGet} {
		t.Run(string(op), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// What is not listed yet is asked for by itself.
				d := newDesk(t, &opsgenietest.Options{ListLag: time.Hour})
				x := d.raise("x", tagged("API", "major")...)
				d.reconcile()
				asked := len(d.og.CallsOf(op))
				d.og.Inject(opsgenietest.Fault{Op: op, Hang: true, Times: -1})
				webhook := d.page.Webhook()
				tell := func(action, id, severity string) {
					body := alert{action: action, id: id, message: "message of " + id, tags: tagged("API", severity), updated: time.Now()}.body(t)
					w := do(webhook, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook", strings.NewReader(body)))
					require.Equal(t, http.StatusOK, w.Code, w.Body)
				}
				running(t, d.page, func() {
					synctest.Wait()
					require.Len(t, d.og.CallsOf(op), asked+1)
					began := time.Now()
					tell("Create", "y", "critical")
					d.requireLook("API", "critical message of y")
					tell("Close", "y", "critical")
					d.requireLook("API", "major x")
					tell("Close", x, "major")
					d.requireLook("API", "green")
					requireMirrors(t, d.store, d.page)
					assert.Zero(t, time.Since(began))
					require.Len(t, d.og.CallsOf(op), asked+1)
					assert.Equal(t, uint64(1), d.page.ReconcileStats().Done+d.page.ReconcileStats().Failed, "it hangs until the end")
				})
			})
		})
	}
}
