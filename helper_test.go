package routewatch_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// recorder is a Notifier that keeps what it delivered. The zero value is ready
// and takes everything.
type recorder struct {
	// What an attempt comes to. nil is success; what fails is not kept. Set
	// them before the Watcher has the recorder.
	onCreate func(ctx context.Context, a opsgenie.NewAlert) error
	onClose  func(ctx context.Context, alias string, act opsgenie.Action) error

	mu      sync.Mutex
	created []opsgenie.NewAlert
	closed  []string
}

var _ routewatch.Notifier = (*recorder)(nil)

func (r *recorder) Create(ctx context.Context, a opsgenie.NewAlert) (string, error) {
	if r.onCreate != nil {
		if err := r.onCreate(ctx, a); err != nil {
			return "", err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.created = append(r.created, a)
	return "", nil
}

func (r *recorder) Close(ctx context.Context, ref opsgenie.Ref, act opsgenie.Action) (string, error) {
	if r.onClose != nil {
		if err := r.onClose(ctx, ref.Value, act); err != nil {
			return "", err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = append(r.closed, ref.Value)
	return "", nil
}

// alerts are the alerts created so far, repeats of open ones among them.
func (r *recorder) alerts() []opsgenie.NewAlert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.created)
}

// closes are the aliases closed so far.
func (r *recorder) closes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.closed)
}

// newWatcher makes a Watcher of the service "shop" that ends with the test. What
// cfg leaves open goes nowhere: alerts to a recorder, the log to nobody.
func newWatcher(t testing.TB, cfg routewatch.Config) *routewatch.Watcher {
	t.Helper()
	if cfg.Notifier == nil {
		cfg.Notifier = &recorder{}
	}
	if cfg.Service == "" {
		cfg.Service = "shop"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	w, err := routewatch.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = w.Close(ctx) // tests that ask for its error have closed it before
	})
	return w
}
