package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
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
	count int
	at    map[string]time.Time // when an invocation began
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
	logs *lockedBuffer
}

const lambdaKey = "a-key-for-the-tests"

// startFunction runs a bootstrap as Lambda does: without arguments, with the
// environment of the template and nothing else.
func startFunction(t *testing.T, path string, env ...string) *function {
	t.Helper()
	f := &function{t: t, api: newRuntimeAPI(t), logs: new(lockedBuffer)}
	f.cmd = exec.Command(path)
	f.cmd.Dir = t.TempDir()
	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=page",
		"AWS_REGION=us-east-1",
		"ROUTEWATCH_WEBHOOK_KEY=" + lambdaKey,
		// What the template leaves empty, Lambda sets all the same.
		"OPSGENIE_TOKEN=", "OPSGENIE_API_BASE=", "JSM_SITE=", "JSM_EMAIL=", "JSM_API_TOKEN=",
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
	doc, isText := event.(string)
	if !isText {
		b, err := json.Marshal(event)
		require.NoError(f.t, err)
		doc = string(b)
	}
	limit := time.After(30 * time.Second)
	select {
	case f.api.events <- doc:
	case <-limit:
		require.Fail(f.t, "the function asks for no event")
	}
	select {
	case o := <-f.api.done:
		return o
	case <-limit:
		require.Fail(f.t, "the function does not answer")
	}
	return outcome{}
}

func (f *function) request(event any) (events.APIGatewayV2HTTPResponse, time.Duration) {
	f.t.Helper()
	o := f.invoke(event)
	require.Empty(f.t, o.Error.Message)
	var r events.APIGatewayV2HTTPResponse
	require.NoError(f.t, json.Unmarshal(o.Response, &r))
	return r, o.Took
}

func (f *function) event(name string) events.APIGatewayV2HTTPRequest {
	f.t.Helper()
	doc, err := os.ReadFile(filepath.Join("internal/awslambda/testdata", name))
	require.NoError(f.t, err)
	var e events.APIGatewayV2HTTPRequest
	require.NoError(f.t, json.Unmarshal(doc, &e))
	return e
}

func (f *function) get(path string) events.APIGatewayV2HTTPResponse {
	f.t.Helper()
	e := f.event("page.json")
	e.RawPath, e.RequestContext.HTTP.Path = path, path
	r, _ := f.request(e)
	return r
}

// webhook is that of an action on the alert of testdata/webhook.json.
func (f *function) webhook(action string) events.APIGatewayV2HTTPRequest {
	f.t.Helper()
	e := f.event("webhook.json")
	e.Body = strings.Replace(e.Body, `"action":"Create"`, `"action":"`+action+`"`, 1)
	return e
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

const scheduleEvent = `{"routewatch":"reconcile"}`

func TestLambdaNeedsLambda(t *testing.T) {
	code, _, stderr := runIt(t.Context(), "lambda")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "AWS_LAMBDA_RUNTIME_API")
}

func TestFunction(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a bootstrap runs on Linux")
	}
	bootstrap := buildBootstrap(t)
	t.Run("that cannot start says why", func(t *testing.T) { testFunctionThatCannotStart(t, bootstrap) })
	t.Run("serves the page", func(t *testing.T) { testFunctionServesThePage(t, bootstrap) })
	t.Run("has the template's variables", func(t *testing.T) { testFunctionVariables(t, bootstrap) })
	t.Run("without Opsgenie", func(t *testing.T) { testFunctionWithoutOpsgenie(t, bootstrap) })
}

func testFunctionThatCannotStart(t *testing.T, bootstrap string) {
	f := startFunction(t, bootstrap, "ROUTEWATCH_STORE=tape:7", "ROUTEWATCH_NOTES=some")
	err := f.cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, f.logs.String(), "tape:7")
	assert.Contains(t, f.logs.String(), "ROUTEWATCH_NOTES")
	assert.NotContains(t, f.logs.String(), lambdaKey)
}

