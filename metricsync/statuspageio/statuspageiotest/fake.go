package statuspageiotest

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/faults"
)

// Page is the id of the page, unless Options name another.
const Page = "page1"

// What the service takes and keeps.
const (
	Slot      = 30 * time.Second    // the grain of time
	Past      = 28 * 24 * time.Hour // how old a point may be
	PerMinute = 60                  // calls
	PerCall   = 3000                // points, of all metrics
	PerPage   = 100                 // metrics of a list
)

// StatusCalm is the service's "Enhance your calm", to who calls too often.
const StatusCalm = 420

// Options changes what a [Fake] does. The zero value takes any key and stores at
// once.
type Options struct {
	// Page is the id of the page. Defaults to [Page].
	Page string
	// Keys are those that may do everything. Defaults to any that is not empty.
	Keys []string
	// Prefix is the path under which the API lies. Defaults to "/v1".
	Prefix string

	// PerMinute is how many calls there may be in any 60 seconds. Defaults to
	// [PerMinute]; a negative number is no limit.
	PerMinute int
	// Busy is the status of calls above it, 420 or 429. Defaults to [StatusCalm].
	Busy int
	// PerCall is how many points one call may have. One with more is refused with
	// 422. Defaults to [PerCall]; a negative number is no limit.
	PerCall int
	// Unknown is the status of a call for many metrics of which one is not there:
	// 404 or 422, and then nothing of it is stored, or 202, and then the points of
	// the others are. Defaults to 404.
	Unknown int

	// StoreAfter is the time from the 202 of a call until its points are stored.
	// A call is not stored before one that arrived earlier.
	StoreAfter time.Duration
	// Enough is how far the points of a metric must reach, from the oldest to the
	// newest, until it counts as backfilled. Defaults to 27 days.
	Enough time.Duration
	// BackfilledAfter is the time from then until the metric says so; negative is
	// never.
	BackfilledAfter time.Duration
	// QuietBackfill keeps most_recent_data_at at null until a metric is backfilled.
	QuietBackfill bool

	// Skew is by how much the service's clock is ahead.
	Skew time.Duration
}

// fill puts the defaults in place of zeroes.
func (o *Options) fill() {
	o.Page = cmp.Or(o.Page, Page)
	o.Prefix = "/" + strings.Trim(cmp.Or(o.Prefix, "/v1"), "/")
	o.PerMinute = cmp.Or(o.PerMinute, PerMinute)
	o.Busy = cmp.Or(o.Busy, StatusCalm)
	o.PerCall = cmp.Or(o.PerCall, PerCall)
	o.Unknown = cmp.Or(o.Unknown, http.StatusNotFound)
	o.Enough = cmp.Or(o.Enough, Past-24*time.Hour)
}

// keptCalls bounds what a Fake remembers, for programs that run for long.
const keptCalls = 10_000

// Fake is a page of Statuspage.io: an [http.Handler] that serves its metrics in
// the management API.
//
// Make one with [New], [NewFake] or [NewServer]; the zero value does not work. A
// Fake must not be copied. It is safe for concurrent use.
type Fake struct {
	opts Options
	stop context.CancelFunc // ends what hangs
	ctx  context.Context    // done when the Fake is closed
	work sync.WaitGroup     // requests in flight

	mu      sync.Mutex
	closed  bool
	metrics []*metric
	queue   []write
	recent  []time.Time // calls of the last minute
	over    int
	calls   []*Call
	faults  faults.Queue[Fault]
}

// New makes a Fake without metrics. [Fake.Close] ends it.
func New(opts Options) *Fake {
	opts.fill()
	f := &Fake{opts: opts}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// Set changes the options of the Fake for what is to come. The URL of a [Server]
// stays what it is.
func (f *Fake) Set(change func(*Options)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	change(&f.opts)
	f.opts.fill()
}

// Now is the time by the service's clock.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now()
}

func (f *Fake) now() time.Time { return time.Now().Add(f.opts.Skew).UTC() }

// Close ends the Fake: calls that hang are cut. It returns when nothing runs any
// more. Closing twice is fine.
func (f *Fake) Close() {
	f.mu.Lock()
	f.closed = true
	f.stop()
	f.mu.Unlock()
	f.work.Wait()
}

// ServeHTTP answers a call of the API.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	closed := f.closed
	if !closed {
		f.work.Add(1)
	}
	f.mu.Unlock()
	if closed {
		panic(http.ErrAbortHandler)
	}
	defer f.work.Done()
	f.serve(w, r)
}
