// Package programtest runs the servers of others that tests talk to: real ones,
// on loopback.
package programtest

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

// Program is one that make puts into .bin.
type Program struct {
	Name string
	// Require is the variable that, set to 1, makes it an error that the program is
	// not there. CI=true does so, too.
	Require string
	// Install says how to get it.
	Install string
}

// Path returns where the program is: in .bin, or else in PATH. Without it, the test
// is skipped, or fails where it has to be there.
func (p Program) Path(t testing.TB) string {
	t.Helper()
	if dir := root(); dir != "" {
		if path := filepath.Join(dir, ".bin", p.Name); executable(path) {
			return path
		}
	}
	if path, err := exec.LookPath(p.Name); err == nil {
		return path
	}
	missing := p.Name + " is neither in .bin nor in PATH: " + p.Install
	if os.Getenv("CI") == "true" || os.Getenv(p.Require) == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// root is the folder of the module that the test is in, or "".
func root() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0
}

// Serve starts the program on a free port of loopback, with the arguments that
// args makes of its host and port, and waits until a GET of the path ready is
// answered with 200. It returns the base URL. The program ends with the test.
func (p Program) Serve(t testing.TB, ready string, args func(address string) []string) (url string) {
	t.Helper()
	path := p.Path(t)
	var said string
	for range 5 { // somebody else may take the port first
		address := freeAddress(t)
		r := start(t, path, args(address)...)
		if r.ready("http://" + address + ready) {
			t.Cleanup(r.stop)
			return "http://" + address
		}
		r.stop()
		said = r.output(t)
	}
	t.Fatalf("%s does not start; it said:\n%s", p.Name, said)
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

// running is a program that runs.
type running struct {
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

func start(t testing.TB, program string, args ...string) *running {
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
	r := &running{alive: alive, ended: make(chan struct{}), said: said.Name()}
	go func() {
		_ = cmd.Wait() // it is killed in the end, which is no success
		close(r.ended)
	}()
	return r
}

func (r *running) stop() {
	_ = r.alive.Close()
	<-r.ended
}

func (r *running) output(t testing.TB) string {
	t.Helper()
	said, err := os.ReadFile(r.said)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(said))
}

// ready waits until r answers, or has ended.
func (r *running) ready(url string) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 1200 { // a minute, on a machine that is slow
		select {
		case <-r.ended:
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
