package routewatch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
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
	crowded    atomic.Bool // nothing to evict, until the loop has done something

	mu     sync.Mutex // for what follows, and for writing the maps
	alarms map[string]*alarm
	woken  []*alarm // armed, and not yet announced by tick
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
	if a.evicted.Load() && t.evicted(a) {
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
	t.mu.Lock()
	armed := a.armed.Load() || a.evicted.Load() // what hits an evicted one is told elsewhere
	if !armed {
		// The list first: who finds the alarm armed may rely on its being told
		// by the next Flush.
		t.woken = append(t.woken, a)
		a.armed.Store(true)
	}
	t.mu.Unlock()
	if !armed {
		t.wake()
	}
}

// good says that a route has answered well.
func (t *perRequest) good(k kind, route string) {
	for _, l := range (*t.routes.Load())[routeKey{k, route}] {
		if l.pay() {
			continue
		}
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
	woken := slices.Clone(t.woken)
	alarms := slices.AppendSeq(make([]*alarm, 0, len(t.alarms)+1), maps.Values(t.alarms))
	t.mu.Unlock()

	for _, a := range woken {
		if a.hits.Load() > 0 {
			t.announce(a, now)
		} else {
			t.disarm(a) // told of between its hit and its waking us
		}
	}
	t.mu.Lock()
	t.woken = slices.Delete(t.woken, 0, len(woken)) // the outbox has them now
	t.mu.Unlock()
	for _, a := range append(alarms, t.overflow.alarm) {
		next = sooner(next, t.repeat(a, now))
		next = sooner(next, t.settle(a, now))
	}
	t.crowded.Store(false)
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
	if !good && a != t.overflow.alarm {
		if !t.forget(a, hits) {
			return now // hit while we looked
		}
		return 0
	}
	if !a.hits.CompareAndSwap(hits, 0) {
		return now // likewise
	}
	a.evidence.Store(nil) // of hits that nobody will be told of
	a.stalled.Store(false)
	a.open.Store(false)
	if good {
		t.out.close(a.alias, t.farewell(a.total+hits))
	}
	t.disarm(a)
	return 0
}

// forgetAfter bounds how long an alarm is held that no answer clears.
const forgetAfter = 24 * time.Hour

// forget evicts an open alarm, so that what comes is told as new. It returns
// false where there were more hits than are known.
func (t *perRequest) forget(a *alarm, known uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !a.retire(known) {
		return false
	}
	t.remove(map[string]*alarm{a.alias: a})
	return true
}

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
	times := "once"
	if total != 1 {
		times = strconv.FormatUint(total, 10) + " times"
	}
	return fmt.Sprintf("Closed by routewatch: hit %s, then quiet for %s with good answers on each of its routes.", times, t.resolve)
}

// sooner returns the earlier of two times, where zero is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// pending lists the aliases of which the outbox does not know yet.
func (t *perRequest) pending() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return aliasesOf(t.woken)
}

// abandon gives up what pending lists.
func (t *perRequest) abandon() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	aliases := aliasesOf(t.woken)
	t.woken = nil
	return aliases
}

func aliasesOf(alarms []*alarm) []string {
	aliases := make([]string, 0, len(alarms))
	for _, a := range alarms {
		aliases = append(aliases, a.alias)
	}
	return aliases
}
