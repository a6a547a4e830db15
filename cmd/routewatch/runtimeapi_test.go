package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runtimeAPI is what a Lambda function talks to: it asks for the next event and
// posts what came of it.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	*httptest.Server
	timeout time.Duration // of the function
	events  chan string
	done    chan outcome

	mu    sync.Mutex
	asked int                  // for an event
	count int                  // of events
	at    map[string]time.Time // when an invocation began, while it goes on
}

// outcome is what came of an event.
type outcome struct {
	Response json.RawMessage // nil where the invocation failed
	Error    struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	Took time.Duration
}

func newRuntimeAPI(t *testing.T) *runtimeAPI {
	t.Helper()
	a := &runtimeAPI{timeout: time.Minute, events: make(chan string), done: make(chan outcome, 1), at: map[string]time.Time{}}
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.asked++
		a.mu.Unlock()
		select {
		case event := <-a.events:
			a.mu.Lock()
			a.count++
			id := fmt.Sprintf("8476a536-e9f4-11e8-9739-%012d", a.count)
			a.at[id] = time.Now()
			a.mu.Unlock()
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(a.timeout).UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:page")
			h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
			io.WriteString(w, event)
		case <-r.Context().Done(): // the function has ended
		}
	})
	finish := func(w http.ResponseWriter, r *http.Request, failed bool) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		o := outcome{Took: time.Since(a.at[r.PathValue("id")])}
		delete(a.at, r.PathValue("id"))
		a.mu.Unlock()
		if failed {
			_ = json.Unmarshal(body, &o.Error)
		} else {
			o.Response = body
		}
		a.done <- o
		w.WriteHeader(http.StatusAccepted)
	}
	mux.HandleFunc("POST "+base+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { finish(w, r, false) })
	mux.HandleFunc("POST "+base+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { finish(w, r, true) })
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

// invoking reports whether an invocation goes on.
func (a *runtimeAPI) invoking() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at) > 0
}

// waitForStart returns once the function has asked for its first event.
func (a *runtimeAPI) waitForStart(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.asked > 0
	}, 30*time.Second, 10*time.Millisecond, "the function does not start")
}

// buildBootstrap builds the executable as docs/deploy-aws.md says, for this
// machine's processor.
func buildBootstrap(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// function is a bootstrap that runs.
type function struct {
	t    *testing.T
	api  *runtimeAPI
	cmd  *exec.Cmd
	logs *output
}

// startBootstrap runs a bootstrap as Lambda does: without arguments, in a folder of
// its own, with Lambda's environment and the given one and nothing else.
func startBootstrap(t *testing.T, path, name string, env ...string) *function {
	t.Helper()
	f := &function{t: t, api: newRuntimeAPI(t), logs: new(output)}
	f.cmd = exec.Command(path)
	f.cmd.Dir = t.TempDir()
	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + name,
		"AWS_REGION=us-east-1",
	}, env...)
	f.cmd.Stderr, f.cmd.Stdout = f.logs, f.logs
	require.NoError(t, f.cmd.Start())
	t.Cleanup(func() {
		f.cmd.Process.Kill()
		f.cmd.Wait()
		if t.Failed() {
			t.Logf("the function wrote:\n%s", f.logs)
		}
	})
	return f
}

// invoke has the function answer an event.
func (f *function) invoke(event any) outcome {
	f.t.Helper()
	f.begin(event)
	return f.end()
}

// begin gives the function an event.
func (f *function) begin(event any) {
	f.t.Helper()
	doc, isText := event.(string)
	if !isText {
		b, err := json.Marshal(event)
		require.NoError(f.t, err)
		doc = string(b)
	}
	select {
	case f.api.events <- doc:
	case <-time.After(answersWithin):
		require.Fail(f.t, "the function asks for no event")
	}
}

// end waits for what comes of it.
func (f *function) end() outcome {
	f.t.Helper()
	select {
	case o := <-f.api.done:
		return o
	case <-time.After(answersWithin):
		require.Fail(f.t, "the function does not answer")
	}
	return outcome{}
}

// answersWithin is how long a test waits at most.
const answersWithin = time.Minute
