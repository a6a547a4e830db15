package prometheustest_test

import (
	"encoding/json"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/promtest"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// said is what an answer says.
type said struct {
	Status, ErrorType, Error string
	Data                     json.RawMessage
}

// The fake answers as a real Prometheus does.
func TestItAnswersAsARealPrometheus(t *testing.T) {
	real := promtest.Start(t, "{}", t.TempDir())
	fake := prometheustest.NewServer(t, nil)
	unix := func(at time.Time) (float64, bool) { return float64(at.UnixMilli()) / 1000, true }
	one := prometheustest.Constant(1)
	labels := func(l string) map[string]string { return map[string]string{"l": l} }
	fake.Handle("time()", prometheustest.Series{Value: unix})
	fake.Handle("vector(1) > 2")
	fake.Handle("vector(NaN)", prometheustest.Series{Value: prometheustest.Constant(math.NaN())})
	fake.Handle("vector(-Inf)", prometheustest.Series{Value: prometheustest.Constant(math.Inf(-1))})
	fake.Handle("vector(1e300 * 1e10)", prometheustest.Series{Value: prometheustest.Constant(math.Inf(1))})
	fake.Handle("vector(1e22)", prometheustest.Series{Value: prometheustest.Constant(1e22)})
	fake.Handle("vector(1e-7)", prometheustest.Series{Value: prometheustest.Constant(1e-7)})
	fake.Handle("vector(time() >= bool 1793577630) > 0", prometheustest.Series{Value: func(at time.Time) (float64, bool) { return 1, at.Unix() >= 1793577630 }})
	fake.Handle(`label_replace(vector(1),"l","b\"ü","","") or label_replace(vector(1),"l","a","","")`,
		prometheustest.Series{Labels: labels(`b"ü`), Value: one}, prometheustest.Series{Labels: labels("a"), Value: one})

	query := func(q string, more ...string) []string { return append([]string{"query", q}, more...) }
	for _, test := range []struct {
		name  string
		pairs []string
	}{
		{"values", query("time()")},
		{"milliseconds", query("time()", "step", "0.25", "end", "1793577600.75")},
		{"a start between the milliseconds", query("time()", "start", "1793577600.1", "end", "1793577601.2", "step", "1")},
		{"an end that is no step", query("time()", "end", "1793577659.9")},
		{"a time of RFC 3339", query("time()", "start", "2026-11-02T00:00:00Z", "end", "2026-11-02T00:01:00.500Z")},
		{"a step in words", query("time()", "step", "30s")},
		{"start and end alike", query("time()", "end", "1793577600")},
		{"a parameter that is not known", query("time()", "nocache", "1")},
		{"a time-out", query("time()", "timeout", "27")},
		{"nothing", query("vector(1) > 2")},
		{"NaN", query("vector(NaN)")},
		{"-Inf", query("vector(-Inf)")},
		{"+Inf", query("vector(1e300 * 1e10)")},
		{"large", query("vector(1e22)")},
		{"small", query("vector(1e-7)")},
		{"a series that begins late", query("vector(time() >= bool 1793577630) > 0", "step", "15")},
		{"two series", query(`label_replace(vector(1),"l","b\"ü","","") or label_replace(vector(1),"l","a","","")`)},
		{"the most points", query("time()", "step", "0.001", "end", "1793577611")},
		{"a point more", query("time()", "step", "0.001", "end", "1793577611.001")},
		{"no expression", query("")},
		{"an end before the start", query("time()", "end", "1793577599")},
		{"no start", query("time()", "start", "")},
		{"a start that is no time", query("time()", "start", "now")},
		{"no end", query("time()", "end", "")},
		{"no step", query("time()", "step", "")},
		{"a step of 0", query("time()", "step", "0")},
		{"a step backwards", query("time()", "step", "-60")},
		{"a step that is none", query("time()", "step", "often")},
		{"a time-out that is none", query("time()", "timeout", "soon")},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
				transport := &http.Transport{DisableKeepAlives: true}
				want, err := ask(t.Context(), transport, method, real, form(test.pairs...))
				require.NoError(t, err)
				got, err := ask(t.Context(), transport, method, fake.URL, form(test.pairs...))
				require.NoError(t, err)
				assert.Equal(t, want.status, got.status, method)
				assert.Equal(t, want.kind, got.kind, method)
				assert.Equal(t, want.header.Get("Allow"), got.header.Get("Allow"), method)
				if want.status == http.StatusMethodNotAllowed {
					assert.Equal(t, want.body, got.body)
					continue
				}
				var a, b said
				require.NoError(t, json.Unmarshal([]byte(want.body), &a))
				require.NoError(t, json.Unmarshal([]byte(got.body), &b))
				assert.Contains(t, a.Error, b.Error, "newer ones say more")
				a.Error, b.Error = "", ""
				assert.Equal(t, a, b)
			}
		})
	}
}
