package routewatch

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// reporter counts what becomes of deliveries and logs what a person should know,
// once: an outage must not fill the disk as well.
//
// Its methods count at once and return what is left to do, the logging: a log
// handler is foreign code, and is called where no lock is held.
type reporter struct {
	log   *slog.Logger
	stats *counters
	to    string // the destination, for the log

	mu   sync.Mutex
	said map[string]saying // by reason; reasonFailing for what is tried on
}

// saying is a trouble that was logged. It is over when its alias is delivered:
// what holds for one alert, such as a rejection, is not over because another one
// is accepted.
type saying struct {
	alias string
	at    time.Time
}

const (
	// sayAgain is after how long a trouble is logged again while it lasts.
	sayAgain = time.Hour

	reasonFailing = "failing" // not one of Stats.Dropped
)

func (r *reporter) delivered(what want, alias string) (say func()) {
	if what == wantClosed {
		r.stats.closed.Add(1)
	} else {
		r.stats.created.Add(1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	over := false
	for reason, s := range r.said {
		if s.alias == alias || reason == dropUnauthorized { // the key is everybody's
			delete(r.said, reason)
			over = over || reason != dropSuperseded
		}
	}
	if !over {
		return func() {}
	}
	return func() {
		r.emit(slog.LevelInfo, "routewatch: alerts are being delivered again", slog.String("alias", alias))
	}
}

// failed is told of an attempt that will be repeated.
func (r *reporter) failed(alias string, f *failure) (say func()) {
	r.stats.retries.Add(1)
	if f.throttled {
		r.stats.throttled.Add(1)
	}
	return r.once(reasonFailing, alias, func() {
		r.emit(slog.LevelWarn, "routewatch: an alert cannot be delivered yet; trying on",
			slog.String("alias", alias), slog.Any("error", f.err))
	})
}

// dropped is told of a state that will not be delivered.
func (r *reporter) dropped(reason, alias string, err error) (say func()) {
	r.stats.drop(reason)
	r.mu.Lock()
	if r.said[reasonFailing].alias == alias {
		delete(r.said, reasonFailing) // nobody tries on
	}
	r.mu.Unlock()
	return r.once(reason, alias, func() {
		r.emit(slog.LevelError, "routewatch: an alert is lost",
			slog.String("reason", reason), slog.String("alias", alias), slog.Any("error", err))
	})
}

// superseded is told of an alert that was to be closed before it was delivered.
func (r *reporter) superseded(alias string) (say func()) {
	r.stats.drop(dropSuperseded)
	return r.once(dropSuperseded, alias, func() {
		r.emit(slog.LevelWarn, "routewatch: an alert was over before it could be delivered",
			slog.String("reason", dropSuperseded), slog.String("alias", alias))
	})
}

// once returns say, unless it was said already.
func (r *reporter) once(reason, alias string, say func()) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if s, ok := r.said[reason]; ok && now.Sub(s.at) < sayAgain {
		return func() {}
	}
	if r.said == nil {
		r.said = map[string]saying{}
	}
	r.said[reason] = saying{alias, now}
	return say
}

// emit survives a log handler that panics: no part of the service may fail
// because of what we have to say.
func (r *reporter) emit(level slog.Level, msg string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	r.log.LogAttrs(context.Background(), level, msg, append(attrs, slog.String("to", r.to))...)
}
