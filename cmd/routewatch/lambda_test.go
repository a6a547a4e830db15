package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const lambdaKey = "a-key-for-the-tests"

// startFunction runs the function of the page, with the environment of its
// template.
func startFunction(t *testing.T, path string, env ...string) *function {
	t.Helper()
	return startBootstrap(t, path, "page", append([]string{
		"ROUTEWATCH_WEBHOOK_KEY=" + lambdaKey,
		// What the template leaves empty, Lambda sets all the same.
		"OPSGENIE_TOKEN=", "OPSGENIE_API_BASE=", "JSM_SITE=", "JSM_EMAIL=", "JSM_API_TOKEN=",
	}, env...)...)
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
	t.Run("syncs metrics", func(t *testing.T) { testSyncFunction(t, bootstrap) })
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

// variablesOf are those that a template gives its function.
func variablesOf(t *testing.T, template string) map[string]bool {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("../../deploy", template))
	require.NoError(t, err)
	_, variables, found := strings.Cut(string(doc), "        Variables:\n")
	require.True(t, found)
	set := map[string]bool{}
	for line := range strings.Lines(variables) {
		line, indented := strings.CutPrefix(line, "          ")
		if !indented {
			break
		}
		if name, _, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(name, "#") {
			set[name] = true
		}
	}
	return set
}

// Every variable that the template sets is one that the function reads.
func testFunctionVariables(t *testing.T, bootstrap string) {
	set := variablesOf(t, "aws.yaml")
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
