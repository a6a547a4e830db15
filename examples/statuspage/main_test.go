package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asProgram has the test binary be the program.
const asProgram = "STATUSPAGE_EXAMPLE"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func command(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), append([]string{asProgram + "=1", "ADDR=127.0.0.1:0", "STATUS_DIR=" + t.TempDir(), "STATUS_WEBHOOK_KEY="}, env...)...)
	return cmd
}

var said = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// The call that the documentation shows turns the page red, and Ctrl-C stops it.
func TestDocumentation(t *testing.T) {
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	shown := regexp.MustCompile(`(?s)-H 'X-Api-Key: (\S+)' localhost:8080(\S+) -d '(.*?)'`).FindStringSubmatch(string(source))
	require.NotNil(t, shown)
	body := strings.ReplaceAll(shown[3], "\n//", "\n")

	cmd := command(t, "STATUS_WEBHOOK_KEY="+shown[1], "OPSGENIE_TOKEN=")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stderr)
	var url string
	for url == "" && lines.Scan() {
		url = said.FindString(lines.Text())
	}
	require.NotEmpty(t, url)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+shown[2], strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("X-Api-Key", shown[1])
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.JSONEq(t, `{"state":"major","message":"Search is slow"}`, get(t, url+"/status/api/services/Search"))
	assert.Contains(t, get(t, url+"/status/"), "Search is slow")
	assert.Contains(t, get(t, url+"/"), "/status/")

	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	assert.NoError(t, cmd.Wait())
}

func TestWithoutKey(t *testing.T) {
	out, err := command(t).CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(out), "STATUS_WEBHOOK_KEY is not set")
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}
