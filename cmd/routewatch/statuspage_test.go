package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

const webhookKey = "a-webhook-key-of-the-tests"

// pageEnv is the environment of a page, and nothing of ours.
func pageEnv(t *testing.T, more ...string) {
	t.Helper()
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name != asCommand && (strings.HasPrefix(name, "ROUTEWATCH_") || strings.HasPrefix(name, "OPSGENIE_") || strings.HasPrefix(name, "JSM_")) {
			t.Setenv(name, "")
		}
	}
	t.Setenv("ROUTEWATCH_WEBHOOK_KEY", webhookKey)
	for n := 0; n < len(more); n += 2 {
		t.Setenv(more[n], more[n+1])
	}
}

func TestStatuspageRefusesToStart(t *testing.T) {
	for _, test := range []struct {
		name, args, env, want string
		code                  int
	}{
		{"without a key", "statuspage", "ROUTEWATCH_WEBHOOK_KEY=", "ROUTEWATCH_WEBHOOK_KEY: is missing", 2},
		{"with a short key", "statuspage serve", "ROUTEWATCH_WEBHOOK_KEY=short", "fewer than 16 characters", 2},
		{"with a key as a flag", "statuspage --webhook-key abc", "", "unknown flag --webhook-key", 2},
		{"with a token as a flag", "statuspage --opsgenie-token abc", "", "unknown flag --opsgenie-token", 2},
		{"at no address", "statuspage --listen here", "", `--listen: "here" is no address`, 2},
		{"with an unknown store", "statuspage --store redis://x", "", "--store: ", 2},
		{"with unknown notes", "statuspage --notes some", "", `--notes: "some" is none of`, 2},
		{"without its file", "statuspage --config /nowhere.yaml", "", "--config: open /nowhere.yaml", 2},
		{"where nothing can be written", "statuspage --listen 127.0.0.1:0 --store mem: --publish https://example.com", "", "--publish: ", 2},
		{"where nobody may listen", "statuspage --listen 203.0.113.1:80 --store mem:", "", "the page cannot start: ", 1},
		{"an export to nowhere", "statuspage export --store mem:", "", "--out", 2},
		{"an export of a store that is not there", "statuspage export --store file:nowhere --out nowhere-either", "", "--store: stat nowhere: no such file", 2},
		{"an export to something else", "statuspage export --store mem: --out https://example.com", "", "--out: ", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			pageEnv(t)
			if name, value, ok := strings.Cut(test.env, "="); ok {
				t.Setenv(name, value)
			}
			code, stdout, stderr := runIt(t.Context(), strings.Fields(test.args)...)
			assert.Equal(t, test.code, code)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, test.want)
		})
	}
}

