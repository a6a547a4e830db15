package signalfx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEvent bounds an event, and so each of its lines. One that has a value of each
// of 50,000 series is half as large.
const maxEvent = 4 << 20

var errLongEvent = fmt.Errorf("an event of the stream is longer than %d MiB", maxEvent>>20)

// events reads server-sent events.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
type events struct {
	lines *bufio.Scanner
	cr    bool // the line ended in CR, so that an LF belongs to its end
	begun bool
	name  string
	data  []byte
}

func newEvents(r io.Reader) *events {
	e := &events{lines: bufio.NewScanner(r)}
	e.lines.Buffer(make([]byte, 4<<10), maxEvent)
	e.lines.Split(e.split)
	return e
}

// next reads up to the end of the next event that has data. The data is the
// caller's until the next call. Where the stream ends the error is io.EOF: an event
// that was not ended is none.
func (e *events) next() (name string, data []byte, err error) {
	e.name, e.data = "", e.data[:0]
	hasData := false
	for e.lines.Scan() {
		line := e.lines.Bytes()
		if !e.begun {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
			e.begun = true
		}
		if len(line) == 0 {
			if hasData {
				return e.name, bytes.TrimSuffix(e.data, []byte("\n")), nil
			}
			e.name = ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":")) // a comment is a field without a name
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			e.name = string(value)
		case "data":
			if len(e.data)+len(value) >= maxEvent {
				return "", nil, errLongEvent
			}
			e.data = append(append(e.data, value...), '\n')
			hasData = true
		}
	}
	switch err := e.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return "", nil, errLongEvent
	case err != nil:
		return "", nil, err
	}
	return "", nil, io.EOF
}

// split is a [bufio.SplitFunc] for lines that end in CR, LF or both. It does not
// wait for what follows a CR: at the end of an event that may be long in coming.
func (e *events) split(data []byte, atEOF bool) (advance int, line []byte, err error) {
	skip := 0
	if e.cr && len(data) > 0 {
		if data[0] == '\n' {
			skip = 1
		}
		e.cr = false
	}
	i := skip + bytes.IndexAny(data[skip:], "\r\n")
	switch {
	case i >= skip:
		e.cr = data[i] == '\r'
		return i + 1, data[skip:i], nil
	case atEOF:
		return len(data), nil, nil // a line that was cut
	}
	return skip, nil, nil
}
