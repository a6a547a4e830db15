package syncrun

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// share is how long a run of a daemon goes on at most, before what is current
// elsewhere is looked at again. A backfill takes as many runs as it needs.
const share = time.Minute

// Every makes a run each interval until ctx ends, sooner where there is more to
// do, and less often where there is nothing. It tells each of what it did.
func (r *Runner) Every(ctx context.Context, interval time.Duration, log *slog.Logger, tell func(*metricsync.Report, error)) {
	failures := 0
	for ctx.Err() == nil {
		began := time.Now()
		report, err := r.Run(ctx, metricsync.Options{Until: began.Add(max(interval, share))})
		if ctx.Err() != nil {
			return // it was told to end, which is no failure
		}
		tell(report, err) // first: who reads of a run finds it in the metrics
		logRun(ctx, log, report, err)
		if err != nil || report.Err() != nil {
			failures++
		} else {
			failures = 0
		}
		wait := r.wait(interval, failures, unfinished(report), time.Now())
		timer := time.NewTimer(time.Until(began.Add(wait)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// wait is how long after the beginning of a run the next one begins.
func (r *Runner) wait(interval time.Duration, failures int, more bool, now time.Time) time.Duration {
	switch {
	case failures > 0: // not the more often the shorter the interval
		return max(interval, min(interval<<min(failures, 16), share))
	case more:
		return 0
	case interval >= share:
		return interval
	}
	// A short interval is for what is new to be there soon. Before the next window
	// is closed nothing can be new, but that somebody has pressed Reset.
	s, err := metricsync.New(r.cfg)
	if err != nil {
		return interval
	}
	return max(interval, min(s.NextClose(now).Sub(now), share))
}

// unfinished reports whether a run left a backfill for the next one.
func unfinished(report *metricsync.Report) bool {
	for _, m := range report.Metrics {
		if m.Err == nil && m.Through.Before(m.To) {
			return true
		}
	}
	return false
}

func logRun(ctx context.Context, log *slog.Logger, report *metricsync.Report, err error) {
	switch {
	case errors.Is(err, metricsync.ErrBusy):
		log.InfoContext(ctx, "metricsync: nothing done", slog.Any("error", err))
	case err != nil:
		log.ErrorContext(ctx, "metricsync: the run failed", slog.Any("error", err))
	}
	for _, m := range report.Metrics {
		attrs := []any{slog.String("metric", m.Metric), slog.String("sink", m.Sink), slog.Int("sent", m.Sent), slog.String("plan", m.Plan)}
		switch {
		case m.Err != nil:
			log.WarnContext(ctx, "metricsync: a metric stops here until the next run", append(attrs, slog.Time("through", m.Through.UTC()), slog.Any("error", m.Err))...)
		case m.Backfill:
			log.InfoContext(ctx, "metricsync: backfilling", append(attrs, slog.Time("through", m.Through.UTC()))...)
		case m.Sent > 0:
			log.InfoContext(ctx, "metricsync: sent", append(attrs, slog.Time("newest", m.Newest.UTC()))...)
		}
	}
}

// exists reports whether a store file:DIR has been there before.
func exists(name string) bool {
	_, err := os.Stat(strings.TrimPrefix(name, "file:"))
	return err == nil
}
