package signalfx_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

// Answers with a status of 200 that are none.
func TestTimeSeriesAnswersThatAreNone(t *testing.T) {
	at := noon.UnixMilli()
	for _, test := range []struct {
		name, kind, body string
		calls            int
		want             string
	}{
		{"a sentence", "text/plain", signalfxtest.Sentence, 5, "it says"},
		{"a sentence, quoted", "application/json", `"` + signalfxtest.Sentence + `"`, 5, "Your role"},
		{"a sentence in an object", "application/json", `{"message":"Your role is too small"}`, 5, "Your role"},
		{"nothing", "application/json", "", 5, "it says: nothing"},
		{"blanks", "application/json", " \n", 5, "it says: nothing"},
		{"a page", "text/html", "<html>login</html>", 5, "login"},
		{"a list", "application/json", "[]", 5, "it says: []"},
		{"no data", "application/json", "{}", 5, "holds no data"},
		{"null data", "application/json", `{"data":null,"errors":[]}`, 5, "holds no data"},
		{"data that is a text", "application/json", `{"data":"none"}`, 5, "holds no data"},
		{"data that is a list", "application/json", `{"data":[]}`, 1, "not of the form"},
		{"errors", "application/json", `{"data":{},"errors":[{"message":"index is down"}]}`, 1, "index is down"},
		{"errors of an odd shape", "application/json", `{"data":{},"errors":"index is down"}`, 1, "index is down"},
		{"a code", "application/json", `{"code":17,"message":"index is down","data":{}}`, 1, "code 17: index is down"},
		{"a code of words", "application/json", `{"code":"E_DOWN","message":"index is down","data":{}}`, 1, "code E_DOWN: index"},
		{"a code that passes", "application/json", `{"code":429,"message":"slow down"}`, 5, "429 Too Many Requests"},
		{"a code of a failure", "application/json", `{"code":"503","message":"down"}`, 5, "503"},
		{"cut, and ended well", "application/json", `{"data":{"a":[[1,2],[3`, 5, "was cut"},
		{"cut before the end", "application/json", `{"data":{"a":[[1,2]]},"errors":[]`, 5, "was cut"},
		{"cut behind the brace", "application/json", `{`, 5, "was cut"},
		{"no JSON", "application/json", `{"data":{"a":[[1,2]} what`, 1, "not of the form"},
		{"points that are none", "application/json", `{"data":{"a":7}}`, 1, "a list of [time, value]"},
		{"points of an object", "application/json", `{"data":{"a":[{"t":1}]}}`, 1, "a list of [time, value]"},
		{"a point of one", "application/json", `{"data":{"a":[[1]]}}`, 1, "a list of [time, value]"},
		{"a point of none", "application/json", `{"data":{"a":[[]]}}`, 1, "a list of [time, value]"},
		{"a point of three", "application/json", `{"data":{"a":[[1,2,3]]}}`, 1, "a list of [time, value]"},
		{"a point of lists", "application/json", `{"data":{"a":[[[1],[2]]]}}`, 1, "a list of [time, value]"},
		{"a value of words", "application/json", `{"data":{"a":[[1,"much"]]}}`, 1, "a list of [time, value]"},
		{"a value that is true", "application/json", `{"data":{"a":[[1,true]]}}`, 1, "a list of [time, value]"},
		{"no time", "application/json", `{"data":{"a":[[null,1]]}}`, 1, "a list of [time, value]"},
		{"a time beyond all", "application/json", `{"data":{"a":[[1e300,1]]}}`, 1, "a list of [time, value]"},
		{"all series that a query gets", "application/json", manySeries(10_000, at), 1, "matches 10000 series or more"},
		{"deep nesting", "application/json", `{"more":` + strings.Repeat("[", 20_000), 1, "not of the form"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				answer := always(200, test.kind, test.body)
				c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					calls++
					return answer(r)
				}))
				points, err := read(t.Context(), c.TimeSeries(), text("secret query"), minutes(0, 10))
				require.ErrorContains(t, err, test.want)
				assert.Empty(t, points)
				assert.Equal(t, test.calls, calls)
				assert.Less(t, len(err.Error()), 1000)
				assert.NotContains(t, err.Error(), "secret query")
				e := asError(t, err)
				assert.Equal(t, "signalfx: reading time series", e.Op)
				assert.Equal(t, "api.us0.signalfx.com", e.Host)
			})
		})
	}
}

