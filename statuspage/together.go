package statuspage

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lines are the changes of services that are being stored. Of one service there is
// one at a time, and what comes meanwhile waits and is stored together: where the
// store is far away, a storm of webhooks would queue up for longer than their
// senders wait. The zero value is ready for use.
type lines struct {
	mu      sync.Mutex
	waiting map[string][]*job // by service; there is an entry while somebody stores
}

// job is a change that somebody waits for.
type job struct {
	now    time.Time
	change func(*Record) bool
	turn   chan turn // has room for one
	stored *Record
	err    error
}

// turn is what comes of waiting.
type turn int

const (
	turnDone  turn = iota // it is stored, or failed
	turnLead              // to store all that wait
	turnAgain             // whoever stored it gave up for reasons of his own
)

// join puts a job in line, and reports whether it is its turn at once.
func (l *lines) join(name string, j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, busy := l.waiting[name]
	if l.waiting == nil {
		l.waiting = map[string][]*job{}
	}
	l.waiting[name] = append(all, j)
	return !busy
}

// take takes all jobs out of the line, which stays.
func (l *lines) take(name string) []*job {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.waiting[name]
	l.waiting[name] = nil
	return all
}

// next gives the turn to the first that waits.
func (l *lines) next(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nextLocked(name)
}

func (l *lines) nextLocked(name string) {
	if all := l.waiting[name]; len(all) > 0 {
		all[0].turn <- turnLead
	} else {
		delete(l.waiting, name)
	}
}

// leave takes a job out of the line that nobody waits for any more. If it was its
// turn, it is that of the next.
func (l *lines) leave(name string, j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.waiting[name], j)
	if at < 0 {
		return // it is on its way
	}
	l.waiting[name] = slices.Delete(l.waiting[name], at, at+1)
	select {
	case <-j.turn:
		l.nextLocked(name)
	default:
	}
}

// storeTogether stores a change of a service, with all that wait for the same. It
// returns the record as it is stored, or nil where it is not known.
func (p *Page) storeTogether(ctx context.Context, name string, now time.Time, change func(*Record) bool) (*Record, error) {
	for {
		j := &job{now: now, change: change, turn: make(chan turn, 1)}
		if p.lines.join(name, j) {
			return p.lead(ctx, name, j)
		}
		var what turn
		select {
		case what = <-j.turn:
		case <-ctx.Done():
			p.lines.leave(name, j)
			return nil, context.Cause(ctx) // it may be stored yet
		}
		switch what {
		case turnDone:
			return j.stored, j.err
		case turnLead:
			return p.lead(ctx, name, j)
		}
	}
}

// lead stores all that wait, mine among them.
func (p *Page) lead(ctx context.Context, name string, mine *job) (*Record, error) {
	defer p.lines.next(name)
	all := p.lines.take(name)
	now := mine.now
	for _, j := range all {
		if j.now.After(now) {
			now = j.now
		}
	}
	r, err := p.storeOne(ctx, name, now, func(r *Record) (changed bool) {
		for _, j := range all {
			changed = j.change(r) || changed
		}
		return changed
	})
	if r != nil {
		err = p.mirror(ctx, r)
	}
	what := turnDone
	if err != nil && ctx.Err() != nil {
		what = turnAgain
	}
	for _, j := range all {
		if j != mine {
			j.stored, j.err = r, err
			j.turn <- what
		}
	}
	return r, err
}
