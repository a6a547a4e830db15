package signalfx_test

import (
	"context"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// flow makes a fake with a program "p" that publishes one stream, A, of some
// series.
func flow(t *testing.T, opts *signalfxtest.Options, series int) (*signalfxtest.Fake, metricsync.Source) {
	t.Helper()
	f := signalfxtest.NewFake(t, opts)
	f.AddProgram("p", signalfxtest.Stream{Label: "A", Series: gauges(series)})
	return f, newClient(t, f.Transport()).SignalFlow()
}

// A stream that is cut at any byte is run again from what was not whole; none of
// its points is there twice.
func TestSignalFlowCutAtAnyByte(t *testing.T) {
	for cut, batch := range map[signalfxtest.Cut]int{signalfxtest.CutAt: 0, signalfxtest.EndAt: 1} {
		for at := 0; ; at++ {
			whole := false
			synctest.Test(t, func(t *testing.T) {
				f, src := flow(t, &signalfxtest.Options{Batch: batch}, 2)
				f.Inject(signalfxtest.Fault{Cut: cut, At: at})
				points, err := read(t.Context(), src, metricsync.Query{Text: "p", Label: "A"}, minutes(0, 3))
				require.NoError(t, err)
				assertWhole(t, points, minutes(0, 3), 2)
				whole = len(f.Calls()) == 1
			})
			if whole {
				assert.Greater(t, at, 1000)
				break
			}
		}
	}
}

// Where a stream is cut again and again, what was yielded is whole up to the error.
func TestSignalFlowCutForGood(t *testing.T) {
	for _, cut := range []signalfxtest.Cut{signalfxtest.CutAt, signalfxtest.EndAt, signalfxtest.StallAt} {
		synctest.Test(t, func(t *testing.T) {
			f, src := flow(t, &signalfxtest.Options{Batch: 2}, 3)
			f.Inject(signalfxtest.Fault{Cut: cut, At: 3000, Times: -1})
			points, err := read(t.Context(), src, text("p"), minutes(0, 1000))
			assert.ErrorContains(t, err, "signalfx: running a SignalFlow program at stream.us0.signalfx.com: the answer was cut: ")
			assert.True(t, asError(t, err).Temporary())
			calls := f.Calls()
			require.Len(t, calls, 8)
			require.NotEmpty(t, points)
			last := points[len(points)-1].At
			assertWhole(t, points, metricsync.Span{From: noon, To: last.Add(time.Minute), Step: time.Minute}, 3)
			assert.Equal(t, noon, calls[0].Start)
			for i := range calls[1:] {
				assert.Greater(t, calls[i+1].Start, calls[i].Start, "each run goes on where the one before ended")
				assert.Equal(t, after(1000), calls[i+1].Stop)
			}
			assert.GreaterOrEqual(t, calls[7].At.Sub(calls[0].At), 20*time.Second, "not all at once")
			synctest.Wait()
			assert.Zero(t, f.Jobs())
		})
	}
}

func TestSignalFlowFailures(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault signalfxtest.Fault
		calls int
		want  string // of the error; "" is none
	}{
		{"down", signalfxtest.Fault{Status: 503, Times: 3}, 4, ""},
		{"down for good", signalfxtest.Fault{Status: 503, Times: -1}, 5, "503 Service Unavailable"},
		{"too many jobs", signalfxtest.Fault{Status: 429, Times: 3}, 4, ""},
		{"hanging", signalfxtest.Fault{Hang: true}, 2, ""},
		{"cut before the answer", signalfxtest.Fault{Cut: signalfxtest.CutBefore, Times: 2}, 3, ""},
		{"stalled", signalfxtest.Fault{Cut: signalfxtest.StallAt, At: 2500}, 2, ""},
		{"slow", signalfxtest.Fault{Pause: 20 * time.Second}, 1, ""},
		{"so slow that it is cut", signalfxtest.Fault{Pause: 40 * time.Second}, 2, ""},
		{"slower than it may say nothing", signalfxtest.Fault{Pause: 61 * time.Second}, 2, ""},
		{"unauthorized", signalfxtest.Fault{Status: 401}, 1, "the role admin or power"},
		{"forbidden", signalfxtest.Fault{Status: 403}, 1, "the role admin or power"},
		{"no such thing", signalfxtest.Fault{Status: 404}, 1, "stream URL"},
		{"a wrong program", signalfxtest.Fault{Status: 400, Body: `{"code":400,"message":"unexpected 'publihs'","errorType":"x"}`}, 1, "unexpected 'publihs'; is the program right?"},
		{"a sentence once", signalfxtest.Fault{Status: 200, Body: signalfxtest.Sentence}, 2, ""},
		{"a sentence for good", signalfxtest.Fault{Status: 200, Body: signalfxtest.Sentence, Times: -1}, 8, "is no stream of events"},
		{"an object", signalfxtest.Fault{Status: 200, Body: `{"message":"x"}`, Times: -1}, 8, `it says: {"message"`},
		{"an empty answer", signalfxtest.Fault{Cut: signalfxtest.EndAt, Times: -1}, 8, "the stream ended before its job did"},
		{"another step", signalfxtest.Fault{Resolution: 5 * time.Minute}, 1, "the job runs in steps of 5m0s, not of 1m0s as asked"},
		{"a finer step", signalfxtest.Fault{Resolution: 10 * time.Second}, 1, "the job runs in steps of 10s, not of 1m0s as asked"},
		{"limited", signalfxtest.Fault{Events: []signalfxtest.Event{signalfxtest.Limited(12_345, 10_000)}}, 1, "matches 12345 series, of which SignalFlow takes 10000: the figure would be wrong"},
		{"limited in the middle", signalfxtest.Fault{Instants: 3, Events: []signalfxtest.Event{signalfxtest.Info("FIND_LIMITED_RESULT_SET", nil)}}, 1, "too many series, of which SignalFlow takes the newest alone"},
		{"aborted", signalfxtest.Fault{Instants: 3, Events: []signalfxtest.Event{signalfxtest.Abort("SF_JOB_ABORTED", "too many input series")}}, 1, "the job was aborted: SF_JOB_ABORTED too many input series"},
		{"aborted without a reason", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "control-message", Data: `{"event":"CHANNEL_ABORT"}`}}}, 1, "no reason was given"},
		{"aborted by words", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "control-message", Data: `{"event":"CHANNEL_ABORT","abortInfo":"by hand"}`}}}, 1, `aborted: "by hand"`},
		{"failed, as for the Go client", signalfxtest.Fault{Events: []signalfxtest.Event{signalfxtest.Failure(400, "ANALYTICS_PROGRAM_NAME_ERROR", "no such name", 3, 7)}}, 1, "400 Bad Request: the program failed: ANALYTICS_PROGRAM_NAME_ERROR no such name (line 3, column 7)"},
		{"failed for a while", signalfxtest.Fault{Events: []signalfxtest.Event{signalfxtest.Failure(503, "", "later", 0, 0)}}, 1, "503 Service Unavailable: the program failed: later"},
		{"failed, as for the Python client", signalfxtest.Fault{Events: []signalfxtest.Event{signalfxtest.Failures("FETCH_ERROR", "OTHER")}}, 1, "200 OK: the program failed: FETCH_ERROR; OTHER"},
		{"failed without a word", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "error", Data: "{}"}}}, 1, "nothing more was said"},
		{"a message that is none", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "metadata", Data: "what"}}}, 1, "a metadata of the stream is not of the form"},
		{"a time that is none", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "data", Data: `{"logicalTimestampMs":"now"}`}}}, 1, "a data of the stream is not of the form"},
		{"no time", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "data", Data: `{"data":[]}`}}}, 1, "have no time"},
		{"back in time", signalfxtest.Fault{Instants: 3, Events: []signalfxtest.Event{{Name: "data", Data: `{"logicalTimestampMs":945691260000,"data":[]}`}}}, 1, "went back in time"},
		{"an unknown series", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "data", Data: `{"logicalTimestampMs":945691260000,"data":[{"tsId":"B","value":1}]}`}}}, 1, "a series that it has not told"},
		{"an endless event", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "data", Data: strings.Repeat(strings.Repeat("x", 1000)+"\n", 5000)}}}, 1, "longer than 4 MiB"},
		{"an endless line", signalfxtest.Fault{Events: []signalfxtest.Event{{Name: "data", Data: strings.Repeat("x", 5<<20)}}}, 1, "longer than 4 MiB"},
		{"what means nothing", signalfxtest.Fault{Instants: 5, Events: []signalfxtest.Event{
			{Name: "event", Data: `{"tsId":"x"}`},
			{Name: "expired-tsid", Data: `{"tsId":"AAAA0000000"}`},
			{Name: "what-is-new", Data: "x"},
			{Data: "x"},
			{Name: "control-message", Data: `{"event":"JOB_PROGRESS","progress":50}`},
			signalfxtest.Info("JOB_DETECTED_LAG", map[string]any{"lagMs": 500}), signalfxtest.Info("GROUPBY_MISSING_PROPERTY", map[string]any{"propertyNames": []string{"x"}}),
			signalfxtest.Info("WHAT_IS_NEW", nil), signalfxtest.Info("FIND_MATCHED_NO_TIMESERIES", map[string]any{"query": "x"}),
		}}, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, src := flow(t, nil, 2)
				f.Inject(test.fault)
				s := minutes(0, 20)
				points, err := read(t.Context(), src, text("p"), s)
				assert.Len(t, f.Calls(), test.calls)
				if test.want == "" {
					require.NoError(t, err)
					assertWhole(t, points, s, 2)
					return
				}
				require.ErrorContains(t, err, test.want)
				assert.NotContains(t, err.Error(), "the text of the program")
				assert.Equal(t, "stream.us0.signalfx.com", asError(t, err).Host)
				assert.Less(t, len(err.Error()), 1000)
				// Of the times before the error all but the last is known to be whole.
				want := max(0, test.fault.Instants-1)
				assertWhole(t, points, minutes(0, want), 2)
				synctest.Wait()
				assert.Zero(t, f.Jobs(), "nobody reads it any more")
			})
		})
	}
}

