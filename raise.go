package routewatch

import (
	"strconv"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// raise counts a hit towards its alert and, where the alert has nothing to tell
// yet, gathers what there is to be told.
func (w *Watcher) raise(h *hit) {
	if w.closed.Load() {
		w.stats.drop(dropClosed)
		return
	}
	key := w.laneKey(h)
	l := w.trigger.laneOf(key)
	for l == nil || !w.count(l, h) {
		l = w.trigger.newLane(key, w.set.alias(h))
	}
	w.stats.hits[h.kind].Add(1)
}

func (w *Watcher) count(l *lane, h *hit) bool {
	if l.alarm.evidence.Load() == nil {
		l.alarm.evidence.CompareAndSwap(nil, w.set.gather(h))
	}
	var now time.Duration
	if w.trigger.resolve > 0 { // else nobody asks for the time
		now = w.now()
		if h.byHand && l.clearable() {
			l.owe()
		}
	}
	return w.trigger.hit(l, now)
}

// wantsStack says whether anything of the hit needs the stack: its alias, or an
// alert that has nothing to tell yet.
func (w *Watcher) wantsStack(h *hit) bool {
	if w.set.aliases[h.kind].uses&phException != 0 {
		return true
	}
	l := w.trigger.laneOf(w.laneKey(h))
	return l == nil || l.alarm.evidence.Load() == nil
}

// laneKey takes of a hit what its alias tells apart, and the route.
func (w *Watcher) laneKey(h *hit) laneKey {
	key := laneKey{kind: h.kind, route: h.route}
	uses := w.set.aliases[h.kind].uses
	if uses == 0 {
		return key
	}
	if uses&phMethod != 0 {
		key.method = methodOf(h.request)
	}
	if uses&phStatus != 0 {
		key.status = int16(h.status)
	} else if uses&phClass != 0 {
		key.status = int16(h.status / 100)
	}
	if uses&phException != 0 {
		key.exception = h.exception()
	}
	if uses&phFunc != 0 {
		key.fn = h.fn
	}
	return key
}

// alias is the alias of the alert that a hit belongs to.
func (s *settings) alias(h *hit) string {
	v := aliasValues{
		service: s.Service, env: s.Environment, host: s.host,
		method: methodOf(h.request), route: h.route, fn: h.fn,
	}
	if v.route == "" {
		v.route = unmatched
	}
	if h.status > 0 {
		v.status, v.class = strconv.Itoa(h.status), class(h.status)
	}
	if s.aliases[h.kind].uses&phException != 0 {
		v.exception = h.exception()
	}
	return s.aliases[h.kind].expand(v)
}

var _ Notifier = (*opsgenie.Client)(nil)
