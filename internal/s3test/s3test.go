// Package s3test runs a real S3 server in tests.
package s3test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/routewatch/routewatch/internal/programtest"
)

// What the server knows.
const (
	AccessKey = "testkey"
	SecretKey = "canary-secret-123"
	Bucket    = "status"
	Region    = "us-east-1"
)

// Start starts versitygw with an empty [Bucket] on a free port of loopback, and
// returns its URL. It ends with the test. Where the program is not there, the test
// is skipped, or fails where ROUTEWATCH_REQUIRE_S3 or CI says that it has to be.
func Start(t testing.TB) (url string) {
	t.Helper()
	versitygw := programtest.Program{
		Name: "versitygw", Require: "ROUTEWATCH_REQUIRE_S3", Install: "run make test, which builds it",
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	return versitygw.Serve(t, "/healthz", func(address string) []string {
		return []string{
			"--port", address, "--access", AccessKey, "--secret", SecretKey, "--region", Region,
			"--quiet", "--keep-alive", "--health", "/healthz", "posix", dir,
		}
	})
}
