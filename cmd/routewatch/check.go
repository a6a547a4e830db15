package main

import (
	"time"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/check"
)

type checkCmd struct {
	Path    []string      `sep:"none" placeholder:"/PATH" help:"Also say which rules apply to this path. May be repeated."`
	Send    bool          `help:"Send a test alert (priority P5, to the same responders), see it raised, close it, see it closed."`
	Timeout time.Duration `default:"30s" help:"How long the test alert may take."`
}

// Help is what kong puts beneath the command's line.
func (checkCmd) Help() string {
	return `It reads the variables that routewatch.FromEnv reads:

` + check.Variables() + `
Lists are separated by commas; a value that begins with [ is a JSON list. Durations are such as 90s or 5m.

It exits with 1 when something is wrong, and with 0 where there are only warnings.`
}

func (c *checkCmd) Run(call *call) error {
	if c.Timeout <= 0 {
		return callError{errNotPositive("--timeout")}
	}
	return check.Run(call.ctx, call.stdout, check.Options{
		Paths: c.Path, Send: c.Send, Timeout: c.Timeout, Color: colorful(call.stdout),
	})
}

type errNotPositive string

func (e errNotPositive) Error() string { return string(e) + " must be more than 0" }
