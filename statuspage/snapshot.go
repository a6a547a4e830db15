package statuspage

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Snapshot is everything that a visitor may ask for, at one moment. It never
// changes: readers take it and need no lock and no store.
type Snapshot struct {
	Rev      uint64    // rises with every change, in this process
	At       time.Time // when it was made
	Services []*Record // by name; not to be changed
	Charts   []*Chart  // in the order of the page; not to be changed

	announced announcements // not to be changed
	incidents incidentList
}

// Service returns the record of a service, or nil for one never heard of.
func (s *Snapshot) Service(name string) *Record {
	if at, found := s.find(name); found {
		return s.Services[at]
	}
	return nil
}

func (s *Snapshot) find(name string) (at int, found bool) {
	return slices.BinarySearchFunc(s.Services, name, func(r *Record, name string) int { return cmp.Compare(r.Name, name) })
}

// State is the worst state of all services, and those that have it. Without
// services it is Green.
func (s *Snapshot) State() (worst State, services []*Record) {
	worst = Green
	for _, r := range s.Services {
		switch {
		case r.State.Worse(worst):
			worst, services = r.State, []*Record{r}
		case r.State == worst && worst != Green:
			services = append(services, r)
		}
	}
	return worst, services
}

// snapshots holds the newest snapshot and tells who waits for the next.
type snapshots struct {
	now atomic.Pointer[Snapshot]

	mu      sync.Mutex          // for what follows
	revs    map[string]string   // of the store's documents, by key
	byAlert map[string][]string // the services with a record of an alert
	torn    map[string]bool     // alerts of which their services know different parts
	changed chan struct{}       // closed at the next change
}

func (s *snapshots) init() {
	s.revs, s.byAlert, s.torn = map[string]string{}, map[string][]string{}, map[string]bool{}
	s.changed = make(chan struct{})
	s.now.Store(&Snapshot{At: time.Now()})
}

// put takes records into a new snapshot, but those that are no newer than what
// it has: a record that was read may be stored anew before it gets here. It
// returns those that it has taken.
func (s *snapshots) put(records ...*Record) (taken []*Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now.Load()
	next := &Snapshot{Rev: old.Rev + 1, At: time.Now(), Services: slices.Clone(old.Services), Charts: old.Charts, announced: old.announced}
	touched, few := map[string]touch{}, len(records) <= maxTouched/maxIncidents
	if !few && len(s.byAlert) == 0 {
		s.byAlert = make(map[string][]string, incidentsOf(records)) // to grow there takes longer than to fill it
	}
	var added []*Record // no name comes twice
	for _, r := range records {
		at, found := next.find(r.Name)
		switch {
		case !found:
			if few {
				s.touch(touched, old, nil, r)
			}
			s.index(nil, r)
			added = append(added, r)
		case found && r.Version > next.Services[at].Version:
			if few {
				s.touch(touched, old, next.Services[at], r)
			}
			s.index(next.Services[at], r)
			next.Services[at] = r
		default:
			continue
		}
		taken = append(taken, r)
	}
	if len(taken) == 0 {
		return nil
	}
	if len(added) > 0 {
		next.Services = append(next.Services, added...)
		slices.SortFunc(next.Services, func(a, b *Record) int { return cmp.Compare(a.Name, b.Name) })
	}
	for id, t := range touched {
		t.services = s.byAlert[id]
		touched[id] = t
	}
	if few {
		next.incidents.follow(&old.incidents, touched)
	}
	s.now.Store(next)
	for _, r := range taken {
		s.lookForTorn(next, r)
	}
	s.tell()
	return taken
}

// tell tells who waits that there is a new snapshot.
func (s *snapshots) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// announce takes into a new snapshot since when maintenance is known.
func (s *snapshots) announce(all announcements) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now.Load()
	next := &Snapshot{Rev: old.Rev + 1, At: time.Now(), Services: old.Services, Charts: old.Charts, announced: all}
	next.incidents.follow(&old.incidents, nil)
	s.now.Store(next)
	s.tell()
}

// index keeps byAlert: next comes in the place of old, which may be nil.
func (s *snapshots) index(old, next *Record) {
	var had map[string]bool
	if old != nil {
		had = make(map[string]bool, len(old.Incidents))
		for n := range old.Incidents {
			had[old.Incidents[n].ID] = true
		}
	}
	alone := []string{next.Name} // of all alerts that concern nobody else
	for n := range next.Incidents {
		id := next.Incidents[n].ID
		if had[id] {
			delete(had, id)
			continue
		}
		if others := s.byAlert[id]; len(others) > 0 {
			s.byAlert[id] = append(slices.Clip(others), next.Name)
		} else {
			s.byAlert[id] = alone
		}
	}
	for id := range had {
		left := slices.DeleteFunc(slices.Clone(s.byAlert[id]), func(name string) bool { return name == next.Name })
		if s.byAlert[id] = left; len(left) == 0 {
			delete(s.byAlert, id)
		}
	}
}

func incidentsOf(records []*Record) (n int) {
	for _, r := range records {
		n += len(r.Incidents)
	}
	return n
}

// servicesOf are the services that are known to have a record of an alert.
func (s *snapshots) servicesOf(alert string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.byAlert[alert])
}

// copiesOf are what the services know of an alert.
func (s *snapshots) copiesOf(alert string) []*Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copies(s.now.Load(), alert)
}

func (s *snapshots) copies(snap *Snapshot, alert string) []*Incident {
	var out []*Incident
	for _, name := range s.byAlert[alert] {
		if r := snap.Service(name); r != nil {
			if i := r.Incident(alert); i != nil {
				out = append(out, i)
			}
		}
	}
	return out
}

// agreeOn reports whether all services know the same of an alert.
func (s *snapshots) agreeOn(alert string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return agree(s.copies(s.now.Load(), alert))
}

func agree(copies []*Incident) bool {
	for n := 1; n < len(copies); n++ {
		if !copies[0].knows(copies[n]) || !copies[n].knows(copies[0]) {
			return false
		}
	}
	return true
}

// lookForTorn notes the alerts of a record of which other services know other
// parts, or of which a service should know and does not.
func (s *snapshots) lookForTorn(snap *Snapshot, r *Record) {
	for n := range r.Incidents {
		i := &r.Incidents[n]
		names := s.byAlert[i.ID]
		missing := i.Open() && slices.ContainsFunc(i.Services(), func(name string) bool { return !slices.Contains(names, name) })
		if missing || len(names) > 1 && !agree(s.copies(snap, i.ID)) {
			s.torn[i.ID] = true
		}
	}
}

func (s *snapshots) takeTorn() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := slices.Sorted(maps.Keys(s.torn))
	clear(s.torn)
	return ids
}

func (s *snapshots) giveTorn(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.torn[id] = true
}

func (s *snapshots) isNew(e Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revs[e.Key] != e.Rev
}

func (s *snapshots) saw(entries []Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.revs[e.Key] = e.Rev
	}
}

// next returns the newest snapshot, and a channel that is closed when there is
// a newer one.
func (s *snapshots) next() (*Snapshot, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.Load(), s.changed
}

// Snapshot returns what visitors see now.
func (p *Page) Snapshot() *Snapshot { return p.snap.now.Load() }

// Changes returns the newest snapshot, and a channel that is closed when there
// is a newer one.
func (p *Page) Changes() (*Snapshot, <-chan struct{}) { return p.snap.next() }
