package statuspage

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// guard knows the keys of the webhook, and lets those in who have one.
type guard struct {
	keys  [][sha256.Size]byte
	open  bool // whoever asks
	wrong *limiter
	page  *Page
}

func (p *Page) guard() *guard {
	g := &guard{open: p.cfg.InsecureWebhook && len(p.cfg.WebhookKeys) == 0, wrong: &p.wrongKeys, page: p}
	for _, k := range p.cfg.WebhookKeys {
		g.keys = append(g.keys, sha256.Sum256([]byte(k)))
	}
	return g
}

// let reports whether the request has a key; it has answered one that has not.
// The limit is on wrong keys alone, and looked at after the key: behind a proxy
// all have one address, and whoever guesses must not lock the right one out.
func (g *guard) let(w http.ResponseWriter, r *http.Request) bool {
	if g.right(r.Header) {
		return true
	}
	h := w.Header()
	h["Cache-Control"] = valueNoStore
	g.page.counts.wrongKey.Add(1)
	if g.wrong.over(sourceOf(r.RemoteAddr), time.Now()) {
		g.page.counts.limited.Add(1)
		h.Set("Retry-After", "60")
		h.Set("Connection", "close")
		w.WriteHeader(http.StatusTooManyRequests)
		return false
	}
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

// right compares each key that is presented with each that is known, all of
// them, whatever their length, in the same time.
func (g *guard) right(h http.Header) bool {
	bearer, _ := cutBearer(h.Get("Authorization"))
	found := false
	for _, presented := range [2]string{h.Get("X-Api-Key"), bearer} {
		sum := sha256.Sum256([]byte(presented))
		for n := range g.keys {
			found = hmac.Equal(sum[:], g.keys[n][:]) || found
		}
	}
	return found || g.open
}

func cutBearer(authorization string) (token string, ok bool) {
	const scheme = "Bearer "
	if len(authorization) < len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimSpace(authorization[len(scheme):]), true
}

// sourceOf is whom a limit counts as one: an address, of IPv6 its /64, which is
// what one household gets.
func sourceOf(remote string) netip.Prefix {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := addr.Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	source, _ := ip.Prefix(bits)
	return source
}

// How many wrong keys a source may send a minute, and how many sources are
// remembered.
const (
	wrongKeysAMinute = 20
	maxSources       = 4096
)

// limiter counts by source and minute. The zero value is ready for use.
type limiter struct {
	mu      sync.Mutex
	minute  time.Time
	sources map[netip.Prefix]int
}

// over counts one more of a source, and reports whether that is too many. Where
// there are too many sources, those that are not remembered share one count.
func (l *limiter) over(source netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.minute) >= time.Minute {
		l.minute, l.sources = now, map[netip.Prefix]int{}
	}
	if _, known := l.sources[source]; !known && len(l.sources) >= maxSources {
		source = netip.Prefix{}
	}
	l.sources[source]++
	return l.sources[source] > wrongKeysAMinute
}