// More series than a find gets make a figure that looks right and is wrong.
func TestSignalFlowTellsThatItWasLimited(t *testing.T) {
	f, src := flow(t, &signalfxtest.Options{MaxSeries: 5}, 6)
	_, err := read(t.Context(), src, text("p"), minutes(0, 20))
	assert.ErrorContains(t, err, "matches 6 series, of which SignalFlow takes 5")
	assert.Len(t, f.Calls(), 1)
}

func TestSignalFlowLabels(t *testing.T) {
	f := signalfxtest.NewFake(t, nil)
	one := func(label string, v float64) signalfxtest.Stream {
		return signalfxtest.Stream{Label: label, Series: []signalfxtest.Series{{Value: signalfxtest.Constant(v)}}}
	}
	f.AddProgram("p", one("A", 1), one("B", 2), signalfxtest.Stream{Label: "none"})
	f.AddProgram("one", one("A", 1))
	f.AddProgram("bare", one("", 1))
	f.AddProgram("half bare", one("", 1), one("B", 2))
	f.AddProgram("empty", signalfxtest.Stream{Label: "A"})
	f.AddProgram("data('x').publish('C')", one("A", 1))
	var many []signalfxtest.Stream
	for i := range 26 {
		many = append(many, one(string(rune('a'+i)), 1))
	}
	f.AddProgram("many", many...)
	coarse := one("A", 1)
	coarse.Resolution = time.Hour
	f.AddProgram("coarse", coarse, one("B", 2))
	fine := one("A", 1)
	fine.Resolution = 10 * time.Second
	f.AddProgram("fine", fine)
	src := newClient(t, f.Transport()).SignalFlow()
	for _, test := range []struct {
		program, label string
		value          float64
		want           string // of the error; "" is none
	}{
		{"p", "A", 1, ""},
		{"p", "B", 2, ""},
		{"p", "", 0, `publishes several streams, "A", "B": give the query the label of one`},
		{"p", "C", 0, ""}, // a find matched nothing: it may have been the one of C
		{"one", "", 1, ""},
		{"one", "C", 0, `publishes no stream "C", but "A"`},
		{"bare", "", 1, ""},
		{"bare", "A", 0, `publishes no stream "A", but without a label`},
		{"half bare", "", 0, `publishes several streams, without a label, "B"`},
		{"empty", "A", 0, ""},
		{"empty", "", 0, ""},
		{"data('x').publish('C')", "C", 0, ""}, // its stream has no series at this time
		{"many", "", 0, `"j", and 16 more`},
		{"coarse", "A", 0, `the stream "A" runs in steps of 1h0m0s, not of 1m0s`},
		{"coarse", "B", 2, ""},
		{"fine", "A", 1, ""},
	} {
		points, err := read(t.Context(), src, metricsync.Query{Text: test.program, Label: test.label}, minutes(0, 3))
		name := test.program + " " + test.label
		if test.want != "" {
			assert.ErrorContains(t, err, test.want, name)
			assert.Equal(t, 200, asError(t, err).Status, name)
			assert.Empty(t, points, name)
			continue
		}
		require.NoError(t, err, name)
		if test.value == 0 {
			assert.Empty(t, points, name)
			continue
		}
		require.Len(t, points, 3, name)
		for i, p := range points {
			assert.Equal(t, metricsync.Point{At: after(i), Value: test.value}, p, name)
		}
	}
}

