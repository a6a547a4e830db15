package signalfx_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync/signalfx"
)

var sseTests = []struct {
	name, stream string
	want         [][2]string
}{
	{"nothing", "", nil},
	{"blank lines", "\n\r\n\r\r\n", nil},
	{"one", "event: a\ndata: b\n\n", [][2]string{{"a", "b"}}},
	{"CR LF", "event: a\r\ndata: b\r\n\r\n", [][2]string{{"a", "b"}}},
	{"CR", "event: a\rdata: b\r\r", [][2]string{{"a", "b"}}},
	{"all kinds of ends", "event: a\rdata: b\ndata: c\r\n\rdata: d\n\n", [][2]string{{"a", "b\nc"}, {"", "d"}}},
	{"without blanks", "event:a\ndata:b\n\n", [][2]string{{"a", "b"}}},
	{"one blank is no part of it", "event:  a \ndata:  b \n\n", [][2]string{{" a ", " b "}}},
	{"several lines", "data: a\ndata\ndata:\ndata: b\n\n", [][2]string{{"", "a\n\n\nb"}}},
	{"an empty line of data", "data\n\ndata\ndata\n\n", [][2]string{{"", ""}, {"", "\n"}}},
	{"comments", ": x\n:\ndata: a\n: y\ndata: b\n\n: z\n\n", [][2]string{{"", "a\nb"}}},
	{"no data is no event", "event: a\n\nevent: b\ndata: c\n\n", [][2]string{{"b", "c"}}},
	{"a name is for one event", "event: a\ndata: b\n\ndata: c\n\n", [][2]string{{"a", "b"}, {"", "c"}}},
	{"the last name counts", "event: a\nevent: b\ndata: c\n\n", [][2]string{{"b", "c"}}},
	{"other fields", "id: 7\nretry: 10\nData: x\nevents: x\ndata : x\n data: x\ndata: a\n\n", [][2]string{{"", "a"}}},
	{"colons in data", "data: a: b:c\n\n", [][2]string{{"", "a: b:c"}}},
	{"a byte order mark", "\ufeffdata: a\n\n\ufeffdata: b\n\n", [][2]string{{"", "a"}}},
	{"an event that was cut", "data: a\n\ndata: b\n", [][2]string{{"", "a"}}},
	{"a line that was cut", "data: a\n\ndata: b", [][2]string{{"", "a"}}},
	{"one that was cut behind CR", "data: a\r\n\r\ndata: b\r", [][2]string{{"", "a"}}},
}

func TestEvents(t *testing.T) {
	for _, test := range sseTests {
		for name, r := range map[string]io.Reader{
			"at once":      strings.NewReader(test.stream),
			"in bytes":     iotest.OneByteReader(strings.NewReader(test.stream)),
			"with the end": iotest.DataErrReader(strings.NewReader(test.stream)),
		} {
			var got [][2]string
			var end error
			for e, err := range signalfx.Events(r) {
				if end = err; err == nil {
					got = append(got, e)
				}
			}
			assert.Equal(t, test.want, got, "%s, %s", test.name, name)
			assert.Equal(t, io.EOF, end)
		}
	}
}

// An event is there when its last line has ended, not when the next one comes: that
// may take long.
func TestEventsDoNotWaitForMore(t *testing.T) {
	for _, end := range []string{"\n", "\r", "\r\n"} {
		failed := errors.New("failed")
		r := io.MultiReader(strings.NewReader("data: a"+end+end), iotest.ErrReader(failed))
		var got []any
		for e, err := range signalfx.Events(iotest.OneByteReader(r)) {
			got = append(got, e[1], err)
		}
		assert.Equal(t, []any{"a", nil, "", failed}, got)
	}
}

func TestEventsAreBounded(t *testing.T) {
	endless := func(s string) io.Reader {
		return &repeated{s, 0}
	}
	for name, r := range map[string]io.Reader{
		"a line": endless("x"), "a name": io.MultiReader(strings.NewReader("event: "), endless("x")), "data": endless("data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"),
	} {
		for _, err := range signalfx.Events(r) {
			assert.ErrorContains(t, err, "longer than 4 MiB", name)
		}
	}
}

// repeated is a text without end.
type repeated struct {
	s string
	n int
}

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.s[r.n%len(r.s)]
		r.n++
	}
	return len(p), nil
}

func FuzzEvents(f *testing.F) {
	for _, test := range sseTests {
		f.Add(test.stream)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		type read struct {
			events [][2]string
			end    error
		}
		all := func(r io.Reader) (all read) {
			for e, err := range signalfx.Events(r) {
				if all.end = err; err == nil {
					all.events = append(all.events, e)
				}
			}
			return all
		}
		got := all(strings.NewReader(stream))
		require.Equal(t, got, all(iotest.HalfReader(strings.NewReader(stream))))
		// What was read is written again, and read to the same.
		var b strings.Builder
		for _, e := range got.events {
			b.WriteString("event: " + e[0] + "\ndata: " + strings.ReplaceAll(e[1], "\n", "\ndata: ") + "\n\n")
		}
		require.Equal(t, got.events, all(strings.NewReader(b.String())).events)
	})
}

func FuzzJob(f *testing.F) {
	f.Add(meta + value(0, `,"value":1`) + value(1, `,"value":NaN`) + endOfChannel)
	f.Add(meta + value(2, `,"value":1`) + value(1, `,"value":null`))
	f.Add("event: metadata\ndata: {\"tsId\":\"b\",\"properties\":{\"sf_streamLabel\":\"A\",\"sf_resolutionMs\":60000,\"lb\":\"x\"}}\n\n")
	f.Add("event: message\ndata: {\"message\":{\"messageCode\":\"JOB_RUNNING_RESOLUTION\",\"contents\":{\"resolutionMs\":1e300}}}\n\n")
	f.Add("event: error\ndata: {\"errors\":[{\"code\":\"X\",\"context\":{\"line\":\"NaN\"}}]}\n\n")
	f.Add("event: control-message\ndata: {\"event\":\"CHANNEL_ABORT\",\"abortInfo\":{\"sf_job_abortReason\":7}}\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		points, done, err := signalfx.Job(strings.NewReader(stream), 60e9)
		require.Equal(t, done, err == nil)
		for i := range points[min(1, len(points)):] {
			require.False(t, points[i+1].At.Before(points[i].At), "in order")
		}
	})
}
