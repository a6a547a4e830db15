package signalfx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
)

// number is a value as SignalFx writes it: a number, a text of one such as "NaN",
// or null, which is NaN.
type number float64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := parseNumber(b)
	*n = number(v)
	return err
}

func parseNumber(b []byte) (v float64, err error) {
	switch {
	case string(b) == "null", string(b) == bareNaN:
		return math.NaN(), nil
	case len(b) > 0 && b[0] == '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return 0, err
		}
		v, err = strconv.ParseFloat(text, 64)
	default:
		v, err = strconv.ParseFloat(string(b), 64)
	}
	if err != nil && !math.IsInf(v, 0) { // what is too large is infinite, which tells it
		return 0, fmt.Errorf("%.40q is no number", b)
	}
	return v, nil
}

// bareNaN is what becomes of NaN, which is no JSON, in [quoteNaN].
const bareNaN = `"a"`

// quoteNaN makes JSON of what is JSON but for NaN among its values. It does so byte
// by byte: outside of texts, JSON has no capital N, so each becomes a quotation
// mark.
type quoteNaN struct {
	r       io.Reader
	quoted  bool // in a text
	escaped bool // after a backslash
}

// Read implements [io.Reader].
func (q *quoteNaN) Read(p []byte) (int, error) {
	n, err := q.r.Read(p)
	q.quote(p[:n])
	return n, err
}

func (q *quoteNaN) quote(p []byte) {
	for i, c := range p {
		switch {
		case q.escaped:
			q.escaped = false
		case c == '\\':
			q.escaped = q.quoted
		case c == '"':
			q.quoted = !q.quoted
		case c == 'N' && !q.quoted:
			p[i] = '"'
		}
	}
}

// decode reads JSON that may have NaN among its values. It changes b.
func decode(b []byte, v any) error {
	if bytes.Contains(b, []byte("NaN")) {
		new(quoteNaN).quote(b)
	}
	return json.Unmarshal(b, v)
}

// orNaN is the number, or NaN where there is none.
func (n *number) orNaN() float64 {
	if n == nil {
		return math.NaN()
	}
	return float64(*n)
}
