package main

import (
	"context"
	"fmt"
	"time"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/demo"
)

type demoCmd struct {
	Addr string `default:"127.0.0.1:8080" help:"Where the page is served. When its port is taken, a free one is used."`
}

// Help is what kong puts beneath the command's line.
func (demoCmd) Help() string {
	return `It needs no account and no network: the alerts go to an Opsgenie inside the process. It reads no environment variables. Ctrl-C ends it.`
}

// demoStop bounds how long the demo takes to stop.
const demoStop = 5 * time.Second

func (c *demoCmd) Run(call *call) error {
	if err := demo.CheckAddr(c.Addr); err != nil {
		return callError{fmt.Errorf("--addr: %w", err)}
	}
	d, err := demo.Start(call.ctx, demo.Config{Addr: c.Addr})
	if err != nil {
		return fmt.Errorf("the demo cannot start: %w", err)
	}
	if d.Moved != nil {
		fmt.Fprintf(call.stderr, "routewatch: %v; using a free port\n", d.Moved)
	}
	if d.Exposed {
		fmt.Fprintln(call.stderr, "routewatch: the page can be reached from other machines")
	}
	fmt.Fprintf(call.stdout, `Break a shop, and see its alerts:

  the page       %s
  the shop       %s
  its Opsgenie   %s
  its status     %s

Ctrl-C stops all of it.
`, d.URL, d.ShopURL, d.OpsgenieURL, d.StatusURL)

	<-call.ctx.Done()
	fmt.Fprintln(call.stderr, "routewatch: stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(call.ctx), demoStop)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		return fmt.Errorf("the demo did not stop cleanly: %w", err)
	}
	return nil
}
