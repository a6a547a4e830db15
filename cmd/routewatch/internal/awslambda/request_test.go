package awslambda

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A slash within a name stays one, where it comes through.
func TestEscapedPathIsKept(t *testing.T) {
	e := readEvent(t, "page.json")
	e.RawPath = "/services/a%2Fb"
	r, err := request(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, "/services/a%2Fb", r.URL.EscapedPath())
	assert.Equal(t, "/services/a%2Fb", r.RequestURI)
}

// readEvent reads an event as API Gateway sends it.
func readEvent(t *testing.T, name string) *events.APIGatewayV2HTTPRequest {
	t.Helper()
	doc, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	var e events.APIGatewayV2HTTPRequest
	require.NoError(t, json.Unmarshal(doc, &e))
	return &e
}

func TestRequestIsTheOneThatWasSent(t *testing.T) {
	r, err := request(t.Context(), readEvent(t, "webhook.json"))
	require.NoError(t, err)

	assert.Equal(t, http.MethodPost, r.Method)
	assert.Equal(t, "/webhook", r.URL.Path)
	assert.Equal(t, "abc123.execute-api.eu-west-1.amazonaws.com", r.Host)
	assert.Equal(t, "198.51.100.7:0", r.RemoteAddr, "not what X-Forwarded-For claims")
	assert.Equal(t, "a-key-for-the-tests", r.Header.Get("X-Api-Key"))
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	assert.NotNil(t, r.TLS)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.EqualValues(t, len(body), r.ContentLength)
	assert.True(t, json.Valid(body), "%s", body)
}

func TestRequestReadsBase64CookiesAndQuery(t *testing.T) {
	e := readEvent(t, "page.json")
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("\x00\xff")), true
	e.Cookies = []string{"a=1", "b=2"}
	e.RawQueryString = "limit=5&before=%2Fx"
	r, err := request(t.Context(), e)
	require.NoError(t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, "\x00\xff", string(body))
	assert.Equal(t, "5", r.URL.Query().Get("limit"))
	assert.Equal(t, "/x", r.URL.Query().Get("before"))
	b, err := r.Cookie("b")
	require.NoError(t, err)
	assert.Equal(t, "2", b.Value)

	e.Body = "no base64"
	_, err = request(t.Context(), e)
	assert.ErrorContains(t, err, "base64")
}

func TestPaths(t *testing.T) {
	for _, test := range []struct{ name, raw, stage, want string }{
		{"root", "/", "$default", "/"},
		{"none", "", "$default", "/"},
		{"decoded, as an HTTP API has it", "/services/Web shop", "$default", "/services/Web shop"},
		{"decoded sign of a query", "/services/why?", "$default", "/services/why?"},
		{"decoded fragment", "/services/C#", "$default", "/services/C#"},
		{"a lone percent", "/services/100%", "$default", "/services/100%"},
		{"encoded, as a function's URL has it", "/services/Web%20shop", "$default", "/services/Web shop"},
		{"not ASCII", "/services/Zahlübung", "$default", "/services/Zahlübung"},
		{"stage", "/prod/webhook", "prod", "/webhook"},
		{"stage alone", "/prod", "prod", "/"},
		{"what begins like the stage", "/production", "prod", "/production"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := readEvent(t, "page.json")
			e.RawPath, e.RequestContext.Stage = test.raw, test.stage
			r, err := request(t.Context(), e)
			require.NoError(t, err)
			assert.Equal(t, test.want, r.URL.Path)
			assert.Empty(t, r.URL.RawQuery)

			// A router sees the same.
			var seen string
			mux := http.NewServeMux()
			mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.Path })
			mux.ServeHTTP(httptest.NewRecorder(), r)
			assert.Equal(t, test.want, seen)
		})
	}
}

func TestResponse(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		h      http.HandlerFunc
		want   events.APIGatewayV2HTTPResponse
	}{
		{
			"nothing", "GET", func(http.ResponseWriter, *http.Request) {},
			events.APIGatewayV2HTTPResponse{StatusCode: 200},
		},
		{
			"text", "GET", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") },
			events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8"}, Body: "hello"},
		},
		{"bytes", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Write([]byte{0x89, 'P', 'N', 'G'})
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "image/png"}, Body: "iVBORw==", IsBase64Encoded: true}},
		{"encoded", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "zip")
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Encoding": "gzip"}, Body: "emlw", IsBase64Encoded: true}},
		{"status", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Vary", "Accept")
			w.Header().Add("Vary", "Accept-Encoding")
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNotFound)
			w.WriteHeader(http.StatusOK)
			w.Header().Set("Too", "late")
		}, events.APIGatewayV2HTTPResponse{StatusCode: 404, Headers: map[string]string{"Vary": "Accept, Accept-Encoding"}}},
		{"cookies", "GET", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Cookies: []string{"a=1", "b=2"}}},
		{"not modified", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(http.StatusNotModified)
			_, err := w.Write([]byte("not to be"))
			assert.ErrorIs(t, err, http.ErrBodyNotAllowed)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 304, Headers: map[string]string{"Etag": `"x"`}}},
		{"head", "HEAD", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, strings.Repeat("x", 1<<10))
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "text/html"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newRecorder()
			r := httptest.NewRequest(test.method, "/", http.NoBody)
			test.h(w, r)
			if test.want.Headers == nil {
				test.want.Headers = map[string]string{}
			}
			assert.Equal(t, test.want, w.response(r))
		})
	}
}
