package routewatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

func TestDeliveryGo(t *testing.T) {
	errStop := errors.New("stopping")
	tests := []struct {
		name string
		stop func(context.CancelCauseFunc)
		run  func(context.Context) error
		want []string
	}{
		{"an error", nil, func(context.Context) error { return declined{} }, []string{"create shop-sync-routewatch_test.declined at 0s"}},
		{
			"an error although ctx has ended", stopWith(nil), func(context.Context) error { return declined{} },
			[]string{"create shop-sync-routewatch_test.declined at 0s"},
		},
		{"somebody else's cancelling", nil, func(context.Context) error { return context.Canceled }, []string{"create shop-sync-error at 0s"}},
		{"a deadline", nil, func(context.Context) error { return context.DeadlineExceeded }, []string{"create shop-sync-context.deadlineExceededError at 0s"}},
		{"no error", nil, func(context.Context) error { return nil }, nil},
		{"no error although ctx has ended", stopWith(nil), func(context.Context) error { return nil }, nil},
		{"ctx has ended", stopWith(nil), func(ctx context.Context) error { return fmt.Errorf("poll: %w", ctx.Err()) }, nil},
		{"ctx has ended for a reason", stopWith(errStop), func(ctx context.Context) error { return fmt.Errorf("poll: %w", context.Cause(ctx)) }, nil},
		{"Goexit", nil, func(context.Context) error { runtime.Goexit(); return nil }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d desk
				w := d.watch(t, routewatch.Config{})
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.stop != nil {
					tt.stop(cancel)
				}
				w.Go(ctx, "sync", tt.run)
				synctest.Wait()
				assert.Equal(t, tt.want, d.told())
			})
		})
	}
}

func stopWith(cause error) func(context.CancelCauseFunc) {
	return func(cancel context.CancelCauseFunc) { cancel(cause) }
}

const childURL = "ROUTEWATCH_TEST_CHILD_URL"

// TestDeliveryGoChild is what TestDeliveryGoPanic runs in a process of its own.
func TestDeliveryGoChild(t *testing.T) {
	url := os.Getenv(childURL)
	if url == "" {
		return // not a child
	}
	w, err := routewatch.New(routewatch.Config{APIKey: "key", APIURL: url, Service: "shop"})
	require.NoError(t, err)
	w.Go(t.Context(), "sync", func(context.Context) error { return blowUp(nil) })
	select {
	case <-time.After(20 * time.Second):
		os.Exit(3) // the panic did not come
	case <-make(chan struct{}):
	}
}

// blowUp is to be found in the crash's output.
//
//go:noinline
func blowUp(m map[string]error) error {
	m["x"] = errors.New("y")
	return nil
}

func TestDeliveryGoPanic(t *testing.T) {
	var mu sync.Mutex
	var got []opsgenie.NewAlert
	take := func(rw http.ResponseWriter, r *http.Request) {
		var a opsgenie.NewAlert
		if err := json.NewDecoder(r.Body).Decode(&a); err == nil {
			mu.Lock()
			got = append(got, a)
			mu.Unlock()
		}
		rw.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(rw, `{"result":"Request will be processed","took":0.1,"requestId":"r-1"}`)
	}
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	tests := []struct {
		name     string
		serve    http.HandlerFunc
		alerts   int
		min, max time.Duration
	}{
		{"delivered", take, 1, 0, routewatch.PanicDeadline},
		{"Opsgenie hangs", hang, 0, routewatch.PanicDeadline, routewatch.PanicDeadline + 3*time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(tt.serve)
			defer srv.Close()
			exe, err := os.Executable()
			require.NoError(t, err)
			child := exec.Command(exe, "-test.run=^TestDeliveryGoChild$")
			child.Env = append(os.Environ(), childURL+"="+srv.URL)
			start := time.Now()
			out, err := child.CombinedOutput()
			took := time.Since(start)

			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%s", out)
			assert.Equal(t, 2, exit.ExitCode(), "of a panic\n%s", out)
			assert.Contains(t, string(out), "panic: assignment to entry in nil map")
			assert.Contains(t, string(out), "routewatch_test.blowUp", "the original frames")
			assert.GreaterOrEqual(t, took, tt.min)
			assert.Less(t, took, tt.max)

			if tt.alerts > 0 {
				mu.Lock()
				defer mu.Unlock()
				require.Len(t, got, 1)
				assert.Contains(t, got[0].Message, "panic in sync: ")
				assert.Contains(t, got[0].Alias, "shop-sync-")
				assert.Contains(t, got[0].Details["stack"], "routewatch_test.blowUp")
			}
		})
	}
}
