package opsgenietest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// patience is how long the Await methods wait, on the clock of the test: in a
// testing/synctest bubble it costs nothing.
const patience = 10 * time.Second

// RequireOpen returns the open alert with the alias, and ends the test if there
// is none.
func (f *Fake) RequireOpen(tb TB, alias string) Alert {
	tb.Helper()
	alert, ok := latest(f.Alerts(), alias)
	if !ok || !alert.Open() {
		tb.Fatalf("opsgenietest: no open alert %q; there is %s", alias, f.describe())
	}
	return alert
}

// RequireClosed returns the latest closed alert with the alias, and ends the
// test if there is none, or if one is open.
func (f *Fake) RequireClosed(tb TB, alias string) Alert {
	tb.Helper()
	alert, ok := latest(f.Alerts(), alias)
	if !ok || alert.Open() {
		tb.Fatalf("opsgenietest: alert %q is not closed; there is %s", alias, f.describe())
	}
	return alert
}

// RequireNone ends the test if there is, or was, an alert with one of the
// aliases; without aliases, if there is any.
func (f *Fake) RequireNone(tb TB, aliases ...string) {
	tb.Helper()
	for _, alert := range f.Alerts() {
		if len(aliases) == 0 || slices.Contains(aliases, alert.Alias) {
			tb.Fatalf("opsgenietest: an alert that must not be; there is %s", f.describe())
			return
		}
	}
}

// RequireCount returns the latest alert with the alias, and ends the test if
// its count is not n.
func (f *Fake) RequireCount(tb TB, alias string, n int) Alert {
	tb.Helper()
	alert, ok := latest(f.Alerts(), alias)
	if !ok || alert.Count != n {
		tb.Fatalf("opsgenietest: alert %q does not have count %d; there is %s", alias, n, f.describe())
	}
	return alert
}

// AwaitOpen is [Fake.RequireOpen], but waits up to 10 seconds for it.
func (f *Fake) AwaitOpen(tb TB, alias string) Alert {
	tb.Helper()
	f.await(alias, Alert.Open)
	return f.RequireOpen(tb, alias)
}

// AwaitClosed is [Fake.RequireClosed], but waits up to 10 seconds for it.
func (f *Fake) AwaitClosed(tb TB, alias string) Alert {
	tb.Helper()
	f.await(alias, func(a Alert) bool { return !a.Open() })
	return f.RequireClosed(tb, alias)
}

// AwaitCount is [Fake.RequireCount], but waits up to 10 seconds for it.
func (f *Fake) AwaitCount(tb TB, alias string, n int) Alert {
	tb.Helper()
	f.await(alias, func(a Alert) bool { return a.Count >= n })
	return f.RequireCount(tb, alias, n)
}

// await waits until the latest alert with the alias is as asked. That it gives
// up shows in the assertion that follows.
func (f *Fake) await(alias string, is func(Alert) bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = f.Wait(ctx, func(alerts []Alert) bool {
		alert, ok := latest(alerts, alias)
		return ok && is(alert)
	})
}

// latest finds the newest alert with the alias. One that is open is the newest.
func latest(alerts []Alert, alias string) (Alert, bool) {
	for _, alert := range slices.Backward(alerts) {
		if alert.Alias == alias {
			return alert, true
		}
	}
	return Alert{}, false
}

// describe lists what there is, for the message of a test that fails.
func (f *Fake) describe() string {
	const most = 20
	alerts, calls := f.Alerts(), len(f.Calls())
	if len(alerts) == 0 {
		return fmt.Sprintf("no alert after %d calls", calls)
	}
	lines := make([]string, 0, most)
	for _, a := range alerts[max(0, len(alerts)-most):] {
		lines = append(lines, fmt.Sprintf("%q %s ×%d: %s", a.Alias, a.Status, a.Count, a.Message))
	}
	return fmt.Sprintf("after %d calls:\n\t%s", calls, strings.Join(lines, "\n\t"))
}
