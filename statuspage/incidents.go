package statuspage

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// incidentList is the incidents of a snapshot, merged when they are first asked
// for. There may be many, and one change touches few: so they are made from those
// of the last snapshot that was asked.
type incidentList struct {
	mu   sync.Mutex // for what follows
	done bool
	list []*Incident // newest first; not changed once it is done

	// Until it is done: what is different from an older list, which may be nil.
	older   []*Incident
	follows bool
	touched map[string]touch // by id of the alert
}

// touch is what became of an alert since the older list.
type touch struct {
	had       bool
	createdAt time.Time // where it was in the older list
	services  []string  // that have it now
}

// maxTouched is from when on it is no more work to start from nothing.
const maxTouched = 2000

// Incidents are those that visitors may see, as they may see them, newest first. An
// alert that concerns several services is one. They are not to be changed.
func (s *Snapshot) Incidents() []*Incident {
	l := &s.incidents
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return l.list
	}
	if l.follows {
		l.list = s.mergeOnto(l.older, l.touched)
	} else {
		l.list = s.mergeAll()
	}
	l.done, l.follows, l.older, l.touched = true, false, nil, nil
	return l.list
}

// follow makes l that of the snapshot after old's.
func (l *incidentList) follow(old *incidentList, touched map[string]touch) {
	old.mu.Lock()
	defer old.mu.Unlock()
	switch {
	case old.done:
		l.older, l.follows = old.list, true
	case old.follows:
		l.older, l.follows = old.older, true
		both := maps.Clone(old.touched)
		for id, t := range touched {
			if first, ok := both[id]; ok {
				t.had, t.createdAt = first.had, first.createdAt
			}
			both[id] = t
		}
		touched = both
	}
	if len(touched) > maxTouched {
		l.follows, l.older = false, nil
	}
	if l.follows {
		l.touched = touched
	}
}

// touch notes the alerts of a record that comes in the place of another, which
// may be nil. Also those that are the same: their list must not keep the older
// record in memory.
func (s *snapshots) touch(touched map[string]touch, old *Snapshot, was, is *Record) {
	for _, r := range []*Record{was, is} {
		if r == nil {
			continue
		}
		for n := range r.Incidents {
			id := r.Incidents[n].ID
			if _, ok := touched[id]; ok {
				continue
			}
			var t touch
			for _, i := range s.copies(old, id) {
				if t.createdAt.IsZero() || !i.CreatedAt.IsZero() && i.CreatedAt.Before(t.createdAt) {
					t.createdAt = i.CreatedAt
				}
				t.had = true
			}
			touched[id] = t
		}
	}
}

// mergeAll makes the list from nothing.
func (s *Snapshot) mergeAll() []*Incident {
	n := incidentsOf(s.Services)
	at := make(map[string]int, n)
	type keyed struct { // sorting half a million by what they point to is slow
		second int64
		i      *Incident
	}
	list := make([]keyed, 0, n)
	for _, r := range s.Services {
		for n := range r.Incidents {
			i := &r.Incidents[n]
			if known, ok := at[i.ID]; ok {
				i = mergeCopies([]*Incident{list[known].i, i})
				list[known] = keyed{i.CreatedAt.Unix(), i}
				continue
			}
			at[i.ID] = len(list)
			list = append(list, keyed{i.CreatedAt.Unix(), i})
		}
	}
	slices.SortFunc(list, func(a, b keyed) int {
		if a.second != b.second {
			return cmp.Compare(b.second, a.second)
		}
		return newestFirst(a.i, b.i)
	})
	shown := make([]*Incident, 0, n)
	for _, k := range list {
		if k.i.Shown() {
			shown = append(shown, k.i.Visible())
		}
	}
	return shown
}

// mergeOnto makes the list from an older one.
func (s *Snapshot) mergeOnto(older []*Incident, touched map[string]touch) []*Incident {
	type edit struct {
		at  int
		new *Incident // nil takes away the one that is there
	}
	var edits []edit
	for id, t := range touched {
		if t.had {
			if at, found := slices.BinarySearchFunc(older, &Incident{ID: id, CreatedAt: t.createdAt}, newestFirst); found {
				edits = append(edits, edit{at, nil})
			}
		}
		var copies []*Incident
		for _, name := range t.services {
			if r := s.Service(name); r != nil {
				if i := r.Incident(id); i != nil {
					copies = append(copies, i)
				}
			}
		}
		if len(copies) == 0 {
			continue
		}
		if i := mergeCopies(copies); i.Shown() {
			at, _ := slices.BinarySearchFunc(older, i, newestFirst)
			edits = append(edits, edit{at, i.Visible()})
		}
	}
	slices.SortFunc(edits, func(a, b edit) int {
		switch {
		case a.at != b.at:
			return cmp.Compare(a.at, b.at)
		case a.new == nil || b.new == nil: // what comes new lies before what goes
			return cmp.Compare(boolText(a.new == nil), boolText(b.new == nil))
		}
		return newestFirst(a.new, b.new)
	})
	list := make([]*Incident, 0, len(older)+len(edits))
	from := 0
	for _, e := range edits {
		list = append(list, older[from:e.at]...)
		if from = e.at; e.new != nil {
			list = append(list, e.new)
		} else {
			from++
		}
	}
	return append(list, older[from:]...)
}

// mergeCopies is what all copies of an incident know together.
func mergeCopies(copies []*Incident) *Incident {
	if len(copies) == 1 {
		return copies[0]
	}
	var whole Incident
	for _, i := range copies {
		whole.MergeFrom(i)
	}
	return &whole
}

func newestFirst(a, b *Incident) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
}
