package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/secret"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncconfig"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncdemo"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncprint"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncrun"
	"github.com/routewatch/routewatch/metricsync"
)

type metricsyncCmd struct {
	Config string   `env:"ROUTEWATCH_METRICSYNC_CONFIG" placeholder:"FILE" help:"The YAML file that says which metrics go where."`
	State  *string  `env:"ROUTEWATCH_METRICSYNC_STATE" placeholder:"WHERE" help:"Where the progress is kept: mem:, file:DIR or s3://bucket/prefix. Defaults to the file's state, or to file:metricsync-state."`
	Metric []string `sep:"," placeholder:"ID" help:"Only these metrics, by metric_id or metric_name. May be repeated."`
	JSON   bool     `name:"json" help:"Write for machines: a line of JSON for each run."`

	Run      metricsyncRunCmd      `cmd:"" help:"Send what is new, once or every interval. A metric that wants its past gets it."`
	Backfill metricsyncBackfillCmd `cmd:"" help:"Send the past once more."`
	Demo     metricsyncDemoCmd     `cmd:"" help:"Run a SignalFx and a Statuspage.io here, to try the others on."`
	Check    metricsyncCheckCmd    `cmd:"" help:"Test credentials, ids and queries, and show the last values. It sends nothing."`
}

// Help is what kong puts beneath the command's line.
func (metricsyncCmd) Help() string {
	return `Secrets are variables alone, or files that NAME_FILE names:

  STATUSPAGE_API_KEY    of Statuspage.io's management API
  SIGNALFX_TOKEN        an organisation's token with the scope API
  PROMETHEUS_TOKEN, or PROMETHEUS_PASSWORD with prometheus.user in the file

It exits with 0 when all went well, 1 when a metric stopped before its end, and 2 when the call or the file is wrong. Where another run is under way it does nothing, says so, and exits with 0.

docs/metric-sync.md has the file, line by line.`
}

// open reads the settings, and opens what a run needs.
func (c *metricsyncCmd) open(call *call, log *slog.Logger) (*syncrun.Runner, syncconfig.Config, error) {
	if c.Config == "" {
		return nil, syncconfig.Config{}, callError{errors.New("--config is missing: the YAML file that says which metrics go where (see routewatch metricsync --help)")}
	}
	cfg, err := syncconfig.Load(call.ctx, c.Config, syncconfig.Options{
		Secret: func(_ context.Context, name string) (string, error) { return secret.Env(name) }, Logger: log,
	})
	if err != nil {
		return nil, cfg, callError{err}
	}
	if c.State != nil {
		cfg.State = *c.State
	}
	var unknown []error
	for _, id := range c.Metric {
		if !slices.ContainsFunc(cfg.Sync.Metrics, func(m metricsync.Metric) bool { return m.Key() == id }) {
			unknown = append(unknown, fmt.Errorf("--metric: there is no %q in %s", id, c.Config))
		}
	}
	if err := errors.Join(unknown...); err != nil {
		return nil, cfg, callError{err}
	}
	r, err := syncrun.Open(call.ctx, cfg, nil, false)
	return r, cfg, err
}

// logger tells of what the commands themselves do not.
func (c *metricsyncCmd) logger(call *call) *slog.Logger {
	var h slog.Handler = slog.NewTextHandler(call.stderr, nil)
	if c.JSON {
		h = slog.NewJSONHandler(call.stderr, nil)
	}
	return slog.New(h)
}

// once makes a run, and tells of it.
func (c *metricsyncCmd) once(call *call, o metricsync.Options, dryRun bool) error {
	r, _, err := c.open(call, c.logger(call))
	if err != nil {
		return err
	}
	defer r.Close() // what was stored is
	o.Only = c.Metric
	dry, progress := syncprint.NewDry(), syncprint.NewProgress(call.stderr, terminal(call.stderr))
	switch {
	case dryRun:
		o.DryRun = dry.Add
	case !c.JSON:
		o.Progress = progress.Told
	}
	report, err := r.Run(call.ctx, o)
	progress.Done()
	if c.JSON {
		if err := syncprint.ReportJSON(call.stdout, report, err, dryRun); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(err, metricsync.ErrBusy):
		fmt.Fprintln(call.stderr, "routewatch: nothing done:", err)
		return nil
	case call.ctx.Err() != nil:
		fmt.Fprintln(call.stderr, "routewatch: stopped; the next run goes on from there")
		err = nil
	}
	switch {
	case c.JSON || len(report.Metrics) == 0:
	case dryRun:
		dry.Write(call.stdout)
		syncprint.Unfinished(call.stdout, report)
	default:
		syncprint.Report(call.stdout, report)
	}
	if err == nil && report.Err() != nil {
		err = errSome
	}
	return err
}

// errSome ends a command that has told of its errors already.
var errSome = errors.New("not all metrics are up to date, see above")

type metricsyncRunCmd struct {
	Interval *time.Duration `placeholder:"DURATION" help:"Go on, with a run each DURATION, such as 1m, until Ctrl-C or SIGTERM. 1s is the least."`
	Listen   string         `default:"127.0.0.1:9465" placeholder:"HOST:PORT" help:"With --interval: where /metrics tells Prometheus how fresh the metrics are, and /healthz whether runs end well; none is nowhere. Defaults to ${default}."`
	DryRun   bool           `help:"Send nothing, and print what would be sent."`
}

