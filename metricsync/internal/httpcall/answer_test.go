package httpcall_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

func TestHanging(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"before the header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"in the body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	}
	for name, handler := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := 0
				cfg := config(t, serve(t, handler))
				cfg.Timeout, cfg.Tries = 10*time.Second, 3
				cfg.After = func(*metricsync.Error) { told++ }
				start := time.Now()
				_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
				assert.ErrorContains(t, err, "no answer within 10s")
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.True(t, asError(t, err).Temporary())
				assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
				assert.Less(t, time.Since(start), 34*time.Second)
				assert.Equal(t, 3, told)
			})
		})
	}
	// An error's body that never ends is cut, and the error is told all the same.
	t.Run("in the body of an error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := config(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "not yours")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
			assert.EqualError(t, err, "test: calling at api.example.com: 403 Forbidden: not yours")
			_, err = httpcall.New(cfg).Open(t.Context(), call)
			assert.EqualError(t, err, "test: calling at api.example.com: 403 Forbidden: not yours")
		})
	})
}

func TestCutIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		cfg := config(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch n++; n {
			case 1:
				panic(http.ErrAbortHandler)
			case 2:
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, `{"half":`)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, `{"whole":true}`)
		}))
		var got struct{ Whole bool }
		r := call
		r.Method, r.Body = http.MethodPost, []byte("{}") // net/http repeats no POST by itself
		_, err := httpcall.New(cfg).Do(t.Context(), r, httpcall.JSON(&got))
		require.NoError(t, err)
		assert.True(t, got.Whole)
		assert.Equal(t, 3, n)

		cfg.Tries, n = 1, 1
		_, err = httpcall.New(cfg).Do(t.Context(), r, httpcall.JSON(&got))
		assert.ErrorContains(t, err, "reading the answer: unexpected EOF")
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

func TestHugeAnswers(t *testing.T) {
	cfg := config(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := answer(200, "")
		resp.Body = io.NopCloser(io.LimitReader(readFunc(func(p []byte) (int, error) {
			for i := range p {
				p[i] = ' '
			}
			return len(p), nil
		}), int64(len(r.URL.Query().Get("size")))))
		return resp, nil
	}))
	c := httpcall.New(cfg)
	for _, test := range []struct {
		size  int
		limit int64
		want  string
	}{
		{1000, 1000, ""},
		{1001, 1000, "the answer is too long: more than 1000 bytes"},
		{1 << 20, 0, ""},
		{1<<20 + 1, 0, "the answer is too long: more than 1048576 bytes"},
	} {
		r := call
		r.Query, r.MaxBody = url.Values{"size": {strings.Repeat("x", test.size)}}, test.limit
		got := 0
		_, err := c.Do(t.Context(), r, func(body []byte) error { got = len(body); return nil })
		if test.want != "" {
			assert.ErrorContains(t, err, test.want)
			assert.ErrorIs(t, err, httpcall.ErrTooLong)
			assert.Equal(t, 200, asError(t, err).Status)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, test.size, got)
	}
}

// A stream may be read for longer than the time-out, which is that of its header.
func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		cfg := config(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := io.WriteString(w, "tick\n"); err != nil {
					break
				}
				if http.NewResponseController(w).Flush() != nil {
					break
				}
				select {
				case <-time.After(time.Minute):
				case <-r.Context().Done():
				}
				if r.Context().Err() != nil {
					break
				}
			}
			close(gone)
		}))
		resp, err := httpcall.New(cfg).Open(t.Context(), call)
		require.NoError(t, err)
		start := time.Now()
		buf := make([]byte, 5*10)
		_, err = io.ReadFull(resp.Body, buf)
		require.NoError(t, err)
		assert.Equal(t, 9*time.Minute, time.Since(start))
		require.NoError(t, resp.Body.Close())
		<-gone
	})
	t.Run("its end is the request's", func(t *testing.T) {
		var sent *http.Request
		resp, err := httpcall.New(config(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = r
			return answer(200, ""), nil
		}))).Open(t.Context(), call)
		require.NoError(t, err)
		require.NoError(t, sent.Context().Err())
		require.NoError(t, resp.Body.Close())
		assert.Error(t, sent.Context().Err(), "else its timer and its place in the caller's context stay")
	})
	t.Run("the caller's end is the body's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			cfg := config(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			c := httpcall.New(cfg)
			resp, err := c.Open(ctx, call)
			require.NoError(t, err)
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			failed := c.Fail(call.Op, 0, err)
			assert.ErrorIs(t, failed, context.DeadlineExceeded)
			assert.True(t, failed.Temporary())
		})
	})
	late := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return answer(200, "late"), nil
	}
	for name, step := range map[string]roundTrip{"no header": hangs, "the header comes with the end of the time": late} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []roundTrip{step, step, says(200, "whole")}}
				start := time.Now()
				resp, err := httpcall.New(config(t, s)).Open(t.Context(), call)
				require.NoError(t, err)
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				assert.Equal(t, "whole", string(body))
				assert.GreaterOrEqual(t, time.Since(start), time.Minute)
				assert.Len(t, s.at, 3)

				cfg := config(t, step)
				cfg.Tries = 1
				_, err = httpcall.New(cfg).Open(t.Context(), call)
				assert.ErrorContains(t, err, "no answer within 30s")
			})
		})
	}
}
