package s3store_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage/s3store"
)

const (
	accessKey = "testkey"
	secretKey = "canary-secret-123"
	bucket    = "status"
)

// gateway starts a real S3 server, versitygw, on an empty folder, and returns its
// address. It ends with the test.
func gateway(t *testing.T) string {
	t.Helper()
	program, err := filepath.Abs("../../.bin/versitygw")
	require.NoError(t, err)
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("versitygw"); err != nil {
			if os.Getenv("CI") == "true" || os.Getenv("ROUTEWATCH_REQUIRE_S3") == "1" {
				t.Fatal("versitygw is neither in .bin nor in PATH: run make test, which builds it")
			}
			t.Skip("versitygw is neither in .bin nor in PATH, and so there is no S3 server to test with: run make test, which builds it")
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, bucket), 0o755))
	for range 5 { // somebody else may take the port first
		address := freeAddress(t)
		ctx, stop := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, program, "--port", address, "--access", accessKey, "--secret", secretKey,
			"--region", "us-east-1", "--quiet", "--keep-alive", "--health", "/healthz", "posix", dir)
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		end := func() { stop(); <-ended }
		if healthy("http://"+address+"/healthz", ended) {
			t.Cleanup(end)
			return "http://" + address
		}
		end()
	}
	t.Fatal("versitygw does not start")
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// healthy waits until a server answers, or its process has ended.
func healthy(url string, ended <-chan struct{}) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		select {
		case <-ended:
			return false
		case <-tick.C:
		}
		if res, err := client.Get(url); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return true
			}
		}
	}
	return false
}

// client returns a client of the server at url, whose requests go through wrap;
// nil is straight on. Nothing of the machine's configuration reaches it.
func client(t *testing.T, url string, wrap func(http.RoundTripper) http.RoundTripper) *s3.Client {
	t.Helper()
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "none"))
	}
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	t.Cleanup(transport.CloseIdleConnections)
	var rt http.RoundTripper = transport
	if wrap != nil {
		rt = wrap(rt)
	}
	c, err := s3store.NewClient(t.Context(), func(o *s3.Options) {
		o.BaseEndpoint = aws.String(url)
		o.HTTPClient = &http.Client{Transport: rt}
	})
	require.NoError(t, err)
	return c
}

// roundTripper is a func that is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is what a server, or something before it, answers with an S3 error.
func answer(r *http.Request, status int, code string) *http.Response {
	body := `<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>made up by the test</Message></Error>`
	if status == http.StatusOK {
		body = ""
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}
