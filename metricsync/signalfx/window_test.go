package signalfx_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync/signalfx"
)

// What encoding/json takes for an answer is read to the same points, whatever the
// sizes of its parts; what it does not is an error or has NaN in it.
func FuzzWindow(f *testing.F) {
	for _, body := range []string{
		`{"data":{"a":[[1,2],[3,4.5e3]],"b":[]},"errors":[]}`,
		`{"errors":null,"data":{"a":[[1,null],[2,"NaN"],[3,NaN],[ 4 , -1 ] ]}}`,
		`{"data":{"a\"]}":[["5","6"]]},"more":{"data":[1,[2]]}}`,
		`{"data":{"a":[[1,"\"]"]]}}`,
		`{"data":{"a":[[1,[2]],[{"x":1},2]]}}`,
		`{"data":{"a":null},"code":200,"message":"N"}`,
		`{"data":{"a":[[1,2,3]]}}`, `{"data":{"a":[[]]}}`, `{"data":{"a":[1]}}`, `{"data":{"a":7}}`, `{"data":[]}`, `{`, ``, `"x"`,
	} {
		f.Add(body)
	}
	from, to := time.UnixMilli(math.MinInt32), time.UnixMilli(math.MaxInt32)
	f.Fuzz(func(t *testing.T, body string) {
		points, err := signalfx.Window(strings.NewReader(body), from, to)
		again, errAgain := signalfx.Window(iotest.OneByteReader(strings.NewReader(body)), from, to)
		require.Equal(t, err == nil, errAgain == nil)
		require.Equal(t, fmt.Sprint(points), fmt.Sprint(again))
		for i := range points[min(1, len(points)):] {
			require.False(t, points[i+1].At.Before(points[i].At), "in order")
		}
		var want struct{ Data map[string][][2]*float64 }
		if err != nil || json.Unmarshal([]byte(body), &want) != nil || strings.Count(body, `"`) != 4 {
			return // only what has one series and is as simple as can be is read again
		}
		for _, p := range points {
			found := false
			for _, v := range want.Data[p.Series] {
				found = found || v[0] != nil && int64(*v[0]) == p.At.UnixMilli() && (v[1] == nil && math.IsNaN(p.Value) || v[1] != nil && *v[1] == p.Value)
			}
			require.True(t, found, "%v is not in the answer", p)
		}
	})
}