// manySeries is an answer of n series of one point.
func manySeries(n int, at int64) string {
	var b strings.Builder
	b.WriteString(`{"data":{`)
	for i := range n {
		fmt.Fprintf(&b, `"s%d":[[%d,%d]],`, i, at, i)
	}
	return strings.TrimSuffix(b.String(), ",") + `},"errors":[]}`
}

func TestTimeSeriesFailures(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []signalfxtest.Fault
		calls  int
		want   string // of the error; "" is none
	}{
		{"throttled, then well", signalfxtest.Throttled(2, 2), 6, ""},
		{"throttled for good", signalfxtest.Throttled(-1, 0), 5, "called too often"},
		{"forbidden from the start", []signalfxtest.Fault{{Status: 403, Times: -1}}, 1, "may the token read?"},
		{"forbidden after success", []signalfxtest.Fault{{Status: 403, Skip: 1, Times: 3}}, 5, ""},
		{"forbidden after success, for good", []signalfxtest.Fault{{Status: 403, Skip: 1, Times: -1}}, 6, "403 Forbidden"},
		{"unauthorized", []signalfxtest.Fault{{Status: 401, Times: -1}}, 1, "is the token one of this realm"},
		{"no such thing", []signalfxtest.Fault{{Status: 404, Times: -1}}, 1, "are realm and API URL right?"},
		{"a redirect", []signalfxtest.Fault{{Status: 302, Header: http.Header{"location": {"https://evil.example"}}}}, 1, "redirects are not followed"},
		{"too many requests", []signalfxtest.Fault{{Status: 429, Times: 3}}, 5, ""},
		{"down", []signalfxtest.Fault{{Status: 503, Times: 2}}, 4, ""},
		{"down in the middle", []signalfxtest.Fault{{Status: 500, Skip: 1, Times: 4}}, 6, ""},
		{"down for good", []signalfxtest.Fault{{Status: 502, Times: -1, Body: "<html>bad gateway"}}, 5, "502 Bad Gateway"},
		{"cut before the answer", []signalfxtest.Fault{{Cut: signalfxtest.CutBefore, Times: 2}}, 4, ""},
		{"cut in the answer", []signalfxtest.Fault{{Cut: signalfxtest.CutAt, At: 1000, Times: 4}}, 6, ""},
		{"cut for good", []signalfxtest.Fault{{Cut: signalfxtest.CutAt, At: 1000, Times: -1}}, 5, "the answer was cut: unexpected EOF"},
		{"hanging", []signalfxtest.Fault{{Hang: true, Times: 2}}, 4, ""},
		{"stalled", []signalfxtest.Fault{{Cut: signalfxtest.StallAt, At: 1000, Times: 2}}, 4, ""},
		{"stalled for good", []signalfxtest.Fault{{Cut: signalfxtest.StallAt, At: 1000, Times: -1}}, 5, "said nothing for too long"},
		{"slow", []signalfxtest.Fault{{Pause: 50 * time.Second, Times: -1}}, 2, ""},
		{"slow without end", []signalfxtest.Fault{{Op: signalfxtest.OpTimeSeries, Match: spanOfADay, Pause: 59 * time.Second, Times: -1}}, 5, "took too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := signalfxtest.NewFake(t, nil)
				series := 3
				if test.want == "took too long" {
					series = 12
				}
				f.AddSeries("q", gauges(series)...)
				f.Inject(test.faults...)
				s := minutes(0, 1500)
				points, err := read(t.Context(), newClient(t, f.Transport()).TimeSeries(), text("q"), s)
				assert.Len(t, f.Calls(), test.calls)
				if test.want == "" {
					require.NoError(t, err)
					assertWhole(t, points, s, series)
					return
				}
				require.ErrorContains(t, err, test.want)
				assert.NotEmpty(t, asError(t, err).Host)
				if len(points) > 0 { // those of the first piece
					assertWhole(t, points, minutes(0, 1440), series)
				}
			})
		})
	}
}

func spanOfADay(c signalfxtest.Call) bool { return c.Span() == 24*time.Hour }

