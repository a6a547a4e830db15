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
	mu    sync.RWMutex
	of    *Snapshot
	until time.Time
	byKey map[answerKey]*answer
}

type answerKey struct{ url, before, after, service string }

// get returns the answer of a target, made now or before; nil for what is not
// there. url is the page's address.
func (a *answers) get(p *Page, t target, url string) *answer {
	now, snap, key := time.Now(), p.Snapshot(), answerKey{url, t.before, t.after, t.service}
	a.mu.RLock()
	fresh := a.of == snap && now.Before(a.until)
	kept := a.byKey[key]
	a.mu.RUnlock()
	if fresh && kept != nil {
		return kept
	}
	m := &moment{Snapshot: snap, page: p, now: now, url: url, plans: p.plans(snap.Services)}
	made := t.render(m, t.service)
	if made == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of != snap || !now.Before(a.until) {
		if a.of != nil && a.of.Rev > snap.Rev {
			return made // somebody has a newer one already
		}
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
