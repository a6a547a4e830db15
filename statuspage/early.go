package statuspage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// A Delete has no tags, and events come in any order: what is said of an alert
// before it is known which services it concerns waits in early/ for a week, in
// documents that each hold the alerts of one hash. That its tags are not the page's
// is waited with too: what is heard later may have been before.
//
// Who sends the closings of all alerts of a busy account, as it takes to hear of
// each Delete, sends mostly those of alerts that never concern the page. So what
// is said is kept whole only while there is room; of an alert that is closed, or
// whose tags are not the page's, a mark of some 50 bytes is left then, since
// that alone keeps a late Create from turning a service red for ever. There is
// room for some 16 million marks. Who sends more in a week has some forgotten,
// and is told in the log.
const (
	earlyFolder  = "early/"
	earlyFor     = 7 * 24 * time.Hour
	maxEarlyNews = 8 << 10 // bytes of one document, about, unless a single one takes more; there are 4096
	maxMarks     = 4096    // of one document
)

// early is one of those documents.
type early struct {
	News  map[string]earlyNews            `json:"news,omitempty"`  // by id
	Marks map[string]map[string]earlyMark `json:"marks,omitempty"` // by day and markOf
}

type earlyNews struct {
	HeardAt  time.Time `json:"heardAt"` // last
	Incident Incident  `json:"incident"`
}

// earlyMark is when an alert was closed, and since when it is without the page's
// tag, in nanoseconds since 1970. 0 is neither.
type earlyMark struct {
	Closed   int64 `json:"closed,omitempty"`
	Untagged int64 `json:"untagged,omitempty"`
}

func earlyKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return earlyFolder + hex.EncodeToString(sum[:2])[:3] + ".json"
}

// markOf stands for an id. That of another is the same once in 2⁹⁶.
func markOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[len(sum)-12:])
}

// storeEarly keeps a change for when its alert is known, and returns all that is
// kept of it.
func (p *Page) storeEarly(ctx context.Context, c Change, now time.Time) (heard Incident, err error) {
	key, forgotten := earlyKey(c.ID), 0
	err = p.cfg.Store.Update(ctx, key, func(doc []byte) ([]byte, error) {
		forgotten, heard = 0, Incident{}
		e := p.decodeEarly(ctx, key, doc)
		if e.marks(c, now) {
			return nil, nil
		}
		news, known := e.News[c.ID]
		if news.Incident.Merge(c) || !known {
			news.HeardAt = now
		}
		if e.News == nil {
			e.News = map[string]earlyNews{}
		}
		e.News[c.ID], heard = news, news.Incident
		forgotten = e.prune(now)
		return json.Marshal(e)
	})
	if err == nil && forgotten > 0 {
		p.log.ErrorContext(ctx, "statuspage: too many alerts were told of that are not known; some of it is forgotten, and a late Create may show such an alert as open",
			slog.Int("alerts", forgotten))
	}
	return heard, err
}

// hideEarly makes what is kept of a hidden alert say nothing in words either.
func (p *Page) hideEarly(ctx context.Context, id string) error {
	key := earlyKey(id)
	return p.cfg.Store.Update(ctx, key, func(doc []byte) ([]byte, error) {
		e := p.decodeEarly(ctx, key, doc)
		news, known := e.News[id]
		if !known || !news.Incident.Merge(Change{ID: id, Hidden: true}) {
			return nil, nil
		}
		e.News[id] = news
		return json.Marshal(e)
	})
}

// decodeEarly reads a document. What is damaged is left aside: the page goes on.
func (p *Page) decodeEarly(ctx context.Context, key string, doc []byte) early {
	var e early
	if doc != nil && json.Unmarshal(doc, &e) != nil {
		p.log.ErrorContext(ctx, "statuspage: a document is damaged and left aside", slog.String("key", key))
		return early{}
	}
	return e
}

// incident is all that is known of an alert, or nil.
func (e *early) incident(id string) *Incident {
	var i Incident
	news, known := e.News[id]
	if known {
		i.MergeFrom(&news.Incident)
	}
	for _, day := range e.Marks {
		m, marked := day[markOf(id)]
		known = known || marked
		if m.Closed != 0 {
			i.Merge(Change{ID: id, ClosedAt: time.Unix(0, m.Closed).UTC()})
		}
		if m.Untagged != 0 {
			i.Merge(Change{ID: id, Tags: &Point{At: time.Unix(0, m.Untagged).UTC()}})
		}
	}
	if !known {
		return nil
	}
	return &i
}

