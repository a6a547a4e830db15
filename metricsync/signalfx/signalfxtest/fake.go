package signalfxtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/faults"
)

// Options changes what a [Fake] does. The zero value is a SignalFx that takes any
// token, on the clock of the process.
type Options struct {
	// Tokens are those that may read. Any that is not empty may, where there are
	// none.
	Tokens []string
	// Skew is how much the Fake's clock is ahead of the process's; negative is
	// behind. There are no points of a time that is still to come by it.
	Skew time.Duration
	// EndInclusive lets the end of a time series window belong to it.
	EndInclusive bool
	// MaxSpan is the longest window. Defaults to 1 day.
	MaxSpan time.Duration
	// MaxSeries is how many series a query, or a stream of a program, gets: the
	// last that were added. Defaults to 10,000.
	MaxSeries int
	// MaxPoints is how many points a window may have, counted as if none were
	// missing. Defaults to 1,000,000.
	MaxPoints int
	// Batch is how many values a SignalFlow message has at most, so that those of
	// one time come in several. Defaults to all.
	Batch int
	// NaN is how a value that is NaN is written. Defaults to null; `"NaN"` and
	// NaN, which is no JSON, were seen elsewhere.
	NaN string
}

// Fake is an organisation of SignalFx: an [http.Handler].
//
// Make one with [New], [NewFake] or [NewServer]; the zero value does not work. A
// Fake must not be copied. It is safe for concurrent use.
type Fake struct {
	opts Options
	ctx  context.Context // done when the Fake is closed
	stop context.CancelFunc
	work sync.WaitGroup // calls in flight

	mu       sync.Mutex
	closed   bool
	series   map[string][]Series // by query
	programs map[string][]Stream
	faults   faults.Queue[Fault]
	calls    []*Call
	jobs     int // that are running
}

// New makes a Fake. [Fake.Close] ends it.
func New(opts Options) *Fake {
	opts.MaxSpan = cmp.Or(opts.MaxSpan, 24*time.Hour)
	opts.MaxSeries = cmp.Or(opts.MaxSeries, 10_000)
	opts.MaxPoints = cmp.Or(opts.MaxPoints, 1_000_000)
	opts.NaN = cmp.Or(opts.NaN, "null")
	f := &Fake{opts: opts, series: make(map[string][]Series), programs: make(map[string][]Stream)}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// AddSeries adds series that a query of time series windows matches. The query is
// compared as a text. The one that is added last is the newest.
func (f *Fake) AddSeries(query string, series ...Series) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.series[query] = append(f.series[query], complete(series, len(f.series[query]))...)
}

// AddProgram adds a SignalFlow program that publishes streams. The program is
// compared as a text.
func (f *Fake) AddProgram(text string, streams ...Stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	streams = slices.Clone(streams)
	for i := range streams {
		streams[i].Series = complete(streams[i].Series, (len(f.programs[text])+i)<<16)
	}
	f.programs[text] = append(f.programs[text], streams...)
}

// complete gives series what they lack.
func complete(series []Series, first int) []Series {
	series = slices.Clone(series)
	for i := range series {
		s := &series[i]
		s.ID = cmp.Or(s.ID, fmt.Sprintf("AAAA%07X", first+i))
		s.Every = cmp.Or(s.Every, time.Minute)
		s.Dimensions = maps.Clone(s.Dimensions)
		if s.Value == nil {
			s.Value = Constant(1)
		}
	}
	return series
}

// ServeHTTP answers a call.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !f.enter() {
		panic(http.ErrAbortHandler)
	}
	defer f.work.Done()
	f.serve(w, r)
}

// enter counts a call in, unless the Fake is closed.
func (f *Fake) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.work.Add(1)
	return true
}

// Close ends the Fake: calls that hang and jobs that run are cut. It returns when
// nothing runs any more. Closing twice is fine.
func (f *Fake) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.work.Wait()
}

// Now is the time by the Fake's clock.
func (f *Fake) Now() time.Time { return time.Now().Add(f.opts.Skew) }

// pause is [faults.Pause], which closing the Fake ends.
func (f *Fake) pause(ctx context.Context, d time.Duration) bool {
	return faults.Pause(ctx, f.ctx.Done(), d)
}