// Series are named by their dimensions, so that those of two programs belong
// together; where these do not tell them apart, by their ids.
func TestSignalFlowSeries(t *testing.T) {
	f := signalfxtest.NewFake(t, nil)
	series := func(ids string, dims map[string]string) (all []signalfxtest.Series) {
		for _, id := range strings.Fields(ids) {
			all = append(all, signalfxtest.Series{ID: id, Dimensions: dims})
		}
		return all
	}
	f.AddProgram("p",
		signalfxtest.Stream{Label: "A", Series: append(series("1", map[string]string{"lb": "x", "az": "a"}), series("2 3", map[string]string{"lb": "y"})...)},
		signalfxtest.Stream{Label: "B", Series: append(series("4", map[string]string{"lb": "y"}), series("5", map[string]string{"lb": strings.Repeat("z", 2000)})...)})
	src := newClient(t, f.Transport()).SignalFlow()
	for label, want := range map[string][]string{"A": {"az=a,lb=x", "lb=y", "3"}, "B": {"lb=y", "5"}} {
		points, err := read(t.Context(), src, metricsync.Query{Text: "p", Label: label}, minutes(0, 1))
		require.NoError(t, err)
		var got []string
		for _, p := range points {
			got = append(got, p.Series)
		}
		assert.Equal(t, want, got)
	}
}