func testFunctionServesThePage(t *testing.T, bootstrap string) {
	folder := t.TempDir()
	f := startFunction(t, bootstrap, "ROUTEWATCH_STORE=file:"+filepath.Join(folder, "state"), "ROUTEWATCH_PUBLISH="+filepath.Join(folder, "page"), "ROUTEWATCH_TITLE=Acme")
	began := time.Now()

	page := f.get("/")
	t.Logf("cold start and the first page: %v", time.Since(began))
	assert.Equal(t, 200, page.StatusCode)
	assert.Contains(t, page.Headers["Content-Type"], "text/html")
	assert.Contains(t, page.Headers["Content-Security-Policy"], "default-src 'none'")
	assert.NotEmpty(t, page.Headers["Strict-Transport-Security"], "an HTTP API is always TLS")
	assert.Contains(t, page.Body, "Acme")

	wrong := f.webhook("Create")
	wrong.Headers["x-api-key"] = "a-key-of-somebody-else"
	r, _ := f.request(wrong)
	assert.Equal(t, 401, r.StatusCode)
	assert.Empty(t, r.Body)

	broken := f.webhook("Create")
	broken.Body = "{"
	r, _ = f.request(broken)
	assert.Equal(t, 400, r.StatusCode)

	large := f.webhook("Create")
	large.Body = strings.Repeat(" ", 300<<10) + large.Body
	r, _ = f.request(large)
	assert.Equal(t, 413, r.StatusCode)
	assert.Equal(t, 404, f.get("/api/services/API").StatusCode)

	// API Gateway encodes a body whose type it does not know as text.
	encoded := f.webhook("Create")
	encoded.Body, encoded.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(encoded.Body)), true
	r, took := f.request(encoded)
	require.Equal(t, 200, r.StatusCode)
	t.Logf("a webhook, published too: %v", took)
	assert.JSONEq(t, `{"state":"critical","message":"API outage."}`, f.get("/api/services/API").Body)

	// It survives the instance, and it is published.
	state, err := os.ReadFile(filepath.Join(folder, "state/services/API.json"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"state":"critical","message":"API outage."}`, string(state))
	published, err := os.ReadFile(filepath.Join(folder, "page/index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(published), "API outage.")

	r, _ = f.request(f.webhook("Close"))
	require.Equal(t, 200, r.StatusCode)
	assert.JSONEq(t, `{"state":"green","message":""}`, f.get("/api/services/API").Body)
	assert.Equal(t, 404, f.get("/api/services/Other").StatusCode)
	assert.Equal(t, 204, f.get("/events").StatusCode)

	var summary struct {
		State    string
		Services int
	}
	o := f.invoke(scheduleEvent)
	require.NoError(t, json.Unmarshal(o.Response, &summary), "%+v", o)
	assert.Equal(t, 1, summary.Services)
	assert.Equal(t, "green", summary.State)

	o = f.invoke(`{"hello":"world"}`)
	assert.Contains(t, o.Error.Message, "neither")
	assert.Equal(t, 200, f.get("/").StatusCode, "it goes on after an event that failed")
	assert.NotContains(t, f.logs.String(), lambdaKey)
}

// Every variable that the template sets is one that the function reads.
func testFunctionVariables(t *testing.T, bootstrap string) {
	template, err := os.ReadFile("../../deploy/aws.yaml")
	require.NoError(t, err)
	_, variables, found := strings.Cut(string(template), "        Variables:\n")
	require.True(t, found)
	set := map[string]bool{}
	for line := range strings.Lines(variables) {
		name, indented := strings.CutPrefix(line, "          ")
		if !indented {
			break
		}
		name, _, _ = strings.Cut(name, ":")
		set[name] = true
	}
	expect := func(names ...string) {
		for _, name := range names {
			assert.True(t, set[name], "%s is not in the template", name)
			delete(set, name)
		}
	}

	broken := startFunction(t, bootstrap, "ROUTEWATCH_STORE=tape:1", "ROUTEWATCH_NOTES=some", "OPSGENIE_TOKEN=a key", "JSM_EMAIL=me@example.com")
	_ = broken.cmd.Wait()
	for _, name := range []string{"ROUTEWATCH_STORE", "ROUTEWATCH_NOTES", "OPSGENIE_TOKEN", "JSM_SITE", "JSM_API_TOKEN"} {
		assert.Contains(t, broken.logs.String(), name)
		expect(name)
	}
	broken = startFunction(t, bootstrap, "ROUTEWATCH_STORE=mem:", "OPSGENIE_TOKEN=4c9d2f1e-0000-4000-8000-00000000beef", "OPSGENIE_API_BASE=ftp://example.com",
		"JSM_SITE=example.atlassian.net", "JSM_API_TOKEN=x")
	_ = broken.cmd.Wait()
	for _, name := range []string{"OPSGENIE_API_BASE", "JSM_EMAIL"} {
		assert.Contains(t, broken.logs.String(), name)
		expect(name)
	}

	f := startFunction(t, bootstrap, "ROUTEWATCH_STORE=mem:", "ROUTEWATCH_PUBLISH=page", "ROUTEWATCH_TITLE=Acme",
		"ROUTEWATCH_STATUSPAGE_TAG=public", "ROUTEWATCH_SERVICE_TAG_PREFIX=svc/", "ROUTEWATCH_WEBHOOK_KEY=another-key-of-sixteen,"+lambdaKey)
	e := f.webhook("Create")
	e.Body = strings.NewReplacer("statuspage", "public", "servicename:", "svc/").Replace(e.Body)
	r, _ := f.request(e)
	assert.Equal(t, 200, r.StatusCode)
	assert.Contains(t, f.get("/services/API").Body, "Acme")
	assert.FileExists(t, filepath.Join(f.cmd.Dir, "page/index.html"))
	expect("ROUTEWATCH_PUBLISH", "ROUTEWATCH_TITLE", "ROUTEWATCH_STATUSPAGE_TAG", "ROUTEWATCH_SERVICE_TAG_PREFIX", "ROUTEWATCH_WEBHOOK_KEY")
	assert.Empty(t, set, "variables of the template that nothing is known of")
}

// Opsgenie down, and then not answering at all: no event is lost or answered
// late, and the schedule's run counts as failed before Lambda ends it.
func testFunctionWithoutOpsgenie(t *testing.T, bootstrap string) {
	hang := make(chan struct{})
	hung := false
	var mu sync.Mutex
	opsgenie := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		wait := hung
		mu.Unlock()
		if wait {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer opsgenie.Close()
	defer close(hang)
	const token = "4c9d2f1e-0000-4000-8000-00000000beef"
	f := startFunction(t, bootstrap, "ROUTEWATCH_STORE=file:state", "OPSGENIE_TOKEN="+token, "OPSGENIE_API_BASE="+opsgenie.URL)
	f.api.timeout = 3 * time.Second

	r, _ := f.request(f.webhook("Create"))
	require.Equal(t, 200, r.StatusCode)
	assert.JSONEq(t, `{"state":"critical","message":"API outage."}`, f.get("/api/services/API").Body)
	o := f.invoke(scheduleEvent)
	assert.NotEmpty(t, o.Error.Message, "an operator is to see it in the function's errors")

	mu.Lock()
	hung = true
	mu.Unlock()
	r, took := f.request(f.webhook("Close"))
	assert.Equal(t, 200, r.StatusCode)
	assert.Less(t, took, 2900*time.Millisecond)
	// The records were never compared with the Alert API: others may be open.
	assert.JSONEq(t, `{"state":"critical","message":"API outage."}`, f.get("/api/services/API").Body)
	o = f.invoke(scheduleEvent)
	assert.NotEmpty(t, o.Error.Message)
	assert.Less(t, o.Took, f.api.timeout)
	assert.NotContains(t, f.logs.String(), token)
	assert.NotContains(t, o.Error.Message, token)
}
