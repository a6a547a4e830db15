package routewatch

import (
	"bufio"
	"net"
	"net/http"
)

type unwrapper interface{ Unwrap() http.ResponseWriter }

// Unwrap is for http.ResponseController, which finds deadlines and full duplex
// through it.
//
// A writer of other middleware may leave Flush and Hijack to its own Unwrap.
// response must not have them then, since the writer below has not; yet a
// WebSocket that gets past it would count as a slow 200. So they are watched one
// step further down, where only those who unwrap find them.
func (w *response) Unwrap() http.ResponseWriter {
	if _, ok := w.ResponseWriter.(unwrapper); !ok {
		return w.ResponseWriter
	}
	flushes, hijacks := beneath(w.ResponseWriter)
	switch {
	case flushes && hijacks:
		return struct {
			step
			stepFlusher
			stepHijacker
		}{step{w}, stepFlusher{w}, stepHijacker{w}}
	case flushes:
		return struct {
			step
			stepFlusher
		}{step{w}, stepFlusher{w}}
	case hijacks:
		return struct {
			step
			stepHijacker
		}{step{w}, stepHijacker{w}}
	}
	return w.ResponseWriter
}

// beneath says whether w has Flush and Hijack by its Unwrap, and there alone.
func beneath(w http.ResponseWriter) (flushes, hijacks bool) {
	set := optionalsOf(w)
	own := set
	for {
		u, ok := w.(unwrapper)
		if !ok {
			break
		}
		w = u.Unwrap()
		set |= optionalsOf(w)
	}
	const flush = canFlush | canFlushError
	return own&flush == 0 && set&flush != 0, own&canHijack == 0 && set&canHijack != 0
}

// step stands between a response and the writer below it.
type step struct{ *response }

func (s step) Unwrap() http.ResponseWriter { return s.ResponseWriter }

type (
	stepFlusher  struct{ w *response }
	stepHijacker struct{ w *response }
)

func (s stepFlusher) FlushError() error {
	s.w.commit(http.StatusOK)
	return http.NewResponseController(s.w.ResponseWriter).Flush()
}

func (s stepHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return s.w.taken(http.NewResponseController(s.w.ResponseWriter).Hijack())
}
