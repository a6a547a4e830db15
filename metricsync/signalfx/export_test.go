package signalfx

import (
	"io"
	"iter"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// Doors to the readers of what comes from outside.

// Events yields the events of a stream: name, then data.
func Events(r io.Reader) iter.Seq2[[2]string, error] {
	return func(yield func([2]string, error) bool) {
		for in := newEvents(r); ; {
			name, data, err := in.next()
			if !yield([2]string{name, string(data)}, err) || err != nil {
				return
			}
		}
	}
}

// Window reads an answer of a series window.
func Window(r io.Reader, from, to time.Time) ([]metricsync.Point, error) {
	var w window
	if err := w.read(r); err != nil {
		return nil, err
	}
	var points []metricsync.Point
	for p := range w.between(from, to) {
		points = append(points, p)
	}
	return points, nil
}

// Job reads a stream of a job that begins at 0, and reports whether it was done.
func Job(r io.Reader, step time.Duration) (points []metricsync.Point, done bool, err error) {
	j := &job{query: metricsync.Query{Text: "p"}, step: step, end: 1 << 50}
	j.yield = func(p metricsync.Point) error {
		points = append(points, p)
		return nil
	}
	j.start()
	for in := newEvents(r); !j.done; {
		name, data, err := in.next()
		if err != nil {
			return points, false, err
		}
		if err := j.handle(name, data); err != nil {
			return points, false, err
		}
	}
	return points, true, nil
}
