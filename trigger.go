package routewatch

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// maxAlarms bounds how many aliases are held at once, and maxLanes how many
// routes with them. What goes beyond shares one alarm.
const (
	maxAlarms = 256
	maxLanes  = 4096
)

// perRequest is the trigger that makes an alert of the first hit. It counts what
// follows, says once every Renotify that there was more, and ends the alert when
// its routes have answered well.
//
// A hit takes no lock once its lane is known, and wakes nobody once its alert is
// open. A trigger that pages once per incident would stand in its place: it
// answers to laneOf, hit and good on the request's side, to tick on the loop's.
type perRequest struct {
	renotify, resolve time.Duration
	out               outbox // takes what should be true
	wake              func() // tells the loop that tick has something to do
	compose           func(e *evidence, alias string, total uint64) opsgenie.NewAlert

	lanes    atomic.Pointer[map[laneKey]*lane]    // copied on write
	routes   atomic.Pointer[map[routeKey][]*lane] // likewise: the same lanes
	awaiting atomic.Int32                         // lanes that wait for a good answer

	overflow   *lane // for what goes beyond the bounds
	overflowed atomic.Uint64

	mu     sync.Mutex // for what follows, and for writing the maps
	alarms map[string]*alarm
	woken  []*alarm // armed, and not yet seen by tick
}

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

func newPerRequest(s *settings, out outbox, wake func()) *perRequest {
	t := &perRequest{
		renotify: s.Renotify, resolve: s.ResolveAfter,
		out: out, wake: wake, compose: s.compose, alarms: map[string]*alarm{},
	}
	t.lanes.Store(&map[laneKey]*lane{})
	t.routes.Store(&map[routeKey][]*lane{})
	t.overflow = &lane{alarm: &alarm{alias: s.overflowAlias()}}
	return t
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
	if full() {
		if t.evict(); full() {
			t.overflowed.Add(1)
			return t.overflow
		}
	}
	a := t.alarms[alias]
	if a == nil {
		a = &alarm{alias: alias}
		t.alarms[alias] = a
	}
	l := &lane{alarm: a, key: key}
	l.good.Store(true)
	a.lanes = append(a.lanes, l)

	lanes, routes := maps.Clone(*t.lanes.Load()), maps.Clone(*t.routes.Load())
	lanes[key] = l
	rk := routeKey{key.kind, key.route}
	routes[rk] = append(slices.Clone(routes[rk]), l)
	t.lanes.Store(&lanes)
	t.routes.Store(&routes)
	return l
}