// marks reports whether there is a mark that says all of c that counts, and lasts
// as long as that of c would.
func (e *early) marks(c Change, now time.Time) bool {
	old, marked := e.Marks[dateOf(now)][markOf(c.ID)]
	var n earlyNews
	n.Incident.Merge(c)
	m, enough := n.mark()
	return marked && enough && old.and(m) == old
}

// prune forgets what nobody will ask for any more, and makes room. It returns of
// how many alerts something was forgotten that may be asked for.
func (e *early) prune(now time.Time) (forgotten int) {
	oldest := now.Add(-earlyFor)
	maps.DeleteFunc(e.News, func(_ string, n earlyNews) bool { return n.HeardAt.Before(oldest) })
	maps.DeleteFunc(e.Marks, func(day string, _ map[string]earlyMark) bool { return day < dateOf(oldest) })
	weight := 0
	for _, n := range e.News {
		weight += n.Incident.weight()
	}
	if weight > maxEarlyNews {
		forgotten += e.lighten(weight)
	}
	marked := 0
	for _, day := range e.Marks {
		marked += len(day)
	}
	for ; marked > maxMarks; marked-- {
		day := slices.Min(slices.Collect(maps.Keys(e.Marks)))
		for mark := range e.Marks[day] { // any of them
			delete(e.Marks[day], mark)
			break
		}
		if len(e.Marks[day]) == 0 {
			delete(e.Marks, day)
		}
		forgotten++
	}
	return forgotten
}

// lighten makes marks of news until there is room, and forgets the oldest where
// that does not do.
func (e *early) lighten(weight int) (forgotten int) {
	ids := slices.SortedFunc(maps.Keys(e.News), func(a, b string) int {
		_, markA := e.News[a].mark()
		_, markB := e.News[b].mark()
		if markA != markB {
			return map[bool]int{true: -1, false: 1}[markA]
		}
		return cmp.Or(e.News[a].HeardAt.Compare(e.News[b].HeardAt), cmp.Compare(a, b))
	})
	for _, id := range ids {
		if weight <= maxEarlyNews || len(e.News) == 1 {
			break
		}
		n := e.News[id]
		delete(e.News, id)
		weight -= n.Incident.weight()
		m, ok := n.mark()
		if !ok {
			forgotten++
			continue
		}
		day := dateOf(n.HeardAt)
		if e.Marks == nil {
			e.Marks = map[string]map[string]earlyMark{}
		}
		if e.Marks[day] == nil {
			e.Marks[day] = map[string]earlyMark{}
		}
		e.Marks[day][markOf(id)] = e.Marks[day][markOf(id)].and(m)
	}
	return forgotten
}

// and is what two marks of an alert say: the first closing, as everywhere, and
// the last word on its tags.
func (m earlyMark) and(o earlyMark) earlyMark {
	if m.Closed == 0 || o.Closed != 0 && o.Closed < m.Closed {
		m.Closed = o.Closed
	}
	m.Untagged = max(m.Untagged, o.Untagged)
	return m
}

// mark is what must be kept of the news. It reports whether that is enough for
// the state of whatever service the alert turns out to concern, if tags are told
// as Opsgenie does: all of them, whenever one comes or goes.
func (n earlyNews) mark() (m earlyMark, enough bool) {
	if at := n.Incident.ResolvedAt; !at.IsZero() {
		return earlyMark{Closed: at.UnixNano()}, true
	}
	if last := len(n.Incident.Points) - 1; last >= 0 {
		if p := n.Incident.Points[last]; !p.Partial && !p.Page && !p.At.IsZero() {
			return earlyMark{Untagged: p.At.UnixNano()}, true
		}
	}
	return earlyMark{}, false
}

// loadEarly returns what was said of an alert early, or nil.
func (p *Page) loadEarly(ctx context.Context, id string) (*Incident, error) {
	key := earlyKey(id)
	doc, err := p.cfg.Store.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	e := p.decodeEarly(ctx, key, doc)
	return e.incident(id), nil
}
