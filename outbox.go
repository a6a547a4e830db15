package routewatch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// outbox holds what should be true of each alias, open or closed, and sees that
// it becomes so: in order, one attempt at a time for each alias. It is a state
// and not a queue: what is newer takes the place of what is older, so a storm is
// one entry, and an overload loses only what does not matter any more.
//
// A durable outbox would stand in the place of memoryOutbox.
type outbox interface {
	// open wants the alert of a.Alias to be open with this content. again says
	// that it was wanted so before, and this is one more count.
	open(a opsgenie.NewAlert, again bool)
	// close wants the alert of the alias to be closed, with a note.
	close(alias, note string)
	// tick starts the attempts that are due at now and returns when it wants to
	// be called again, zero for not before an attempt has ended.
	tick(now time.Time) (next time.Time)
	// waiting lists the aliases whose newest state is not delivered yet.
	waiting() []string
	// hurry makes everything due that only waits for a back-off of ours.
	hurry()
}

const (
	callsPerMinute = 60 // what all attempts share
	forCloses      = 10 // of these, what only closes may use
	forFirst       = 10 // of the others, what repeats may not use
	maxInFlight    = 4

	backoffBase = time.Second
	backoffMax  = time.Minute
	maxWait     = 10 * time.Minute // the longest that a service may ask for
)

// memoryOutbox is an outbox that a process takes with it when it ends.
type memoryOutbox struct {
	to     Notifier
	source string // who closes
	wake   func() // tells the loop that an attempt has ended
	report *reporter
	ctx    context.Context // of every attempt

	mu       sync.Mutex
	entries  map[string]*entry
	inFlight int
	notTill  time.Time // the service asked to be left alone until then
	budget   budget
	turn     want // which of opens and closes goes next, when both wait
}

type want uint8

const (
	wantOpen want = iota
	wantClosed
)

// entry is the state of one alias.
type entry struct {
	alias string
	want  want
	alert opsgenie.NewAlert // to open with
	note  string            // to close with
	again bool              // was open before: one more count
	since time.Time         // when this state came to be wanted
	seq   uint64            // tells one wanted state from the next

	busy    bool // an attempt is in flight
	tries   int
	notTill time.Time
}

func newMemoryOutbox(ctx context.Context, s *settings, stats *counters, wake func()) *memoryOutbox {
	return &memoryOutbox{
		to: s.Notifier, source: s.host, wake: wake, ctx: ctx,
		report:  &reporter{log: s.Logger, stats: stats, to: s.destination()},
		entries: map[string]*entry{},
	}
}

func (o *memoryOutbox) open(a opsgenie.NewAlert, again bool) {
	o.set(a.Alias, func(e *entry) {
		// A first alert that still waits stays a first one, whatever is added.
		e.again = again && (e.seq == 0 || e.again || e.want == wantClosed)
		e.want, e.alert = wantOpen, a
	})
}

func (o *memoryOutbox) close(alias, note string) {
	o.set(alias, func(e *entry) { e.want, e.note, e.again = wantClosed, note, false })
}

func (o *memoryOutbox) set(alias string, change func(*entry)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.entries[alias]
	if e == nil {
		e = &entry{alias: alias}
		o.entries[alias] = e
	}
	before := e.want
	change(e)
	if e.seq == 0 || e.want != before {
		e.since = time.Now()
	}
	e.seq++
}

func (o *memoryOutbox) waiting() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	aliases := make([]string, 0, len(o.entries))
	for alias := range o.entries {
		aliases = append(aliases, alias)
	}
	return aliases
}

func (o *memoryOutbox) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.entries {
		e.notTill = time.Time{}
	}
}

func (o *memoryOutbox) tick(now time.Time) (next time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.inFlight < maxInFlight {
		if now.Before(o.notTill) {
			return o.notTill
		}
		e, when := o.pick(now)
		if e == nil {
			return when
		}
		o.budget.spend(now)
		e.busy = true
		o.inFlight++
		go o.attempt(*e)
	}
	return time.Time{}
}

// pick chooses the entry whose turn it is: of the first alerts and the closes by
// turns the one that waits longest, then of the repeats. Without one it returns
// when there may be one.
func (o *memoryOutbox) pick(now time.Time) (chosen *entry, when time.Time) {
	var best [3]*entry // first alerts, closes, repeats
	for _, e := range o.entries {
		if e.busy {
			continue
		}
		if now.Before(e.notTill) {
			when = earlier(when, e.notTill)
			continue
		}
		class := int(e.want)
		if e.again {
			class = 2
		}
		if b := best[class]; b == nil || e.since.Before(b.since) || e.since.Equal(b.since) && e.alias < b.alias {
			best[class] = e
		}
	}
	order := []int{int(o.turn), 1 - int(o.turn), 2}
	keep := [3]int{forCloses, 0, forCloses + forFirst} // of the budget, for others
	for _, class := range order {
		if best[class] == nil {
			continue
		}
		free := o.budget.freeAt(keep[class], now)
		if free.After(now) {
			when = earlier(when, free)
			continue
		}
		if class < 2 {
			o.turn = want(1 - class)
		}
		return best[class], time.Time{}
	}
	return nil, when
}

// attempt makes one attempt at the state that e was in when it began.
func (o *memoryOutbox) attempt(e entry) {
	err := o.deliver(e)
	now := time.Now()

	o.mu.Lock()
	defer func() {
		o.mu.Unlock()
		o.wake()
	}()
	o.inFlight--
	kept := o.entries[e.alias]
	kept.busy = false
	if err == nil {
		o.report.delivered(e.want)
		kept.tries = 0
		kept.again = kept.want == wantOpen // of what came since, if anything
		if kept.seq == e.seq {
			delete(o.entries, e.alias)
		}
		return
	}
	f := classify(err)
	if !f.temporary {
		o.report.dropped(f.reason, e.alias, err)
		kept.tries = 0
		if kept.seq == e.seq {
			delete(o.entries, e.alias) // a further hit will try again
		}
		return
	}
	o.report.failed(err)
	kept.notTill = now.Add(backoff(kept.tries))
	kept.tries++
	if f.wait > 0 { // what one is told holds for all: the limit is the account's
		o.notTill = later(o.notTill, now.Add(f.wait))
	}
}

func (o *memoryOutbox) deliver(e entry) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &notifierPanic{v}
		}
	}()
	ctx, cancel := context.WithTimeout(o.ctx, attemptTimeout)
	defer cancel()
	if e.want == wantClosed {
		_, err = o.to.Close(ctx, opsgenie.Alias(e.alias), opsgenie.Action{Source: o.source, Note: e.note})
	} else {
		_, err = o.to.Create(ctx, e.alert)
	}
	return err
}

// backoff is exponential with full jitter, so that a fleet does not come back
// all at once (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
func backoff(tries int) time.Duration {
	ceiling := backoffMax
	if tries < 6 { // 2⁶ s is beyond the ceiling
		ceiling = min(backoffMax, backoffBase<<tries)
	}
	return rand.N(ceiling) + time.Millisecond
}

// budget remembers when the last calls were made, to hold them to so many in any
// minute.
type budget struct {
	calls [callsPerMinute]time.Time // a ring
	next  int
}

func (b *budget) spend(now time.Time) {
	b.calls[b.next] = now
	b.next = (b.next + 1) % callsPerMinute
}

// freeAt returns when a call may be made that leaves keep calls of the minute to
// others.
func (b *budget) freeAt(keep int, now time.Time) time.Time {
	oldest := b.calls[(b.next+keep)%callsPerMinute]
	if oldest.IsZero() {
		return now
	}
	return oldest.Add(time.Minute)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
