package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// asCommand has this binary be the command, in a process of its own.
const asCommand = "ROUTEWATCH_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

func runIt(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestWrongCalls(t *testing.T) {
	for _, test := range []struct {
		name, args, want string
	}{
		{"misspelt command", "chek", `did you mean "check"?`},
		{"unknown command", "frobnicate", "frobnicate"},
		{"unknown flag", "check --verbose", "unknown flag --verbose"},
		{"too much", "version please", "please"},
		{"flag without value", "check --path", "--path"},
		{"duration", "check --send --timeout soon", "--timeout"},
		{"no time", "check --timeout 0s", "--timeout must be more than 0"},
		{"address", "demo --addr here", `--addr: "here" is no address`},
		{"port", "demo --addr 127.0.0.1:99999", "--addr"},
		{"help for nothing", "help nothing", "nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := runIt(t.Context(), strings.Fields(test.args)...)

			assert.Equal(t, 2, code)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, test.want)
			assert.Contains(t, stderr, "Try: routewatch --help")
		})
	}
}

func TestHelp(t *testing.T) {
	for golden, calls := range map[string][]string{
		"help":         {"", "help", "--help", "-h"},
		"help-demo":    {"help demo", "demo --help"},
		"help-check":   {"help check", "check --help", "check --send -h"},
		"help-version": {"help version"},

		"help-statuspage":        {"help statuspage", "statuspage --help"},
		"help-statuspage-serve":  {"help statuspage serve", "statuspage serve -h"},
		"help-statuspage-export": {"help statuspage export", "statuspage export --out x --help"},

		"help-metricsync":          {"help metricsync", "metricsync --help"},
		"help-metricsync-run":      {"help metricsync run", "metricsync run -h"},
		"help-metricsync-backfill": {"help metricsync backfill", "metricsync backfill --help"},
		"help-metricsync-check":    {"help metricsync check", "metricsync check --help"},
		"help-metricsync-demo":     {"help metricsync demo", "metricsync demo --help"},
	} {
		for _, args := range calls {
			t.Run(golden+"/"+args, func(t *testing.T) {
				t.Setenv("COLUMNS", "100")
				code, stdout, stderr := runIt(t.Context(), strings.Fields(args)...)

				assert.Equal(t, 0, code)
				assert.Empty(t, stderr)
				file := filepath.Join("testdata", golden+".txt")
				if *update {
					require.NoError(t, os.WriteFile(file, []byte(stdout), 0o600))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.Equal(t, string(want), stdout)
			})
		}
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := runIt(t.Context(), "version")
	assert.Equal(t, 0, code)
	assert.Regexp(t, `^routewatch .+, go1\.\d+\S* \w+/\w+\n$`, stdout)

	for want, info := range map[string]*debug.BuildInfo{
		"routewatch development build, ":                           {},
		"routewatch v1.2.3, ":                                      {Main: debug.Module{Version: "v1.2.3"}},
		"routewatch development build, commit 0123456789ab, ":      {Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}}},
		"routewatch development build, commit 0123 with changes, ": {Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "true"}}},
		"routewatch development build, commit 0123, ":              {Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "false"}}},
	} {
		assert.True(t, strings.HasPrefix(version(info), want), version(info))
	}
}

func TestCheckExitsByWhatItFound(t *testing.T) {
	og := opsgenietest.NewServer(t, nil)
	t.Setenv("OPSGENIE_TOKEN", "")
	code, stdout, stderr := runIt(t.Context(), "check")
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "OPSGENIE_TOKEN: is missing")
	assert.Equal(t, "routewatch: the environment has 1 mistake\n", stderr)

	t.Setenv("OPSGENIE_TOKEN", "a-key-of-a-local-opsgenie")
	t.Setenv("OPSGENIE_API_BASE", og.URL)
	code, stdout, stderr = runIt(t.Context(), "check", "--send", "--path", "/a,b", "--path=/c")
	assert.Equal(t, 0, code, stdout)
	assert.Empty(t, stderr)
	assert.Contains(t, stdout, "On /a,b\n")
	assert.Contains(t, stdout, "On /c\n")
	assert.Contains(t, stdout, "closed after")
	assert.Len(t, og.Alerts(), 1)
}

func TestDemoEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	code, stdout, stderr := runIt(ctx, "demo", "--addr", "127.0.0.1:0")
	if code == 0 { // a start that is interrupted may also fail
		assert.Contains(t, stdout, "the page")
	}
	assert.NotEqual(t, 2, code, stderr)
}

// process is the command as a user runs it.
type process struct {
	*exec.Cmd
	out *output
}

func command(t *testing.T, args ...string) process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	out := &output{changed: make(chan struct{}, 1)}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	return process{cmd, out}
}

// page waits for the address of the page.
func (p process) page(t *testing.T) string {
	t.Helper()
	find := regexp.MustCompile(`the page +(http://\S+)`)
	deadline := time.After(20 * time.Second)
	for {
		if m := find.FindStringSubmatch(p.out.String()); m != nil {
			return m[1]
		}
		select {
		case <-p.out.changed:
		case <-deadline:
			require.Fail(t, "no address", p.out.String())
		}
	}
}

func TestDemoStopsCleanlyOnSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			p := command(t, "demo", "--addr", "127.0.0.1:0")
			url := p.page(t)
			resp, err := http.Post(url+"/press/status", "", nil)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode)

			require.NoError(t, p.Process.Signal(sig))

			require.NoError(t, p.Wait(), "exit code 0: %s", p.out)
			assert.Contains(t, p.out.String(), "stopping")
			_, err = http.Get(url)
			assert.Error(t, err)
		})
	}
}

func TestDemoSaysThatItsPortIsTaken(t *testing.T) {
	first := command(t, "demo", "--addr", "127.0.0.1:0")
	taken := strings.TrimPrefix(first.page(t), "http://")

	second := command(t, "demo", "--addr", taken)
	got := strings.TrimPrefix(second.page(t), "http://")

	assert.NotEqual(t, taken, got)
	assert.Contains(t, second.out.String(), taken)
	assert.Contains(t, second.out.String(), "using a free port")
	for _, p := range []process{first, second} {
		require.NoError(t, p.Process.Signal(os.Interrupt))
		assert.NoError(t, p.Wait())
	}
}

func TestCheckInterruptedExitsWithOne(t *testing.T) {
	og := opsgenietest.NewServer(t, nil)
	og.Inject(opsgenietest.Fault{Op: opsgenietest.OpRequestStatus, Hang: true, Times: -1})
	t.Setenv("OPSGENIE_TOKEN", "a-key-of-a-local-opsgenie")
	t.Setenv("OPSGENIE_API_BASE", og.URL)
	p := command(t, "check", "--send")
	require.NoError(t, og.Wait(t.Context(), func(alerts []opsgenietest.Alert) bool { return len(alerts) == 1 }))

	require.NoError(t, p.Process.Signal(os.Interrupt))

	var exit *exec.ExitError
	require.ErrorAs(t, p.Wait(), &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.False(t, og.Alerts()[0].Open(), "%s", p.out)
}
