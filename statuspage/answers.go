package statuspage

import (
	"sync"
	"time"
)

// maxKept bounds the answers that are kept. A page without a configured address
// has one more of each for every host that it is asked by.
const maxKept = 4096

// answers keeps what was answered until the snapshot changes, or a maintenance
// begins or ends. The zero value is ready for use.
type answers struct {
	making sync.Mutex // one is made at a time: those who ask for the same share it

	mu    sync.RWMutex
	of    *Snapshot
	until time.Time
	byKey map[answerKey]*answer
}

type answerKey struct{ url, before, after, service string }

// get returns the answer of a target, made now or before; nil for what is not
// there. url is the page's address.
func (a *answers) get(p *Page, t target, url string) *answer {
	key := answerKey{url, t.before, t.after, t.service}
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
	made := t.render(m, t.service)
	if made == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of != snap || !now.Before(a.until) {
		a.of, a.until, a.byKey = snap, nextTurn(m.plans, now), map[answerKey]*answer{}
	}
	for other := range a.byKey { // any of them: whoever asks by many hosts drops mostly his own
		if len(a.byKey) < maxKept {
			break
		}
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
