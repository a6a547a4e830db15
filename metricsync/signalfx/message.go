package signalfx

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The data of the events that matter; each is decoded into one of them.
type (
	controlMessage struct {
		Event     string
		AbortInfo json.RawMessage
	}
	metadataMessage struct {
		TSID       string `json:"tsId"`
		Properties properties
	}
	dataMessage struct {
		At   *int64 `json:"logicalTimestampMs"`
		Data []struct {
			TSID  string  `json:"tsId"`
			Value *number `json:"value"`
		}
	}
	infoMessage struct {
		Message struct {
			Code     string `json:"messageCode"`
			Contents struct {
				Resolution number `json:"resolutionMs"`
				Matched    number `json:"matchedSize"`
				Limit      number `json:"limitSize"`
			}
		}
	}
	// errorMessage has two forms: the Python client reads the list, the Go client
	// the rest.
	errorMessage struct {
		Errors  []programError
		Error   json.RawMessage // a status, as in HTTP
		Type    string          `json:"errorType"`
		Message string
		Context errorContext
	}
	programError struct {
		Code    any
		Message string
		Context errorContext
	}
	// errorContext also has the text of the program, which is not for errors.
	errorContext struct {
		Message      string
		Line, Column number
	}
)

// properties are what is known of a series.
type properties map[string]any

// label is what the series was published as.
func (p properties) label() string {
	s, _ := p["sf_streamLabel"].(string)
	return s
}

// step is the time between its points in milliseconds, 0 where it is not known.
func (p properties) step() number {
	n, _ := p["sf_resolutionMs"].(float64)
	return number(n)
}

const maxName = 1 << 10 // bytes

// name is made of the dimensions, so that series of two programs belong together
// where theirs are alike; ids are of no use for that. What begins with sf_ is no
// dimension, nor is the id of the job.
func (p properties) name() (name string, ok bool) {
	var all []string
	for key, value := range p {
		if text, ok := value.(string); ok && !strings.HasPrefix(key, "sf_") && key != "computationId" {
			all = append(all, key+"="+text)
		}
	}
	slices.Sort(all)
	name = strings.Join(all, ",")
	return name, len(name) <= maxName
}

// aborted says why a job ended before its time.
func (m *controlMessage) aborted() error {
	var info struct {
		State  string `json:"sf_job_abortState"`
		Reason string `json:"sf_job_abortReason"`
	}
	if json.Unmarshal(m.AbortInfo, &info) != nil || info.State == "" && info.Reason == "" {
		info.Reason = string(m.AbortInfo)
	}
	return fmt.Errorf("the job was aborted: %s", strings.TrimSpace(info.State+" "+cmp.Or(info.Reason, "no reason was given")))
}

// limited says how far from whole the figure would be.
func (m *infoMessage) limited() error {
	c := m.Message.Contents
	return fmt.Errorf("a find of the program matches %s series, of which SignalFlow takes %s: the figure would be wrong",
		count(c.Matched, "too many"), count(c.Limit, "the newest alone"))
}

func count(n number, unknown string) string {
	if n > 0 {
		return strconv.FormatFloat(float64(n), 'f', -1, 64)
	}
	return unknown
}

// otherStep is the error of a step that was not asked for. A sum of it, say, would
// be as many times too large.
func otherStep(what string, ms number, want time.Duration) error {
	return fmt.Errorf("%s runs in steps of %s, not of %s as asked: what is older is kept in longer steps, and some programs set their own",
		what, time.Duration(float64(ms)*float64(time.Millisecond)), want)
}

// failed says what is wrong with a program, and the status of that: 200 where it
// has none of its own.
func (m *errorMessage) failed() (status int, err error) {
	all := m.Errors
	if len(all) == 0 {
		all = []programError{{Code: m.Type, Message: m.Message, Context: m.Context}}
	}
	var said []string
	for _, e := range all {
		said = append(said, e.String())
	}
	status, _ = strconv.Atoi(strings.Trim(string(m.Error), `"`))
	if status < 400 || status > 599 {
		status = http.StatusOK
	}
	return status, fmt.Errorf("the program failed: %s", strings.Join(said, "; "))
}

// String is what there is to tell of e.
func (e programError) String() string {
	var parts []string
	if e.Code != nil {
		parts = append(parts, fmt.Sprint(e.Code))
	}
	parts = append(parts, e.Message, e.Context.Message)
	if e.Context.Line > 0 {
		parts = append(parts, fmt.Sprintf("(line %v, column %v)", e.Context.Line, e.Context.Column))
	}
	return cmp.Or(strings.Join(strings.Fields(strings.Join(parts, " ")), " "), "nothing more was said")
}
