package pageexport

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/routewatch/routewatch/statuspage"
)

// Source is a page to be written; *statuspage.Page is one.
type Source interface {
	http.Handler
	Changes() (*statuspage.Snapshot, <-chan struct{})
}

// How long the publisher waits: after a change for those that come with it, at
// the most without one, since bars and ages change with the clock, and after a
// failure.
const (
	settleFor = 500 * time.Millisecond
	freshFor  = time.Minute
	retryFor  = 10 * time.Second
	roundFor  = 5 * time.Minute // one round
)

// Publisher keeps files current. Make it with [NewPublisher].
type Publisher struct {
	page   Source
	site   statuspage.Site
	target Target
	put    map[string][sha256.Size]byte // what was put, by path
	gone   map[string]bool              // what was deleted, by path

	mu    sync.Mutex
	stats Stats
}

// Stats says how publishing goes.
type Stats struct {
	Last   time.Time // when the files were last known to be current
	Done   uint64    // rounds that succeeded
	Failed uint64
	Files  int // that the page has
}

// NewPublisher makes a publisher, which does nothing until Publish or Run.
func NewPublisher(page Source, site statuspage.Site, target Target) *Publisher {
	return &Publisher{page: page, site: site, target: target, put: map[string][sha256.Size]byte{}, gone: map[string]bool{}}
}

// Stats returns how it has gone so far.
func (p *Publisher) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Publish writes the files that are not in the target as they should be, and
// returns how many. Where the target cannot tell what it holds, these are those
// that have changed since the last time. It must not be called twice at once.
// Files that the page does not have any more stay: the links that people kept go
// on leading somewhere.
func (p *Publisher) Publish(ctx context.Context) (written int, err error) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil {
			p.stats.Failed++
			return
		}
		p.stats.Done++
		p.stats.Last = time.Now()
	}()
	snap, _ := p.page.Changes()
	files, err := Collect(ctx, p.page, p.site, snap)
	if err != nil {
		return 0, err
	}
	same := p.same(ctx)
	var errs []error
	// Last the page itself, which leads to all others.
	for n := len(files) - 1; n >= 0; n-- {
		f := files[n]
		if same(f) {
			continue
		}
		if err := p.target.Put(ctx, f); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Path, err))
			if ctx.Err() != nil || len(errs) > 10 {
				break // it is not about single files
			}
			continue
		}
		p.put[f.Path] = sumOf(f)
		delete(p.gone, f.Path)
		written++
	}
	errs = append(errs, p.takeBack(ctx, snap, files))
	p.mu.Lock()
	p.stats.Files = len(files)
	p.mu.Unlock()
	return written, errors.Join(errs...)
}

// takeBack deletes the pages of incidents that are hidden, and of months that had
// no others. Each is deleted once: whoever else may put it there again knows less
// than we do, and deletes it when he knows as much.
func (p *Publisher) takeBack(ctx context.Context, snap *statuspage.Snapshot, files []File) error {
	has := map[string]bool{}
	for _, f := range files {
		has[f.Path] = true
	}
	var errs []error
	for _, r := range snap.Services {
		for n := range r.Incidents {
			if i := &r.Incidents[n]; i.Hidden {
				for _, path := range pagesOf(i) {
					if has[path] || p.gone[path] {
						continue
					}
					if err := p.target.Delete(ctx, File{Path: path, Type: htmlType}); err != nil {
						errs = append(errs, fmt.Errorf("deleting %s: %w", path, err))
						continue
					}
					p.gone[path] = true
				}
			}
		}
	}
	return errors.Join(errs...)
}

// same returns what tells whether a file is in the target already. Several may
// write to one bucket: what we put there last may not be what is there now.
func (p *Publisher) same(ctx context.Context) func(File) bool {
	if t, ok := p.target.(teller); ok {
		if same, err := t.tell(ctx); err == nil {
			return same
		}
		// Whoever may write may not be allowed to look.
	}
	return func(f File) bool { return p.put[f.Path] == sumOf(f) }
}

func sumOf(f File) [sha256.Size]byte { return sha256.Sum256(append([]byte(f.Type+"\n"), f.Body...)) }

// Run publishes at once, after each change, and each minute, until ctx ends;
// then once more what has changed.
func (p *Publisher) Run(ctx context.Context, log *slog.Logger) {
	for {
		_, changed := p.page.Changes()
		wait := freshFor
		if err := p.round(ctx); err != nil {
			wait = retryFor
			log.ErrorContext(ctx, "statuspage: publishing the page as files", slog.Any("error", err))
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-changed:
			// An alert mostly brings several changes.
			select {
			case <-time.After(settleFor):
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryFor)
			defer cancel()
			if err := p.round(last); err != nil {
				log.ErrorContext(last, "statuspage: publishing the page as files for the last time", slog.Any("error", err))
			}
			return
		}
	}
}

func (p *Publisher) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundFor)
	defer cancel()
	_, err := p.Publish(ctx)
	return err
}
