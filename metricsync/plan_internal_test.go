package metricsync

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPlan(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 3, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Truncate(5 * time.Minute).Add(-d) }
	floor := now.Add(-Reach).Truncate(5 * time.Minute).Add(5 * time.Minute)
	end := ago(5 * time.Minute)
	over := func(from, whole time.Time, acknowledged bool) *backfill { return &backfill{from, whole, acknowledged} }

	tests := []struct {
		name       string
		remembered progress
		found      Found
		since      time.Time

		why   string
		start time.Time
		next  func(*testing.T, progress)
	}{
		{name: "an empty sink gets the past", why: PlanBackfill, start: floor},
		{name: "a sink that says it has the past, and has nothing", found: Found{Backfilled: true}, why: PlanBackfill, start: floor},
		{name: "a sink that wants the past, and has something", found: Found{Newest: ago(time.Hour)}, why: PlanBackfill, start: floor},
		{
			name: "nothing is remembered: after the newest, with the overlap", found: Found{Newest: ago(time.Hour), Backfilled: true},
			why: PlanContinue, start: ago(65 * time.Minute),
		},
		{
			name: "a newest within a window", found: Found{Newest: ago(time.Hour).Add(90 * time.Second), Backfilled: true},
			why: PlanContinue, start: ago(65 * time.Minute),
		},
		{
			name: "an outage longer than the sink takes", found: Found{Newest: ago(40 * day), Backfilled: true},
			why: PlanContinue, start: floor,
		},
		{
			name: "a newest from the future is of a clock that was wrong", found: Found{Newest: now.Add(day), Backfilled: true},
			why: PlanContinue, start: end,
		},
		{
			name: "what is remembered", remembered: progress{Through: ago(20 * time.Minute), Newest: ago(25 * time.Minute), Confirmed: ago(30 * time.Minute)},
			found: Found{Newest: ago(25 * time.Minute), Backfilled: true},
			why:   PlanContinue, start: ago(30 * time.Minute),
			next: func(t *testing.T, p progress) { assert.Equal(t, ago(25*time.Minute), p.Confirmed) },
		},
		{
			name: "nothing new: nothing again", remembered: progress{Through: end, Newest: end.Add(-5 * time.Minute)},
			found: Found{Newest: end.Add(-5 * time.Minute), Backfilled: true}, why: PlanContinue, start: end,
		},
		{
			name:       "a backfill goes on where it was, though the sink has newer samples from before",
			remembered: progress{Through: ago(20 * day), Confirmed: ago(time.Hour), Backfill: over(floor, time.Time{}, false)},
			found:      Found{Newest: ago(time.Hour)}, why: PlanResume, start: ago(20*day + 10*time.Minute),
		},
		{
			name:       "a backfill that has just begun does not go before its beginning",
			remembered: progress{Through: ago(20 * day), Backfill: over(ago(20*day), time.Time{}, false)},
			why:        PlanResume, start: ago(20 * day),
		},
		{
			name:       "the flag turns late: no second backfill",
			remembered: progress{Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(10 * time.Minute), Backfill: over(floor, ago(time.Hour), false)},
			found:      Found{Newest: ago(10 * time.Minute)}, why: PlanContinue, start: end,
		},
		{
			name:       "the flag does not turn: it was reset while nobody looked",
			remembered: progress{Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(10 * time.Minute), Backfill: over(floor, ago(7*time.Hour), false)},
			found:      Found{Newest: ago(10 * time.Minute)}, why: PlanReset, start: floor,
		},
		{
			name:       "the flag has turned",
			remembered: progress{Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(10 * time.Minute), Backfill: over(floor, ago(time.Hour), false)},
			found:      Found{Newest: ago(10 * time.Minute), Backfilled: true}, why: PlanContinue, start: end,
			next: func(t *testing.T, p progress) { assert.True(t, p.Backfill.Acknowledged) },
		},
		{
			name:       "the flag turns back: a reset, though there are samples again",
			remembered: progress{Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(10 * time.Minute), Backfill: over(floor, ago(time.Hour), true)},
			found:      Found{Newest: ago(10 * time.Minute)}, why: PlanReset, start: floor,
		},
		{
			name:       "it had samples, and has none: a reset, also during a backfill",
			remembered: progress{Through: ago(20 * day), Newest: ago(20 * day), Confirmed: ago(21 * day), Backfill: over(floor, time.Time{}, false)},
			why:        PlanReset, start: floor,
		},
		{
			name:       "it never had a backfill of ours, and wants one",
			remembered: progress{Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(10 * time.Minute)},
			found:      Found{Newest: ago(10 * time.Minute)}, why: PlanReset, start: floor,
		},
		{
			name: "somebody asks", remembered: progress{Through: end, Newest: ago(10 * time.Minute)}, since: ago(3*day + 7*time.Second),
			found: Found{Newest: ago(10 * time.Minute), Backfilled: true}, why: PlanAsked, start: ago(3*day + 5*time.Minute),
		},
		{
			name: "somebody asks for more than the sink takes", since: ago(300 * day),
			found: Found{Newest: ago(10 * time.Minute), Backfilled: true}, why: PlanAsked, start: floor,
		},
		{
			name: "what was accepted is not there yet: once more", remembered: progress{Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(time.Hour)},
			found: Found{Newest: ago(time.Hour), Backfilled: true}, why: PlanContinue, start: ago(65 * time.Minute),
			next: func(t *testing.T, p progress) { assert.Equal(t, ago(55*time.Minute), p.Through) },
		},
		{
			name: "where that is much, it may take its time", remembered: progress{Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(2 * day)},
			found: Found{Newest: ago(2 * day), Backfilled: true}, why: PlanContinue, start: end,
			next: func(t *testing.T, p progress) { assert.Equal(t, &missing{ago(10 * time.Minute), now}, p.Missing) },
		},
		{
			name: "it is there after all, while newer is not", remembered: progress{
				Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(9 * day), Missing: &missing{ago(3 * day), ago(45 * time.Minute)},
			},
			found: Found{Newest: ago(3 * day), Backfilled: true}, why: PlanContinue, start: end,
			next: func(t *testing.T, p progress) { assert.Equal(t, &missing{ago(10 * time.Minute), now}, p.Missing) },
		},
		{
			name: "it does not come: once more", remembered: progress{
				Through: end, Newest: ago(10 * time.Minute), Confirmed: ago(2 * day), Missing: &missing{ago(45 * time.Minute), ago(40 * time.Minute)},
			},
			found: Found{Newest: ago(2 * day), Backfilled: true}, why: PlanLost, start: ago(2*day + 5*time.Minute),
			next: func(t *testing.T, p progress) {
				assert.Equal(t, ago(2*day), p.Newest)
				assert.Nil(t, p.Missing)
			},
		},
		{
			name: "nothing at all came: all of it once more", remembered: progress{
				Through: end, Newest: ago(10 * time.Minute), Missing: &missing{ago(45 * time.Minute), ago(40 * time.Minute)}, Backfill: over(floor, ago(time.Hour), false),
			},
			why: PlanLost, start: floor,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start, why, next := plan(test.remembered, look{
				now: now, end: end, floor: floor, window: 5 * time.Minute, overlap: 10 * time.Minute, found: test.found, since: test.since,
			})
			assert.Equal(t, test.why, why)
			assert.Equal(t, test.start, start, "%s", start)
			if test.next != nil {
				test.next(t, next)
			}
		})
	}
}
