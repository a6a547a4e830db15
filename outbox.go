package routewatch

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
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
	// abandon gives up what waits and returns the aliases. What becomes of the
	// attempts in flight does not count any more.
	abandon() []string
}

const (
	maxInFlight = 4

	backoffBase = time.Second
	backoffMax  = time.Minute
	maxWait     = 10 * time.Minute // the longest that a service may ask for
)

// memoryOutbox is an outbox that a process takes with it when it ends.
//
// Nothing foreign runs under its lock, neither the Notifier nor the Logger: one
// that hangs holds up nobody else.
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
	turn     purpose // which of first alerts and closes goes next, when both wait
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
	since time.Time         // when it came to wait for its turn
	seq   uint64            // tells one wanted state from the next

	busy    bool // an attempt is in flight
	tries   int
	notTill time.Time
}

func (e *entry) purpose() purpose {
	switch {
	case e.want == wantClosed:
		return closing
	case e.again:
		return recount
	}
	return firstAlert
}

func newMemoryOutbox(ctx context.Context, s *settings, stats *counters, wake func()) *memoryOutbox {
	return &memoryOutbox{
		to: s.Notifier, source: s.host, wake: wake, ctx: ctx,
		report:  &reporter{log: s.Logger, stats: stats, to: s.destination()},
		entries: map[string]*entry{},
	}
}

func (o *memoryOutbox) open(a opsgenie.NewAlert, again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.change(a.Alias)
	// A first alert that still waits stays a first one, whatever is added.
	e.again = again && (e.seq == 1 || e.again)
	e.want, e.alert = wantOpen, a
}

func (o *memoryOutbox) close(alias, note string) {
	o.mu.Lock()
	e := o.change(alias)
	unsaid := e.seq > 1 && e.purpose() == firstAlert && !e.busy
	e.want, e.note, e.again = wantClosed, note, false
	o.mu.Unlock()
	if unsaid {
		// It is closed all the same: an attempt may have come through that
		// looked like a failure, or the alert be left from an earlier process.
		go o.report.superseded(alias)() // not here: this is the loop, and the Logger may block
	}
}

// change returns the entry of an alias for a new state to be put in. The caller
// holds mu.
func (o *memoryOutbox) change(alias string) *entry {
	e := o.entries[alias]
	if e == nil {
		// From when it waits is not touched by what is wanted later, so that
		// an alias which keeps changing its mind gets its turn as well.
		e = &entry{alias: alias, since: time.Now()}
		o.entries[alias] = e
	}
	e.seq++
	return e
}

func (o *memoryOutbox) waiting() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.entries))
}

func (o *memoryOutbox) abandon() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	aliases := slices.Collect(maps.Keys(o.entries))
	clear(o.entries)
	return aliases
}

func (o *memoryOutbox) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.entries {
		e.tries, e.notTill = 0, time.Time{} // and try on at a quick pace
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
		o.budget.spend(e.purpose(), now)
		e.busy = true
		o.inFlight++
		go o.attempt(*e)
	}
	return time.Time{}
}

// pick chooses the entry whose turn it is: of the first alerts and the closes by
// turns the one that waits longest, then of the recounts. Without one it returns
// when there may be one.
func (o *memoryOutbox) pick(now time.Time) (chosen *entry, when time.Time) {
	var best [numPurposes]*entry
	for _, e := range o.entries {
		if e.busy {
			continue
		}
		if now.Before(e.notTill) {
			when = earlier(when, e.notTill)
			continue
		}
		p := e.purpose()
		if b := best[p]; b == nil || e.since.Before(b.since) || e.since.Equal(b.since) && e.alias < b.alias {
			best[p] = e
		}
	}
	other := closing
	if o.turn == closing {
		other = firstAlert
	}
	for _, p := range []purpose{o.turn, other, recount} {
		if best[p] == nil {
			continue
		}
		ok, again := o.budget.allows(p, now)
		if !ok {
			when = earlier(when, again)
			continue
		}
		if p == o.turn {
			o.turn = other
		}
		return best[p], time.Time{}
	}
	return nil, when
}

// attempt makes one attempt at the state that e was in when it began.
func (o *memoryOutbox) attempt(e entry) {
	// What stands unless the Notifier returns: it may panic, or end the goroutine.
	f := &failure{reason: dropPanicked, err: errPanicked}
	defer func() {
		_ = recover()
		o.ended(e, f)
	}()
	f = classify(o.deliver(e))
}

// ended records what became of an attempt at e; f is nil where it succeeded.
func (o *memoryOutbox) ended(e entry, f *failure) {
	o.mu.Lock()
	o.inFlight--
	say := o.record(e, f)
	o.mu.Unlock()
	o.wake()
	say()
}

// record brings the entry up to date and returns what is to be logged. The
// caller holds mu.
func (o *memoryOutbox) record(e entry, f *failure) (say func()) {
	kept := o.entries[e.alias]
	if kept == nil || f != nil && o.ctx.Err() != nil {
		return func() {} // abandoned, or about to be
	}
	kept.busy = false
	if f != nil && f.temporary {
		now := time.Now()
		kept.notTill = now.Add(backoff(kept.tries))
		kept.tries++
		if f.wait > 0 { // what one is told holds for all: the limit is the account's
			o.notTill = later(o.notTill, now.Add(f.wait))
		}
		say = o.report.failed(e.alias, f)
		if kept.want == wantClosed && e.purpose() == firstAlert {
			return both(say, o.report.superseded(e.alias))
		}
		return say
	}
	if f == nil {
		say = o.report.delivered(e.want, e.alias)
		// What came since is one more count of what is open now.
		kept.again = kept.want == wantOpen && e.want == wantOpen
	} else {
		say = o.report.dropped(f.reason, e.alias, f.err) // a further hit will try again
	}
	kept.tries, kept.since = 0, time.Now()
	if kept.seq == e.seq {
		delete(o.entries, e.alias)
	}
	return say
}

func both(a, b func()) func() { return func() { a(); b() } }

func (o *memoryOutbox) deliver(e entry) error {
	ctx, cancel := context.WithTimeout(o.ctx, attemptTimeout)
	defer cancel()
	var err error
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
