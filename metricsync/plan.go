package metricsync

import (
	"time"
)

// The times by which a plan is made.
const (
	// Reach is how far back samples are sent: Statuspage.io takes 28 days
	// (support.atlassian.com, "Display system metrics").
	Reach = 28 * day
	// A sink may have lost what it accepted: Statuspage.io answers 202 and stores
	// later. What it does not say it has is sent again: where that is less than
	// confirmLittle with the next run, else after confirmWithin, since much may
	// take its time.
	confirmLittle = day
	confirmWithin = 30 * time.Minute
	// acknowledgeWithin is how long a sink may take from the end of a backfill to
	// saying that it has the past. One that still wants it then gets it again: it
	// was reset meanwhile.
	acknowledgeWithin = 6 * time.Hour
)

// look is what is known when a plan is made.
type look struct {
	now     time.Time // the earlier one of ours and the sink's
	end     time.Time // of the last window that is closed
	floor   time.Time // the first window that the sink takes
	window  time.Duration
	overlap time.Duration
	found   Found
	since   time.Time // a backfill that somebody asks for begins here; zero is none
}

// Why a run begins where it does, as in MetricReport.Plan.
const (
	PlanContinue = "continue" // where the last run ended
	PlanResume   = "resume"   // a backfill goes on
	PlanBackfill = "backfill" // the sink wants the past, or is empty
	PlanReset    = "reset"    // the sink has lost what it had: the past once more
	PlanAsked    = "asked"    // somebody wants the past
	PlanLost     = "lost"     // the sink has not stored what it accepted: that once more
)

// plan returns from where on samples are sent, given what was remembered, why,
// and what is to be remembered. It is pure.
func plan(p progress, l look) (start time.Time, why string, next progress) {
	f := l.found
	begin := func(from time.Time, why string) (time.Time, string, progress) {
		from = later(from.Truncate(l.window), l.floor)
		return from, why, progress{Through: from, Confirmed: f.Newest, Backfill: &backfill{From: from}}
	}
	if p.Through.IsZero() {
		if f.Newest.IsZero() || !f.Backfilled {
			return begin(l.floor, PlanBackfill) // also where less is asked for
		}
		// What a sink has was sent oldest first: before its newest there is no
		// hole. One from the future is of a clock that was wrong.
		through := earlier(f.Newest.Truncate(l.window).Add(l.window), l.end)
		p = progress{Through: through, Newest: earlier(f.Newest, l.end)}
	}
	switch {
	case wasReset(p, l):
		return begin(l.floor, PlanReset)
	case !l.since.IsZero():
		return begin(earlier(l.since, p.Through), PlanAsked) // never past what is missing
	}
	why = PlanContinue
	if b := p.Backfill; b != nil && b.Whole.IsZero() {
		why = PlanResume
	}
	if f.Backfilled && p.Backfill != nil {
		b := *p.Backfill
		b.Acknowledged = true
		p.Backfill = &b
	}
	p.Confirmed = later(p.Confirmed, f.Newest)
	if why == PlanContinue || f.Newest.IsZero() { // during a backfill the newest may not move
		var lost bool
		if p, lost = expect(p, l); lost {
			why = PlanLost
		}
	}
	start = p.Through
	if start.Before(l.end) { // with what was late, where there is something new
		start = start.Add(-l.overlap)
		if b := p.Backfill; b != nil {
			start = later(start, b.From)
		}
	}
	return later(start.Truncate(l.window), l.floor), why, p
}

// wasReset reports whether the sink was emptied since: somebody pressed Reset,
// because the past is wrong.
func wasReset(p progress, l look) bool {
	f := l.found
	switch b := p.Backfill; {
	case !p.Confirmed.IsZero() && f.Newest.IsZero():
		return true // it had something, and has nothing
	case f.Backfilled:
		return false
	case b == nil, b.Acknowledged:
		return true // it had the past, and wants it
	default:
		return !b.Whole.IsZero() && l.now.Sub(b.Whole) > acknowledgeWithin
	}
}

// expect compares what a sink has with what it accepted, and reports whether it
// has lost some of it.
func expect(p progress, l look) (_ progress, lost bool) {
	f := l.found
	if m := p.Missing; m != nil && !f.Newest.Before(m.Sample) {
		p.Missing = nil
	}
	if !f.Newest.Before(p.Newest) {
		return p, false
	}
	little := !f.Newest.IsZero() && p.Newest.Sub(f.Newest) <= confirmLittle
	switch m := p.Missing; {
	case little, m != nil && l.now.Sub(m.Since) > confirmWithin:
		p.Missing, p.Newest = nil, f.Newest
		p.Through = earlier(p.Through, f.Newest.Truncate(l.window).Add(l.window))
		return p, !little
	case m == nil:
		p.Missing = &missing{Sample: p.Newest, Since: l.now}
	}
	return p, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