func TestSignalFlowValues(t *testing.T) {
	for _, written := range []string{"null", `"NaN"`, "NaN"} {
		f := signalfxtest.NewFake(t, &signalfxtest.Options{NaN: written})
		f.AddProgram("p", signalfxtest.Stream{Label: "NaN", Series: []signalfxtest.Series{{Value: func(at time.Time) (float64, bool) {
			switch m := at.Sub(noon).Minutes(); m {
			case 1:
				return math.NaN(), true
			case 2:
				return 0, false
			default:
				return m / 4, true
			}
		}}}})
		points, err := read(t.Context(), newClient(t, f.Transport()).SignalFlow(), metricsync.Query{Text: "p", Label: "NaN"}, minutes(0, 5))
		require.NoError(t, err, written)
		require.Len(t, points, 4, written)
		assert.True(t, math.IsNaN(points[1].Value), written)
		assert.Equal(t, after(1), points[1].At)
		assert.Equal(t, metricsync.Point{At: after(3), Value: 0.75}, points[2])
	}
}

// sse is a transport whose answers are streams, one after the other.
func sse(streams ...string) (transport roundTrip, calls *int) {
	calls = new(int)
	return func(*http.Request) (*http.Response, error) {
		s := streams[min(*calls, len(streams)-1)]
		*calls++
		h := http.Header{"Content-Type": {"text/event-stream"}}
		return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(s))}, nil
	}, calls
}

