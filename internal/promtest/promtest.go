// Package promtest runs a real Prometheus in tests.
package promtest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Program returns the path of prometheus or promtool: that which make put into
// .bin, or the one in PATH. Without, it skips the test, or fails it where
// ROUTEWATCH_REQUIRE_PROMETHEUS or CI says that it has to be there.
func Program(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			err = os.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
	if err == nil {
		if path := filepath.Join(dir, ".bin", name); executable(path) {
			return path
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	const missing = " is neither in .bin nor in PATH: run make test, which fetches it, or sudo apt-get install --no-install-recommends prometheus"
	if os.Getenv("CI") == "true" || os.Getenv("ROUTEWATCH_REQUIRE_PROMETHEUS") == "1" {
		t.Fatal(name + missing)
	}
	t.Skip(name + missing)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0
}

// Start starts a Prometheus on a free port of loopback, with a configuration and,
// in the folder data, what it knows already. It returns its URL when it is ready.
// It ends with the test.
func Start(t testing.TB, config, data string) (url string) {
	t.Helper()
	program := Program(t, "prometheus")
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var said string
	for range 5 { // somebody else may take the port first
		address := freeAddress(t)
		p := start(t, program,
			"--config.file="+file, "--web.listen-address="+address, "--log.level=warn",
			// Longer than what is sent, since what is older is removed at the start.
			"--storage.tsdb.path="+data, "--storage.tsdb.retention.time=60d")
		if p.ready("http://" + address + "/-/ready") {
			t.Cleanup(p.stop)
			return "http://" + address
		}
		p.stop()
		said = p.output(t)
	}
	t.Fatalf("prometheus does not start; it said:\n%s", said)
	return ""
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// process is a program that runs.
type process struct {
	alive io.Closer // closed, it ends
	ended chan struct{}
	said  string // a file
}

// guard runs a program until the program or standard input ends. So nothing is left
// running when a test binary is killed, which runs no cleanup.
const guard = `exec 3<&0
"$@" & program=$!
(cat <&3 >/dev/null; kill -9 "$program" 2>/dev/null) & guard=$!
wait "$program"
kill "$guard" 2>/dev/null`

func start(t testing.TB, program string, args ...string) *process {
	t.Helper()
	said, err := os.CreateTemp(t.TempDir(), "said")
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd := exec.CommandContext(context.Background(), "sh", append([]string{"-c", guard, "sh", program}, args...)...)
	cmd.Stdout, cmd.Stderr = said, said
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{alive: alive, ended: make(chan struct{}), said: said.Name()}
	go func() {
		_ = cmd.Wait() // it is killed in the end, which is no success
		close(p.ended)
	}()
	return p
}

func (p *process) stop() {
	_ = p.alive.Close()
	<-p.ended
}

func (p *process) output(t testing.TB) string {
	t.Helper()
	said, err := os.ReadFile(p.said)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(said))
}

// ready waits until p answers, or has ended.
func (p *process) ready(url string) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 1200 { // a minute, on a machine that is slow
		select {
		case <-p.ended:
			return false
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
	}
	return false
}
