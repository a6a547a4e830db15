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

	byName map[string]*Record
	once   sync.Once
	merged []*Incident
}

// Service returns the record of a service, or nil for one never heard of.
func (s *Snapshot) Service(name string) *Record { return s.byName[name] }

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

// Incidents are those that visitors may see, newest first. An alert that
// concerns several services is one.
func (s *Snapshot) Incidents() []*Incident {
	s.once.Do(func() {
		byID := map[string]*Incident{}
		for _, r := range s.Services {
			for n := range r.Incidents {
				i := &r.Incidents[n]
				if known := byID[i.ID]; known != nil {
					both := *known
					both.Points, both.Updates = slices.Clone(both.Points), slices.Clone(both.Updates)
					both.MergeFrom(i)
					byID[i.ID] = &both
					continue
				}
				byID[i.ID] = i
			}
		}
		for _, i := range byID {
			if i.Shown() {
				s.merged = append(s.merged, i)
			}
		}
		slices.SortFunc(s.merged, func(a, b *Incident) int {
			return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
		})
	})
	return s.merged
}

// snapshots holds the newest snapshot and tells who waits for the next.
type snapshots struct {
	now atomic.Pointer[Snapshot]

	mu      sync.Mutex          // for what follows
	revs    map[string]string   // of the store's documents, by key
	byAlert map[string][]string // the services with a record of an alert
	changed chan struct{}       // closed at the next change
}

func (s *snapshots) init() {
	s.revs, s.byAlert, s.changed = map[string]string{}, map[string][]string{}, make(chan struct{})
	s.now.Store(&Snapshot{At: time.Now(), byName: map[string]*Record{}})
}

// put takes records into a new snapshot. It leaves the one that is there alone
// where nothing a visitor could see is different.
func (s *snapshots) put(records ...*Record) {
	if len(records) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now.Load()
	next := &Snapshot{Rev: old.Rev + 1, At: time.Now(), byName: maps.Clone(old.byName)}
	for _, r := range records {
		next.byName[r.Name] = r
		for n := range r.Incidents {
			id := r.Incidents[n].ID
			if !slices.Contains(s.byAlert[id], r.Name) {
				s.byAlert[id] = append(slices.Clone(s.byAlert[id]), r.Name)
			}
		}
	}
	next.Services = slices.SortedFunc(maps.Values(next.byName), func(a, b *Record) int { return cmp.Compare(a.Name, b.Name) })
	s.now.Store(next)
	close(s.changed)
	s.changed = make(chan struct{})
}

// servicesOf are the services that are known to have a record of an alert.
func (s *snapshots) servicesOf(alert string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.byAlert[alert])
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