const meta = "event: metadata\ndata: {\"tsId\":\"a\",\"properties\":{}}\n\n"

const endOfChannel = "event: control-message\ndata: {\"event\":\"END_OF_CHANNEL\"}\n\n"

// value is an event with a value of series a, some minutes after noon.
func value(minute int, v string) string {
	at := after(minute).UnixMilli()
	return "event: data\ndata: {\"logicalTimestampMs\":" + itoa(at) + ",\"data\":[{\"tsId\":\"a\"" + v + "}]}\n\n"
}

func TestSignalFlowMessages(t *testing.T) {
	for _, test := range []struct {
		name    string
		streams []string
		want    []float64 // of the minutes after noon; -1 is NaN
	}{
		{"a value that is missing is none", []string{meta + value(0, "") + value(1, `,"value":null`) + value(2, `,"value":3`) + endOfChannel}, []float64{-1, -1, 3}},
		{"the last of a time counts", []string{meta + value(0, `,"value":1`) + value(0, `,"value":2`) + endOfChannel}, []float64{2}},
		{"times outside of the span are nothing", []string{meta + value(-1, `,"value":9`) + value(0, `,"value":1`) + value(10, `,"value":9`) + value(11, `,"value":9`) + endOfChannel}, []float64{1}},
		{"nothing after the end counts", []string{meta + value(0, `,"value":1`) + endOfChannel + value(1, `,"value":2`)}, []float64{1}},
		{
			"what was yielded comes once, whatever a second run begins with",
			[]string{
				meta + value(0, `,"value":1`) + value(1, `,"value":7`),
				meta + value(0, `,"value":9`) + value(1, `,"value":2`) + value(2, `,"value":3`) + endOfChannel,
			},
			[]float64{1, 2, 3},
		},
		{
			"a time without values is gone over",
			[]string{
				meta + value(0, `,"value":1`) + strings.ReplaceAll(value(1, ""), `{"tsId":"a"}`, ""),
				meta + value(1, `,"value":2`) + endOfChannel,
			},
			[]float64{1, 2},
		},
		{"an end that was cut is none", []string{meta + value(0, `,"value":1`) + strings.TrimSuffix(endOfChannel, "\n"), meta + value(0, `,"value":1`) + endOfChannel}, []float64{1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, calls := sse(test.streams...)
				points, err := read(t.Context(), newClient(t, transport).SignalFlow(), text("p"), minutes(0, 10))
				require.NoError(t, err)
				assert.Equal(t, len(test.streams), *calls)
				var got []float64
				for i, p := range points {
					assert.Equal(t, after(i), p.At)
					if math.IsNaN(p.Value) {
						p.Value = -1
					}
					got = append(got, p.Value)
				}
				assert.Equal(t, test.want, got)
			})
		})
	}
}

func TestSignalFlowAsksAsDocumented(t *testing.T) {
	var got *http.Request
	var program []byte
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r
		program, _ = io.ReadAll(r.Body)
		transport, _ := sse(endOfChannel)
		return transport(r)
	}), func(cfg *signalfx.Config) { cfg.MaxDelay = 2500 * time.Millisecond })
	_, err := read(t.Context(), c.SignalFlow(), text("data('x').publish('A')"), minutes(0, 10))
	require.NoError(t, err)
	assert.Equal(t, "POST", got.Method)
	assert.Equal(t, map[string][]string{
		"start": {itoa(noon.UnixMilli())}, "stop": {itoa(after(10).UnixMilli())}, "resolution": {"60000"}, "maxDelay": {"2500"}, "immediate": {"true"},
	}, map[string][]string(got.URL.Query()))
	assert.Equal(t, "data('x').publish('A')", string(program))
	assert.Equal(t, "text/plain", got.Header.Get("Content-Type"))
	assert.Equal(t, "text/event-stream", got.Header.Get("Accept"))
	assert.Equal(t, canary, got.Header.Get("X-SF-Token"))
}