// After it was told to, it asks more slowly, and then faster again.
func TestTimeSeriesSlowsDown(t *testing.T) {
	for name, fault := range map[string]signalfxtest.Fault{
		"a sentence": {Status: 200, Body: signalfxtest.Sentence}, "forbidden": {Status: 403}, "too many": {Status: 429},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := signalfxtest.NewFake(t, nil)
			f.AddSeries("q", gauges(1)...)
			c := newClient(t, f.Transport())
			fault.Skip, fault.Times = 5, 3
			f.Inject(fault)
			s := metricsync.Span{From: noon.Add(-28 * day), To: noon, Step: time.Hour}
			_, err := read(t.Context(), c.TimeSeries(), text("q"), s)
			require.NoError(t, err)
			calls := f.Calls()
			require.Len(t, calls, 31)
			var gaps []time.Duration
			for i := range calls[1:] {
				gaps = append(gaps, calls[i+1].At.Sub(calls[i].At))
			}
			assert.Zero(t, gaps[4], name)
			assert.GreaterOrEqual(t, gaps[7], 4*time.Second, "%s: three times too fast", name)
			assert.Greater(t, gaps[8], 3*time.Second, name)
			assert.Less(t, gaps[29], gaps[8], name)
			start := time.Now()
			for range 40 {
				_, err = read(t.Context(), c.TimeSeries(), text("q"), minutes(0, 1))
				require.NoError(t, err)
			}
			assert.Less(t, time.Since(start), 10*time.Second, name)
			start = time.Now()
			_, err = read(t.Context(), c.TimeSeries(), text("q"), minutes(0, 1))
			require.NoError(t, err)
			assert.Zero(t, time.Since(start), "%s: as fast as at the beginning", name)
		})
	}
}

func TestTimeSeriesHeedsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := signalfxtest.NewFake(t, nil)
		f.AddSeries("q", gauges(1)...)
		f.Inject(signalfxtest.Fault{Status: 429, Header: http.Header{"Retry-After": {"20"}}})
		_, err := read(t.Context(), newClient(t, f.Transport()).TimeSeries(), text("q"), minutes(0, 1))
		require.NoError(t, err)
		calls := f.Calls()
		assert.GreaterOrEqual(t, calls[1].At.Sub(calls[0].At), 20*time.Second)
	})
}

// An answer that ends at any byte is read again, and none of its points twice.
func TestTimeSeriesCutAtAnyByte(t *testing.T) {
	for _, cut := range []signalfxtest.Cut{signalfxtest.CutAt, signalfxtest.EndAt} {
		for at := 0; ; at++ {
			whole := false
			synctest.Test(t, func(t *testing.T) {
				f := signalfxtest.NewFake(t, nil)
				f.AddSeries("q", gauges(2)...)
				f.Inject(signalfxtest.Fault{Cut: cut, At: at})
				points, err := read(t.Context(), newClient(t, f.Transport()).TimeSeries(), text("q"), minutes(0, 3))
				require.NoError(t, err)
				assertWhole(t, points, minutes(0, 3), 2)
				whole = len(f.Calls()) == 1
			})
			if whole {
				assert.Greater(t, at, 150)
				break
			}
		}
	}
}

// What a day is too much for is asked for in halves. The shortest piece shows that
// it is not the query that is wrong.
func TestTimeSeriesHalvesWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := signalfxtest.NewFake(t, &signalfxtest.Options{MaxPoints: 12_000})
		f.AddSeries("q", gauges(30)...)
		s := minutes(0, 1440)
		points, err := read(t.Context(), newClient(t, f.Transport()).TimeSeries(), text("q"), s)
		require.NoError(t, err)
		require.Len(t, points, 30*1440)
		for i, p := range points {
			if !p.At.Equal(after(i / 30)) {
				t.Fatalf("point %d is at %s", i, p.At)
			}
		}
		const least = 24 * time.Minute
		var got []time.Duration
		for _, c := range f.Calls() {
			got = append(got, c.Span())
		}
		assert.Equal(t, []time.Duration{day, least, day / 2, day / 4, day / 4, day / 4, day/4 - least}, got)
	})
}

// An answer that is longer than what is held at once is not read to its end.
func TestTimeSeriesHalvesWhatIsTooLong(t *testing.T) {
	long := `{"data":{"a":[[1,1]` + strings.Repeat(",[1,1]", 250_000) + `]}}`
	var spans []int
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		q := r.URL.Query()
		from, _ := strconv.ParseInt(q.Get("startMs"), 10, 64)
		to, _ := strconv.ParseInt(q.Get("endMs"), 10, 64)
		spans = append(spans, int((to-from)/60_000))
		if spans[len(spans)-1] > 720 {
			return always(200, "application/json", long)(r)
		}
		return always(200, "application/json", fmt.Sprintf(`{"data":{"a":[[%d,1]]}}`, from))(r)
	}))
	points, err := read(t.Context(), c.TimeSeries(), text("q"), minutes(0, 2000))
	require.NoError(t, err)
	assert.Len(t, points, 3)
	assert.Equal(t, []int{1440, 720, 720, 560}, spans, "and it is remembered")
}

