// Package promtest runs a real Prometheus in tests.
package promtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/routewatch/routewatch/internal/programtest"
)

func program(name string) programtest.Program {
	return programtest.Program{
		Name: name, Require: "ROUTEWATCH_REQUIRE_PROMETHEUS",
		Install: "run make test, which fetches it, or sudo apt-get install --no-install-recommends prometheus",
	}
}

// Program returns the path of prometheus or promtool: that which make put into
// .bin, or the one in PATH. Without, it skips the test, or fails it where
// ROUTEWATCH_REQUIRE_PROMETHEUS or CI says that it has to be there.
func Program(t testing.TB, name string) string {
	t.Helper()
	return program(name).Path(t)
}

// Start starts a Prometheus on a free port of loopback, with a configuration and,
// in the folder data, what it knows already. It returns its URL when it is ready.
// It ends with the test.
func Start(t testing.TB, config, data string) (url string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return program("prometheus").Serve(t, "/-/ready", func(address string) []string {
		return []string{
			"--config.file=" + file, "--web.listen-address=" + address, "--log.level=warn",
			// Longer than what is sent, since what is older is removed at the start.
			"--storage.tsdb.path=" + data, "--storage.tsdb.retention.time=60d",
		}
	})
}