func (c *metricsyncRunCmd) Run(all *metricsyncCmd, call *call) error {
	if c.Interval == nil {
		return all.once(call, metricsync.Options{}, c.DryRun)
	}
	switch {
	case *c.Interval < time.Second:
		return callError{fmt.Errorf("--interval: %s is too short: 1s is the least", *c.Interval)}
	case c.DryRun:
		return callError{errors.New("--dry-run: is for one run, without --interval")}
	case len(all.Metric) > 0:
		return callError{errors.New("--metric: is for one run, without --interval; a file of its own says which metrics a daemon has")}
	}
	return c.daemon(all, call)
}

// serveFor bounds the answers of a daemon's metrics.
const serveFor = 10 * time.Second

func (c *metricsyncRunCmd) daemon(all *metricsyncCmd, call *call) error {
	log := all.logger(call)
	r, cfg, err := all.open(call, log)
	if err != nil {
		return err
	}
	defer r.Close() // what was stored is
	fresh := syncrun.NewFreshness()
	fmt.Fprintf(call.stderr, "routewatch: %d metrics every %s, to %s\n", len(cfg.Sync.Metrics), *c.Interval, strings.Join(cfg.Sinks, " and "))
	if c.Listen != "none" {
		ln, err := new(net.ListenConfig).Listen(call.ctx, "tcp", c.Listen)
		if err != nil {
			return fmt.Errorf("--listen: %w (--listen none is nowhere)", err)
		}
		server := &http.Server{
			Handler: fresh.Handler(3*max(*c.Interval, time.Minute) + time.Minute), ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
			ReadHeaderTimeout: serveFor, ReadTimeout: serveFor, WriteTimeout: serveFor, IdleTimeout: time.Minute,
		}
		go func() { _ = server.Serve(ln) }()
		defer server.Close()
		fmt.Fprintf(call.stderr, "routewatch: http://%s/metrics tells how fresh they are\n", ln.Addr())
	}
	r.Every(call.ctx, *c.Interval, log, func(report *metricsync.Report, err error) {
		fresh.Told(report, err)
		if all.JSON {
			_ = syncprint.ReportJSON(call.stdout, report, err, false) // nobody reads it any more
		}
	})
	fmt.Fprintln(call.stderr, "routewatch: stopped; the next run goes on from there")
	return nil
}

type metricsyncBackfillCmd struct {
	Since  string `default:"28d" placeholder:"DURATION" help:"How far back, at most and by default 28d."`
	DryRun bool   `help:"Send nothing, and print what would be sent."`
}

func (c *metricsyncBackfillCmd) Run(all *metricsyncCmd, call *call) error {
	since, err := syncconfig.ParseDuration(c.Since)
	switch {
	case err != nil:
		return callError{fmt.Errorf("--since: %w", err)}
	case since <= 0:
		return callError{fmt.Errorf("--since: %s is not in the past: write a duration such as 7d", c.Since)}
	case since > metricsync.Reach:
		return callError{fmt.Errorf("--since: %s is more than the 28d that Statuspage.io takes", c.Since)}
	}
	return all.once(call, metricsync.Options{Since: time.Now().Add(-since)}, c.DryRun)
}

type metricsyncCheckCmd struct {
	Windows int `default:"24" help:"How many windows are read and shown, 1 to 288."`
}

func (c *metricsyncCheckCmd) Run(all *metricsyncCmd, call *call) error {
	if c.Windows < 1 || c.Windows > 288 {
		return callError{errors.New("--windows: want 1 to 288")}
	}
	if len(all.Metric) > 0 {
		return callError{errors.New("--metric: check looks at all metrics")}
	}
	r, cfg, err := all.open(call, all.logger(call))
	if err != nil {
		return err
	}
	defer r.Close() // nothing was stored
	checks, err := r.Check(call.ctx, c.Windows)
	if err != nil {
		return err
	}
	var well bool
	if all.JSON {
		if well, err = syncprint.ChecksJSON(call.stdout, checks); err != nil {
			return err
		}
	} else {
		for _, s := range cfg.Sinks {
			fmt.Fprintf(call.stdout, "to %s\n", s)
		}
		well = syncprint.Checks(call.stdout, checks, time.Now())
	}
	if !well {
		return errors.New("not all is well, see above")
	}
	return nil
}

type metricsyncDemoCmd struct {
	NoFaults bool `help:"Let all calls succeed. Without it about each tenth fails, as real ones do."`
}

// Help is what kong puts beneath the command's line.
func (metricsyncDemoCmd) Help() string {
	return `They listen on loopback, and what is sent to them ends with the command.`
}

func (c *metricsyncDemoCmd) Run(call *call) error {
	d, err := syncdemo.Start(!c.NoFaults)
	if err != nil {
		return err
	}
	d.Run(call.ctx, func(line string) { fmt.Fprintln(call.stdout, line) })
	return d.Close()
}
