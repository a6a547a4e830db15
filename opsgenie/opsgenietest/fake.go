package opsgenietest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/faults"
)

// Options changes what a [Fake] does. The zero value is an Opsgenie that takes
// any key and carries everything out at once.
type Options struct {
	// Keys are the integration keys that may do everything. Any key that is not
	// empty is one when both Keys and ReadKeys are empty.
	Keys []string
	// ReadKeys are keys as "API Key Management" makes them: they read, and every
	// other call is answered with 403 and code 40301.
	ReadKeys []string
	// Prefix is the path under which the API lies, such as
	// "/jsm/ops/integration". Defaults to none. The page lies at "/" as well as
	// under the prefix.
	Prefix string
	// JSM makes this Jira Service Management, where a GenieKey may create,
	// acknowledge and close alerts, add notes and read the status of a request.
	// Every other call is answered with 404.
	JSM bool
	// AllowInvalid keeps invalid calls from failing the test. They are handled
	// as Opsgenie handles them all the same.
	AllowInvalid bool
	// ProcessingDelay is the time from the 202 of a call until it is carried
	// out. Calls are carried out in the order of their arrival. Defaults to 0:
	// before the 202 is sent.
	ProcessingDelay time.Duration
	// ListLag is the time from a change until list and count show it. Defaults
	// to 0.
	ListLag time.Duration
	// LooseTags makes the condition tag:x match every alert with a tag that has
	// the words of x among its own, as an index that splits tags into words
	// would. A client that must be sure filters what it gets.
	LooseTags bool
}

// Limits on what a Fake remembers, for programs that run for long.
const (
	keptCalls    = 10_000
	keptRequests = 20_000
	keptLog      = 1_000
)

// Fake is an account of Opsgenie: an [http.Handler] that serves the Alert API
// and, at "/", a page with the alerts.
//
// Make one with [New], [NewFake] or [NewServer]; the zero value does not work.
// A Fake must not be copied. It is safe for concurrent use.
type Fake struct {
	opts Options
	page *page
	stop context.CancelFunc // ends what hangs, and the webhooks
	ctx  context.Context    // done when the Fake is closed
	work sync.WaitGroup     // requests in flight, timers and webhook workers

	mu       sync.Mutex
	closed   bool
	changed  chan struct{} // closed and replaced at every change
	account  account
	index    index
	queue    queue
	calls    []*Call
	invalid  []string
	faults   faults.Queue[Fault]
	webhooks []*hook
	sent     []Delivery
	beats    map[string]time.Time
}

// New makes a Fake that tells no test about invalid calls (see
// [Fake.Invalid]). [Fake.Close] ends it.
func New(opts Options) *Fake {
	opts.Prefix = strings.TrimRight(opts.Prefix, "/")
	if opts.Prefix != "" && !strings.HasPrefix(opts.Prefix, "/") {
		opts.Prefix = "/" + opts.Prefix
	}
	f := &Fake{
		opts:    opts,
		changed: make(chan struct{}),
		account: newAccount(),
		index:   newIndex(),
		queue:   newQueue(),
		beats:   make(map[string]time.Time),
	}
	f.page = newPage(f)
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// ServeHTTP answers a call of the API, or shows the page.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !f.enter() {
		panic(http.ErrAbortHandler)
	}
	defer f.work.Done()
	if f.page.owns(r) {
		f.page.ServeHTTP(w, r)
		return
	}
	f.serveAPI(w, r)
}

// Close ends the Fake: calls that hang are cut, what waits to be carried out or
// delivered is dropped. It returns when nothing runs any more. Closing twice is
// fine.
func (f *Fake) Close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		f.stop()
		f.queue.stop(&f.work)
		f.broadcast()
	}
	f.mu.Unlock()
	f.work.Wait()
}

// SetProcessingDelay changes [Options].ProcessingDelay for calls to come.
func (f *Fake) SetProcessingDelay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opts.ProcessingDelay = d
}

// SetListLag changes [Options].ListLag, also for changes already made.
func (f *Fake) SetListLag(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opts.ListLag = d
}

// errClosed is what waiting for a closed Fake ends with.
var errClosed = errors.New("opsgenietest: the server is closed")

// Settle waits until every accepted call is carried out and every webhook was
// delivered or failed. It returns ctx's error when ctx ends first.
func (f *Fake) Settle(ctx context.Context) error {
	return f.Wait(ctx, func([]Alert) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.settled()
	})
}

// Wait waits until done, called with all alerts after every change and every
// call, reports true. It returns ctx's error when ctx ends first.
func (f *Fake) Wait(ctx context.Context, done func([]Alert) bool) error {
	for {
		// done is called without the lock, because it may ask the Fake for more.
		f.mu.Lock()
		alerts, closed, changed := f.account.all(), f.closed, f.changed
		f.mu.Unlock()
		if done(alerts) {
			return nil
		}
		if closed {
			return errClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settled reports whether nothing waits. f.mu is held.
func (f *Fake) settled() bool {
	if len(f.queue.jobs) > 0 {
		return false
	}
	for _, h := range f.webhooks {
		if h.busy {
			return false
		}
	}
	return true
}

// broadcast wakes all who wait. f.mu is held.
func (f *Fake) broadcast() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// enter counts a request in, unless the Fake is closed.
func (f *Fake) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.work.Add(1)
	return true
}

// now is the time in the grain of the API, milliseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
