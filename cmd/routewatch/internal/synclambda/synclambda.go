// Package synclambda runs metric sync as an AWS Lambda function, at the times of a
// schedule.
package synclambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/secret"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncconfig"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncrun"
	"github.com/routewatch/routewatch/metricsync"
)

// Config says what the function does.
type Config struct {
	// Path is the file of settings.
	Path string
	// State is where the progress is kept, in place of what the file says; "" is
	// what the file says.
	State string
	// Name is that of the function, which its metrics in CloudWatch have.
	Name string
	// Out is where the lines go that CloudWatch reads metrics from.
	Out io.Writer
	// Logger is told of what goes wrong.
	Logger *slog.Logger

	// Open makes what runs. Defaults to what Path and State say, with the secrets
	// that the environment names.
	Open func(ctx context.Context) (Runner, error)
}

// Runner makes runs. A *syncrun.Runner is one.
type Runner interface {
	Run(ctx context.Context, o metricsync.Options) (*metricsync.Report, error)
	Close() error
}

// Function answers invocations, one at a time.
type Function struct {
	cfg Config

	mu     sync.Mutex
	runner Runner // nil until the first invocation, and after one that failed
}

// The times of an invocation.
const (
	// reserve is how long before the function's own end a run begins nothing more:
	// what has begun then is one call, and the progress.
	reserve = 10 * time.Second
	// margin is left of the function's time for its answer.
	margin = 2 * time.Second
)

// New makes a Function. It reads nothing yet: the secrets of a store of AWS can be
// had within invocations alone.
func New(cfg Config) *Function {
	f := &Function{cfg: cfg}
	if f.cfg.Open == nil {
		f.cfg.Open = f.open
	}
	return f
}

// Serve answers invocations until the process ends. It does not return.
func (f *Function) Serve(ctx context.Context) {
	lambda.StartWithOptions(f.Invoke, lambda.WithContext(ctx))
}

// Summary is the answer to an invocation.
type Summary struct {
	Metrics  int  `json:"metrics"`
	Sent     int  `json:"sent"`
	Backfill bool `json:"backfill"`       // the next run goes on
	Busy     bool `json:"busy,omitempty"` // another run was under way, or took over
}

// Invoke makes a run, whatever the event. A metric that fails makes the invocation
// one that failed, so that the function's own errors can be alarmed on.
func (f *Function) Invoke(ctx context.Context, _ json.RawMessage) (*Summary, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var until time.Time
	if end, ok := ctx.Deadline(); ok {
		until = end.Add(-min(reserve, time.Until(end)/4))
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-min(margin, time.Until(end)/10)))
		defer cancel()
	}
	if f.runner == nil {
		runner, err := f.cfg.Open(ctx)
		if err != nil {
			return nil, err
		}
		f.runner = runner
	}
	report, err := f.runner.Run(ctx, metricsync.Options{Until: until})
	out := Summary{}
	for n := range report.Metrics {
		m := &report.Metrics[n]
		out.Metrics++
		out.Sent += m.Sent
		out.Backfill = out.Backfill || m.Backfill
		f.embed(m, report.Ended)
	}
	if errors.Is(err, metricsync.ErrBusy) {
		f.cfg.Logger.InfoContext(ctx, "metricsync: left to another run", slog.Any("error", err))
		out.Busy, err = true, nil
	}
	if err = errors.Join(err, report.Err()); err != nil {
		// A secret may have been changed since: the next invocation reads all anew.
		err = errors.Join(err, f.runner.Close())
		f.runner = nil
		return &out, err
	}
	return &out, nil
}

// open reads the settings and the secrets, and opens what keeps the progress.
func (f *Function) open(ctx context.Context) (Runner, error) {
	cfg, err := syncconfig.Load(ctx, f.cfg.Path, syncconfig.Options{Secret: secret.Lambda, Logger: f.cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("the settings: %w", err)
	}
	if f.cfg.State != "" {
		cfg.State = f.cfg.State
	}
	if strings.HasPrefix(cfg.State, "file:") {
		f.cfg.Logger.WarnContext(ctx, "metricsync: a folder of a function is gone with it, so the sinks tell where to go on; set state to s3://bucket/prefix")
		cfg.State = "mem:"
	}
	r, err := syncrun.Open(ctx, cfg, nil, false)
	if err != nil {
		return nil, err
	}
	return r, nil
}
