package prometheus_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// body answers every query with the same text.
func body(text string) prometheustest.Fault {
	return prometheustest.Fault{Times: -1, Status: 200, Body: text}
}

// What is not of the form that it should be is an error, never a value.
func TestStrangeAnswers(t *testing.T) {
	matrix := func(result string) string {
		return `{"status":"success","data":{"resultType":"matrix","result":` + result + `}}`
	}
	at := func(value string) string { return matrix(`[{"metric":{},"values":[` + value + `]}]`) }
	unix := fmt.Sprint(start.Unix())
	for _, test := range []struct{ name, body, want string }{
		{"nothing", ` `, "the answer is empty"},
		{"null", `null`, "the answer is null"},
		{"somebody else's object", `{"ok":true}`, "not Prometheus's"},
		{"a list", `[]`, "not of the form"},
		{"cut JSON", `{"status":"success","data":{"resu`, "the answer is no JSON"},
		{"text", `OK`, "the answer is no JSON"},
		{"a vector", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[` + unix + `,"1"]}]}}`, `is a "vector", want a matrix`},
		{"a string", `{"status":"success","data":{"resultType":"string","result":[` + unix + `,"x"]}}`, "not of the form"},
		{"no data", `{"status":"success"}`, `is a "", want a matrix`},
		{"a result that is no list", matrix(`5`), "not of the form"},
		{"a result that is an object", matrix(`{"metric":{}}`), "not of the form"},
		{"a value that is no text", at(`[` + unix + `,1]`), "not of the form"},
		{"a value that is no number", at(`[` + unix + `,"one"]`), "not of the form"},
		{"a value that is empty", at(`[` + unix + `,""]`), "not of the form"},
		{"a value that is a bracket", at(`[` + unix + `,"]"]`), "not of the form"},
		{"a value alone", at(`[` + unix + `]`), "not of the form"},
		{"a time that is text", at(`["now","1"]`), "not of the form"},
		{"a time that is far out", at(`[1e30,"1"]`), "not of the form"},
		{"no pair", at(`{"a":[1,"2"]}`), "not of the form"},
		{"between two times", at(`[` + unix + `.5,"1"]`), "which was not asked for"},
		{"before the span", at(fmt.Sprintf(`[%d,"1"]`, start.Unix()-60)), "2026-11-01T23:59:00Z, which was not asked for"},
		{"at the end of the span", at(fmt.Sprintf(`[%d,"1"]`, start.Unix()+3600)), "which was not asked for"},
		{"twice at one time", at(`[` + unix + `,"1"],[` + unix + `,"2"]`), "not in order"},
		{"backwards", at(fmt.Sprintf(`[%d,"1"],[%s,"2"]`, start.Unix()+60, unix)), "not in order"},
		{"one series twice", matrix(`[{"metric":{"a":"1"}},{"metric":{"a":"1"}}]`), "differ in the metric's name alone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := prometheustest.NewFake(t, nil)
			p.Inject(body(test.body))
			points, err := read(t.Context(), source(t, p, nil), "q", hours(1, time.Minute))
			assert.Empty(t, points)
			assert.ErrorContains(t, err, test.want)
			var e *metricsync.Error
			require.ErrorAs(t, err, &e)
			assert.False(t, e.Temporary())
			assert.Len(t, p.Calls(), 1)
		})
	}
}

// What is unusual and means something is taken.
func TestUnusualAnswers(t *testing.T) {
	unix := fmt.Sprint(start.Unix())
	for _, test := range []struct {
		name, result string
		want         []metricsync.Point
	}{
		{"an empty matrix", `{"resultType":"matrix","result":[]}`, nil},
		{"a result of null", `{"resultType":"matrix","result":null}`, nil},
		{"values of null", `{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":null,"histograms":null}]}`, nil},
		{"no values", `{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[],"histograms":[]}]}`, nil},
		{"a scalar", `{"resultType":"scalar","result":[` + unix + `,"2.5"]}`, []metricsync.Point{{Series: "{}", At: start, Value: 2.5}}},
		{"white space", `{ "result" : [ {"values" : [ [ ` + unix + ` , "1e3" ] , [ ` + fmt.Sprint(start.Unix()+60) + `.000 , "-0" ] ] , "metric" : { } } ], "resultType":"matrix"}`, []metricsync.Point{
			{Series: "{}", At: start, Value: 1000}, {Series: "{}", At: start.Add(time.Minute), Value: math.Copysign(0, -1)},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := prometheustest.NewFake(t, nil)
			p.Inject(body(`{"status":"success","data":` + test.result + `,"more":{"x":[1]}}`))
			points, err := read(t.Context(), source(t, p, nil), "q", hours(1, time.Minute))
			require.NoError(t, err)
			assert.Equal(t, test.want, points)
		})
	}
}

