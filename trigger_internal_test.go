package routewatch

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/opsgenie"
)

// tally is an outbox that delivers at once and counts the hits it was told of.
type tally struct {
	mu     sync.Mutex
	open_  map[string]uint64 // told so far, of the alerts that are open
	closed uint64            // hits of alerts that are not any more
	opens  int
}

func (o *tally) open(a opsgenie.NewAlert, again bool) {
	var total uint64
	_, _ = fmt.Sscan(a.Message, &total)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !again {
		o.closed += o.open_[a.Alias]
		o.opens++
	}
	o.open_[a.Alias] = total
}

func (o *tally) close(alias, note string) {
	var total uint64
	if _, err := fmt.Sscanf(note, "Closed by routewatch: hit %d times", &total); err != nil {
		total = 1 // once
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open_, alias)
	o.closed += total
}

func (o *tally) tick(time.Time) (next time.Time) { return }
func (o *tally) waiting() []string               { return nil }
func (o *tally) hurry()                          {}
func (o *tally) abandon() []string               { return nil }

func (o *tally) hits() (n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, total := range o.open_ {
		n += total
	}
	return n + o.closed
}

// TestTriggerLosesNoHit has hits and good answers race with everything that the
// loop does: announcing, closing, disarming and, with more aliases than there is
// room for, evicting. Every hit must be told of once.
func TestTriggerLosesNoHit(t *testing.T) {
	for _, resolve := range []time.Duration{0, 1} {
		for _, aliases := range []int{1, 8, 2 * maxAlarms} {
			t.Run(fmt.Sprintf("resolve %s, %d aliases", resolve, aliases), func(t *testing.T) {
				out := &tally{open_: map[string]uint64{}}
				s := &settings{}
				s.Renotify, s.ResolveAfter = time.Microsecond, resolve
				tr := newPerRequest(s, out, func() {})
				tr.compose = func(_ *evidence, alias string, total uint64) opsgenie.NewAlert {
					return opsgenie.NewAlert{Alias: alias, Message: fmt.Sprint(total)}
				}
				epoch := time.Now()
				var hits atomic.Uint64
				stop, done := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(done)
					for {
						select {
						case <-stop:
							return
						default:
							tr.tick(time.Since(epoch))
						}
					}
				}()
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						for range 5000 {
							key := laneKey{route: fmt.Sprint(rand.N(aliases))}
							if rand.N(2) == 0 {
								tr.good(statusKind, key.route)
								continue
							}
							l := tr.laneOf(key)
							for l == nil || !tr.hit(l, time.Since(epoch)) {
								l = tr.newLane(key, key.route)
							}
							hits.Add(1)
						}
					})
				}
				wg.Wait()
				close(stop)
				<-done
				for i := range aliases {
					tr.good(statusKind, fmt.Sprint(i))
				}
				// The loop looks on until nothing is left to be told.
				now := time.Since(epoch)
				for range 10 {
					tr.tick(now)
					now += time.Millisecond
				}
				assert.Equal(t, hits.Load(), out.hits())
				assert.Zero(t, tr.awaiting.Load(), "lanes that wait for a good answer")
				assert.LessOrEqual(t, len(tr.alarms), maxAlarms)
				if resolve > 0 {
					delete(out.open_, tr.overflow.alarm.alias)
					assert.Empty(t, out.open_, "left open")
				}
				t.Logf("%d hits, %d openings, %d overflowed", hits.Load(), out.opens, tr.overflowed.Load())
			})
		}
	}
}
