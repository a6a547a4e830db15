package signalfx

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

const (
	maxPoints = 250_000  // held at once, 24 bytes each
	maxAnswer = 16 << 20 // bytes
	maxSaid   = 512      // bytes of an answer that holds no data

	// mostSeries is how many series a query gets. SignalFx does not say which it
	// leaves out, nor that it does.
	mostSeries = 10_000
)

var (
	errTooMuch   = errors.New("the answer is too long")
	errForm      = errors.New("the answer is not of the form that it should be")
	errAllSeries = fmt.Errorf("the query matches %d series or more, of which SignalFx leaves out the rest: "+
		"the figure would be wrong", mostSeries)
)

// noDataError is that of an answer of 200 without series: what it says instead.
type noDataError struct{ said string }

func (e *noDataError) Error() string {
	return "the answer holds no data; it says: " + cmp.Or(e.said, "nothing")
}

// toldError is that of an answer of 200 that says of itself that it is one.
type toldError struct {
	status int // as in HTTP; 0 is none
	said   string
}

func (e *toldError) Error() string { return "the answer tells an error: " + e.said }

// window is the points of one answer, {"data": {series: [[ms, value], …], …}, …},
// of all its series. Its room is used again for the next.
type window struct {
	series []string
	points []point
}

type point struct {
	ms            int64
	series, order int32 // in the answer
	value         float64
}

// between sorts the points and returns those of a time, each series at a time once:
// the last that the answer had.
func (w *window) between(from, to time.Time) iter.Seq[metricsync.Point] {
	slices.SortFunc(w.points, func(a, b point) int {
		switch {
		case a.ms != b.ms:
			return cmp.Compare(a.ms, b.ms)
		case a.series != b.series:
			return cmp.Compare(a.series, b.series)
		}
		return cmp.Compare(a.order, b.order)
	})
	first, end := from.UnixMilli(), to.UnixMilli()
	return func(yield func(metricsync.Point) bool) {
		for i, p := range w.points {
			again := i+1 < len(w.points) && w.points[i+1].ms == p.ms && w.points[i+1].series == p.series
			if p.ms < first || p.ms >= end || again {
				continue
			}
			if !yield(metricsync.Point{Series: w.series[p.series], At: timeOf(p.ms), Value: p.value}) {
				return
			}
		}
	}
}

// read reads an answer. An error of its reader is returned as it is.
func (w *window) read(from io.Reader) error {
	w.series, w.points = w.series[:0], w.points[:0]
	in := bufio.NewReaderSize(&limited{from, maxAnswer}, 32<<10)
	start, err := in.Peek(maxSaid)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	start = bytes.Clone(bytes.TrimSpace(start))
	if len(start) == 0 || start[0] != '{' {
		return &noDataError{string(start)}
	}
	dec := json.NewDecoder(&quoteNaN{r: in})
	_, err = dec.Token() // the brace
	var r remarks
	for err == nil && dec.More() {
		err = w.member(dec, &r)
	}
	if err == nil {
		_, err = dec.Token()
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &syntax) || errors.As(err, &kind) {
		return fmt.Errorf("%w: %w", errForm, err)
	}
	if err != nil {
		return err
	}
	return r.err(start)
}

// remarks are what an answer has beside its points.
type remarks struct {
	data                  bool // there are any
	errors, code, message any
}

func (r *remarks) err(start []byte) error {
	status := 0
	switch v := r.code.(type) {
	case float64:
		status = int(v)
	case string:
		status, _ = strconv.Atoi(v)
	}
	list, isList := r.errors.([]any)
	switch {
	case r.errors != nil && (!isList || len(list) > 0):
		return &toldError{status, fmt.Sprint(r.errors)}
	case r.code != nil && status != 200:
		return &toldError{status, fmt.Sprintf("code %v: %v", r.code, r.message)}
	case !r.data:
		return &noDataError{string(start)}
	}
	return nil
}

// member reads a member of the answer.
func (w *window) member(dec *json.Decoder, r *remarks) error {
	name, err := dec.Token()
	if err != nil {
		return err
	}
	switch name {
	case "errors":
		return dec.Decode(&r.errors)
	case "code":
		return dec.Decode(&r.code)
	case "message":
		return dec.Decode(&r.message)
	case "data":
	default:
		return dec.Decode(new(json.RawMessage))
	}
	open, err := dec.Token()
	switch {
	case err != nil:
		return err
	case open == json.Delim('['):
		return fmt.Errorf("%w: data is a list", errForm)
	case open != json.Delim('{'):
		return nil // null, or what it says
	}
	r.data = true
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		if w.series = append(w.series, fmt.Sprint(name)); len(w.series) == mostSeries {
			return errAllSeries
		}
		if err := dec.Decode(&rows{w}); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// limited is a reader that fails where there is more than left.
type limited struct {
	r    io.Reader
	left int
}

// Read implements [io.Reader].
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p[:min(len(p), l.left+1)])
	if l.left -= n; l.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}