// A query that is wrong is not taken for one of too many points.
func TestTimeSeriesOfAWrongQuery(t *testing.T) {
	for span, calls := range map[int]int{10: 1, 24: 1, 25: 2, 28 * 1440: 2} {
		synctest.Test(t, func(t *testing.T) {
			f := signalfxtest.NewFake(t, nil)
			f.Inject(signalfxtest.Fault{Times: -1, Status: 400, Body: `{"code":400,"message":"cannot parse the query","type":"x"}`})
			points, err := read(t.Context(), newClient(t, f.Transport()).TimeSeries(), text("sf_metric:("), minutes(-span, 0))
			assert.ErrorContains(t, err, "400 Bad Request: cannot parse the query; is the query right?")
			assert.Empty(t, points)
			assert.Len(t, f.Calls(), calls)
		})
	}
}

// Also the shortest piece may be too much, of a server that is not what it should
// be.
func TestTimeSeriesTooMuchAtAnyLength(t *testing.T) {
	for _, test := range []struct {
		name string
		body func() io.Reader
	}{
		{"points", func() io.Reader {
			return io.MultiReader(strings.NewReader(`{"data":{"a":[[1,1]`), strings.NewReader(strings.Repeat(",[1,1]", 300_000)+`]}}`))
		}},
		{"bytes", func() io.Reader {
			return io.MultiReader(strings.NewReader(`{"data":{},"more":"`), strings.NewReader(strings.Repeat("x", 17<<20)), strings.NewReader(`"}`))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var spans []string
			c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				spans = append(spans, r.URL.Query().Get("endMs"))
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(test.body())}, nil
			}))
			points, err := read(t.Context(), c.TimeSeries(), text("q"), minutes(0, 24))
			assert.ErrorContains(t, err, "the answer is too long; make the query match fewer series")
			assert.Equal(t, 200, asError(t, err).Status)
			assert.Empty(t, points)
			assert.Len(t, spans, 1)
		})
	}
}

// Whatever order, and however often: each series has one point at a time, and none
// from outside of the span.
func TestTimeSeriesTidiesUp(t *testing.T) {
	ms := func(m int) int64 { return after(m).UnixMilli() }
	body := fmt.Sprintf(`{"errors":[],"more":{"data":{"x":[[%d,99]]}},"data":{
		"b":[[%d,3],[%d,1],[%d,2],[%d,4]],
		"a":[[%d,7],[%d,5],[%d,6],[%d,8]],
		"c":[], "d":null}}`,
		ms(0), ms(2), ms(0), ms(1), ms(3), ms(0), ms(-1), ms(0), ms(60))
	points, err := read(t.Context(), newClient(t, always(200, "application/json", body)).TimeSeries(), text("q"), minutes(0, 3))
	require.NoError(t, err)
	assert.Equal(t, []metricsync.Point{
		{Series: "b", At: after(0), Value: 1},
		{Series: "a", At: after(0), Value: 6},
		{Series: "b", At: after(1), Value: 2},
		{Series: "b", At: after(2), Value: 3},
	}, points)
}

