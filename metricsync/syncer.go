package metricsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Config says what a Syncer does. Metrics and Sinks are required.
type Config struct {
	Metrics []Metric
	// Sinks are where the metrics go: each to all. They have names that differ.
	Sinks []Sink

	// Documents keeps how far earlier runs came. It may lose it without harm, but
	// for what is read and sent once more. Defaults to memory.
	Documents Documents
	// Shared says that other processes may have the Documents too. Then one runs
	// at a time.
	Shared bool

	// Settle is how long after its end a window is taken for whole. Defaults to
	// 1 minute; negative is none.
	Settle time.Duration
	// Overlap is how much of what was sent is read and sent again, where there is
	// something new, for what the source got late. Defaults to 10 minutes;
	// negative is none.
	Overlap time.Duration

	// Logger is told of what goes wrong beside the report. Defaults to
	// slog.Default().
	Logger *slog.Logger
}

// Syncer brings metrics to sinks. Make it with [New]. It is safe for concurrent
// use; it makes one run at a time.
type Syncer struct {
	cfg     Config
	running sync.Mutex
}

// New makes a Syncer. It reads and connects to nothing. The error joins all that
// is wrong with cfg.
func New(cfg Config) (*Syncer, error) {
	var errs []error
	cfg.Metrics = slices.Clone(cfg.Metrics)
	if len(cfg.Metrics) == 0 {
		errs = append(errs, errors.New("metricsync: Metrics are missing"))
	}
	seen := map[string]int{}
	for n := range cfg.Metrics {
		m := &cfg.Metrics[n]
		if err := m.settle(); err != nil {
			errs = append(errs, &MetricError{Index: n, Key: m.Key(), Err: err})
		}
		if first, twice := seen[m.Key()]; twice && m.Key() != "" {
			errs = append(errs, &MetricError{Index: n, Key: m.Key(), Err: fmt.Errorf("is Metrics[%d] too", first)})
		} else {
			seen[m.Key()] = n
		}
	}
	if len(cfg.Sinks) == 0 {
		errs = append(errs, errors.New("metricsync: Sinks are missing"))
	}
	names := map[string]bool{}
	for n, s := range cfg.Sinks {
		if s == nil {
			errs = append(errs, fmt.Errorf("metricsync: Sinks[%d] is missing", n))
			continue
		}
		if names[s.Name()] {
			errs = append(errs, fmt.Errorf("metricsync: Sinks[%d] has the name %q of another", n, s.Name()))
		}
		names[s.Name()] = true
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Documents == nil {
		cfg.Documents = &memory{docs: map[string][]byte{}}
	}
	cfg.Settle = max(cmp.Or(cfg.Settle, time.Minute), 0)
	cfg.Overlap = max(cmp.Or(cfg.Overlap, 10*time.Minute), 0)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Syncer{cfg: cfg}, nil
}

// MetricError is what is wrong with one of Config.Metrics. Err joins all of it;
// each begins with the name of the field.
type MetricError struct {
	Index int
	Key   string
	Err   error
}

// Error implements error.
func (e *MetricError) Error() string {
	return fmt.Sprintf("metricsync: Metrics[%d] %s: %v", e.Index, e.Key, e.Err)
}

// Unwrap returns Err.
func (e *MetricError) Unwrap() error { return e.Err }

// Options say what one run does. The zero value is the run that a schedule makes.
type Options struct {
	// Only are the keys of the metrics of this run. Defaults to all.
	Only []string
	// Since asks for a backfill from then on, 28 days ago at most. Zero is no
	// such wish; the sinks' own is heard in any case.
	Since time.Time
	// Until is when the run is to end: it begins nothing after it, and takes note
	// of what it has. What is left, the next run does. Zero is never. A context
	// that ends stops it at once, also in the middle of a call; so give it some
	// seconds more than this. Half of them is for what is being read.
	Until time.Time
	// DryRun is called with what would be sent, in place of sending. Nothing is
	// remembered then.
	DryRun func(sink Sink, series []Series)
	// Progress is called now and then with a report of the run so far, from one
	// goroutine.
	Progress func(*Report)
}

// Sync makes one run: it sends what is due of each metric to each sink, oldest
// first. What fails is in the report, metric by metric. The error is that the run
// could not be made or ended early: ErrBusy where another is under way, a mistake
// in the options, or that of ctx. The report is never nil.
func (s *Syncer) Sync(ctx context.Context, options Options) (*Report, error) {
	r := &run{syncer: s, options: options}
	r.out.Began = time.Now()
	defer func() { r.out.Ended = time.Now() }()
	if !s.running.TryLock() {
		return &r.out, fmt.Errorf("metricsync: %w in this process", ErrBusy)
	}
	defer s.running.Unlock()
	if err := r.choose(); err != nil {
		return &r.out, err
	}
	if options.DryRun == nil {
		held, release, err := s.hold(ctx)
		if err != nil {
			return &r.out, err
		}
		defer release()
		ctx = held
	}
	r.do(ctx)
	return &r.out, context.Cause(ctx)
}

// NextClose returns when the next window of any metric is closed and settled,
// after the given time: before it, a run has nothing new to send.
func (s *Syncer) NextClose(after time.Time) time.Time {
	next := after.Add(day)
	for n := range s.cfg.Metrics {
		w := s.cfg.Metrics[n].Window
		next = earlier(next, after.Add(-s.cfg.Settle).Truncate(w).Add(w+s.cfg.Settle))
	}
	return next
}

func errAttr(err error) slog.Attr { return slog.Any("error", err) }
