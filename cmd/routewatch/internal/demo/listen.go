package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// listen takes addr or, where that cannot be had, a free port of the same host:
// why then says what was in the way.
func listen(ctx context.Context, addr string) (ln net.Listener, why error, err error) {
	var lc net.ListenConfig
	ln, why = lc.Listen(ctx, "tcp", addr)
	if why == nil {
		return ln, nil, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "0" {
		return nil, nil, why
	}
	ln, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, nil, why // what was asked for is what to tell
	}
	return ln, why, nil
}

// urlOf is where a browser on this machine finds a listener.
func urlOf(ln net.Listener) string {
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return "http://" + ln.Addr().String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// CheckAddr says what is wrong with the form of an address, or nil.
func CheckAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is no address: write a host and a port, such as 127.0.0.1:8080", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port from 0 to 65535", addr)
	}
	return nil
}

// loopback says whether only this machine can reach a listener.
func loopback(ln net.Listener) bool {
	host, _, _ := net.SplitHostPort(ln.Addr().String())
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}