func TestNativeHistograms(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	p.Handle("q", prometheustest.Series{Value: minutes, Histogram: true})
	_, err := read(t.Context(), source(t, p, nil), "q", hours(1, time.Minute))
	assert.ErrorContains(t, err, "native histograms: make numbers of them, as by histogram_quantile(0.95, …)")
}

// A part of the answer must not pass for the whole.
func TestPartialAnswers(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault prometheustest.Fault
		want  string // "" is no error
	}{
		{"a store that failed", prometheustest.Fault{Warnings: []string{"fetch series from store-gateway-0: rpc error"}}, "fetch series from store-gateway-0: rpc error"},
		{"no store", prometheustest.Fault{Warnings: []string{"PromQL info: fine", "No StoreAPIs matched for this query"}}, "No StoreAPIs matched"},
		{"VictoriaMetrics", prometheustest.Fault{Partial: true}, "the answer is partial, so its values may be wrong"},
		{"a warning about the query", prometheustest.Fault{Warnings: []string{`PromQL warning: bucket label "le" is missing`}}, ""},
		{"an info among the warnings", prometheustest.Fault{Warnings: []string{"PromQL info: metric might not be a counter"}}, ""},
		{"an info", prometheustest.Fault{Infos: []string{"PromQL info: metric might not be a counter"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := prometheustest.NewFake(t, nil)
			p.Handle("q", prometheustest.Series{Value: minutes})
			test.fault.Times = -1
			p.Inject(test.fault)
			points, err := read(t.Context(), source(t, p, func(cfg *prometheus.Config) { cfg.Logger = quiet }), "q", hours(1, time.Minute))
			if test.want == "" {
				assert.NoError(t, err)
				assert.Len(t, points, 60)
			} else {
				assert.ErrorContains(t, err, test.want)
				assert.ErrorContains(t, err, "set AllowPartial")
				assert.Empty(t, points)
			}
			points, err = read(t.Context(), source(t, p, func(cfg *prometheus.Config) { cfg.AllowPartial, cfg.Logger = true, quiet }), "q", hours(1, time.Minute))
			assert.NoError(t, err)
			assert.Len(t, points, 60)
		})
	}
}

// What the server says is logged once, in one line, and is bounded.
func TestWarningsAreLoggedOnce(t *testing.T) {
	p := prometheustest.NewFake(t, nil)
	p.Handle("q", prometheustest.Series{Value: minutes})
	logger, lines := logged()
	src := source(t, p, func(cfg *prometheus.Config) { cfg.Logger = logger })
	p.Inject(prometheustest.Fault{
		Times:    -1,
		Warnings: []string{"PromQL warning: quantile value\nshould be between 0 and 1, got 95"},
		Infos:    []string{"PromQL info: metric might not be a counter"},
	})
	for range 3 {
		_, err := read(t.Context(), src, "q", hours(48, time.Hour))
		require.NoError(t, err)
	}
	assert.Equal(t, []string{
		"INFO prometheus: said about a query text=PromQL info: metric might not be a counter host=prometheus",
		"WARN prometheus: said about a query text=PromQL warning: quantile value should be between 0 and 1, got 95 host=prometheus",
	}, lines())

	p.ClearFaults()
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint("PromQL info: ", i))
	}
	p.Inject(prometheustest.Fault{Times: -1, Infos: many})
	_, err := read(t.Context(), src, "q", hours(48, time.Hour))
	require.NoError(t, err)
	assert.Len(t, lines(), 100)
}
