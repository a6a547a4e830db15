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
	"math"
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
	// Out is where the lines go that CloudWatch reads metrics from.
	Out io.Writer
	// Logger is told of what goes wrong.
	Logger *slog.Logger
}

// Function answers invocations, one at a time.
type Function struct {
	cfg Config

	mu     sync.Mutex
	runner *syncrun.Runner // nil until the first invocation, and after one that failed
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
func New(cfg Config) *Function { return &Function{cfg: cfg} }

// Serve answers invocations until the process ends. It does not return.
func (f *Function) Serve(ctx context.Context) {
	lambda.StartWithOptions(f.Invoke, lambda.WithContext(ctx))
}

// Summary is the answer to an invocation.
type Summary struct {
	Metrics  int  `json:"metrics"`
	Sent     int  `json:"sent"`
	Backfill bool `json:"backfill"` // the next run goes on
	Busy     bool `json:"busy,omitempty"`
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
		runner, err := f.open(ctx)
		if err != nil {
			return nil, err
		}
		f.runner = runner
	}
	report, err := f.runner.Run(ctx, metricsync.Options{Until: until})
	if errors.Is(err, metricsync.ErrBusy) {
		f.cfg.Logger.InfoContext(ctx, "metricsync: nothing done", slog.Any("error", err))
		return &Summary{Busy: true}, nil
	}
	out := Summary{}
	for n := range report.Metrics {
		m := &report.Metrics[n]
		out.Metrics++
		out.Sent += m.Sent
		out.Backfill = out.Backfill || m.Backfill
		f.embed(m, report.Ended)
	}
	if err = errors.Join(err, report.Err()); err != nil {
		// A secret may have been changed since: the next invocation reads all anew.
		err = errors.Join(err, f.runner.Close())
		f.runner = nil
		return &out, err
	}
	return &out, nil
}

func (f *Function) open(ctx context.Context) (*syncrun.Runner, error) {
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
	return syncrun.Open(ctx, cfg, nil, false)
}

// namespace is where the metrics are found in CloudWatch.
const namespace = "routewatch/metricsync"

// embed writes a line in CloudWatch's embedded metric format
// (docs.aws.amazon.com, "Specification: Embedded metric format"), from which
// CloudWatch makes metrics without a call.
func (f *Function) embed(m *metricsync.MetricReport, now time.Time) {
	type unit struct {
		Name string
		Unit string
	}
	line := map[string]any{
		"Metric": m.Metric, "Sink": m.Sink,
		"Sent": m.Sent, "Failed": btoi(m.Err != nil), "Backfilling": btoi(m.Backfill),
	}
	units := []unit{{"Sent", "Count"}, {"Failed", "Count"}, {"Backfilling", "Count"}}
	if !m.Newest.IsZero() {
		line["Age"] = math.Round(now.Sub(m.Newest).Seconds())
		units = append(units, unit{"Age", "Seconds"})
	}
	if m.Err != nil {
		line["Error"] = m.Err.Error()
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": namespace, "Dimensions": [][]string{{"Metric", "Sink"}}, "Metrics": units,
		}},
	}
	_ = json.NewEncoder(f.cfg.Out).Encode(line) // a log that cannot be written has nobody to be told to
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