// A job ends with its reader, and takes no more of its time than it wants.
func TestSignalFlowEndsWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, src := flow(t, nil, 1)
		points := src.Points(t.Context(), text("p"), minutes(0, 2*1440))
		assert.Empty(t, f.Calls())
		for p, err := range points {
			require.NoError(t, err)
			if p.At.Equal(after(700)) {
				assert.Equal(t, 1, f.Jobs())
				// Much longer than a stream may say nothing: it is not the stream's fault.
				time.Sleep(time.Hour)
			}
			if p.At.Equal(after(800)) {
				break
			}
		}
		synctest.Wait()
		assert.Zero(t, f.Jobs())
		calls := f.Calls()
		require.Len(t, calls, 1)
		assert.True(t, calls[0].Left)
	})
}

func TestSignalFlowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, src := flow(t, nil, 1)
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		var err error
		for _, err = range src.Points(ctx, text("p"), minutes(0, 100)) {
			if n++; n == 10 {
				cancel()
			}
		}
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 11, n)
		_, err = read(ctx, src, text("p"), minutes(0, 100))
		assert.ErrorIs(t, err, context.Canceled)
		for name, fault := range map[string]signalfxtest.Fault{
			"hanging": {Hang: true}, "stalled": {Cut: signalfxtest.StallAt, At: 10}, "slow": {Pause: time.Second},
			"waiting": {Status: 200, Body: signalfxtest.Sentence, Times: -1}, "cut": {Cut: signalfxtest.CutAt, At: 1000, Times: -1},
		} {
			synctest.Wait()
			f.ClearFaults()
			f.Inject(fault)
			ctx, cancel = context.WithTimeout(t.Context(), 2500*time.Millisecond)
			start := time.Now()
			_, err = read(ctx, src, text("p"), minutes(0, 100))
			assert.Error(t, err, name)
			assert.LessOrEqual(t, time.Since(start), 2500*time.Millisecond, name)
			cancel()
		}
		synctest.Wait()
		assert.Zero(t, f.Jobs())
	})
}

// A stream that says something now and then, and nothing of use, ends too.
func TestSignalFlowDrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			calls++
			pr, pw := io.Pipe()
			context.AfterFunc(r.Context(), func() { pw.CloseWithError(r.Context().Err()) })
			go func() {
				for {
					time.Sleep(30 * time.Second)
					if _, err := pw.Write([]byte(": still here\n")); err != nil {
						return
					}
				}
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: pr}, nil
		}))
		start := time.Now()
		_, err := read(t.Context(), c.SignalFlow(), text("p"), minutes(0, 10))
		assert.ErrorContains(t, err, "it took too long")
		assert.Equal(t, 8, calls)
		assert.Less(t, time.Since(start), 90*time.Minute)
		time.Sleep(time.Minute) // until the last stream has seen that nobody reads it
	})
}

// The clock of the service is its own: by one that is behind, the newest steps are
// not over yet. What it has is yielded, and nothing is awaited.
func TestSignalFlowOfAServiceThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, src := flow(t, &signalfxtest.Options{Skew: -5 * time.Minute}, 1)
		now := time.Now().UTC()
		s := metricsync.Span{From: now.Add(-20 * time.Minute), To: now, Step: time.Minute}
		points, err := read(t.Context(), src, text("p"), s)
		require.NoError(t, err)
		s.To = now.Add(-6 * time.Minute) // the delay is awaited, too
		assertWhole(t, points, s, 1)
		assert.True(t, now.Equal(time.Now()))
		assert.Len(t, f.Calls(), 1)
	})
}
