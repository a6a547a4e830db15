package statuspage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// Config says what a page shows and where it keeps it. Store is required.
type Config struct {
	// Store keeps the state. The Page uses it alone, or shares it with others
	// where the store can be shared. The Page does not close it.
	Store Store

	// Alerts is the Alert API: the truth when a state is recomputed. Nil where
	// there is none; then what the webhooks told decides.
	Alerts Alerts

	// WebhookKeys are the keys that a webhook may present. Several are for
	// changing one without losing an event.
	WebhookKeys []string
	// InsecureWebhook takes webhooks without a key, where no keys are set.
	InsecureWebhook bool

	// PageTag is the tag without which an alert does not count. Defaults to
	// "statuspage".
	PageTag string
	// ServiceTagPrefix is what the tag of a service begins with. Defaults to
	// "servicename:".
	ServiceTagPrefix string

	// Notes says which notes of alerts visitors see. Defaults to AllNotes.
	Notes Notes

	// ReconcileInterval is how often Run compares the records with Alerts, give
	// or take a fifth. Defaults to 5 minutes; negative is never.
	ReconcileInterval time.Duration
	// RefreshInterval is how often Run looks for what others have stored.
	// Defaults to 5 seconds; negative is never.
	RefreshInterval time.Duration

	// Logger is told of what goes wrong. Defaults to slog.Default().
	Logger *slog.Logger

	// Site is what the page looks like and says.
	Site Site
}

// Notes says which notes of alerts visitors see.
type Notes string

// The choices of Notes.
const (
	AllNotes    Notes = "all"
	PublicNotes Notes = "public" // those that begin with "public:"
	NoNotes     Notes = "none"
)

// Alerts is the Alert API, as far as a page needs it. An error of Get that the
// alert is not there must be an *opsgenie.Error with status 404.
type Alerts interface {
	// Open yields the alerts that are open and have the tag. An error ends it.
	Open(ctx context.Context, tag string) iter.Seq2[opsgenie.Alert, error]
	// Get returns the alert with the given id, open or closed.
	Get(ctx context.Context, id string) (opsgenie.Alert, error)
}

// Page works out the state of each service from the webhooks of its alerts, and
// shows it. Make it with [New], call Run in a goroutine, and mount it: a Page is
// an http.Handler. All its methods are safe for concurrent use.
type Page struct {
	cfg  Config
	tags tagRule
	log  *slog.Logger

	snap    snapshots
	mirrors mirrors
	lines   lines
	charts  charts
	web     *web

	mounted func() http.Handler // of ServeHTTP
	soon    chan struct{}       // somebody asks for a reconciliation before its time

	reconciling chan struct{} // holds one while a reconciliation runs
	refreshes   refreshes
	recomputes  recomputes
	reconciled  reconciled

	counts    counts
	wrongKeys limiter
	stream    stream
	closing   chan struct{} // closed by Shutdown
	shutdown  sync.Once
}

// refreshes lets those that ask for a Refresh at once share one.
type refreshes struct {
	sync.Mutex
	began atomic.Uint64 // how many
	done  uint64        // the last of them that ended well
}

// New makes a Page and reads what the store holds. The error joins all that is
// wrong with cfg.
func New(ctx context.Context, cfg Config) (*Page, error) {
	var errs []error
	bad := func(field, reason string) { errs = append(errs, fmt.Errorf("statuspage: %s %s", field, reason)) }
	if cfg.Store == nil {
		bad("Store", "is missing")
	}
	if cfg.PageTag == "" {
		cfg.PageTag = "statuspage"
	}
	if cfg.ServiceTagPrefix == "" {
		cfg.ServiceTagPrefix = "servicename:"
	}
	switch cfg.Notes {
	case "":
		cfg.Notes = AllNotes
	case AllNotes, PublicNotes, NoNotes:
	default:
		bad("Notes", fmt.Sprintf("%q is none of all, public, none", cfg.Notes))
	}
	if len(cfg.WebhookKeys) == 0 && !cfg.InsecureWebhook {
		bad("WebhookKeys", "are missing; without a key anybody could turn the page red: set one, or InsecureWebhook")
	}
	for _, k := range cfg.WebhookKeys {
		if len(k) < 16 {
			bad("WebhookKeys", "has one of fewer than 16 characters")
		}
	}
	if cfg.ReconcileInterval == 0 {
		cfg.ReconcileInterval = 5 * time.Minute
	}
	if cfg.RefreshInterval == 0 {
		cfg.RefreshInterval = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	errs = append(errs, cfg.Site.settle()...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p := &Page{cfg: cfg, tags: tagRule{cfg.PageTag, cfg.ServiceTagPrefix}, log: cfg.Logger, soon: make(chan struct{}, 1), reconciling: make(chan struct{}, 1), closing: make(chan struct{})}
	p.snap.init()
	p.mounted = sync.OnceValue(p.mount)
	var err error
	if p.web, err = newWeb(p); err != nil {
		return nil, err
	}
	if err := p.readAll(ctx); err != nil {
		return nil, fmt.Errorf("statuspage: reading the store: %w", err)
	}
	if err := p.announce(ctx); err != nil { // Run tries again
		p.log.WarnContext(ctx, "statuspage: storing since when maintenance is known", slog.Any("error", err))
	}
	return p, nil
}