func TestStatuspageEndsWithItsContext(t *testing.T) {
	pageEnv(t)
	ctx, stop := context.WithCancel(t.Context())
	out := &output{changed: make(chan struct{}, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"statuspage", "--listen", "127.0.0.1:0", "--store", "mem:", "--base-path", "/status"}, out, out)
	}()
	page := process{out: out}.page(t)
	assert.True(t, strings.HasSuffix(page, "/status/"), page)
	assert.Contains(t, out.String(), page+"webhook")
	assert.Contains(t, out.String(), "the webhooks that came")
	status, _ := send(t, page+"webhook", webhookKey, event("Create", "1", "critical"))
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"state":"critical","message":"down"}`, fetch(t, page+"api/services/API"))
	stop()
	assert.Equal(t, 0, <-ended)
}

func TestStatuspageKeepsItsSecrets(t *testing.T) {
	const canary = "canary-canary-canary"
	og := opsgenietest.NewServer(t, &opsgenietest.Options{Keys: []string{"another"}})
	pageEnv(t, "ROUTEWATCH_WEBHOOK_KEY", canary, "OPSGENIE_TOKEN", canary+"1", "OPSGENIE_API_BASE", og.URL)
	ctx, stop := context.WithCancel(t.Context())
	out := &output{changed: make(chan struct{}, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"statuspage", "--listen", "127.0.0.1:0", "--store", "mem:"}, out, out)
	}()
	page := process{out: out}.page(t)
	send(t, page+"webhook", "wrong-"+canary[:3], "{")
	send(t, page+"webhook", canary, `{"key":"`+canary+`"`)
	metrics := fetch(t, page+"metrics")
	require.NoError(t, og.Wait(t.Context(), func([]opsgenietest.Alert) bool { return len(og.CallsOf(opsgenietest.OpList)) > 0 }))
	stop()
	require.Equal(t, 0, <-ended)
	assert.Contains(t, out.String(), "401", "the failure is told")
	assert.NotContains(t, out.String()+metrics, canary)
}

// What was answered with 200 is there after a kill -9, and two processes do not
// write one folder.
func TestStatuspageSurvivesBeingKilled(t *testing.T) {
	store := "file:" + filepath.Join(t.TempDir(), "data")
	pageEnv(t, "ROUTEWATCH_STORE", store, "ROUTEWATCH_LISTEN", "127.0.0.1:0")
	var want []string
	for round := range 3 {
		p := command(t, "statuspage")
		page := p.page(t)
		for _, service := range want {
			assert.JSONEq(t, `{"state":"critical","message":"down"}`, fetch(t, page+"api/services/"+service))
		}
		if round == 0 {
			second := command(t, "statuspage")
			assert.Error(t, second.Wait())
			assert.Equal(t, 1, second.ProcessState.ExitCode())
			assert.Contains(t, second.out.String(), "the page cannot start")
		}
		name := string(rune('A' + round))
		status, _ := send(t, page+"webhook", webhookKey, strings.ReplaceAll(event("Create", name, "critical"), "API", name))
		require.Equal(t, http.StatusOK, status)
		want = append(want, name)
		require.NoError(t, p.Process.Kill())
		assert.Error(t, p.Wait())
	}
	p := command(t, "statuspage")
	page := p.page(t)
	assert.JSONEq(t, `{"A":{"state":"critical","message":"down"},"B":{"state":"critical","message":"down"},"C":{"state":"critical","message":"down"}}`,
		fetch(t, page+"api/services"))
	send(t, page+"webhook", webhookKey, strings.ReplaceAll(event("Close", "B", "critical"), "API", "B"))
	assert.JSONEq(t, `{"state":"green","message":""}`, fetch(t, page+"api/services/B"))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, p.Wait(), "%s", p.out)
	assert.Contains(t, p.out.String(), "stopping")
}

// A webhook of which half has come when the page is told to end is stored and
// answered, and then it ends.
func TestStatuspageAnswersBeforeItEnds(t *testing.T) {
	pageEnv(t, "ROUTEWATCH_LISTEN", "127.0.0.1:0", "ROUTEWATCH_STORE", "file:"+filepath.Join(t.TempDir(), "data"))
	p := command(t, "statuspage")
	address := strings.Trim(strings.TrimPrefix(p.page(t), "http:"), "/")
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	body := event("Create", "1", "critical")
	fmt.Fprintf(conn, "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", webhookKey, len(body))
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusContinue, resp.StatusCode, "it reads the body now")

	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		another, err := net.Dial("tcp", address)
		if err == nil {
			_ = another.Close()
		}
		return err != nil
	}, 20*time.Second, 10*time.Millisecond, "it takes no more connections")
	_, err = conn.Write([]byte(body))
	require.NoError(t, err)
	resp, err = http.ReadResponse(r, nil)
	require.NoError(t, err, "%s", p.out)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, p.Wait(), "%s", p.out)

	p = command(t, "statuspage")
	assert.JSONEq(t, `{"state":"critical","message":"down"}`, fetch(t, p.page(t)+"api/services/API"))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, p.Wait(), "%s", p.out)
}

// A page that was away asks the Alert API what it missed.
func TestStatuspageCatchesUp(t *testing.T) {
	og := opsgenietest.NewServer(t, nil)
	pageEnv(t, "ROUTEWATCH_LISTEN", "127.0.0.1:0", "ROUTEWATCH_STORE", "file:"+filepath.Join(t.TempDir(), "data"),
		"OPSGENIE_TOKEN", "a-key-of-opsgenie", "OPSGENIE_API_BASE", og.URL)
	raise := func(service string) string {
		return og.Raise(opsgenie.NewAlert{Message: "down", Tags: []string{"statuspage", "servicename:" + service, "critical"}}).ID
	}
	first := raise("API")
	p := command(t, "statuspage")
	awaitState(t, p.page(t), "API", "critical")
	require.NoError(t, p.Process.Kill())
	assert.Error(t, p.Wait())

	_, err := og.Do(opsgenietest.Act{Name: opsgenietest.ActClose, Ref: opsgenie.ID(first)})
	require.NoError(t, err)
	raise("Mail")
	p = command(t, "statuspage")
	page := p.page(t)
	awaitState(t, page, "Mail", "critical")
	awaitState(t, page, "API", "green")
	require.NoError(t, p.Process.Signal(os.Interrupt))
	assert.NoError(t, p.Wait(), "%s", p.out)
}

func TestStatuspageExportAndPublish(t *testing.T) {
	store, published, exported := t.TempDir(), filepath.Join(t.TempDir(), "www"), filepath.Join(t.TempDir(), "out")
	config := filepath.Join(t.TempDir(), "page.yaml")
	require.NoError(t, os.WriteFile(config, []byte("title: Acme\nurl: https://status.example.com\nstore: file:"+store+"\n"), 0o600))
	pageEnv(t, "ROUTEWATCH_CONFIG", config)
	p := command(t, "statuspage", "--listen", "127.0.0.1:0", "--publish", published)
	send(t, p.page(t)+"webhook", webhookKey, event("Create", "1", "major"))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), "%s", p.out)

	t.Setenv("ROUTEWATCH_WEBHOOK_KEY", "") // an export has no webhook
	code, stdout, stderr := runIt(t.Context(), "statuspage", "export", "--out", exported)
	require.Equal(t, 0, code, stderr)
	assert.Regexp(t, `^\d+ files written to `+regexp.QuoteMeta(exported), stdout)
	for _, dir := range []string{published, exported} {
		page, err := os.ReadFile(filepath.Join(dir, "index.html"))
		require.NoError(t, err)
		assert.Contains(t, string(page), "Acme")
		state, err := os.ReadFile(filepath.Join(dir, "services", "API.json"))
		require.NoError(t, err)
		assert.JSONEq(t, `{"state":"major","message":"down"}`, string(state))
	}
}

// State and page both live in buckets, and what is taken back is in neither.
func TestStatuspageInBuckets(t *testing.T) {
	objects := s3mem.New()
	srv := httptest.NewServer(gofakes3.New(objects).Server())
	t.Cleanup(srv.Close)
	pageEnv(t, "AWS_ENDPOINT_URL_S3", srv.URL, "AWS_ACCESS_KEY_ID", "test", "AWS_SECRET_ACCESS_KEY", "test", "AWS_EC2_METADATA_DISABLED", "true",
		"AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"),
		"ROUTEWATCH_STORE", "s3://state/page", "ROUTEWATCH_LISTEN", "127.0.0.1:0")
	for _, bucket := range []string{"state", "www"} {
		require.NoError(t, objects.CreateBucket(bucket))
	}
	object := func(bucket, key string) string {
		o, err := objects.GetObject(bucket, key, nil)
		if err != nil {
			return err.Error()
		}
		defer o.Contents.Close()
		body, err := io.ReadAll(o.Contents)
		require.NoError(t, err)
		return string(body)
	}
	p := command(t, "statuspage", "--publish", "s3://www")
	page := p.page(t)
	send(t, page+"webhook", webhookKey, event("Create", "1", "major"))
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Contains(c, object("www", "incidents/1"), "down")
	}, 20*time.Second, 20*time.Millisecond)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, page+"api/incidents/1", nil)
	require.NoError(t, err)
	req.Header.Set("X-Api-Key", webhookKey)
	status, body := answer(t, req)
	require.Equal(t, http.StatusOK, status, body)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), "%s", p.out)

	assert.JSONEq(t, `{"state":"major","message":""}`, object("state", "page/services/API.json"))
	check := func() {
		t.Helper()
		assert.JSONEq(t, `{"state":"major","message":""}`, object("www", "services/API.json"))
		assert.JSONEq(t, `{"state":"major","message":""}`, object("www", "api/services/API"))
		for _, key := range []string{"index.html", "services/API", "history.atom", "history", "api/services/API/incidents"} {
			assert.NotContains(t, object("www", key), "incidents/1", key)
			assert.NotContains(t, object("www", key), `"down"`, key)
		}
		for _, key := range []string{"incidents/1", "fragment/incidents/1"} {
			assert.Contains(t, object("www", key), "NoSuchKey", key)
		}
	}
	check()
	_, err = objects.PutObject("www", "incidents/1", nil, strings.NewReader("down"), 4, nil)
	require.NoError(t, err)
	code, stdout, stderr := runIt(t.Context(), "statuspage", "export", "--out", "s3://www")
	require.Equal(t, 0, code, stderr)
	assert.Regexp(t, `^\d+ files written to s3://www/\n$`, stdout)
	check()
}

// event is a webhook as Opsgenie sends it.
func event(action, id, severity string) string {
	body, err := json.Marshal(map[string]any{"action": action, "alert": map[string]any{
		"alertId": id, "message": "down", "tags": []string{"statuspage", "servicename:API", severity},
		"createdAt": time.Now().UnixMilli(), "updatedAt": time.Now().UnixNano(),
	}})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func send(t *testing.T, url, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("X-Api-Key", key)
	return answer(t, req)
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	_, body := answer(t, req)
	return body
}

func answer(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// awaitState waits for a state of a service: a page catches up behind its first
// answers.
func awaitState(t *testing.T, page, service, state string) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Contains(c, fetch(t, page+"api/services/"+service), `"state":"`+state+`"`)
	}, 20*time.Second, 20*time.Millisecond)
}
