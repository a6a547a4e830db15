package routewatch

import "time"

// purpose is what a call is for.
type purpose uint8

const (
	firstAlert purpose = iota
	closing
	recount // one more count of an open alert

	numPurposes = iota
)

// callsPerMinute is what all attempts share, failed ones too.
const callsPerMinute = 60

// reserved is how many of these are kept for each purpose whatever the others
// take: a storm of alerts must not hold up the closes, nor the closes after it
// the next page.
var reserved = [numPurposes]int{firstAlert: 10, closing: 10}

// budget remembers the last calls, to hold them to so many in any minute.
type budget struct {
	calls [callsPerMinute]call // a ring
	next  int                  // where the oldest is
}

type call struct {
	at  time.Time
	why purpose
}

func (b *budget) spend(why purpose, now time.Time) {
	b.calls[b.next] = call{now, why}
	b.next = (b.next + 1) % callsPerMinute
}

// allows says whether a call may be made now that leaves the others what is kept
// for them. Where not, it returns when to ask again.
func (b *budget) allows(why purpose, now time.Time) (ok bool, again time.Time) {
	free, kept := callsPerMinute, reserved
	for i := range b.calls {
		c := b.calls[(b.next+i)%callsPerMinute] // the oldest first
		if c.at.IsZero() || !now.Before(c.at.Add(time.Minute)) {
			continue
		}
		if again.IsZero() {
			again = c.at.Add(time.Minute)
		}
		free--
		kept[c.why] = max(kept[c.why]-1, 0)
	}
	kept[why] = 0
	for _, n := range kept {
		free -= n
	}
	return free > 0, again
}