func TestTimeSeriesValues(t *testing.T) {
	for written, want := range map[string]float64{
		"1": 1, "-2.5e3": -2500, "0": 0, `"3.5"`: 3.5, "1e999": math.Inf(1), `"-Infinity"`: math.Inf(-1),
		"null": math.NaN(), `"NaN"`: math.NaN(), "NaN": math.NaN(), " 7 ": 7, `"\u0037"`: 7,
	} {
		body := fmt.Sprintf(`{"message":"NaN \" N","data":{"N\\":[[%d , %s] , [ %d,1.5e1]]}}`, noon.UnixMilli(), written, after(1).UnixMilli())
		points, err := read(t.Context(), newClient(t, always(200, "application/json", body)).TimeSeries(), text("q"), minutes(0, 2))
		require.NoError(t, err, written)
		require.Len(t, points, 2, written)
		if math.IsNaN(want) {
			assert.True(t, math.IsNaN(points[0].Value), written)
			points[0].Value, want = 0, 0
		}
		assert.Equal(t, []metricsync.Point{{Series: `N\`, At: noon, Value: want}, {Series: `N\`, At: after(1), Value: 15}}, points, written)
	}
}

// The end of a window may or may not belong to it.
func TestTimeSeriesJoins(t *testing.T) {
	for _, inclusive := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := signalfxtest.NewFake(t, &signalfxtest.Options{EndInclusive: inclusive})
			f.AddSeries("q", gauges(2)...)
			s := metricsync.Span{From: noon, To: noon.Add(3 * day), Step: 5 * time.Minute}
			f.AddSeries("q2", signalfxtest.Series{Every: s.Step, Value: signalfxtest.Func(byMinute)})
			points, err := read(t.Context(), newClient(t, f.Transport()).TimeSeries(), text("q2"), s)
			require.NoError(t, err)
			assertWhole(t, points, s, 1)
		})
	}
}

func TestTimeSeriesThatMatchesNothing(t *testing.T) {
	f := signalfxtest.NewFake(t, nil)
	points, err := read(t.Context(), newClient(t, f.Transport()).TimeSeries(), text("nothing"), minutes(0, 10))
	assert.NoError(t, err)
	assert.Empty(t, points)
}

func TestTimeSeriesAsksAsDocumented(t *testing.T) {
	query := `sf_metric:"Lat ency&x=1" AND lb:[1 TO 2]`
	var got *http.Request
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r
		return always(200, "application/json", `{"data":{}}`)(r)
	}))
	_, err := read(t.Context(), c.TimeSeries(), metricsync.Query{Text: query, Label: "A"}, minutes(0, 10))
	require.NoError(t, err)
	assert.Equal(t, "GET", got.Method)
	assert.Equal(t, map[string][]string{
		"query": {query}, "startMs": {fmt.Sprint(noon.UnixMilli())}, "endMs": {fmt.Sprint(after(10).UnixMilli())}, "resolution": {"60000"},
	}, map[string][]string(got.URL.Query()))
	assert.Equal(t, canary, got.Header.Get("X-SF-Token"))
}

// Nothing is asked before there is a reader, nor after it has gone.
func TestTimeSeriesIsLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := signalfxtest.NewFake(t, nil)
		f.AddSeries("q", gauges(1)...)
		c := newClient(t, f.Transport())
		points := c.TimeSeries().Points(t.Context(), text("q"), minutes(0, 3*1440))
		assert.Empty(t, f.Calls())
		for range 2 {
			n := 0
			for _, err := range points {
				require.NoError(t, err)
				if n++; n == 1440 {
					break
				}
			}
		}
		assert.Len(t, f.Calls(), 2, "the second day is not asked for before the first was taken, and a sequence may be read again")
	})
}

func TestTimeSeriesEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := signalfxtest.NewFake(t, nil)
		f.AddSeries("q", gauges(1)...)
		c := newClient(t, f.Transport())

		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		var err error
		for _, err = range c.TimeSeries().Points(ctx, text("q"), minutes(0, 100)) {
			if n++; n == 10 {
				cancel()
			}
		}
		assert.ErrorIs(t, err, context.Canceled, "between points")
		assert.Equal(t, 11, n)
		assert.Equal(t, "api.us0.signalfx.com", asError(t, err).Host)

		_, err = read(ctx, c.TimeSeries(), text("q"), minutes(0, 100))
		assert.ErrorIs(t, err, context.Canceled, "from the beginning")

		for name, fault := range map[string]signalfxtest.Fault{
			"hanging": {Hang: true}, "stalled": {Cut: signalfxtest.StallAt, At: 10},
			"waiting": {Status: 200, Body: signalfxtest.Sentence, Times: -1},
		} {
			synctest.Wait()
			f.ClearFaults()
			f.Inject(fault)
			ctx, cancel = context.WithTimeout(t.Context(), 2500*time.Millisecond)
			start := time.Now()
			_, err = read(ctx, c.TimeSeries(), text("q"), minutes(0, 100))
			assert.Error(t, err, name)
			assert.LessOrEqual(t, time.Since(start), 2500*time.Millisecond, name)
			cancel()
		}
	})
}

// Points of several readers at once come from one client.
func TestTimeSeriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := signalfxtest.NewFake(t, nil)
		f.AddSeries("q", gauges(2)...)
		f.AddProgram("q", signalfxtest.Stream{Series: gauges(1)})
		c := newClient(t, f.Transport())
		_, err := read(t.Context(), c.TimeSeries(), text("q"), minutes(0, 1))
		require.NoError(t, err)
		f.Inject(signalfxtest.Throttled(3, 3)...)
		f.Inject(signalfxtest.Fault{Cut: signalfxtest.CutAt, At: 3000, Times: 5})
		var readers sync.WaitGroup
		for i := range 8 {
			readers.Go(func() {
				src, series := c.TimeSeries(), 2
				if i%2 == 0 {
					src, series = c.SignalFlow(), 1
				}
				points, err := read(t.Context(), src, text("q"), minutes(0, 100))
				assert.NoError(t, err)
				assertWhole(t, points, minutes(0, 100), series)
			})
		}
		readers.Wait()
	})
}
