package routewatch

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"reflect"
	"sync/atomic"
)

//go:generate go run ./internal/genwriter

// response watches the status of one answer and passes everything on. It is
// allocated for its request and never pooled: a handler may leave a goroutine
// behind that still writes, and a pooled response would by then belong to
// somebody else's answer. net/http, gin and chi have all been there
// (golang/go#19959, gin-gonic/gin#4117, go-chi/chi#993).
//
// It is embedded in a type for each set of optional interfaces, see wrap.
//
// It has 24 bytes, a size class of the allocator; the next one costs more than
// all that it does.
type response struct {
	http.ResponseWriter
	// status is the answer's code, 0 while there is none, or hijacked. Atomic
	// for the goroutine that a handler left behind.
	status atomic.Int32
	by     watcherID
}

// hijacked is the status of an answer whose connection the handler took over:
// what the client got is not ours to know.
const hijacked = http.StatusSwitchingProtocols

// commit takes code for the answer's, unless it has one: only the first counts.
func (w *response) commit(code int) {
	if w.status.Load() == 0 {
		w.status.CompareAndSwap(0, int32(code))
	}
}

// WriteHeader passes every call on, the superfluous ones too: what net/http
// makes of them, and its log line about them, are the user's.
func (w *response) WriteHeader(code int) {
	// 1xx are not the answer, except 101, after which HTTP is over; and what
	// has not three digits is none, but a panic.
	if code >= 200 && code <= 999 || code == http.StatusSwitchingProtocols {
		w.commit(code)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *response) Write(p []byte) (int, error) {
	w.commit(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// watched is what a Watcher finds its own writers by.
func (w *response) watched() *response { return w }

// code is the status for the rules: nothing written is 200.
func (w *response) code() int {
	if code := w.status.Load(); code != 0 {
		return int(code)
	}
	return http.StatusOK
}

// The optional methods, each for the types whose writer below has it.

func (w *response) flush() {
	w.commit(http.StatusOK)
	w.ResponseWriter.(http.Flusher).Flush()
}

func (w *response) flushError() error {
	w.commit(http.StatusOK)
	return w.ResponseWriter.(flushErrorer).FlushError()
}

func (w *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.taken(w.ResponseWriter.(http.Hijacker).Hijack())
}

// taken is told how a Hijack went.
func (w *response) taken(c net.Conn, b *bufio.ReadWriter, err error) (net.Conn, *bufio.ReadWriter, error) {
	if err == nil {
		w.status.Store(hijacked)
	}
	return c, b, err
}

// readFrom keeps sendfile: net/http's writer copies a file in the kernel. An
// empty reader does not commit the answer; one that panics may have.
func (w *response) readFrom(r io.Reader) (n int64, err error) {
	returned := false
	defer func() {
		if n > 0 || !returned {
			w.commit(http.StatusOK)
		}
	}()
	n, err = w.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
	returned = true
	return n, err
}

func (w *response) writeString(s string) (int, error) {
	w.commit(http.StatusOK)
	return w.ResponseWriter.(io.StringWriter).WriteString(s)
}

func (w *response) push(target string, opts *http.PushOptions) error {
	return w.ResponseWriter.(http.Pusher).Push(target, opts)
}

// closeNotify is deprecated and still asserted, by gin's c.Stream and by
// httputil.ReverseProxy.
func (w *response) closeNotify() <-chan bool {
	return w.ResponseWriter.(closeNotifier).CloseNotify()
}

type (
	flushErrorer  interface{ FlushError() error }
	closeNotifier interface{ CloseNotify() <-chan bool }
	ours          interface{ watched() *response }
)

// optional is a set of optional interfaces of a ResponseWriter.
type optional uint8

const (
	canFlush optional = 1 << iota
	canFlushError
	canHijack
	canReadFrom
	canWriteString
	canPush
	canCloseNotify

	// isOurs marks a response, of this Watcher or another.
	isOurs

	numOptional = iota - 1
)

// The sets of the writers that nearly every request comes with.
const (
	http1Set    = canFlush | canFlushError | canHijack | canReadFrom | canWriteString | canCloseNotify
	http2Set    = canFlush | canFlushError | canWriteString | canPush | canCloseNotify
	recorderSet = canFlush | canWriteString // httptest
)

func optionalsOf(w http.ResponseWriter) (set optional) {
	if _, ok := w.(http.Flusher); ok {
		set |= canFlush
	}
	if _, ok := w.(flushErrorer); ok {
		set |= canFlushError
	}
	if _, ok := w.(http.Hijacker); ok {
		set |= canHijack
	}
	if _, ok := w.(io.ReaderFrom); ok {
		set |= canReadFrom
	}
	if _, ok := w.(io.StringWriter); ok {
		set |= canWriteString
	}
	if _, ok := w.(http.Pusher); ok {
		set |= canPush
	}
	if _, ok := w.(closeNotifier); ok {
		set |= canCloseNotify
	}
	if _, ok := w.(ours); ok {
		set |= isOurs
	}
	return set
}

// writerType is a type of ResponseWriter and what it can.
type writerType struct {
	typ reflect.Type
	set optional
}

// writerTypes remembers the type of writer that was seen last: a server hands
// out one or two, and comparing is five times cheaper than asking for seven
// interfaces.
type writerTypes struct{ last atomic.Pointer[writerType] }

func (t *writerTypes) optionalsOf(w http.ResponseWriter) optional {
	typ := reflect.TypeOf(w)
	if last := t.last.Load(); last != nil && last.typ == typ {
		return last.set
	}
	set := optionalsOf(w)
	t.last.Store(&writerType{typ, set})
	return set
}

// wrap watches w. The writer it returns has the optional interfaces in set and
// no others.
func wrap(by watcherID, w http.ResponseWriter, set optional) (*response, http.ResponseWriter) {
	switch set {
	case http1Set:
		x := &http1Writer{response{ResponseWriter: w, by: by}}
		return &x.response, x
	case http2Set:
		x := &http2Writer{response{ResponseWriter: w, by: by}}
		return &x.response, x
	case recorderSet:
		x := &recorderWriter{response{ResponseWriter: w, by: by}}
		return &x.response, x
	case 0:
		x := &response{ResponseWriter: w, by: by}
		return x, x
	}
	x := &response{ResponseWriter: w, by: by}
	return x, x.with(set)
}

// http1Writer stands for a writer of an HTTP/1 server.
type http1Writer struct{ response }

func (w *http1Writer) Flush()                                       { w.flush() }
func (w *http1Writer) FlushError() error                            { return w.flushError() }
func (w *http1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }
func (w *http1Writer) ReadFrom(r io.Reader) (int64, error)          { return w.readFrom(r) }
func (w *http1Writer) WriteString(s string) (int, error)            { return w.writeString(s) }
func (w *http1Writer) CloseNotify() <-chan bool                     { return w.closeNotify() }

// http2Writer stands for a writer of an HTTP/2 server.
type http2Writer struct{ response }

func (w *http2Writer) Flush()                                           { w.flush() }
func (w *http2Writer) FlushError() error                                { return w.flushError() }
func (w *http2Writer) WriteString(s string) (int, error)                { return w.writeString(s) }
func (w *http2Writer) Push(target string, opts *http.PushOptions) error { return w.push(target, opts) }
func (w *http2Writer) CloseNotify() <-chan bool                         { return w.closeNotify() }

// recorderWriter stands for an httptest.ResponseRecorder.
type recorderWriter struct{ response }

func (w *recorderWriter) Flush()                            { w.flush() }
func (w *recorderWriter) WriteString(s string) (int, error) { return w.writeString(s) }

// Each optional method by itself, for the sets of with.
type (
	flusher      struct{ w *response }
	errFlusher   struct{ w *response }
	hijacker     struct{ w *response }
	readerFrom   struct{ w *response }
	stringWriter struct{ w *response }
	pusher       struct{ w *response }
	notifier     struct{ w *response }
)

func (o flusher) Flush()                                          { o.w.flush() }
func (o errFlusher) FlushError() error                            { return o.w.flushError() }
func (o hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error)   { return o.w.hijack() }
func (o readerFrom) ReadFrom(r io.Reader) (int64, error)          { return o.w.readFrom(r) }
func (o stringWriter) WriteString(s string) (int, error)          { return o.w.writeString(s) }
func (o pusher) Push(target string, opts *http.PushOptions) error { return o.w.push(target, opts) }
func (o notifier) CloseNotify() <-chan bool                       { return o.w.closeNotify() }
