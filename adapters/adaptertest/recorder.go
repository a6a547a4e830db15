package adaptertest

import (
	"context"
	"maps"
	"sync"

	"github.com/routewatch/routewatch/opsgenie"
)

// recorder is a Notifier that keeps the newest alert of each alias.
type recorder struct {
	mu  sync.Mutex
	got map[string]opsgenie.NewAlert
}

func (r *recorder) Create(_ context.Context, a opsgenie.NewAlert) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got == nil {
		r.got = map[string]opsgenie.NewAlert{}
	}
	r.got[a.Alias] = a
	return "", nil
}

func (r *recorder) Close(context.Context, opsgenie.Ref, opsgenie.Action) (string, error) {
	return "", nil
}

func (r *recorder) alerts() map[string]opsgenie.NewAlert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.got)
}
