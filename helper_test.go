package routewatch_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// recorder is a Notifier that remembers what it was given. Its zero value takes
// everything.
type recorder struct {
	onCreate func(ctx context.Context, a opsgenie.NewAlert) error
	onClose  func(ctx context.Context, alias string, act opsgenie.Action) error

	mu     sync.Mutex
	opened []opsgenie.NewAlert
	closed []string
}

func (r *recorder) Create(ctx context.Context, a opsgenie.NewAlert) (string, error) {
	r.mu.Lock()
	r.opened = append(r.opened, a)
	r.mu.Unlock()
	if r.onCreate != nil {
		return "", r.onCreate(ctx, a)
	}
	return "", nil
}

func (r *recorder) Close(ctx context.Context, ref opsgenie.Ref, act opsgenie.Action) (string, error) {
	r.mu.Lock()
	r.closed = append(r.closed, ref.Value)
	r.mu.Unlock()
	if r.onClose != nil {
		return "", r.onClose(ctx, ref.Value, act)
	}
	return "", nil
}

func (r *recorder) alerts() []opsgenie.NewAlert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.opened)
}

func (r *recorder) closes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.closed)
}

// newWatcher makes a Watcher that is closed with the test.
func newWatcher(t testing.TB, cfg routewatch.Config) *routewatch.Watcher {
	t.Helper()
	if cfg.Notifier == nil {
		cfg.Notifier = &recorder{}
	}
	if cfg.Service == "" {
		cfg.Service = "shop"
	}
	w, err := routewatch.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close(context.Background()) })
	return w
}
