// Command routewatch shows what routewatch does, checks what it is told, and runs
// a status page of the alerts.
//
//	routewatch demo               a shop that you can break, and the alerts that it raises
//	routewatch statuspage         a status page that Opsgenie's webhooks keep current
//	routewatch statuspage export  that page as files
//	routewatch metricsync run     metrics of SignalFx or Prometheus to Statuspage.io
//	routewatch check              what this environment makes routewatch do
//	routewatch version            which build this is
//
// It exits with 0 when all went well, 1 when the work failed, and 2 when the
// call was wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitCall   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the process at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands are what can be called.
type commands struct {
	Demo       demoCmd       `cmd:"" help:"Run a small shop behind routewatch, with buttons that break it, beside a local Opsgenie and a status page."`
	Statuspage statuspageCmd `cmd:"" help:"Run a status page that the webhooks of Opsgenie or Jira Service Management keep current, or write it as files."`
	Metricsync metricsyncCmd `cmd:"" help:"Bring metrics from SignalFx or Prometheus to Statuspage.io, and to a page of routewatch."`
	Check      checkCmd      `cmd:"" help:"Show what the environment makes routewatch do, and what is wrong with it."`
	Lambda     lambdaCmd     `cmd:"" hidden:"" help:"Serve as an AWS Lambda function."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// call is what a command gets beside its flags.
type call struct {
	ctx            context.Context
	stdout, stderr io.Writer
}

// callError is a mistake of the caller that shows only after parsing.
type callError struct{ error }

func (e callError) Unwrap() error { return e.error }

// run parses args, carries them out, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	helped := false
	parser, err := kong.New(new(commands),
		kong.Name("routewatch"),
		kong.Description("Alerts of a Go service, and a status page of them."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }), // --help is the one that exits
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "routewatch:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(withHelp(asBootstrap(args)))
	if helped {
		return exitFine
	}
	if err == nil {
		err = parsed.Run(&call{ctx, stdout, stderr})
	} else {
		err = callError{err}
	}
	var wrong callError
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "routewatch: %v\nTry: routewatch --help\n", err)
		return exitCall
	}
	fmt.Fprintln(stderr, "routewatch:", err)
	return exitFailed
}

// withHelp takes a call without a command, and the word help, for --help.
func withHelp(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(append([]string{}, args[1:]...), "--help")
	}
	return args
}

// colorful says whether w is a terminal that is wanted in colours
// (no-color.org).
func colorful(w io.Writer) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminal reports whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
