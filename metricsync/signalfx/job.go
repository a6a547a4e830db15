package signalfx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
)

// maxStreams bounds the series of a job that are known by name.
const maxStreams = 50_000

// errEnough ends a job because its reader wants no more.
var errEnough = errors.New("enough")

// jobError is what a stream says that makes its points useless.
type jobError struct {
	status int
	err    error
}

func (e *jobError) Error() string { return e.err.Error() }
func (e *jobError) Unwrap() error { return e.err }

// job makes points of the messages of a SignalFlow job, which may be run several
// times until it is done.
type job struct {
	query metricsync.Query
	step  time.Duration
	yield func(metricsync.Point) error

	next int64 // what is before was yielded, in milliseconds
	end  int64
	done bool

	// Of this run:
	from    int64             // its first time
	series  map[string]stream // by id
	names   map[stream]string // the id of each
	labels  map[string]bool   // all of them
	nothing bool              // a find of the program has matched nothing
	at      int64             // the time of the points that are gathered
	points  []metricsync.Point
	index   map[string]int // of points, by id
}

// stream is how a series is called.
type stream struct{ label, name string }

// start begins a run. What was gathered for a time that was not whole is gone.
func (j *job) start() {
	j.from, j.at, j.nothing = j.next, j.next, false
	j.series, j.names = make(map[string]stream), make(map[stream]string)
	j.labels, j.index = make(map[string]bool), make(map[string]int)
	j.points = j.points[:0]
}

// handle takes an event of the stream. Kinds that have no meaning here (events of
// detectors, series that expired, what is new) are passed over.
func (j *job) handle(name string, data []byte) error {
	switch name {
	case "control-message":
		return with(data, name, j.control)
	case "metadata":
		return with(data, name, j.metadata)
	case "data":
		return with(data, name, j.data)
	case "message":
		return with(data, name, j.info)
	case "error":
		return with(data, name, func(m *errorMessage) error {
			status, err := m.failed()
			return &jobError{status, err}
		})
	}
	return nil
}

// with decodes the data of an event, and calls handle.
func with[M any](data []byte, name string, handle func(*M) error) error {
	var m M
	if err := decode(data, &m); err != nil {
		return wrong("a %s of the stream is not of the form that it should be: %w", name, err)
	}
	return handle(&m)
}

// wrong is the error of a stream that cannot be used.
func wrong(format string, args ...any) error { return &jobError{200, fmt.Errorf(format, args...)} }

func (j *job) control(m *controlMessage) error {
	switch m.Event {
	case "CHANNEL_ABORT":
		return &jobError{200, m.aborted()}
	case "END_OF_CHANNEL":
		if err := j.oneLabel(); err != nil {
			return err
		}
		if err := j.flush(); err != nil {
			return err
		}
		j.next, j.done = j.end, true
		return j.labelExists()
	}
	return nil // it started, or is this far
}

func (j *job) info(m *infoMessage) error {
	switch r := m.Message.Contents.Resolution; m.Message.Code {
	case "JOB_RUNNING_RESOLUTION":
		if r > 0 && int64(r) != j.step.Milliseconds() {
			return &jobError{200, otherStep("the job", r, j.step)}
		}
	case "FIND_LIMITED_RESULT_SET":
		return &jobError{200, m.limited()}
	case "FIND_MATCHED_NO_TIMESERIES":
		j.nothing = true
	}
	return nil // lag, delay, how many series: nothing that makes points wrong
}

func (j *job) metadata(m *metadataMessage) error {
	called := stream{label: m.Properties.label()}
	var ok bool
	called.name, ok = m.Properties.name()
	if id, taken := j.names[called]; !ok || taken && id != m.TSID {
		called.name = m.TSID
	}
	j.series[m.TSID], j.names[called], j.labels[called.label] = called, m.TSID, true
	if len(j.series) > maxStreams {
		return wrong("the program publishes more than %d series: let it aggregate them", maxStreams)
	}
	// A finer one is that of what is rolled up.
	if r := m.Properties.step(); j.wants(called.label) && int64(r) > j.step.Milliseconds() {
		return &jobError{200, otherStep("the stream "+quoted(called.label), r, j.step)}
	}
	return nil
}

// wants reports whether the query is for the stream of a label.
func (j *job) wants(label string) bool { return j.query.Label == "" || j.query.Label == label }

// data gathers the values of a time. Several messages may have some of them each,
// so that they are whole when there is one of a later time.
func (j *job) data(m *dataMessage) error {
	switch {
	case m.At == nil:
		return wrong("values of the stream have no time")
	case *m.At < j.from:
		return nil // before what was asked for
	case *m.At < j.at:
		return wrong("the stream went back in time, from %s to %s", timeOf(j.at), timeOf(*m.At))
	case *m.At > j.at:
		if err := j.oneLabel(); err != nil {
			return err
		}
		if err := j.flush(); err != nil {
			return err
		}
		j.at = *m.At
	}
	if j.at >= j.end {
		return nil // the end of the span may or may not belong to it
	}
	for _, d := range m.Data {
		series, known := j.series[d.TSID]
		if !known {
			return wrong("the stream has a value of a series that it has not told")
		}
		if !j.wants(series.label) {
			continue
		}
		p := metricsync.Point{Series: series.name, At: timeOf(j.at), Value: d.Value.orNaN()}
		if i, again := j.index[d.TSID]; again {
			j.points[i] = p
			continue
		}
		j.index[d.TSID] = len(j.points)
		j.points = append(j.points, p)
	}
	return nil
}

// flush yields the points of a time, which are whole.
func (j *job) flush() error {
	j.next = max(j.next, j.at)
	for _, p := range j.points {
		if err := j.yield(p); err != nil {
			return err
		}
		j.next = j.at + j.step.Milliseconds()
	}
	j.points = j.points[:0]
	clear(j.index)
	return nil
}

// oneLabel is an error where the query names no label, and there are several.
func (j *job) oneLabel() error {
	if j.query.Label == "" && len(j.labels) > 1 {
		return wrong("the program publishes several streams, %s: give the query the label of one", j.known())
	}
	return nil
}

// labelExists is an error at the end of a job that has published other streams
// than that of the query's label. One without series is not told, so that its label
// may still stand in the program.
func (j *job) labelExists() error {
	l := j.query.Label
	if l == "" || j.labels[l] || len(j.labels) == 0 || j.nothing ||
		strings.Contains(j.query.Text, "'"+l+"'") || strings.Contains(j.query.Text, `"`+l+`"`) {
		return nil
	}
	return wrong("the program publishes no stream %s, but %s", quoted(l), j.known())
}

// known lists the labels of the job.
func (j *job) known() string {
	const most = 10
	var all []string
	for _, label := range slices.Sorted(maps.Keys(j.labels)) {
		all = append(all, quoted(label))
	}
	if more := len(all) - most; more > 0 {
		all = append(all[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}

func quoted(label string) string {
	if label == "" {
		return "without a label"
	}
	return fmt.Sprintf("%q", label)
}

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
