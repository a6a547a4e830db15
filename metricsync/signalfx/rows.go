package signalfx

import (
	"bytes"
	"fmt"
	"math"
)

// rows reads the points of the newest series of a window.
type rows struct{ w *window }

// UnmarshalJSON reads [[ms, value], …], or null. That b is JSON has been seen to.
func (r *rows) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	w := r.w
	list, ok := enter(b)
	for ok && list[0] != ']' {
		if len(w.points) == maxPoints {
			return errTooMuch
		}
		p := point{series: int32(len(w.series) - 1), order: int32(len(w.points))}
		if list, ok = p.read(list); ok {
			w.points = append(w.points, p)
		}
	}
	if !ok {
		return fmt.Errorf("%w: want a list of [time, value]", errForm)
	}
	return nil
}

// read reads [ms, value] from the beginning of what is left of a list.
func (p *point) read(list []byte) (rest []byte, ok bool) {
	list, ok = enter(list)
	if !ok {
		return nil, false
	}
	at, list := element(list)
	ms, err := parseNumber(at)
	if err != nil || !(math.Abs(ms) < 1<<53) {
		return nil, false
	}
	value, list := element(list)
	p.ms = int64(ms)
	p.value, err = parseNumber(value)
	if err != nil || list[0] != ']' {
		return nil, false
	}
	return skip(list[1:]), true
}

// enter goes into a list, where there is one.
func enter(b []byte) (list []byte, ok bool) {
	b = bytes.TrimSpace(b)
	if b[0] != '[' {
		return nil, false
	}
	return bytes.TrimSpace(b[1:]), true
}

// element takes the first element from what is left of a list. It is empty where
// there is none, and where it is a list or an object.
func element(list []byte) (first, rest []byte) {
	end := bytes.IndexAny(list, "[]{},")
	if list[0] == '"' { // one that holds another quotation mark is no number anyway
		end = 2 + bytes.IndexByte(list[1:], '"')
	}
	return bytes.TrimSpace(list[:end]), skip(list[end:])
}

// skip goes to the next element of a list, or to its end.
func skip(list []byte) []byte {
	list = bytes.TrimSpace(list)
	if list[0] == ',' {
		list = bytes.TrimSpace(list[1:])
	}
	return list
}
