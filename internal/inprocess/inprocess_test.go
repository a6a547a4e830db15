package inprocess_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/internal/inprocess"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		handler func(w http.ResponseWriter, r *http.Request)
		status  int
		body    string
		header  string // X-Test
	}{
		"nothing":        {func(http.ResponseWriter, *http.Request) {}, 200, "", ""},
		"a body alone":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }, 200, "x", ""},
		"a status alone": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(420) }, 420, "", ""},
		"the first status counts": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusContinue)
			w.WriteHeader(http.StatusAccepted)
			w.WriteHeader(http.StatusTeapot)
		}, 202, "", ""},
		"a header counts until the status": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Test", "early")
			_ = http.NewResponseController(w).Flush()
			w.Header().Set("X-Test", "late")
		}, 200, "", "early"},
		"the request": {func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, r.Method+" "+r.Host+" "+r.RequestURI+" "+string(body))
		}, 200, "POST example.com /a%2Fb?q=1 body", ""},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), "POST", "https://example.com/a%2Fb?q=1", strings.NewReader("body"))
			require.NoError(t, err)
			resp, err := inprocess.Transport(http.HandlerFunc(test.handler)).RoundTrip(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, test.status, resp.StatusCode)
			assert.Equal(t, test.body, string(body))
			assert.Equal(t, test.header, resp.Header.Get("X-Test"))
		})
	}
}

func TestCut(t *testing.T) {
	get := func(ctx context.Context, h http.HandlerFunc) (string, error) {
		req, err := http.NewRequestWithContext(ctx, "GET", "https://example.com", nil)
		require.NoError(t, err)
		resp, err := inprocess.Transport(h).RoundTrip(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	_, err := get(t.Context(), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	body, err := get(t.Context(), func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	assert.Equal(t, "half", body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.PanicsWithValue(t, "oh", func() {
		_, _ = get(t.Context(), func(http.ResponseWriter, *http.Request) { panic("oh") })
	})

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		called := 0
		hang := func(_ http.ResponseWriter, r *http.Request) { called++; <-r.Context().Done() }
		_, err := get(ctx, hang)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = get(ctx, hang)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 1, called, "a request that is over is not served")
	})
}

func TestListen(t *testing.T) {
	hanging, gone := make(chan struct{}), make(chan struct{})
	base, stop, err := inprocess.Listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			close(hanging)
			<-r.Context().Done()
			close(gone)
			return
		}
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(base + "/here")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "/here", string(body))

	failed := make(chan error, 1)
	go func() {
		_, err := client.Get(base + "/hang")
		failed <- err
	}()
	<-hanging
	stop()
	assert.Error(t, <-failed)
	<-gone
	_, err = client.Get(base)
	assert.Error(t, err)
}
