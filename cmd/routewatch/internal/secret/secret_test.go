package secret_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/secret"
)

func TestEnv(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"key": "  s3cret\n", "blank": " \n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	got, err := secret.Env("ROUTEWATCH_TEST_KEY")
	require.NoError(t, err)
	assert.Empty(t, got)

	t.Setenv("ROUTEWATCH_TEST_KEY_FILE", filepath.Join(dir, "key"))
	got, err = secret.Env("ROUTEWATCH_TEST_KEY")
	require.NoError(t, err)
	assert.Equal(t, "s3cret", got)

	t.Setenv("ROUTEWATCH_TEST_KEY", " direct ")
	got, err = secret.Env("ROUTEWATCH_TEST_KEY")
	require.NoError(t, err)
	assert.Equal(t, "direct", got)

	t.Setenv("ROUTEWATCH_TEST_KEY", "")
	t.Setenv("ROUTEWATCH_TEST_KEY_FILE", filepath.Join(dir, "blank"))
	_, err = secret.Env("ROUTEWATCH_TEST_KEY")
	assert.ErrorContains(t, err, "is empty")
	t.Setenv("ROUTEWATCH_TEST_KEY_FILE", filepath.Join(dir, "none"))
	_, err = secret.Env("ROUTEWATCH_TEST_KEY")
	assert.ErrorContains(t, err, "ROUTEWATCH_TEST_KEY_FILE: open")
}

// extension answers as the AWS Parameters and Secrets Lambda Extension does.
func extension(t *testing.T, status int) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Aws-Parameters-Secrets-Token") != "session":
			w.WriteHeader(http.StatusUnauthorized)
		case status != http.StatusOK:
			w.WriteHeader(status)
		case r.URL.Path == "/secretsmanager/get" && r.URL.Query().Get("secretId") == "arn:aws:x:y/z":
			_, _ = w.Write([]byte(`{"ARN":"…","Name":"z","SecretString":"from the manager\n"}`))
		case r.URL.Path == "/secretsmanager/get":
			_, _ = w.Write([]byte(`{"ARN":"…","SecretBinary":"AAAA"}`))
		case r.URL.Path == "/systemsmanager/parameters/get" && r.URL.Query().Get("name") == "/routewatch/key" && r.URL.Query().Get("withDecryption") == "true":
			_, _ = w.Write([]byte(`{"Parameter":{"Name":"/routewatch/key","Value":"from the store"}}`))
		default:
			_, _ = w.Write([]byte("starting"))
		}
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	t.Setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", port)
	t.Setenv("AWS_SESSION_TOKEN", "session")
}

func TestLambda(t *testing.T) {
	const key = "ROUTEWATCH_TEST_KEY"
	get := func(t *testing.T) (string, error) { return secret.Lambda(t.Context(), key) }
	tests := []struct {
		name, suffix, value string
		status              int
		want, wrong         string
	}{
		{name: "secrets manager", suffix: "_SECRET", value: "arn:aws:x:y/z", want: "from the manager"},
		{name: "parameter store", suffix: "_PARAMETER", value: "/routewatch/key", want: "from the store"},
		{name: "the variable itself", suffix: "", value: "direct", want: "direct"},
		{name: "nothing"},
		{name: "no text", suffix: "_SECRET", value: "binary", wrong: key + "_SECRET: it is empty, or no text"},
		{name: "no JSON", suffix: "_PARAMETER", value: "other", wrong: "not of the form"},
		{name: "not allowed", suffix: "_PARAMETER", value: "x", status: http.StatusBadRequest, wrong: "may the function's role read it"},
		{name: "broken", suffix: "_PARAMETER", value: "x", status: http.StatusInternalServerError, wrong: "500"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.status == 0 {
				test.status = http.StatusOK
			}
			extension(t, test.status)
			t.Setenv(key+test.suffix, test.value)
			got, err := get(t)
			if test.wrong != "" {
				require.ErrorContains(t, err, test.wrong)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
	t.Run("no extension", func(t *testing.T) {
		extension(t, http.StatusOK)
		t.Setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "1")
		t.Setenv(key+"_SECRET", "x")
		_, err := get(t)
		require.ErrorContains(t, err, "is its layer part of the function?")
		t.Setenv("AWS_SESSION_TOKEN", "")
		_, err = get(t)
		require.ErrorContains(t, err, "within a Lambda function alone")
	})
}
