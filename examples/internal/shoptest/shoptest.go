// Package shoptest tests the shops of the examples as a person would try them:
// it starts the program, sends the requests that its documentation shows, looks
// for the alerts that it promises, and stops it.
package shoptest

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

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// serving is set in the environment of a test binary that is to be the shop.
const serving = "SHOPTEST_SERVING"

// Main is for TestMain: the test binary doubles as the program, so that nothing
// has to be built.
func Main(m *testing.M, main func()) {
	if os.Getenv(serving) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// step is a request that the documentation shows, and what it promises.
type step struct {
	method, path string
	status       string // a code, or "cut"
	alias        string // of the alert, or ""
}

var shown = regexp.MustCompile(`(?m)^//\tcurl (?:-X (\w+) )?localhost:8080(\S+) +(\d+|cut), (?:no alert|alert (\S+))$`)

// Run tests the program in the current folder. Its router calls the route of
// orders by the given template.
func Run(t *testing.T, orders string) {
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	var steps []step
	for _, m := range shown.FindAllStringSubmatch(string(source), -1) {
		steps = append(steps, step{method: m[1], path: m[2], status: m[3], alias: m[4]})
	}
	require.Len(t, steps, strings.Count(string(source), "//\tcurl "), "requests that the documentation shows")
	require.NotEmpty(t, steps)

	opsgenie := opsgenietest.NewServer(t, nil)
	p := start(t, "OPSGENIE_TOKEN=a-key", "OPSGENIE_API_BASE="+opsgenie.URL)
	url := p.url(t)

	last := len(steps) - 1
	for i, s := range steps {
		s.send(t, url)
		switch {
		case s.alias == "":
			opsgenie.RequireNone(t)
		case i < last: // that one is for the stop
			alert := opsgenie.AwaitOpen(t, s.alias)
			if strings.HasPrefix(s.path, "/orders/") {
				assert.Equal(t, orders, alert.Details["route"])
			}
		}
	}
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	output := p.rest()
	require.NoError(t, p.cmd.Wait(), "it did not stop cleanly: %s", output)
	opsgenie.RequireOpen(t, steps[last].alias) // delivered before the end

	aliases := map[string]bool{}
	for _, alert := range opsgenie.Alerts() {
		aliases[alert.Alias] = true
	}
	for _, s := range steps {
		delete(aliases, s.alias)
	}
	assert.Empty(t, aliases, "alerts that the documentation does not promise")
}

// Open starts the program in the current folder with an Opsgenie of its own, and
// returns where the shop is open. It ends with the test.
func Open(t *testing.T) (url string) {
	t.Helper()
	opsgenie := opsgenietest.NewServer(t, nil)
	return start(t, "OPSGENIE_TOKEN=a-key", "OPSGENIE_API_BASE="+opsgenie.URL).url(t)
}

// RunWithoutKey tests that the program says what it lacks.
func RunWithoutKey(t *testing.T) {
	p := start(t)
	p.follow()
	output := p.rest()
	var exit *exec.ExitError
	require.ErrorAs(t, p.cmd.Wait(), &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, output, "OPSGENIE_TOKEN is not set")
	assert.Equal(t, 1, strings.Count(output, "\n"), "one line is enough: %s", output)
}

func (s step) send(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), s.method, url+s.path, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if s.status == "cut" {
		require.Error(t, err, "%s was answered", s.path)
		return
	}
	require.NoError(t, err)
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	assert.Equal(t, s.status, res.Status[:3], "status of %s", s.path)
}

// program is a shop that runs.
type program struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner // what it says
	said  chan string    // the same, from follow on, when it has ended
}

// start starts the shop with these variables in its environment and no others.
func start(t *testing.T, env ...string) *program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &program{cmd: exec.CommandContext(t.Context(), self), said: make(chan string, 1)}
	p.cmd.Env = append([]string{serving + "=1", "ADDR=127.0.0.1:0", "GOCOVERDIR=" + t.TempDir()}, env...)
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	p.lines = bufio.NewScanner(stderr)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// url waits until the shop says where it is open.
func (p *program) url(t *testing.T) string {
	t.Helper()
	var said []string
	for p.lines.Scan() {
		said = append(said, p.lines.Text())
		if _, url, ok := strings.Cut(p.lines.Text(), "open at "); ok {
			p.follow()
			return url
		}
	}
	require.Fail(t, "the shop did not open", "it said %q", said)
	return ""
}

// follow keeps what the shop says from now on, so that it never waits for a
// reader.
func (p *program) follow() {
	go func() {
		var said strings.Builder
		for p.lines.Scan() {
			said.WriteString(p.lines.Text() + "\n")
		}
		p.said <- said.String()
	}()
}

// rest waits until the shop has ended, and returns what follow has kept.
func (p *program) rest() string { return <-p.said }
