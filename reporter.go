package routewatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/routewatch/routewatch/opsgenie"
)

// reporter counts what becomes of deliveries and logs what a person should know,
// once: an outage must not fill the disk as well.
type reporter struct {
	log   *slog.Logger
	stats *counters
	to    string // the destination, for the log

	mu      sync.Mutex
	said    map[string]bool // reasons that were logged since the last success
	failing bool
}

func (r *reporter) delivered(what want) {
	if what == wantClosed {
		r.stats.closed.Add(1)
	} else {
		r.stats.created.Add(1)
	}
	r.mu.Lock()
	again := r.failing || len(r.said) > 0
	r.failing, r.said = false, nil
	r.mu.Unlock()
	if again {
		r.emit(slog.LevelInfo, "routewatch: alerts are being delivered again")
	}
}

// failed is told of an attempt that will be repeated.
func (r *reporter) failed(err error) {
	r.stats.retries.Add(1)
	var e *opsgenie.Error
	if errors.As(err, &e) && e.Status == 429 {
		r.stats.throttled.Add(1)
	}
	r.mu.Lock()
	first := !r.failing
	r.failing = true
	r.mu.Unlock()
	if first {
		r.emit(slog.LevelWarn, "routewatch: an alert cannot be delivered yet; trying on", slog.Any("error", err))
	}
}

// dropped is told of a state that will not be delivered.
func (r *reporter) dropped(reason, alias string, err error) {
	r.stats.drop(reason)
	r.mu.Lock()
	first := !r.said[reason]
	if r.said == nil {
		r.said = map[string]bool{}
	}
	r.said[reason] = true
	r.mu.Unlock()
	if first {
		r.emit(slog.LevelError, "routewatch: an alert is lost", slog.String("reason", reason), slog.String("alias", alias), slog.Any("error", err))
	}
}

// emit survives a log handler that panics: no part of the service may fail
// because of what we have to say.
func (r *reporter) emit(level slog.Level, msg string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	r.log.LogAttrs(context.Background(), level, msg, append(attrs, slog.String("to", r.to))...)
}
