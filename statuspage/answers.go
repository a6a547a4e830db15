package statuspage

import (
	"sync"
	"time"
)

// What is kept is bounded in number and in bytes. A page without a configured
// address has one more of each answer for every host that it is asked by, and
// hosts are made up at will.
const (
	maxKept      = 4096
	maxKeptBytes = 32 << 20
)

// answers keeps what was answered until the snapshot changes, or a maintenance
// begins or ends. The zero value is ready for use.
type answers struct {
	making sync.Mutex // one is made at a time: those who ask for the same share it

	mu    sync.RWMutex
	of    *Snapshot
	until time.Time
	byKey map[answerKey]*answer
	bytes int // of the bodies in byKey
}

type answerKey struct{ url, before, after, name string }

// get returns the answer of a target, made now or before; nil for what is not
// there. url is the page's address.
func (a *answers) get(p *Page, t target, url string) *answer {
	key := answerKey{url, t.before, t.after, t.name}
	now, snap := time.Now(), p.Snapshot()
	if kept := a.find(snap, now, key); kept != nil {
		return kept
	}
	a.making.Lock()
	defer a.making.Unlock()
	now, snap = time.Now(), p.Snapshot()
	if kept := a.find(snap, now, key); kept != nil {
		return kept
	}
	m := newMaterial(p, snap, now, url)
	made := t.render(m, t.name)
	if made == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of != snap || !now.Before(a.until) {
		a.of, a.until, a.byKey, a.bytes = snap, nextTurn(m.plans, now), map[answerKey]*answer{}, 0
	}
	a.bytes += len(made.body)
	for other, kept := range a.byKey { // any of them: whoever asks by many hosts drops mostly his own
		if len(a.byKey) < maxKept && a.bytes <= maxKeptBytes {
			break
		}
		a.bytes -= len(kept.body)
		delete(a.byKey, other)
	}
	a.byKey[key] = made
	return made
}

// find returns an answer that was made of the snapshot, or nil.
func (a *answers) find(snap *Snapshot, now time.Time, key answerKey) *answer {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.of != snap || !now.Before(a.until) {
		return nil
	}
	return a.byKey[key]
}
