// Package syncrun makes the runs of metric sync: one, or one after the other, with
// the progress where the settings say.
package syncrun

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/openstore"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncconfig"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/pagesink"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
)

// Runner makes runs. Make it with [Open].
type Runner struct {
	cfg  metricsync.Config
	docs statuspage.Store // nil where it is opened for each run
	dir  string           // the store that is opened for each run
	own  []statuspage.Store
}

// Open opens what the runs need for as long as they go on. Where the progress is
// in a folder, that is had for the time of each run alone, so that one by hand can
// go between those of a daemon.
//
// page is the store of a page that runs in this process, or nil. It then gets the
// metrics, and keeps the progress.
func Open(ctx context.Context, cfg syncconfig.Config, page statuspage.Store, shared bool) (_ *Runner, err error) {
	r := &Runner{cfg: cfg.Sync}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if page != nil {
		r.docs, r.cfg.Shared = page, shared
	} else if err := r.openState(ctx, cfg.State); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if cfg.PageStore != "" {
		page, err = openstore.Open(ctx, cfg.PageStore)
		if errors.Is(err, filestore.ErrLocked) {
			return nil, fmt.Errorf("page.store: %w: where that is the page itself, let it do the sync, with routewatch statuspage --metrics FILE", err)
		}
		if err != nil {
			return nil, fmt.Errorf("page.store: %w", err)
		}
		r.own = append(r.own, page)
	}
	if page != nil {
		sink, err := pagesink.New(pagesink.Config{Store: page, Charts: cfg.Charts})
		if err != nil {
			return nil, err
		}
		r.cfg.Sinks = append(r.cfg.Sinks, sink)
	}
	return r, nil
}

func (r *Runner) openState(ctx context.Context, name string) error {
	if strings.HasPrefix(name, "file:") {
		r.dir = name
		return nil
	}
	store, err := openstore.Open(ctx, name)
	if err != nil {
		return err
	}
	r.docs, r.cfg.Shared = store, strings.HasPrefix(name, "s3:")
	r.own = append(r.own, store)
	return nil
}

// Run makes a run. Its error is ErrBusy where another process makes one.
func (r *Runner) Run(ctx context.Context, o metricsync.Options) (report *metricsync.Report, err error) {
	cfg := r.cfg
	switch {
	case r.docs != nil:
		cfg.Documents = r.docs
	case o.DryRun != nil && !exists(r.dir):
		// What would be sent is what there is without any progress.
	default:
		store, err := openstore.Open(ctx, r.dir)
		if errors.Is(err, filestore.ErrLocked) {
			return &metricsync.Report{}, fmt.Errorf("%w: %w", metricsync.ErrBusy, err)
		}
		if err != nil {
			return &metricsync.Report{}, fmt.Errorf("state: %w", err)
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		cfg.Documents = store
	}
	s, err := metricsync.New(cfg)
	if err != nil {
		return &metricsync.Report{}, err
	}
	report, err = s.Sync(ctx, o)
	return report, err
}

// Check looks at all metrics without sending.
func (r *Runner) Check(ctx context.Context, windows int) ([]metricsync.Check, error) {
	s, err := metricsync.New(r.cfg)
	if err != nil {
		return nil, err
	}
	return s.Check(ctx, windows), nil
}

// Close closes what Open has opened.
func (r *Runner) Close() error {
	var errs []error
	for _, s := range r.own {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
