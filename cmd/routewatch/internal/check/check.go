// Package check tells what a service's environment makes routewatch do, and
// what is wrong with it, and sends a test alert on request.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch"
	"github.com/routewatch/routewatch/opsgenie"
)

// Options say what is to be checked beside the environment.
type Options struct {
	// Paths are shown with the rules that apply to them.
	Paths []string
	// Send raises a test alert and closes it again.
	Send bool
	// Timeout bounds the sending. Zero is no bound.
	Timeout time.Duration
	// Color puts colours into the report.
	Color bool
}

// Run reads the environment and writes the report to w. The error says, in a
// line, that something is wrong; the report says what.
func Run(ctx context.Context, w io.Writer, o Options) error {
	out := &printer{w, o.Color}
	cfg, envErr := routewatch.FromEnv()
	resolved, newErr := cfg.Resolve()

	out.head("Configuration")
	showSettings(out, resolved)
	out.gap()
	out.head("What raises an alert")
	wrong := mistakes(envErr, newErr)
	showRules(ctx, out, resolved, len(wrong) == 0)
	out.gap()

	if showFindings(out, wrong, warnings(resolved)); len(wrong) > 0 {
		return fmt.Errorf("the environment has %s", count(len(wrong), "mistake"))
	}
	if err := showPaths(ctx, out, resolved, o.Paths); err != nil {
		return err
	}
	if o.Send {
		return sendTest(ctx, out, cfg, resolved, o.Timeout)
	}
	return nil
}

func showSettings(out *printer, c routewatch.Config) {
	var rows [][]string
	var unset []string
	for _, s := range settings {
		value, source := s.show(c), s.source()
		switch {
		case value == "" && source == "":
			unset = append(unset, s.env)
			continue
		case source == "":
			source = "default"
		case source == s.env:
			source = "environment"
		}
		rows = append(rows, []string{s.env, orNone(value), source})
	}
	out.table(rows)
	out.list("not set: ", unset)
}

// showRules says the rules in words, and as whom their alerts are known where
// the configuration is good enough to try.
func showRules(ctx context.Context, out *printer, c routewatch.Config, valid bool) {
	alias := func(o routewatch.Observation) string {
		if !valid {
			return ""
		}
		open := c
		open.MonitoredRoutes, open.IgnoredRoutes = nil, nil
		if len(open.LatencyRoutes) > 0 {
			open.LatencyRoutes = []string{"/"}
		}
		o.Request, _ = requestFor(ctx, "/")
		o.Route = "{route}" // stands in the alias as it is
		alert, raised, err := ask(ctx, open, o)
		if err != nil || !raised {
			return ""
		}
		return "alias " + alert.Alias
	}
	var rows [][]string
	if name, code := statusRule(c); code > 0 {
		where := "on every path"
		if len(c.MonitoredRoutes) > 0 {
			where = "on " + list(c.MonitoredRoutes)
		}
		if len(c.IgnoredRoutes) > 0 {
			where += ", but not on " + list(c.IgnoredRoutes)
		}
		rows = append(rows, []string{name, where, alias(routewatch.Observation{Status: code})})
	}
	if c.LatencyThreshold > 0 && len(c.LatencyRoutes) > 0 {
		rows = append(rows, []string{
			"over " + c.LatencyThreshold.String(), "on " + list(c.LatencyRoutes),
			alias(routewatch.Observation{Status: 600, Duration: c.LatencyThreshold + 1}),
		})
	}
	rows = append(rows, []string{"panic", "on every path", alias(routewatch.Observation{Panic: "a panic", Stack: []byte("none")})})
	out.table(rows)
}

func showFindings(out *printer, wrong []mistake, suspicious []warning) {
	out.head("Findings")
	for _, m := range wrong {
		if m.value == "" {
			out.bad("%s: %s", m.env, m.reason)
			continue
		}
		out.bad("%s: %q: %s", m.env, m.value, m.reason)
	}
	for _, s := range suspicious {
		if slices.ContainsFunc(wrong, func(m mistake) bool { return m.env == s.env }) {
			continue // first things first
		}
		out.warn("%s: %s", s.env, s.text)
	}
	if len(wrong) == 0 {
		out.good("the configuration is complete and valid")
	}
}

func showPaths(ctx context.Context, out *printer, c routewatch.Config, paths []string) error {
	var errs []error
	for _, path := range paths {
		out.gap()
		out.head("On " + path)
		verdicts, err := judge(ctx, c, path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rows := make([][]string, 0, len(verdicts))
		for _, v := range verdicts {
			text := v.text
			if v.raised {
				text = "alert " + text
			}
			rows = append(rows, []string{v.what, text})
		}
		out.table(rows)
	}
	return errors.Join(errs...)
}

func sendTest(ctx context.Context, out *printer, cfg, resolved routewatch.Config, timeout time.Duration) error {
	client, err := opsgenie.New(opsgenie.Config{APIKey: cfg.APIKey, BaseURL: cfg.APIURL})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no end after %s", timeout))
		defer cancel()
	}
	out.gap()
	out.head("Test alert to " + client.BaseURL())
	err = sender{client, out}.send(ctx, resolved)
	if err != nil {
		out.bad("%s", strings.TrimPrefix(err.Error(), "opsgenie: "))
		return errors.New("the test alert did not make it")
	}
	return nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
