package httpcall_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/webapi"
	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

func TestAttempts(t *testing.T) {
	refused := func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }
	tests := map[string]struct {
		steps  []roundTrip
		tries  int
		calls  int
		status int // of the error; -1 is none
	}{
		"right at once":                {[]roundTrip{says(200, "{}")}, 0, 1, -1},
		"the server is down for long":  {[]roundTrip{says(503, "")}, 0, 5, 503},
		"as many attempts as asked":    {[]roundTrip{says(500, "")}, 2, 2, 500},
		"a single attempt":             {[]roundTrip{says(500, "")}, 1, 1, 500},
		"nobody there":                 {[]roundTrip{refused}, 0, 5, 0},
		"down, then up":                {[]roundTrip{says(502, ""), refused, says(429, ""), says(202, "{}")}, 0, 4, -1},
		"Statuspage's 420":             {[]roundTrip{says(420, ""), says(200, "{}")}, 0, 2, -1},
		"time-out of a gateway's":      {[]roundTrip{says(504, ""), says(408, ""), says(200, "{}")}, 0, 3, -1},
		"the key is wrong":             {[]roundTrip{says(401, "")}, 0, 1, 401},
		"it may not":                   {[]roundTrip{says(403, "")}, 0, 1, 403},
		"nothing there":                {[]roundTrip{says(404, "")}, 0, 1, 404},
		"down, then the key is wrong":  {[]roundTrip{says(500, ""), says(401, "")}, 0, 2, 401},
		"an answer of another server":  {[]roundTrip{says(200, "<html>")}, 0, 1, 200},
		"moved":                        {[]roundTrip{says(301, "", "Location", "https://elsewhere.example/")}, 0, 1, 301},
		"moved to where nobody can go": {[]roundTrip{says(302, "", "Location", "://\x00")}, 0, 1, 302},
		"moved to nowhere":             {[]roundTrip{says(307, "")}, 0, 1, 307},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: test.steps}
				cfg := config(t, s)
				cfg.Tries = test.tries
				var v any
				header, err := httpcall.New(cfg).Do(t.Context(), call, httpcall.JSON(&v))
				assert.Len(t, s.at, test.calls)
				if test.status < 0 {
					require.NoError(t, err)
					assert.NotNil(t, header)
					return
				}
				assert.Equal(t, test.status, asError(t, err).Status)
				assert.Nil(t, header)
			})
		})
	}
}

// The waits double from one second to thirty, and are spread from a quarter of
// that to five.
func TestPauses(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := &script{steps: []roundTrip{says(500, "")}}
			cfg := config(t, s)
			cfg.Tries = 9
			_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
			require.Error(t, err)
			want := time.Second
			for i, got := range s.pauses() {
				assert.GreaterOrEqual(t, got, want/4, "pause %d", i)
				assert.Less(t, got, want+want/4, "pause %d", i)
				seen[got] = true
				want = min(2*want, 30*time.Second)
			}
		})
	}
	assert.Greater(t, len(seen), 100, "of 160 they differ")
}

func TestRetryAfter(t *testing.T) {
	tests := map[string]struct {
		header   func() string
		min, max time.Duration
		asked    time.Duration
	}{
		"seconds":         {func() string { return "60" }, time.Minute, time.Minute + time.Second, time.Minute},
		"a date":          {func() string { return time.Now().Add(9 * time.Second).UTC().Format(http.TimeFormat) }, 9 * time.Second, 10 * time.Second, 9 * time.Second},
		"a year":          {func() string { return "31536000" }, webapi.MaxRetryAfter, webapi.MaxRetryAfter + time.Second, webapi.MaxRetryAfter},
		"nothing":         {func() string { return "0" }, 250 * time.Millisecond, 1250 * time.Millisecond, 0},
		"a time gone by":  {func() string { return "-5" }, 250 * time.Millisecond, 1250 * time.Millisecond, 0},
		"not readable":    {func() string { return "soon" }, 250 * time.Millisecond, 1250 * time.Millisecond, 0},
		"nothing is said": {func() string { return "" }, 250 * time.Millisecond, 1250 * time.Millisecond, 0},
	}
	spread := make(map[time.Duration]bool)
	for name, test := range tests {
		for _, status := range []int{420, 429, 503} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var after []*metricsync.Error
					s := &script{steps: []roundTrip{says(status, "", "Retry-After", test.header()), says(200, "")}}
					cfg := config(t, s)
					cfg.After = func(e *metricsync.Error) { after = append(after, e) }
					_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
					require.NoError(t, err)
					require.Len(t, s.pauses(), 1)
					assert.GreaterOrEqual(t, s.pauses()[0], test.min)
					assert.Less(t, s.pauses()[0], test.max)
					spread[s.pauses()[0]-test.min] = true
					require.Len(t, after, 1)
					assert.Equal(t, test.asked, after[0].RetryAfter)
				})
			})
		}
	}
	assert.Greater(t, len(spread), 15, "of 21, so that those who were told the same do not come back at once")
	t.Run("of an answer that stays as it is", func(t *testing.T) {
		_, err := httpcall.New(config(t, says(404, "", "Retry-After", "60"))).Do(t.Context(), call, nil)
		assert.Zero(t, asError(t, err).RetryAfter)
	})
	t.Run("of an answer that the caller knows better", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{steps: []roundTrip{says(403, "", "Retry-After", "7"), says(200, "")}}
			cfg := config(t, s)
			cfg.Again = func(e *metricsync.Error) bool { return e.Status == 403 }
			_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, s.pauses()[0], 7*time.Second)
		})
	})
}

