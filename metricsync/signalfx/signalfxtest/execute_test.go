package signalfxtest_test

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync/signalfx/signalfxtest"
)

func TestExecute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, &signalfxtest.Options{Batch: 1})
		c.AddProgram("p",
			signalfxtest.Stream{Label: "A", Series: []signalfxtest.Series{{ID: "a", Dimensions: map[string]string{"lb": "x"}}}},
			signalfxtest.Stream{Series: []signalfxtest.Series{{ID: "b"}}}, signalfxtest.Stream{Label: "none"})
		r, err := c.run("p", job(noon, after(2)))
		require.NoError(t, err)
		assert.Equal(t, "text/event-stream;charset=UTF-8", r.header.Get("Content-Type"))
		at := []string{ms(noon), ms(after(1))}
		assert.Equal(t, `: a comment

event: control-message
data: {"event":"STREAM_START","timestampMs":946684800000}

event: control-message
data: {"event":"JOB_START","handle":"AAAAHANDLE","timestampMs":946684800000}

event: control-message
data: {"event":"JOB_PROGRESS","progress":100,"timestampMs":946684800000}

event: message
data: {"logicalTimestampMs":946684800000,"message":{"contents":{"resolutionMs":60000},"messageCode":"JOB_RUNNING_RESOLUTION","messageLevel":"INFO"}}

event: message
data: {"logicalTimestampMs":946684800000,"message":{"contents":{"maxDelayMs":1000},"messageCode":"JOB_INITIAL_MAX_DELAY","messageLevel":"INFO"}}

event: message
data: {"logicalTimestampMs":946684800000,"message":{"contents":{"query":"the query of the program"},"messageCode":"FIND_MATCHED_NO_TIMESERIES","messageLevel":"INFO"}}

event: metadata
data: {"properties":{"computationId":"ID","lb":"x","sf_metric":"_SF_COMP_AAAA","sf_resolutionMs":60000,"sf_streamLabel":"A"},"tsId":"a"}

event: metadata
data: {"properties":{"computationId":"ID","sf_metric":"_SF_COMP_AAAA","sf_resolutionMs":60000},"tsId":"b"}

event: data
data: {"logicalTimestampMs":`+at[0]+`,
data:  "data":[{"tsId":"a","value":1}]}

event: data
data: {"logicalTimestampMs":`+at[0]+`,
data:  "data":[{"tsId":"b","value":1}]}

event: data
data: {"logicalTimestampMs":`+at[1]+`,
data:  "data":[{"tsId":"a","value":1}]}

event: data
data: {"logicalTimestampMs":`+at[1]+`,
data:  "data":[{"tsId":"b","value":1}]}

event: control-message
data: {"event":"END_OF_CHANNEL","timestampMs":946684800000}

`, regexp.MustCompile(`job-0x[0-9a-f]+`).ReplaceAllString(r.body, "ID"))
		synctest.Wait()
		assert.Equal(t, 4, c.Calls()[0].Sent)
		assert.False(t, c.Calls()[0].Left)
		assert.Zero(t, c.Jobs())
	})
}

func TestExecuteRefuses(t *testing.T) {
	c := newCaller(t, nil)
	c.AddProgram("p", signalfxtest.Stream{})
	for program, want := range map[string]string{"another": "cannot be compiled", "": "there is no query", "{": "no JSON"} {
		r, err := c.run(program, job(noon, after(1)))
		require.NoError(t, err)
		assert.Equal(t, 400, r.status)
		assert.Contains(t, r.body, want)
		assert.Contains(t, r.body, "errorType")
	}
	r, err := c.run("p", job(noon, noon))
	require.NoError(t, err)
	assert.Contains(t, r.body, "stops before it starts")
	r, err = c.run(`{"programText":"p"}`, job(noon, after(1)))
	require.NoError(t, err)
	assert.Equal(t, 200, r.status)
}

func TestExecuteFaults(t *testing.T) {
	c := newCaller(t, &signalfxtest.Options{MaxSeries: 2})
	c.AddProgram("p", signalfxtest.Stream{Series: make([]signalfxtest.Series, 3)})
	c.Inject(
		signalfxtest.Fault{Resolution: 5 * time.Minute},
		signalfxtest.Fault{Instants: 2, Events: []signalfxtest.Event{{Name: "x", Data: "y"}, signalfxtest.Abort("S", "R")}},
		signalfxtest.Fault{Instants: 100, Events: []signalfxtest.Event{signalfxtest.Failures("X")}},
	)
	r, err := c.run("p", job(noon, after(10)))
	require.NoError(t, err)
	assert.Contains(t, r.body, `"resolutionMs":300000`)
	assert.Equal(t, 2, strings.Count(r.body, "event: data"))
	assert.Equal(t, 2, strings.Count(r.body, "event: metadata"))
	assert.Contains(t, r.body, `"contents":{"limitSize":2,"matchedSize":3},"messageCode":"FIND_LIMITED_RESULT_SET"`)

	r, err = c.run("p", job(noon, after(10)))
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(r.body, "event: data"))
	assert.Contains(t, r.body, `"sf_job_abortReason":"R"`)
	assert.NotContains(t, r.body, "END_OF_CHANNEL")

	r, err = c.run("p", job(noon, after(10)))
	require.NoError(t, err)
	assert.Equal(t, 10, strings.Count(r.body, "event: data"))
	assert.True(t, strings.Contains(r.body, "event: error") && !strings.Contains(r.body, "END_OF_CHANNEL"))
}

// A job that is not immediate waits for what is to come, and one without a stop
// does so for ever.
func TestExecuteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t, nil)
		c.AddProgram("p", signalfxtest.Stream{Series: make([]signalfxtest.Series, 1)})
		start := time.Now()
		r, err := c.run("p", job(start.Add(-2*time.Minute), start.Add(2*time.Minute)))
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(r.body, "event: data"), "the last minute is not over: there is a delay")
		assert.Zero(t, time.Since(start))

		q := job(start.Add(-2*time.Minute), start.Add(2*time.Minute))
		q.Del("immediate")
		r, err = c.run("p", q)
		require.NoError(t, err)
		assert.Equal(t, 4, strings.Count(r.body, "event: data"))
		assert.Equal(t, 2*time.Minute+time.Second, time.Since(start))

		q.Del("stop")
		resp, err := c.open("POST", "/v2/signalflow/execute", q, "p")
		require.NoError(t, err)
		time.Sleep(time.Hour)
		assert.Equal(t, 1, c.Jobs())
		_, err = io.CopyN(io.Discard, resp.Body, 3000)
		assert.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		synctest.Wait()
		assert.Zero(t, c.Jobs())
		calls := c.Calls()
		assert.True(t, calls[len(calls)-1].Left)
		assert.True(t, calls[len(calls)-1].Stop.IsZero())
	})
}
