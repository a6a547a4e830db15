package statuspage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Delete has no tags, and events come in any order: what is said of an alert
// before it is known which services it concerns waits in early/, in documents
// that each hold the alerts of one hash. None of them grows without end.
const (
	earlyFolder = "early/"
	earlyFor    = 7 * 24 * time.Hour
	maxEarly    = 100 // of one document; there are 256
)

// earlyNews is one of those documents.
type earlyNews map[string]earlyAlert // by id

type earlyAlert struct {
	HeardAt  time.Time `json:"heardAt"` // first
	Incident Incident  `json:"incident"`
}

func earlyKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return earlyFolder + hex.EncodeToString(sum[:1]) + ".json"
}

// tellsEarly reports whether a change of an alert that nothing is known of is
// worth keeping. What has nothing to do with the page is not.
func (c Change) tellsEarly(removal bool) bool {
	switch {
	case !c.ClosedAt.IsZero():
		return true
	case c.Tags == nil || c.Tags.Partial:
		return c.Tags != nil || c.Update != nil || c.Acked != nil || c.Message != ""
	}
	return c.Tags.Page || removal
}

// storeEarly keeps a change for when its alert is known.
func (p *Page) storeEarly(ctx context.Context, c Change, now time.Time) error {
	return p.cfg.Store.Update(ctx, earlyKey(c.ID), func(doc []byte) ([]byte, error) {
		news := earlyNews{}
		if doc != nil && json.Unmarshal(doc, &news) != nil {
			news = earlyNews{} // what is damaged here is worth nothing
		}
		a, known := news[c.ID]
		if !a.Incident.Merge(c) && known {
			return doc, nil
		}
		if !known {
			a.HeardAt = now
		}
		news[c.ID] = a
		news.prune(now)
		return json.Marshal(news)
	})
}

// prune forgets what nobody will ask for any more.
func (n earlyNews) prune(now time.Time) {
	maps.DeleteFunc(n, func(_ string, a earlyAlert) bool { return now.Sub(a.HeardAt) > earlyFor })
	if len(n) <= maxEarly {
		return
	}
	ids := slices.SortedFunc(maps.Keys(n), func(a, b string) int {
		return cmp.Or(n[a].HeardAt.Compare(n[b].HeardAt), cmp.Compare(a, b))
	})
	for _, id := range ids[:len(ids)-maxEarly] {
		delete(n, id)
	}
}

// loadEarly returns what was said of an alert early, or nil.
func (p *Page) loadEarly(ctx context.Context, id string) (*Incident, error) {
	doc, err := p.cfg.Store.Get(ctx, earlyKey(id))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", earlyKey(id), err)
	}
	var news earlyNews
	if err := json.Unmarshal(doc, &news); err != nil {
		p.log.ErrorContext(ctx, "statuspage: a document is damaged and left aside", "key", earlyKey(id))
		return nil, nil
	}
	if a, ok := news[id]; ok {
		return &a.Incident, nil
	}
	return nil, nil
}