// Where the time is too short for the pause, what the server said is told at once.
func TestDeadlineBeforeTheNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		s := &script{steps: []roundTrip{says(429, `{"message":"slow down"}`, "Retry-After", "60")}}
		start := time.Now()
		_, err := httpcall.New(config(t, s)).Do(ctx, call, nil)
		assert.Zero(t, time.Since(start))
		assert.EqualError(t, err, "test: calling at api.example.com: 429 Too Many Requests: slow down, retry after 1m0s")
		assert.Len(t, s.at, 1)
	})
}

func TestCallerGivesUp(t *testing.T) {
	why := errors.New("the function has to end")
	tests := map[string]struct {
		step  roundTrip
		after time.Duration // until the caller gives up; 0 is before
		calls int
		want  string
		told  int // times that After is
	}{
		"before the first attempt": {says(200, ""), 0, 0, ": context canceled: the function has to end", 0},
		"during an attempt":        {hangs, time.Second, 1, ": context canceled: the function has to end", 0},
		"during a pause":           {says(503, "", "Retry-After", "60"), 2 * time.Second, 1, ": 503 Service Unavailable, retry after 1m0s", 1},
		"while an answer arrives": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return answer(429, ""), nil
		}, time.Second, 1, ": 429 Too Many Requests", 1},
		"while the answer is read": {func(r *http.Request) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = io.NopCloser(readFunc(func([]byte) (int, error) { <-r.Context().Done(); return 0, r.Context().Err() }))
			return resp, nil
		}, time.Second, 1, ": reading the answer: context canceled: the function has to end", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if test.after == 0 {
					cancel(why)
				} else {
					time.AfterFunc(test.after, func() { cancel(why) })
				}
				told, asked := 0, 0
				s := &script{steps: []roundTrip{test.step}}
				cfg := config(t, s)
				cfg.Before = func(context.Context) error { asked++; return nil }
				cfg.After = func(*metricsync.Error) { told++ }
				start := time.Now()
				_, err := httpcall.New(cfg).Do(ctx, call, nil)
				assert.EqualError(t, err, "test: calling at api.example.com"+test.want)
				assert.Equal(t, test.after, time.Since(start))
				assert.Len(t, s.at, test.calls)
				assert.Equal(t, test.told, told)
				assert.Equal(t, test.calls, asked)
				if told == 0 {
					assert.ErrorIs(t, err, context.Canceled)
					assert.ErrorIs(t, err, why)
				}
			})
		})
	}
}

func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log []string
		s := &script{steps: []roundTrip{says(500, ""), says(429, ""), says(200, "")}}
		cfg := config(t, s)
		cfg.Before = func(context.Context) error { log = append(log, "before"); return nil }
		cfg.After = func(e *metricsync.Error) { log = append(log, http.StatusText(e.Status)+" "+e.Hint) }
		cfg.Hint = func(e *metricsync.Error) string { return "look there" }
		_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{
			"before", "Internal Server Error look there", "before", "Too Many Requests look there", "before",
		}, log)
	})
	t.Run("a redirect has a hint of its own", func(t *testing.T) {
		cfg := config(t, says(302, ""))
		cfg.Hint = func(e *metricsync.Error) string { return "look there" }
		_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
		assert.Equal(t, "redirects are not followed: check the base URL", asError(t, err).Hint)
	})
	limit := errors.New("no call left before the deadline")
	t.Run("before the first attempt", func(t *testing.T) {
		s := &script{steps: []roundTrip{says(200, "")}}
		cfg := config(t, s)
		cfg.Before = func(context.Context) error { return limit }
		_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
		assert.ErrorIs(t, err, limit)
		assert.EqualError(t, err, "test: calling at api.example.com: no call left before the deadline")
		assert.Empty(t, s.at)
	})
	t.Run("before the second attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{steps: []roundTrip{says(502, "")}}
			cfg := config(t, s)
			cfg.Before = func(context.Context) error {
				if len(s.at) > 0 {
					return limit
				}
				return nil
			}
			_, err := httpcall.New(cfg).Do(t.Context(), call, nil)
			assert.Equal(t, 502, asError(t, err).Status, "what the server said tells more")
			assert.Len(t, s.at, 1)
		})
	})
	t.Run("the caller gave up while it waited", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{steps: []roundTrip{says(200, "")}}
		cfg := config(t, s)
		cfg.Before = func(context.Context) error { cancel(); return nil }
		_, err := httpcall.New(cfg).Do(ctx, call, nil)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, s.at)
	})
}