// evict takes the alarms out of the maps of which nothing is known but their
// names. The caller holds mu.
func (t *perRequest) evict() {
	lanes, routes := maps.Clone(*t.lanes.Load()), maps.Clone(*t.routes.Load())
	for alias, a := range t.alarms {
		if a.open.Load() || a.armed.Load() {
			continue
		}
		// A hit that counts from here on sees that it must ask again; one that
		// came before is seen here.
		a.evicted.Store(true)
		if a.hits.Load() > 0 {
			a.evicted.Store(false)
			continue
		}
		delete(t.alarms, alias)
		for _, l := range a.lanes {
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

// hit counts a hit in its lane. It returns false where the lane has just been
// evicted: newLane makes another.
func (t *perRequest) hit(l *lane, now time.Duration) bool {
	a := l.alarm
	if t.resolve > 0 {
		// Before the count, so that settle cannot take the hit for an old one.
		a.lastHit.Store(int64(now))
		if l.good.Swap(false) && l.clearable() {
			t.awaiting.Add(1)
		}
	}
	a.hits.Add(1)
	if a.evicted.Load() {
		t.clear(l)
		return false
	}
	if !a.armed.Load() {
		t.arm(a)
	}
	return true
}

// arm has the loop look at the alarm, unless it will anyway.
func (t *perRequest) arm(a *alarm) {
	if a.armed.CompareAndSwap(false, true) {
		t.mu.Lock()
		t.woken = append(t.woken, a)
		t.mu.Unlock()
		t.wake()
	}
}

// good says that a route has answered well.
func (t *perRequest) good(k kind, route string) {
	for _, l := range (*t.routes.Load())[routeKey{k, route}] {
		if t.clear(l) && l.alarm.stalled.Load() {
			t.wake()
		}
	}
}

// clear marks a lane as good again. It returns false where it was.
func (t *perRequest) clear(l *lane) bool {
	if !l.clearable() || l.good.Load() || !l.good.CompareAndSwap(false, true) {
		return false
	}
	t.awaiting.Add(-1)
	return true
}

// tick does what is due at now and returns when it wants to be called again;
// zero where nothing is left to wait for. Only the loop calls it.
func (t *perRequest) tick(now time.Duration) (next time.Duration) {
	t.mu.Lock()
	woken := t.woken
	t.woken = nil
	alarms := slices.AppendSeq(make([]*alarm, 0, len(t.alarms)+1), maps.Values(t.alarms))
	t.mu.Unlock()

	for _, a := range woken {
		t.announce(a, now)
	}
	for _, a := range append(alarms, t.overflow.alarm) {
		next = sooner(next, t.repeat(a, now))
		next = sooner(next, t.settle(a, now))
	}
	return next
}

// announce tells of an alarm's hits.
func (t *perRequest) announce(a *alarm, now time.Duration) {
	again := a.open.Swap(true)
	if !again {
		a.total = 0
	}
	a.total += a.hits.Swap(0)
	if e := a.evidence.Swap(nil); e != nil {
		a.last = e
	}
	a.due = now + t.renotify
	t.out.open(t.compose(a.last, a.alias, a.total), again)
}

// repeat tells of further hits, at most once in Renotify. When there were none,
// it lets the next one speak for itself at once.
func (t *perRequest) repeat(a *alarm, now time.Duration) (next time.Duration) {
	if a.due == 0 || now < a.due {
		return a.due
	}
	if a.hits.Load() > 0 {
		t.announce(a, now)
		return a.due
	}
	if t.resolve == 0 {
		a.open.Store(false) // a person will close it; what comes is told as new
	}
	t.disarm(a)
	return 0
}

// disarm lets the next hit wake the loop. One that came while the alarm was armed
// has woken nobody.
func (t *perRequest) disarm(a *alarm) {
	a.due = 0
	a.armed.Store(false)
	if a.hits.Load() > 0 {
		t.arm(a)
	}
}

// settle closes an open alarm when it has been quiet for long enough and every
// lane has seen a good answer. Where none comes for forgetAfter, it stays open
// in Opsgenie and is forgotten here.
func (t *perRequest) settle(a *alarm, now time.Duration) (next time.Duration) {
	if t.resolve == 0 || !a.open.Load() {
		return 0
	}
	hits := a.hits.Load()
	last := time.Duration(a.lastHit.Load())
	if now < last+t.resolve {
		a.stalled.Store(false)
		return last + t.resolve
	}
	a.stalled.Store(true) // before looking: good answers from now on wake the loop
	good := t.allGood(a)
	if !good && now < last+forgetAfter {
		return last + forgetAfter
	}
	if !a.hits.CompareAndSwap(hits, 0) {
		return now // hit while we looked
	}
	a.stalled.Store(false)
	a.total += hits
	a.open.Store(false)
	if good {
		t.out.close(a.alias, t.farewell(a.total))
	} else {
		t.mu.Lock()
		for _, l := range a.lanes {
			t.clear(l)
		}
		t.mu.Unlock()
	}
	t.disarm(a)
	return 0
}

// forgetAfter bounds how long an alarm is held that no answer clears.
const forgetAfter = 24 * time.Hour

func (t *perRequest) allGood(a *alarm) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range a.lanes {
		if !l.good.Load() {
			return false
		}
	}
	return a != t.overflow.alarm
}

// farewell is the note that an alert is closed with.
func (t *perRequest) farewell(total uint64) string {
	return fmt.Sprintf("Closed by routewatch: hit %d times, then quiet for %s with good answers on each of its routes.", total, t.resolve)
}

// sooner returns the earlier of two times, where zero is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// pending lists the aliases whose hits tick has not seen yet.
func (t *perRequest) pending() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	aliases := make([]string, 0, len(t.woken))
	for _, a := range t.woken {
		aliases = append(aliases, a.alias)
	}
	return aliases
}
