package statuspage

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
)

// mirror is services/NAME.json, exactly as the Status Page Reference has it.
func (r *Record) mirror() []byte {
	doc, _ := json.Marshal(struct { // never fails: it is text
		State   State  `json:"state"`
		Message string `json:"message"`
	}{r.State, r.Message})
	return doc
}

// mirror writes the mirror of a record that is stored. Somebody else may have
// changed the record since: whoever writes last must have seen the newest.
func (p *Page) mirror(ctx context.Context, r *Record) error {
	for {
		want, same := r.mirror(), false
		err := p.cfg.Store.Update(ctx, keyOf(servicesFolder, r.Name), func(doc []byte) ([]byte, error) {
			same = bytes.Equal(doc, want)
			return bytes.Clone(want), nil
		})
		if err != nil || same {
			return err
		}
		doc, err := p.cfg.Store.Get(ctx, keyOf(recordsFolder, r.Name))
		if err != nil || sumOf(doc) == r.sum {
			return err
		}
		if r, err = decodeRecord(doc); err != nil || bytes.Equal(r.mirror(), want) {
			return err
		}
	}
}

// mirrors are the services whose mirror may not say what their record does: the
// process that wrote the record may have ended, or failed, before it came to the
// mirror. The zero value is ready for use.
type mirrors struct {
	mu       sync.Mutex
	doubtful map[string]bool
}

func (m *mirrors) doubt(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.doubtful == nil {
		m.doubtful = map[string]bool{}
	}
	for _, name := range names {
		m.doubtful[name] = true
	}
}

// maxMirrors is how many mirrors are looked at in one go: reading the store must
// not take long because of them.
const maxMirrors = 200

// take takes out some of the services: those whose record changed last.
func (m *mirrors) take(snap *Snapshot) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var some []*Record
	for name := range m.doubtful {
		if r := snap.Service(name); r != nil {
			some = append(some, r)
		} else {
			delete(m.doubtful, name) // once there is a record, reading it brings the doubt
		}
	}
	slices.SortFunc(some, func(a, b *Record) int { return b.changedAt().Compare(a.changedAt()) })
	var names []string
	for _, r := range some[:min(len(some), maxMirrors)] {
		names = append(names, r.Name)
		delete(m.doubtful, r.Name)
	}
	return names
}

// mendMirrors writes the mirrors that are doubtful, where they are wrong.
func (p *Page) mendMirrors(ctx context.Context) error {
	return p.update(ctx, p.mirrors.take(p.Snapshot()), wallNow(), func(*Record) bool { return false })
}
