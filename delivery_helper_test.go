package routewatch_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// desk is a Notifier that keeps what it is told, and holds routewatch to what it
// promises of every Notifier: one call at a time for each alias, four in all, 60
// in any minute.
type desk struct {
	// answer decides what becomes of a call; nil takes everything.
	answer func(ctx context.Context, c deskCall) error

	mu     sync.Mutex
	epoch  time.Time
	starts []time.Time
	busy   map[string]bool
	calls  []deskCall // in the order in which they were answered
	broken []string
}

// deskCall is one call of a Notifier.
type deskCall struct {
	closes bool
	alias  string
	alert  opsgenie.NewAlert
	act    opsgenie.Action
	at     time.Duration // when it began, since the desk was made
	n      int           // which call of the desk's it is, from 0
	err    error
}

func (c deskCall) String() string {
	verb := "create"
	if c.closes {
		verb = "close"
	}
	return fmt.Sprintf("%s %s at %s", verb, c.alias, c.at)
}

func (d *desk) Create(ctx context.Context, a opsgenie.NewAlert) (string, error) {
	return "", d.take(ctx, deskCall{alias: a.Alias, alert: a})
}

func (d *desk) Close(ctx context.Context, ref opsgenie.Ref, act opsgenie.Action) (string, error) {
	return "", d.take(ctx, deskCall{closes: true, alias: ref.Value, act: act})
}

func (d *desk) take(ctx context.Context, c deskCall) error {
	d.mu.Lock()
	now := time.Now()
	if d.busy == nil {
		d.busy = map[string]bool{}
	}
	if d.busy[c.alias] {
		d.broken = append(d.broken, "two at once for "+c.alias)
	}
	d.busy[c.alias] = true
	if len(d.busy) > 4 {
		d.broken = append(d.broken, fmt.Sprintf("%d at once", len(d.busy)))
	}
	c.at, c.n = now.Sub(d.epoch), len(d.starts)
	d.starts = append(d.starts, now)
	if i := len(d.starts) - 61; i >= 0 && now.Sub(d.starts[i]) < time.Minute {
		d.broken = append(d.broken, fmt.Sprintf("61 calls within %s", now.Sub(d.starts[i])))
	}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.busy, c.alias)
		d.calls = append(d.calls, c)
		d.mu.Unlock()
	}()
	if d.answer != nil {
		c.err = d.answer(ctx, c)
	}
	return c.err
}

// told returns the calls that were answered, in words, and forgets them.
func (d *desk) told() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var said []string
	for _, c := range d.calls {
		s := c.String()
		if c.err != nil {
			s += ": " + c.err.Error()
		}
		said = append(said, s)
	}
	d.calls = nil
	return said
}

// all returns the calls that were answered.
func (d *desk) all() []deskCall {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]deskCall(nil), d.calls...)
}

// watch makes a Watcher that reports to d. Service is "shop" and every 5XX is an
// alert of its own route, unless cfg says otherwise. It is closed at the end.
func (d *desk) watch(t testing.TB, cfg routewatch.Config) *routewatch.Watcher {
	t.Helper()
	d.epoch = time.Now()
	if cfg.Notifier == nil {
		cfg.Notifier = d
	}
	if cfg.Service == "" {
		cfg.Service = "shop"
	}
	if cfg.StatusClasses == nil {
		cfg.StatusClasses = []string{"5XX"}
	}
	if cfg.StatusAlias == "" {
		cfg.StatusAlias = "{route}"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	w, err := routewatch.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = w.Close(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		assert.Empty(t, d.broken, "promises to the Notifier")
	})
	return w
}

// answered observes an answer.
func answered(w *routewatch.Watcher, route string, status int) {
	w.Observe(routewatch.Observation{Route: route, Status: status})
}

// journal is a Logger's destination.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// lines returns what was logged.
func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.buf.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSpace(j.buf.String()), "\n")
}

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// refusal is the error of an Opsgenie that answers with a status.
func refusal(status int, retryAfter time.Duration) error {
	return &opsgenie.Error{Op: "create alert", Host: "api.opsgenie.com", Status: status, RetryAfter: retryAfter}
}

// declined is an error with a telling type.
type declined struct{}

func (declined) Error() string { return "card declined" }
