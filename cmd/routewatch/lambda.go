package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/awslambda"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/openstore"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageconfig"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/pageexport"
	"github.com/routewatch/routewatch/cmd/routewatch/internal/synclambda"
	"github.com/routewatch/routewatch/statuspage"
)

// lambdaCmd is what the executable does as the bootstrap of a Lambda function.
// It has no flags: a function is set up by its environment.
type lambdaCmd struct{}

// Help is what kong puts beneath the command's line.
func (lambdaCmd) Help() string {
	return `AWS Lambda starts it: the executable, named bootstrap, needs no arguments there. With ROUTEWATCH_METRICSYNC_CONFIG it is metric sync, else the status page, whose settings are the variables of routewatch statuspage. See docs/deploy-aws.md.`
}

// lambdaRuntime is the variable by which Lambda tells a function where it gets
// its events from.
const lambdaRuntime = "AWS_LAMBDA_RUNTIME_API"

// lambdaStart bounds the start. Lambda ends one that takes 10 seconds.
const lambdaStart = 9 * time.Second

// asBootstrap is args, or those of the command that Lambda wants.
func asBootstrap(args []string) []string {
	if len(args) == 0 && os.Getenv(lambdaRuntime) != "" {
		return []string{"lambda"}
	}
	return args
}

func (c *lambdaCmd) Run(call *call) error {
	if os.Getenv(lambdaRuntime) == "" {
		return callError{errors.New("lambda: only AWS Lambda can call this: " + lambdaRuntime + " is not set")}
	}
	if path := os.Getenv("ROUTEWATCH_METRICSYNC_CONFIG"); path != "" {
		synclambda.New(synclambda.Config{
			Path: path, State: os.Getenv("ROUTEWATCH_METRICSYNC_STATE"), Name: os.Getenv("AWS_LAMBDA_FUNCTION_NAME"),
			Out: call.stdout, Logger: slog.New(slog.NewJSONHandler(call.stderr, nil)),
		}).Serve(context.WithoutCancel(call.ctx))
		return nil
	}
	function, err := openLambda(call.ctx, call.stderr)
	if err != nil {
		return err
	}
	function.Serve(context.WithoutCancel(call.ctx))
	return nil
}

// openLambda reads the settings and the store.
func openLambda(ctx context.Context, stderr io.Writer) (*awslambda.Function, error) {
	ctx, cancel := context.WithTimeout(ctx, lambdaStart)
	defer cancel()
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	cfg, err := pageconfig.Load(ctx, pageconfig.Flags{Config: os.Getenv("ROUTEWATCH_CONFIG")}, &pageconfig.ServeFlags{})
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(cfg.Store, "s3://") {
		log.Warn("lambda: the store is not a bucket: what one instance of the function keeps, no other sees", slog.String("store", cfg.Store))
	}
	store, err := openstore.Open(ctx, cfg.Store)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	cfg.Page.Store, cfg.Page.Logger = store, log
	page, err := statuspage.New(ctx, cfg.Page)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	function := awslambda.Config{Page: page, Handler: page, BasePath: cfg.Page.Site.BasePath, Logger: log}
	if cfg.Publish != "" {
		target, err := pageexport.Open(ctx, cfg.Publish)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening what the page is published to: %w", err), store.Close())
		}
		publisher := pageexport.NewPublisher(page, cfg.Page.Site, target)
		function.Publish = func(ctx context.Context) error {
			_, err := publisher.Publish(ctx)
			return err
		}
	}
	return awslambda.New(function), nil
}
