package prometheus_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/metricsync/prometheus"
	"github.com/routewatch/routewatch/metricsync/prometheus/prometheustest"
)

// Whatever a server answers, what is yielded is in the span, in order, and each
// time of a series once.
func FuzzAnswer(f *testing.F) {
	at := start.Unix()
	for _, result := range []string{
		`[]`, `null`, `5`, `{}`, `"x"`, `[[]]`, `[null]`,
		fmt.Sprintf(`[%d,"1"]`, at),
		fmt.Sprintf(`[{"metric":{"a":"1"},"values":[[%d,"1"],[%d.000,"NaN"]]},{"metric":{},"values":[[%d,"+Inf"]]}]`, at, at+60, at+60),
		fmt.Sprintf(`[{"metric":{},"values":[[%d,"1"],[%d,"1"]]}]`, at, at),
		fmt.Sprintf(`[{"values":[[%d,"]"]],"histograms":[[1,{}]]}]`, at),
	} {
		f.Add(result)
	}
	f.Fuzz(func(t *testing.T, result string) {
		p := prometheustest.NewFake(t, nil)
		p.Inject(body(`{"status":"success","data":{"resultType":"matrix","result":` + result + `}}`))
		src := source(t, p, func(cfg *prometheus.Config) { cfg.Logger = quiet })
		span := hours(1, time.Minute)
		points, _ := read(t.Context(), src, "q", span)
		last, seen := span.From, map[string]bool{}
		for _, pt := range points {
			assert.False(t, pt.At.Before(last), "in order")
			assert.True(t, pt.At.Before(span.To))
			last = pt.At
			key := pt.At.String() + pt.Series
			assert.False(t, seen[key], "each once")
			seen[key] = true
		}
	})
}
