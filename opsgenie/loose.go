package opsgenie

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// The loose types read what the API and webhooks send in more than one shape.
// None of them fails: what cannot be read is the zero value, so that one odd
// field never costs the whole alert.

// looseText reads a string, number or boolean as text.
type looseText string

func (t *looseText) UnmarshalJSON(b []byte) error {
	*t = looseText(scalar(b))
	return nil
}

// scalar returns the text of a JSON string, number or boolean, else "".
func scalar(b []byte) string {
	switch b[0] {
	case '"':
		var s string
		_ = json.Unmarshal(b, &s)
		return s
	case '{', '[', 'n':
		return ""
	}
	return string(b)
}

// looseInt reads a number or a string of digits.
type looseInt int

func (n *looseInt) UnmarshalJSON(b []byte) error {
	i, _ := strconv.Atoi(strings.TrimSpace(scalar(b)))
	*n = looseInt(i)
	return nil
}

// looseBool reads true, and "true" as well.
type looseBool bool

func (t *looseBool) UnmarshalJSON(b []byte) error {
	*t = looseBool(strings.EqualFold(scalar(b), "true"))
	return nil
}

// looseTime reads RFC 3339, or an epoch as number or digits in seconds,
// milliseconds (13 digits), microseconds or nanoseconds (19 digits).
type looseTime struct{ time.Time }

func (t *looseTime) UnmarshalJSON(b []byte) error {
	t.Time = parseTime(strings.TrimSpace(scalar(b)))
	return nil
}

func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC()
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(s, 64) // such as 1.762e12
		if err != nil || math.IsNaN(f) || math.Abs(f) >= math.MaxInt64 {
			return time.Time{}
		}
		n = int64(f)
	}
	switch {
	case n <= 0:
		return time.Time{}
	case n < 1e11:
		return time.Unix(n, 0).UTC()
	case n < 1e14:
		return time.UnixMilli(n).UTC()
	case n < 1e17:
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(0, n).UTC()
}

// looseList reads a list of strings, or one string with commas. Elements are
// kept as they are, empty ones left out; of an object its id or name is taken.
// Nil means that there was none, empty that it was empty.
type looseList []string

func (l *looseList) UnmarshalJSON(b []byte) error {
	*l = nil
	switch b[0] {
	case '[':
		var elements []json.RawMessage
		if json.Unmarshal(b, &elements) != nil {
			return nil
		}
		*l = looseList{}
		for _, e := range elements {
			s := scalar(e)
			if e[0] == '{' {
				var named struct{ ID, Name looseText }
				_ = json.Unmarshal(e, &named)
				if s = string(named.ID); s == "" {
					s = string(named.Name)
				}
			}
			if s != "" {
				*l = append(*l, s)
			}
		}
	case '"':
		*l = looseList{}
		for s := range strings.SplitSeq(scalar(b), ",") {
			if s = strings.TrimSpace(s); s != "" {
				*l = append(*l, s)
			}
		}
	}
	return nil
}

// looseMap reads an object of scalars; other values are kept as JSON. A string
// is read as an object when it holds one, else kept under "details".
type looseMap map[string]string

func (m *looseMap) UnmarshalJSON(b []byte) error {
	*m = nil
	if b[0] == '"' {
		s := strings.TrimSpace(scalar(b))
		if s == "" {
			return nil
		}
		if s[0] != '{' || !json.Valid([]byte(s)) {
			*m = looseMap{"details": s}
			return nil
		}
		b = []byte(s)
	}
	if b[0] != '{' {
		return nil
	}
	var values map[string]json.RawMessage
	if json.Unmarshal(b, &values) != nil {
		return nil
	}
	*m = make(looseMap, len(values))
	for k, v := range values {
		if v[0] == '{' || v[0] == '[' {
			(*m)[k] = string(v)
			continue
		}
		(*m)[k] = scalar(v)
	}
	return nil
}

// loosePriority reads 2, "2", "p2" and "P2" as P2, and keeps other text.
type loosePriority Priority

func (p *loosePriority) UnmarshalJSON(b []byte) error {
	s := strings.ToUpper(strings.TrimSpace(scalar(b)))
	if len(s) == 1 && s >= "1" && s <= "5" {
		s = "P" + s
	}
	*p = loosePriority(s)
	return nil
}

// looseResponders reads a list of responders and leaves out what is none.
type looseResponders []Responder

func (l *looseResponders) UnmarshalJSON(b []byte) error {
	*l = nil
	var elements []json.RawMessage
	if json.Unmarshal(b, &elements) != nil {
		return nil
	}
	for _, e := range elements {
		var r struct{ Type, ID, Name, Username looseText }
		if json.Unmarshal(e, &r) == nil && r != struct{ Type, ID, Name, Username looseText }{} {
			*l = append(*l, Responder{
				Type: ResponderType(r.Type), ID: string(r.ID), Name: string(r.Name), Username: string(r.Username),
			})
		}
	}
	return nil
}
