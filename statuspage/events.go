package statuspage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

// The limits of the stream of events.
const (
	maxStreams   = 10_000           // who listens at once
	keptEvents   = 1024             // for those who come back
	heartbeat    = 20 * time.Second // proxies close what is silent
	streamWrite  = 10 * time.Second // for one write; who takes longer has gone
	wholeBatches = 64 << 10         // the whole state is written in parts of about this size
)

// stateEvent is the data of an event: how a service is.
type stateEvent struct {
	Service string `json:"service"`
	State   State  `json:"state"`
	Message string `json:"message"`
	At      string `json:"at"` // when it came to be so
}

// stream makes events of snapshots. It has no goroutine: the first listener that
// wakes compares the new snapshot with the one before, and all others read what
// it found. The zero value is ready for use.
type stream struct {
	mu   sync.Mutex
	id   string    // of this process: numbers of another mean nothing here
	seen *Snapshot // what the log is up to

	// log holds events as they are sent. It is only ever appended to, or replaced
	// by a copy: a part of it that a listener holds stays as it is.
	log   [][]byte
	first uint64 // the number of log[0]

	wholeOf *Snapshot // what whole is of
	whole   [][]byte
}

// next is the number of the event after the last. Numbers begin at 1, so that 0 is
// before all of them.
func (s *stream) next() uint64 { return s.first + uint64(len(s.log)) }

// advance takes in a snapshot. The caller has the lock.
func (s *stream) advance(snap *Snapshot) {
	if s.seen == nil {
		s.id, s.seen, s.first = strconv.FormatUint(rand.Uint64(), 36), snap, 1
		return
	}
	if snap.Rev <= s.seen.Rev {
		return
	}
	type news struct {
		*Record
		frame func(instance string, n uint64, r *Record) []byte
	}
	var changed []news
	for _, r := range snap.Services {
		old := s.seen.Service(r.Name)
		switch {
		case old == r:
		case old == nil || old.State != r.State || old.Message != r.Message:
			changed = append(changed, news{r, frame})
		case !reflect.DeepEqual(old.Incidents, r.Incidents):
			changed = append(changed, news{r, incidentFrame})
		}
	}
	slices.SortStableFunc(changed, func(a, b news) int { return a.changedAt().Compare(b.changedAt()) })
	for _, n := range changed {
		s.log = append(s.log, n.frame(s.id, s.next(), n.Record))
	}
	s.seen = snap
	if surplus := len(s.log) - keptEvents; surplus > keptEvents {
		s.log, s.first = slices.Clone(s.log[surplus:]), s.first+uint64(surplus)
	}
}

// since returns the events from a number on, and the number to ask for next. Where
// they are not kept any more, ok is false.
func (s *stream) since(snap *Snapshot, from uint64) (events [][]byte, next uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(snap)
	if from < s.first || from > s.next() {
		return nil, s.next(), false
	}
	return s.log[from-s.first:], s.next(), true
}

// everything returns the whole state, as events, and the number of the first event
// that is not in it.
func (s *stream) everything(snap *Snapshot) (parts [][]byte, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(snap)
	if s.wholeOf != s.seen {
		s.wholeOf, s.whole = s.seen, nil
		var b bytes.Buffer
		for _, r := range s.seen.Services {
			// Without a number: who has a part of it only must get all of it.
			b.Write(frame("", 0, r))
			if b.Len() >= wholeBatches {
				s.whole = append(s.whole, bytes.Clone(b.Bytes()))
				b.Reset()
			}
		}
		fmt.Fprintf(&b, "id: %s-%d\n\n", s.id, s.next()-1)
		s.whole = append(s.whole, b.Bytes())
	}
	return s.whole, s.next()
}

// resume reads a Last-Event-ID: the number of the event after it.
func (s *stream) resume(snap *Snapshot, last string) (from uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(snap)
	n, ok := strings.CutPrefix(last, s.id+"-")
	if !ok {
		return 0, false
	}
	from, err := strconv.ParseUint(n, 10, 64)
	return from + 1, err == nil && from+1 != 0
}

// frame is an event as it is sent; without an id where that is "".
func frame(id string, number uint64, r *Record) []byte {
	data, _ := json.Marshal(stateEvent{r.Name, r.State, text.Clean(r.Message), stamp(r.changedAt())})
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s-%d\n", id, number)
	}
	fmt.Fprintf(&b, "event: state\ndata: %s\n\n", data) // JSON has no line breaks
	return b.Bytes()
}

// incidentFrame is an event that there is news of an incident of a service, whose
// state is as it was: a note, for example. What the news is, the API and the page
// tell.
func incidentFrame(id string, number uint64, r *Record) []byte {
	data, _ := json.Marshal(struct {
		Service string `json:"service"`
	}{r.Name})
	return fmt.Appendf(nil, "id: %s-%d\nevent: incident\ndata: %s\n\n", id, number, data)
}

// Shutdown ends the streams of events and makes /readyz say no, for
// http.Server.RegisterOnShutdown: a server waits for its streams, which would
// never end by themselves. To call it twice is fine.
func (p *Page) Shutdown() { p.shutdown.Do(func() { close(p.closing) }) }

func (a *api) events(w http.ResponseWriter, r *http.Request, _ string) {
	h := w.Header()
	if !canFlush(w) {
		fail(w, r, http.StatusNotImplemented, "this server cannot stream; ask for /api/services now and then")
		return
	}
	h["Cache-Control"] = valueNoStore
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	if r.ProtoMajor == 1 {
		h.Set("Connection", "close") // the deadline of the last write would meet the next answer
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	p := a.page
	defer p.counts.streams.Add(-1)
	if p.counts.streams.Add(1) > maxStreams {
		p.counts.refused.Add(1)
		h.Set("Retry-After", "30")
		fail(w, r, http.StatusServiceUnavailable, "too many listen already")
		return
	}
	l := listener{w: w, rc: http.NewResponseController(w)}
	// Those who lose a server all at once must not come back all at once.
	if !l.send(fmt.Appendf(nil, "retry: %d\n\n", 2000+rand.IntN(4000))) {
		return
	}
	p.listen(r, &l)
}

// listen sends events until the client has gone or the page shuts down.
func (p *Page) listen(r *http.Request, l *listener) {
	snap, changed := p.Changes()
	from, resumed := p.stream.resume(snap, r.Header.Get("Last-Event-ID"))
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for first := true; ; first = false {
		events, next, ok := [][]byte(nil), uint64(0), false
		if resumed || !first {
			events, next, ok = p.stream.since(snap, from)
		}
		if !ok {
			if !first {
				p.counts.skipped.Add(1)
			}
			events, next = p.stream.everything(snap)
		}
		if len(events) > 0 && !l.send(events...) {
			return
		}
		from = next
	wait:
		for {
			select {
			case <-r.Context().Done():
				return
			case <-p.closing:
				return
			case <-beat.C:
				if !l.send([]byte(": still here\n\n")) {
					return
				}
			case <-changed:
				break wait
			}
		}
		snap, changed = p.Changes()
	}
}

// listener is a client of the stream.
type listener struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// send writes parts and flushes them. It reports whether the client is still
// there: one that takes too long for a write has gone.
func (l *listener) send(parts ...[]byte) bool {
	for _, part := range parts {
		// Not every ResponseWriter has deadlines; then the server's own hold.
		_ = l.rc.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := l.w.Write(part); err != nil {
			return false
		}
	}
	return l.rc.Flush() == nil
}

// canFlush reports whether a ResponseWriter, or one that it wraps, can send what
// is written so far.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}
