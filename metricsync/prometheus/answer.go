package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/routewatch/routewatch/metricsync"
)

// answer is what a server says to a query.
type answer struct {
	Status string
	Error  string // beside a Status of "error"
	Data   struct {
		ResultType string
		Result     result
	}
	Warnings, Infos []string
	IsPartial       bool // of VictoriaMetrics
}

// result is what an expression comes to: a matrix, or a scalar, which is taken as
// one series without labels.
type result []series

type series struct {
	Metric     map[string]string
	Values     samples
	Histograms present
}

// UnmarshalJSON reads a list of series, or the one value of a scalar.
func (r *result) UnmarshalJSON(b []byte) error {
	inside := bytes.TrimLeft(b, "[ \t\r\n")
	if bytes.HasPrefix(inside, []byte("{")) || bytes.HasPrefix(inside, []byte("]")) || bytes.Equal(b, []byte("null")) {
		return json.Unmarshal(b, (*[]series)(r))
	}
	*r = make(result, 1)
	return (*r)[0].Values.UnmarshalJSON(fmt.Appendf(nil, "[%s]", b))
}

// present tells whether a list of a series has anything in it.
type present bool

// UnmarshalJSON implements [json.Unmarshaler].
func (p *present) UnmarshalJSON(b []byte) error {
	*p = present(len(bytes.Trim(b, "[] \t\r\n")) > 0 && !bytes.Equal(b, []byte("null")))
	return nil
}

// sample is a value and its time in milliseconds since 1970.
type sample struct {
	at    int64
	value float64
}

// samples are those of a series. As slices of any they would take ten times the
// memory.
type samples []sample

// UnmarshalJSON reads [[1796059938.250,"0.5"],…]. What it is given is valid JSON.
func (s *samples) UnmarshalJSON(b []byte) error {
	if *s = nil; bytes.Equal(b, []byte("null")) {
		return nil
	}
	*s = make(samples, 0, bytes.Count(b, []byte("],"))+1)
	rest, ok := bytes.CutPrefix(b, []byte("["))
	for ok {
		rest = bytes.TrimLeft(rest, ", \t\r\n")
		if bytes.Equal(rest, []byte("]")) {
			return nil
		}
		var pair []byte
		if rest, ok = bytes.CutPrefix(rest, []byte("[")); !ok {
			break
		}
		if pair, rest, ok = bytes.Cut(rest, []byte("]")); !ok {
			break
		}
		var one sample
		if one, ok = readSample(pair); ok {
			*s = append(*s, one)
		}
	}
	return errors.New("a value is not of the form that it should be")
}

// readSample reads 1796059938.250,"0.5".
func readSample(pair []byte) (sample, bool) {
	at, value, ok := bytes.Cut(pair, []byte(","))
	if !ok {
		return sample{}, false
	}
	unix, err := strconv.ParseFloat(string(bytes.TrimSpace(at)), 64)
	if err != nil || math.Abs(unix) > math.MaxInt32*1000 {
		return sample{}, false
	}
	value = bytes.TrimSpace(value)
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return sample{}, false
	}
	v, err := strconv.ParseFloat(string(value[1:len(value)-1]), 64)
	return sample{int64(math.Round(unix * 1000)), v}, err == nil
}

// heed reads what an answer says beside its points.
func (s *Source) heed(ctx context.Context, a *answer) error {
	switch {
	case a.Status == "error":
		return s.wrong(errors.New(a.Error))
	case a.Status != "success":
		return s.wrong(errors.New("the answer is not Prometheus's: is the URL right, is a proxy in between?"))
	case a.Data.ResultType != "matrix" && a.Data.ResultType != "scalar":
		return s.wrong(fmt.Errorf("the answer is a %q, want a matrix", a.Data.ResultType))
	}
	const missing = "the answer is partial, so its values may be wrong"
	const allow = "look after the server, or set AllowPartial"
	if a.IsPartial && !s.partial {
		return s.partially(errors.New(missing), allow)
	}
	for _, text := range a.Infos {
		s.tell(ctx, slog.LevelInfo, text)
	}
	for _, text := range a.Warnings {
		switch {
		case strings.HasPrefix(text, "PromQL info:"): // among the warnings before Prometheus 3
			s.tell(ctx, slog.LevelInfo, text)
		case strings.HasPrefix(text, "PromQL warning:") || s.partial:
			s.tell(ctx, slog.LevelWarn, text)
		default:
			return s.partially(fmt.Errorf("%s: %s", missing, text), allow)
		}
	}
	return nil
}

func (s *Source) partially(err error, hint string) error {
	e := s.calls.Fail(op, 200, err)
	e.Hint = hint
	return e
}

// maxSaid bounds what is remembered of what was logged.
const maxSaid = 100

// tell logs a text, the first time that it comes.
func (s *Source) tell(ctx context.Context, level slog.Level, text string) {
	text = s.calls.Safe(text, 300)
	s.mu.Lock()
	known := s.said[text] || len(s.said) >= maxSaid
	if !known {
		s.said[text] = true
	}
	s.mu.Unlock()
	if !known {
		s.log.Log(ctx, level, "prometheus: said about a query", "text", text, "host", s.calls.Host())
	}
}

var _ metricsync.Source = (*Source)(nil)
