package opsgenie_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
)

func TestNewBaseURL(t *testing.T) {
	tests := []struct{ in, want, err string }{
		{in: "api.opsgenie.com", err: "want https://"},
		{in: "api.opsgenie.com:443", err: "BaseURL"},
		{in: "ftp://api.opsgenie.com", err: "want https://"},
		{in: "https:api.opsgenie.com", err: "want https://"},
		{in: "https://", err: "no host"},
		{in: "https://:443", err: "no host"},
		{in: "https:///v2", err: "no host"},
		{in: "http://api.opsgenie.com", err: "plain http to api.opsgenie.com"},
		{in: "http://10.0.0.1:8080", err: "plain http"},
		{in: "http://localhost.evil.example", err: "plain http"},
		{in: "http://127.0.0.1.evil.example", err: "plain http"},
		{in: "https://SECRET@api.opsgenie.com", err: "user name"},
		{in: "https://u:SECRET@api.opsgenie.com", err: "user name"},
		{in: "https://api.opsgenie.com?key=SECRET", err: "query"},
		{in: "https://api.opsgenie.com/?", err: "query"},
		{in: "https://api.opsgenie.com/#SECRET", err: "fragment"},
		{in: "https://api.opsgenie.com/#", err: "fragment"},
		{in: "https://api.opsgenie.com/a/../b", err: "dot segments"},
		{in: "https://api.opsgenie.com//a", err: "dot segments"},
		{in: "https://api.opsgenie.com/v2", err: "leave out /v2"},
		{in: "https://api.opsgenie.com/v2/alerts/", err: "leave out /v2"},
		{in: "https://api.opsgenie.com/%zzSECRET", err: "not a URL"},
		{in: "https://SECRET host", err: "not a URL"},
		{in: "", want: opsgenie.US},
		{in: opsgenie.EU, want: opsgenie.EU},
		{in: opsgenie.JSM + "/", want: opsgenie.JSM},
		{in: "  https://API.opsgenie.com//\n", want: "https://api.opsgenie.com"},
		{in: "https://gw.example:8443/a%2Fb/c/", want: "https://gw.example:8443/a%2Fb/c"},
		{in: "http://localhost:8080", want: "http://localhost:8080"},
		{in: "http://127.8.9.1/x", want: "http://127.8.9.1/x"},
		{in: "http://[::1]:8080", want: "http://[::1]:8080"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			c, err := opsgenie.New(opsgenie.Config{APIKey: canary, BaseURL: tt.in})
			if tt.err != "" {
				require.ErrorContains(t, err, "opsgenie: BaseURL: ")
				assert.ErrorContains(t, err, tt.err)
				assert.NotContains(t, err.Error(), "SECRET")
				assert.Nil(t, c)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, c.BaseURL())
		})
	}
}

func TestNewKey(t *testing.T) {
	tests := []struct{ name, key, want string }{
		{"none", "", "required"},
		{"blanks", " \n", "required"},
		{"two words", "SECRET SECRET", "blank"},
		{"with its scheme", "GenieKey SECRET", "without the word GenieKey"},
		{"injection", "SECRET\r\nX-Evil: 1", "line break"},
		{"NUL", "SECRET\x00", "another character"},
		{"not ASCII", "SECRETé", "another character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := opsgenie.New(opsgenie.Config{APIKey: tt.key})
			require.ErrorContains(t, err, "opsgenie: APIKey: ")
			assert.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "SECRET")
		})
	}
}

func TestNewTellsEveryMistake(t *testing.T) {
	_, err := opsgenie.New(opsgenie.Config{BaseURL: "nowhere", UserAgent: "a\nb"})
	for _, field := range []string{"APIKey", "BaseURL", "UserAgent"} {
		assert.ErrorContains(t, err, "opsgenie: "+field)
	}
}

func TestJSM(t *testing.T) {
	for _, base := range []string{opsgenie.JSM, "https://API.atlassian.com:443/jsm/ops/integration/"} {
		n := 0
		c := newClient(t, opsgenie.Config{BaseURL: base, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			n++
			assert.True(t, strings.HasPrefix(r.URL.Path, "/jsm/ops/integration/v2/alerts"), r.URL.Path)
			return answer(202, accepted), nil
		})})
		for _, call := range calls {
			t.Run(call.name, func(t *testing.T) {
				n = 0
				err := call.do(t.Context(), c)
				if call.jsm {
					require.NoError(t, err)
					assert.Equal(t, 1, n)
					return
				}
				var unsupported *opsgenie.UnsupportedError
				require.ErrorAs(t, err, &unsupported)
				require.ErrorIs(t, err, errors.ErrUnsupported)
				assert.Equal(t, "api.atlassian.com", unsupported.Host)
				assert.ErrorContains(t, err, "does not offer it to a GenieKey; use ")
				assert.Zero(t, n, "requests")
			})
		}
	}
}

func TestNotJSM(t *testing.T) {
	for _, base := range []string{
		opsgenie.US, "https://api.atlassian.com", "https://api.atlassian.com/jsm/ops/integrations",
		"https://gw.example/jsm/ops/integration",
	} {
		c := newClient(t, opsgenie.Config{BaseURL: base, Transport: always(200, `{"data":[]}`)})
		_, err := c.List(t.Context(), opsgenie.ListOptions{})
		assert.NoError(t, err, base)
	}
}
