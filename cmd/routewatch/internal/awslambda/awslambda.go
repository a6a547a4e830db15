// Package awslambda runs a status page as an AWS Lambda function: behind an HTTP
// API of API Gateway, and at the times of a schedule.
package awslambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/routewatch/routewatch/statuspage"
)

// Config says what the function serves. Page and Handler are required.
type Config struct {
	Page *statuspage.Page
	// Handler is the Page, with all that the command puts around it.
	Handler http.Handler
	// BasePath is where Handler has the page, such as "/status".
	BasePath string
	// Publish writes the page to where it is published. Nil is nowhere.
	Publish func(context.Context) error
	// RefreshInterval is how old what a visitor sees may be, because another
	// instance of the function has stored something since. Defaults to 5 seconds.
	RefreshInterval time.Duration
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// The times that an invocation takes at most. Opsgenie does not say how long it
// waits for a webhook's answer; 2 to 3 seconds are safe.
const (
	// requestTime is for a request; API Gateway gives up at 15 in deploy/.
	requestTime = 12 * time.Second
	// afterWebhook is for what follows an event that is stored already, or another
	// change.
	afterWebhook = 2 * time.Second
	// margin is what is left of the function's time for its answer.
	margin = 500 * time.Millisecond
)

// Function answers invocations. An instance of a Lambda function has one at a
// time, and is frozen between them: nothing runs in the background, so what
// [statuspage.Page.Run] does elsewhere is done within invocations here.
type Function struct {
	cfg Config

	mu        sync.Mutex
	refreshed time.Time // when the store was last read
	published uint64    // the revision of the snapshot that was last published
}

// New makes a Function.
func New(cfg Config) *Function {
	if cfg.RefreshInterval == 0 {
		cfg.RefreshInterval = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.BasePath = "/" + strings.Trim(cfg.BasePath, "/")
	if cfg.BasePath == "/" {
		cfg.BasePath = ""
	}
	return &Function{cfg: cfg, refreshed: time.Now()}
}

// Serve answers invocations until the process ends. It does not return.
func (f *Function) Serve(ctx context.Context) {
	lambda.StartWithOptions(f.Invoke, lambda.WithContext(ctx))
}

// event is as much as tells one event from another.
type event struct {
	Version        string `json:"version"`
	RequestContext struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`
	Do         string `json:"routewatch"`  // of the schedule in deploy/
	DetailType string `json:"detail-type"` // of a rule of EventBridge
}

// Invoke answers one event: a request that came through an HTTP API in payload
// format 2.0, or one of a schedule, {"routewatch":"reconcile"} or EventBridge's
// own. An error makes the invocation one that failed.
func (f *Function) Invoke(ctx context.Context, raw json.RawMessage) (any, error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("the event cannot be read: %w", err)
	}
	switch {
	case e.RequestContext.HTTP.Method != "" && e.Version == "2.0":
		return f.http(ctx, raw)
	case e.Do == "reconcile", e.DetailType == "Scheduled Event":
		return f.scheduled(ctx)
	}
	return nil, errors.New(`the event is neither a request of an HTTP API in payload format 2.0 nor {"routewatch":"reconcile"}`)
}

// http answers a request.
func (f *Function) http(ctx context.Context, raw json.RawMessage) (any, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("the request cannot be read: %w", err)
	}
	ctx, cancel := before(ctx, margin)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, requestTime)
	defer cancel()
	w := newRecorder()
	r, err := request(ctx, &e)
	if err != nil {
		f.cfg.Logger.WarnContext(ctx, "lambda: a request cannot be read", slog.Any("error", err))
		w.WriteHeader(http.StatusBadRequest)
		return w.response(&http.Request{}), nil
	}
	changes := r.Method == http.MethodPost || r.Method == http.MethodDelete // or wants to
	if r.Method == http.MethodGet && r.URL.Path == f.cfg.BasePath+"/events" {
		// A stream of events cannot come through an HTTP API. This status tells
		// an EventSource to give up, and the page asks now and then instead.
		w.WriteHeader(http.StatusNoContent)
		return w.response(r), nil
	}
	if err := f.refresh(ctx, changes); err != nil {
		f.cfg.Logger.WarnContext(ctx, "lambda: reading the store; the page may be old", slog.Any("error", err))
	}
	f.cfg.Handler.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	if changes && w.status < 300 {
		// It is stored: what fails now, the schedule mends.
		if err := f.follow(ctx); err != nil {
			f.cfg.Logger.WarnContext(ctx, "lambda: after a change; the schedule tries again", slog.Any("error", err))
		}
	}
	return w.response(r), nil
}

// refresh reads what other instances have stored: before an event or another
// change, because its alert may be one that only they know, and before a
// visitor's request where that was not done lately.
func (f *Function) refresh(ctx context.Context, now bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !now && time.Since(f.refreshed) < f.cfg.RefreshInterval {
		return nil
	}
	if err := f.cfg.Page.Refresh(ctx); err != nil {
		return err
	}
	f.refreshed = time.Now()
	return nil
}

// follow does what a change asks for beyond being stored.
func (f *Function) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, afterWebhook)
	defer cancel()
	half, cancel := context.WithTimeout(ctx, afterWebhook/2)
	defer cancel()
	return errors.Join(f.cfg.Page.ReconcileIfAsked(half), f.publish(ctx, false))
}

// Summary is the answer to an event of a schedule.
type Summary struct {
	State    statuspage.State `json:"state"`
	Services int              `json:"services"`
}

// scheduled does what is due: it compares the records with the Alert API, and
// publishes the page in any case.
func (f *Function) scheduled(ctx context.Context) (any, error) {
	ctx, cancel := before(ctx, margin)
	defer cancel()
	errs := []error{f.refresh(ctx, true)}
	part := ctx
	if end, ok := ctx.Deadline(); ok {
		// Publishing is to have its share, however slow the Alert API is.
		var cancel context.CancelFunc
		part, cancel = context.WithTimeout(ctx, time.Until(end)*2/3)
		defer cancel()
	}
	if err := f.cfg.Page.Reconcile(part); err != nil {
		errs = append(errs, fmt.Errorf("comparing with the Alert API: %w", err))
	}
	errs = append(errs, f.publish(ctx, true))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	snap := f.cfg.Page.Snapshot()
	state, _ := snap.State()
	return Summary{state, len(snap.Services)}, nil
}

// publish writes the page where it has changed since this instance last did, until
// nothing newer is in the store.
func (f *Function) publish(ctx context.Context, always bool) error {
	if f.cfg.Publish == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		// Also after it was published: another instance may have published
		// something newer meanwhile, over which this one has now written. Whoever
		// comes last must have seen all.
		if err := f.cfg.Page.Refresh(ctx); err != nil {
			return fmt.Errorf("looking whether what is published is the newest: %w", err)
		}
		f.refreshed = time.Now()
		rev := f.cfg.Page.Snapshot().Rev
		if !always && rev == f.published {
			return nil
		}
		if err := f.cfg.Publish(ctx); err != nil {
			return fmt.Errorf("publishing the page: %w", err)
		}
		f.published, always = rev, false
	}
}

// before is ctx, ended a little before its deadline.
func before(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-margin))
}
