package openstore_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/openstore"
	"github.com/routewatch/routewatch/statuspage/filestore"
	"github.com/routewatch/routewatch/statuspage/memstore"
	"github.com/routewatch/routewatch/statuspage/s3store"
)

// quietAWS keeps the machine's own configuration out.
func quietAWS(t *testing.T) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "none"))
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestOpenRefuses(t *testing.T) {
	quietAWS(t)
	for _, tt := range []struct{ name, want string }{
		{"", "is none of"},
		{"redis://x", "is none of"},
		{"/var/lib/routewatch", "is none of"},
		{"mem:x", "nothing after it"},
		{"file:", "folder is missing"},
		{"file:/dev/null/x", "not a directory"},
		{"s3:", "bucket is missing"},
		{"s3:///prefix", "bucket is missing"},
		{"s3://key:canary@bucket", "holds credentials"},
		{"s3://canary:\x00", "is no URL"},
		{"s3://bucket/a", "no region"},
		{"s3://bucket/a?shared=true", "?shared is none of"},
		{"s3://bucket/a?single-writer=yes", "?single-writer is none of"},
		{"s3://bucket/a?%zz", "cannot be read"},
		{"s3://bucket/a?endpoint=http://u:canary@127.0.0.1", "holds credentials"},
		{"s3://bucket/.a?endpoint=http://127.0.0.1:1", "begins with a dot"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := openstore.Open(t.Context(), tt.name)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "canary")
			assert.Nil(t, s)
		})
	}
}

func TestOpen(t *testing.T) {
	quietAWS(t)
	// It answers 200 to everything, and so to what it should refuse.
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		want any
	}{
		{"mem:", &memstore.Store{}},
		{"file:" + dir + "/a", &filestore.Store{}},
		{"file://" + dir + "/b", &filestore.Store{}},
		{"s3://bucket?region=eu-west-1&single-writer=true", &s3store.Store{}},
		{"s3://bucket/a/b?single-writer=true&endpoint=" + server.URL, &s3store.Store{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := openstore.Open(t.Context(), tt.name)
			require.NoError(t, err)
			assert.IsType(t, tt.want, s)
			assert.NoError(t, s.Close())
		})
	}
	assert.DirExists(t, filepath.Join(dir, "a"))
	assert.DirExists(t, filepath.Join(dir, "b"))

	_, err := openstore.Open(t.Context(), "s3://bucket/a?endpoint="+server.URL)
	assert.ErrorIs(t, err, s3store.ErrNotShareable, "it is probed")
}
