package routewatch

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// maxAlarms bounds how many aliases are held at once, and maxLanes how many
// routes with them. What goes beyond shares one alarm.
const (
	maxAlarms = 256
	maxLanes  = 4096
)

// laneKey tells the hits apart that may belong to different aliases or routes.
// Parts that the alias of its kind has no use for are left zero.
type laneKey struct {
	kind      kind
	status    int16 // the code, or the class's first digit
	route     string
	method    string
	exception string
	fn        string
}

type routeKey struct {
	kind  kind
	route string
}

// lane is one route's part in an alarm.
type lane struct {
	alarm *alarm
	key   laneKey
	good  atomic.Bool // a good answer has come since the last hit
	// owed is how many good answers are still to come that speak for nothing:
	// those of the requests in which an error was raised by hand.
	owed atomic.Int32
}

// maxOwed bounds lane.owed: such a request may also end without a good answer.
const maxOwed = 8

// owe has the lane expect the answer of a request that a hit was raised in.
func (l *lane) owe() {
	if l.owed.Load() < maxOwed {
		l.owed.Add(1)
	}
}

// pay takes a good answer for one that the lane expects. It returns false where
// it expects none.
func (l *lane) pay() bool {
	for n := l.owed.Load(); n > 0; n = l.owed.Load() {
		if l.owed.CompareAndSwap(n, n-1) {
			return true
		}
	}
	return false
}

// clearable says that an answer can speak for the lane: it has a route.
func (l *lane) clearable() bool { return l.key.route != "" }

// alarm is the state of one alias.
type alarm struct {
	alias string

	// What hits touch.
	hits     atomic.Uint64 // not yet sent
	lastHit  atomic.Int64  // on the Watcher's clock; kept only for resolving
	armed    atomic.Bool   // the loop will look at hits by itself
	evicted  atomic.Bool   // not in the maps any more
	evidence atomic.Pointer[evidence]

	lanes []*lane // guarded by perRequest.mu

	// What the loop alone writes.
	open    atomic.Bool // Opsgenie was told of it, or will be
	stalled atomic.Bool // quiet for long enough, but for a good answer
	due     time.Duration
	total   uint64    // hits since it opened
	last    *evidence // what is told of it
}

// laneOf finds the lane of a hit; nil where there is none yet.
func (t *perRequest) laneOf(key laneKey) *lane { return (*t.lanes.Load())[key] }

// newLane makes a lane in the alarm of the given alias.
func (t *perRequest) newLane(key laneKey, alias string) *lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := (*t.lanes.Load())[key]; l != nil {
		return l
	}
	full := func() bool {
		return t.alarms[alias] == nil && len(t.alarms) >= maxAlarms || len(*t.lanes.Load()) >= maxLanes
	}
	// In a flood of new aliases it is not for each of them to look for room.
	if full() && !t.crowded.Swap(true) {
		if t.evict(); !full() {
			t.crowded.Store(false)
		}
	}
	if full() {
		t.overflowed.Add(1)
		return t.overflow
	}
	a := t.alarms[alias]
	if a == nil {
		a = &alarm{alias: alias}
		t.alarms[alias] = a
	}
	l := &lane{alarm: a, key: key}
	l.good.Store(true)
	a.lanes = append(a.lanes, l)

	lanes := maps.Clone(*t.lanes.Load())
	lanes[key] = l
	t.lanes.Store(&lanes)
	if t.resolve > 0 && l.clearable() {
		routes, rk := maps.Clone(*t.routes.Load()), routeKey{key.kind, key.route}
		routes[rk] = append(slices.Clone(routes[rk]), l)
		t.routes.Store(&routes)
	}
	return l
}

// evict takes the alarms out of the maps of which nothing is known but their
// names. The caller holds mu.
func (t *perRequest) evict() {
	idle := map[string]*alarm{}
	for alias, a := range t.alarms {
		if !a.open.Load() && !a.armed.Load() {
			idle[alias] = a
		}
	}
	// What the outbox holds stays here too, or it would grow for as long as it
	// cannot deliver. Asked for afterwards: an alarm is idle only when all that
	// it wants is in the outbox.
	for _, alias := range t.out.waiting() {
		delete(idle, alias)
	}
	maps.DeleteFunc(idle, func(_ string, a *alarm) bool { return !a.retire(0) })
	t.remove(idle)
}

// retire marks an alarm as evicted, unless it was hit more often than is known.
func (a *alarm) retire(known uint64) bool {
	// A hit that counts from here on sees that it must ask again; one that came
	// before is seen here.
	a.evicted.Store(true)
	if a.hits.Load() != known {
		a.evicted.Store(false)
		return false
	}
	return true
}

// remove takes retired alarms out of the maps. The caller holds mu.
func (t *perRequest) remove(retired map[string]*alarm) {
	if len(retired) == 0 {
		return
	}
	lanes, routes := maps.Clone(*t.lanes.Load()), maps.Clone(*t.routes.Load())
	for alias, a := range retired {
		delete(t.alarms, alias)
		for _, l := range a.lanes {
			t.clear(l)
			delete(lanes, l.key)
			rk := routeKey{l.key.kind, l.key.route}
			if routes[rk] = slices.DeleteFunc(slices.Clone(routes[rk]), func(x *lane) bool { return x == l }); len(routes[rk]) == 0 {
				delete(routes, rk)
			}
		}
	}
	t.lanes.Store(&lanes)
	t.routes.Store(&routes)
}

// evicted says whether an alarm is out of the maps: while one is about to be
// taken out, its mark may still go away again.
func (t *perRequest) evicted(a *alarm) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return a.evicted.Load()
}
