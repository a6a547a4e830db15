package prometheustest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/routewatch/routewatch/internal/faults"
	"github.com/routewatch/routewatch/internal/inprocess"
)

// MaxPoints is how many points of a series one query of Prometheus may have.
const MaxPoints = 11_000

// Options changes what a [Fake] does. The zero value is a Prometheus with its
// defaults, which asks nobody for credentials.
type Options struct {
	// Token is the bearer token that a query must have; User and Password are the
	// credentials of basic authentication. Without any, none are looked at.
	Token, User, Password string
	// Prefix is the path under which the API lies, such as "/prometheus".
	// Defaults to none.
	Prefix string
	// MaxPoints is how many points of a series a query may have. Defaults to the
	// [MaxPoints] of Prometheus.
	MaxPoints int
	// MaxRange is the longest time from the start of a query to its end, as Mimir
	// and Cortex have it. Defaults to none.
	MaxRange time.Duration
	// MaxSamples is how many points of all series together a query may have, as
	// all of them have it. Defaults to none.
	MaxSamples int
	// GETOnly refuses to take a query by POST.
	GETOnly bool
}

// keptCalls bounds what a Fake remembers, for programs that run for long.
const keptCalls = 10_000

// Fake is a Prometheus: an [http.Handler] that serves its HTTP API.
//
// Make one with [New], [NewFake] or [NewServer]; the zero value does not work. A
// Fake must not be copied. It is safe for concurrent use.
type Fake struct {
	opts Options
	ctx  context.Context // done when the Fake is closed
	stop context.CancelFunc
	work sync.WaitGroup // queries in flight

	mu     sync.Mutex
	closed bool
	series map[string][]Series // by expression
	calls  []*Call
	faults faults.Queue[Fault]
}

// New makes a Fake. [Fake.Close] ends it.
func New(opts Options) *Fake {
	opts.Prefix = strings.TrimRight(opts.Prefix, "/")
	if opts.Prefix != "" && !strings.HasPrefix(opts.Prefix, "/") {
		opts.Prefix = "/" + opts.Prefix
	}
	if opts.MaxPoints == 0 {
		opts.MaxPoints = MaxPoints
	}
	f := &Fake{opts: opts, series: make(map[string][]Series)}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// Close ends the Fake: queries that hang are cut. It returns when none is in
// flight. Closing twice is fine.
func (f *Fake) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.work.Wait()
}

// Handle says what an expression comes to from now on. Without series that is
// nothing: an answer without points.
func (f *Fake) Handle(expr string, series ...Series) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.series[strings.TrimSpace(expr)] = sorted(series)
}

// Transport carries requests to the Fake without a socket, whatever their host.
// Give it to a client with any base URL. It starts no goroutine, so that time in a
// testing/synctest bubble goes on while a query is delayed or hangs.
func (f *Fake) Transport() http.RoundTripper { return inprocess.Transport(f) }

// ServeHTTP answers a query.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	f.work.Add(1)
	f.mu.Unlock()
	defer f.work.Done()

	path, ok := strings.CutPrefix(r.URL.Path, f.opts.Prefix)
	switch {
	case ok && (path == "/-/healthy" || path == "/-/ready"):
		_, _ = io.WriteString(w, "Prometheus is well.\n")
	case ok && path == "/api/v1/query_range":
		f.serveRange(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (f *Fake) serveRange(w http.ResponseWriter, r *http.Request) {
	c, invalid := newCall(r)
	fault := f.meet(c)
	a := answer{status: http.StatusOK}
	post := ", POST"
	if f.opts.GETOnly {
		post = ""
	}
	if fault != nil && !fault.before(f, r) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case fault != nil && fault.Status != 0:
		a = fault.answer()
	case !f.admits(r):
		a = answer{status: http.StatusUnauthorized, body: []byte("Unauthorized\n"), text: true}
	case r.Method != http.MethodGet && (r.Method != http.MethodPost || post == ""):
		a = answer{status: http.StatusMethodNotAllowed, body: []byte("Method Not Allowed\n"), text: true}
		w.Header().Set("Allow", "GET, OPTIONS"+post)
	default:
		err := invalid
		if err == nil {
			a, err = f.evaluate(c, fault)
		}
		var refused *refusal
		if errors.As(err, &refused) {
			a = refused.answer()
		}
	}
	f.answered(c, a.status)
	a.write(w, fault != nil && fault.Cut == CutMiddle)
}

// admits reports whether a query has the credentials that it needs.
func (f *Fake) admits(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	switch {
	case f.opts.Token != "":
		return r.Header.Get("Authorization") == "Bearer "+f.opts.Token
	case f.opts.User != "":
		return user == f.opts.User && password == f.opts.Password
	}
	return true
}
