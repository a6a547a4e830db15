package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/openstore"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageconfig"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageexport"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageserver"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/secret"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncconfig"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncrun"
	"github.com/routewatch/routewatch/statuspage"
)

type statuspageCmd struct {
	pageconfig.Flags `embed:""`

	Serve  statuspageServeCmd  `cmd:"" default:"withargs" help:"Take webhooks and show the page. It is what statuspage alone does."`
	Export statuspageExportCmd `cmd:"" help:"Write the whole page and its API as files, once."`
}

// Help is what kong puts beneath the command's line.
func (statuspageCmd) Help() string {
	return `routewatch statuspage serve --help has the flags of serving: --listen, --publish, --insecure-webhook.

Every setting but --config is also a variable, such as ROUTEWATCH_BASE_PATH, and a line of the YAML file, such as base_path: /status. Flags win over variables, and these over the file, which also has what the page looks like.

Secrets are variables alone, or files that NAME_FILE names:

  ROUTEWATCH_WEBHOOK_KEY    what the webhook sends as X-Api-Key; several with commas, to change it
  OPSGENIE_TOKEN            a key of an API integration: then the Alert API decides what is open
  OPSGENIE_API_BASE         where that is, such as https://api.eu.opsgenie.com
  JSM_SITE or JSM_CLOUD_ID, JSM_EMAIL, JSM_API_TOKEN
                            an account of Jira Service Management, which can list alerts there

With --metrics also those of routewatch metricsync.`
}

type statuspageServeCmd struct {
	pageconfig.ServeFlags `embed:""`
}

// Help is what kong puts beneath the command's line.
func (statuspageServeCmd) Help() string {
	return `Opsgenie or Jira Service Management posts to /webhook beneath the base path, with X-Api-Key. Ctrl-C or SIGTERM ends it when all that came is stored.

routewatch statuspage --help tells of variables, the file and secrets.`
}

// How long the parts of starting and stopping may take.
const (
	statuspageStart = time.Minute
	statuspageStop  = 20 * time.Second
)

func (c *statuspageServeCmd) Run(all *statuspageCmd, call *call) error {
	cfg, err := pageconfig.Load(call.ctx, all.Flags, &c.ServeFlags)
	if err != nil {
		return callError{err}
	}
	log := slog.New(slog.NewTextHandler(call.stderr, nil))
	ctx, cancel := context.WithTimeout(call.ctx, statuspageStart)
	defer cancel()
	s, err := startPage(ctx, cfg, log)
	if err != nil {
		return fmt.Errorf("the page cannot start: %w", err)
	}
	fmt.Fprintf(call.stdout, `The status page runs:

  the page       %s
  the webhook    %s
  the metrics    %s
  the state      %s
  what decides   %s
`, s.URL, s.Webhook, s.Metrics, cfg.Store, cfg.Truth)
	if cfg.Publish != "" {
		fmt.Fprintf(call.stdout, "  files          %s\n", cfg.Publish)
	}
	if cfg.Metrics != "" {
		fmt.Fprintf(call.stdout, "  metric sync    %s, each minute\n", cfg.Metrics)
	}
	if cfg.Page.InsecureWebhook && len(cfg.Page.WebhookKeys) == 0 {
		fmt.Fprintln(call.stderr, "routewatch: the webhook takes no key: whoever reaches it can turn the page red")
	}
	var failed error
	select {
	case <-call.ctx.Done():
		fmt.Fprintln(call.stderr, "routewatch: stopping")
	case failed = <-s.Failed():
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(call.ctx), statuspageStop)
	defer cancel()
	return errors.Join(failed, s.Close(ctx))
}

func startPage(ctx context.Context, cfg pageconfig.Config, log *slog.Logger) (*pageserver.Server, error) {
	server := pageserver.Config{Listen: cfg.Listen, Page: cfg.Page, Log: log, Version: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		server.Version = info.Main.Version
	}
	if cfg.Publish != "" {
		target, err := pageexport.Open(ctx, cfg.Publish)
		if err != nil {
			return nil, callError{fmt.Errorf("--publish: %w", err)}
		}
		server.Publish = target
	}
	store, err := openstore.Open(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	server.Page.Store = store
	if cfg.Metrics != "" {
		if server.Sync, err = openSync(ctx, cfg, store, log); err != nil {
			return nil, errors.Join(fmt.Errorf("--metrics: %w", err), store.Close())
		}
	}
	return pageserver.Start(ctx, server)
}

// openSync opens the metric sync of a page, which keeps its progress in the page's
// store.
func openSync(ctx context.Context, cfg pageconfig.Config, store statuspage.Store, log *slog.Logger) (*syncrun.Runner, error) {
	sync, err := syncconfig.Load(ctx, cfg.Metrics, syncconfig.Options{
		Secret: func(_ context.Context, name string) (string, error) { return secret.Env(name) }, Page: true, Logger: log,
	})
	if err != nil {
		return nil, callError{err}
	}
	return syncrun.Open(ctx, sync, store, strings.HasPrefix(cfg.Store, "s3:"))
}

type statuspageExportCmd struct {
	Out string `required:"" placeholder:"WHERE" help:"A folder, or s3://bucket/prefix."`
}

// Help is what kong puts beneath the command's line.
func (statuspageExportCmd) Help() string {
	return `It reads the store and what the page looks like from the settings of routewatch statuspage, and needs no key of the webhook. A file store must not be in use: there, run statuspage with --publish instead.

In a folder, a page is index.html and an answer of /api/services is index.json, so a web server needs both as index files. In a bucket every file has the key that S3 website hosting looks for, with index.html as the index document. Set url, so that feeds name the right address.

What is in a bucket already is not written again. Pages of incidents that were taken back are deleted.`
}

func (c *statuspageExportCmd) Run(all *statuspageCmd, call *call) error {
	cfg, err := pageconfig.Load(call.ctx, all.Flags, nil)
	if err != nil {
		return callError{err}
	}
	// Nothing would be exported as a page without data, over the one that is there.
	if err := openstore.Present(cfg.Store); err != nil {
		return callError{fmt.Errorf("--store: %w", err)}
	}
	target, err := pageexport.Open(call.ctx, c.Out)
	if err != nil {
		return callError{fmt.Errorf("--out: %w", err)}
	}
	store, err := openstore.Open(call.ctx, cfg.Store)
	if err != nil {
		return err
	}
	defer store.Close() // what New stores is stored
	cfg.Page.Store = store
	cfg.Page.Logger = slog.New(slog.NewTextHandler(call.stderr, nil))
	page, err := statuspage.New(call.ctx, cfg.Page)
	if err != nil {
		return err
	}
	n, err := pageexport.NewPublisher(page, cfg.Page.Site, target).Publish(call.ctx)
	if err != nil {
		return fmt.Errorf("%d files written to %s: %w", n, target, err)
	}
	if cfg.Page.Site.URL == "" {
		fmt.Fprintln(call.stderr, "routewatch: url is not set, so feeds name http://localhost")
	}
	fmt.Fprintf(call.stdout, "%d files written to %s\n", n, target)
	return nil
}
