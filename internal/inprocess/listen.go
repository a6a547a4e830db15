package inprocess

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Listen serves h on a free port of loopback, at the base URL that it returns.
// Stop cuts the connections, and with them the requests that hang; it does not
// wait until h has returned.
func Listen(h http.Handler) (base string, stop func(), err error) {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(ln) // always ends with http.ErrServerClosed, by stop
	}()
	return "http://" + ln.Addr().String(), func() {
		_ = srv.Close()
		<-served
	}, nil
}
