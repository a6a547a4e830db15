package s3store_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/internal/s3test"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/s3store"
	"github.com/routewatch/routewatch/statuspage/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, cfg s3store.Config) *s3store.Store {
	t.Helper()
	if cfg.Bucket == "" {
		cfg.Bucket = bucket
	}
	s, err := s3store.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func set(doc string) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return []byte(doc), nil }
}

func TestStore(t *testing.T) {
	c := client(t, s3test.Start(t), nil)
	n := 0
	storetest.Run(t, func(t *testing.T) statuspage.Store {
		n++
		return open(t, s3store.Config{Client: c, Prefix: fmt.Sprintf("shop/%d", n)})
	})
}

func TestStoreOfASingleWriter(t *testing.T) {
	c := client(t, carelessServer(t), nil)
	n := 0
	storetest.Run(t, func(t *testing.T) statuspage.Store {
		n++
		return open(t, s3store.Config{Client: c, Prefix: fmt.Sprintf("shop/%d", n), SingleWriter: true})
	})
}

// Eight processes, each with a store and a client of its own, count up, while one
// request in four goes wrong. Each count that was acknowledged is there, and none
// is there twice.
func TestWritersLoseNothing(t *testing.T) {
	url := s3test.Start(t)
	const writers, rounds = 8, 12
	var failed, acked atomic.Int64
	var stores []*s3store.Store
	for range writers {
		stores = append(stores, open(t, s3store.Config{
			Client: client(t, url, func(next http.RoundTripper) http.RoundTripper {
				return faults{next, 0.25, &failed}
			}),
			RequestTimeout: 300 * time.Millisecond, Timeout: 2 * time.Minute,
		}))
	}
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			for n := range rounds {
				key := fmt.Sprintf("services/%d.json", n%2)
				if assert.NoError(t, s.Update(context.Background(), key, storetest.Count)) {
					acked.Add(1)
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for n := range 2 {
		doc, err := stores[0].Get(t.Context(), fmt.Sprintf("services/%d.json", n))
		require.NoError(t, err)
		count, err := strconv.Atoi(string(doc))
		require.NoError(t, err)
		sum += count
	}
	t.Logf("%d updates acknowledged, %d requests failed on purpose, %d updates lost", acked.Load(), failed.Load(), int(acked.Load())-sum)
	assert.EqualValues(t, writers*rounds, acked.Load())
	assert.EqualValues(t, acked.Load(), sum, "each update once")
	assert.Positive(t, failed.Load())
}

// A write whose answer is lost, and which others have written over since, many
// times, is not done again.
func TestAWriteWhoseAnswerIsLostCountsOnce(t *testing.T) {
	url := s3test.Start(t)
	other := open(t, s3store.Config{Client: client(t, url, nil)})
	var lose atomic.Bool
	s := open(t, s3store.Config{Client: client(t, url, func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			res, err := next.RoundTrip(r)
			if err == nil && r.Method == http.MethodPut && lose.CompareAndSwap(true, false) {
				res.Body.Close()
				for range 150 {
					assert.NoError(t, other.Update(r.Context(), "n.json", storetest.Count))
				}
				return answer(r, http.StatusInternalServerError, "InternalError"), nil
			}
			return res, err
		})
	})})
	require.NoError(t, s.Update(t.Context(), "n.json", storetest.Count))
	lose.Store(true)
	require.NoError(t, s.Update(t.Context(), "n.json", storetest.Count))
	doc, err := s.Get(t.Context(), "n.json")
	require.NoError(t, err)
	assert.Equal(t, "152", string(doc))
}

func TestWhatIsSent(t *testing.T) {
	url := s3test.Start(t)
	var mu sync.Mutex
	var puts []http.Header
	c := client(t, url, func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut {
				mu.Lock()
				puts = append(puts, r.Header.Clone())
				mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	s := open(t, s3store.Config{Client: c, Prefix: "/a/b/"})
	puts = nil
	require.NoError(t, s.Update(t.Context(), "services/API.json", set("{}")))
	require.NoError(t, s.Update(t.Context(), "services/API.json", set("[]")))
	require.NoError(t, s.Update(t.Context(), "records/API.json", set("{}")))
	require.NoError(t, s.Update(t.Context(), "records/API.json", set("{}")))
	require.Len(t, puts, 3, "what is the same is not written")
	for _, h := range puts {
		for name := range h {
			assert.NotContains(t, strings.ToLower(name), "x-amz-acl")
			assert.NotContains(t, strings.ToLower(name), "x-amz-grant")
		}
	}
	assert.Equal(t, "*", puts[0].Get("If-None-Match"))
	assert.Empty(t, puts[0].Get("If-Match"))
	assert.NotEmpty(t, puts[1].Get("If-Match"))

	for key, want := range map[string]string{"a/b/services/API.json": "public, max-age=15, stale-if-error=600", "a/b/records/API.json": ""} {
		head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: &key})
		require.NoError(t, err)
		assert.Equal(t, want, aws.ToString(head.CacheControl))
		assert.Equal(t, "application/json", aws.ToString(head.ContentType))
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	require.NoError(t, err)
	assert.Len(t, list.Contents, 2, "the probe is removed")
}

func TestPrefixesAreApart(t *testing.T) {
	c := client(t, s3test.Start(t), nil)
	a, ab := open(t, s3store.Config{Client: c, Prefix: "a"}), open(t, s3store.Config{Client: c, Prefix: "ab"})
	require.NoError(t, a.Update(t.Context(), "x.json", set("one")))
	require.NoError(t, ab.Update(t.Context(), "y.json", set("two")))
	for e, err := range a.List(t.Context(), "") {
		require.NoError(t, err)
		assert.Equal(t, "x.json", e.Key)
	}
	_, err := a.Get(t.Context(), "y.json")
	assert.ErrorIs(t, err, statuspage.ErrNotFound)
}

func TestOpenRefuses(t *testing.T) {
	none := client(t, "http://127.0.0.1:1", nil)
	for _, tt := range []struct {
		name string
		cfg  s3store.Config
		want string
	}{
		{"no client", s3store.Config{Bucket: "b"}, "Client is missing"},
		{"no bucket", s3store.Config{Client: none}, "Bucket is missing"},
		{"a prefix that leaves", s3store.Config{Client: none, Bucket: "b", Prefix: "a/../b"}, "begins with a dot"},
		{"nobody there", s3store.Config{Client: none, Bucket: "b", Timeout: 500 * time.Millisecond}, "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s3store.Open(t.Context(), tt.cfg)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestOpenProbesWhetherTheBucketCanBeShared(t *testing.T) {
	careless := carelessServer(t)
	_, err := s3store.Open(t.Context(), s3store.Config{Client: client(t, careless, nil), Bucket: bucket, Prefix: "shop"})
	require.ErrorIs(t, err, s3store.ErrNotShareable)
	assert.ErrorContains(t, err, "s3://status/shop")
	assert.ErrorContains(t, err, "single writer")

	for name, header := range map[string]string{"If-Match alone is ignored": "If-Match", "If-None-Match alone is ignored": "If-None-Match"} {
		t.Run(name, func(t *testing.T) {
			c := client(t, s3test.Start(t), func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.Header.Get(header) != "" && r.Method == http.MethodPut {
						closeBody(r)
						return answer(r, http.StatusOK, ""), nil
					}
					return next.RoundTrip(r)
				})
			})
			_, err := s3store.Open(t.Context(), s3store.Config{Client: c, Bucket: bucket})
			assert.ErrorIs(t, err, s3store.ErrNotShareable)
		})
	}
	t.Run("conditions are not implemented", func(t *testing.T) {
		c := client(t, careless, func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				closeBody(r)
				return answer(r, http.StatusNotImplemented, "NotImplemented"), nil
			})
		})
		_, err := s3store.Open(t.Context(), s3store.Config{Client: c, Bucket: bucket})
		assert.ErrorIs(t, err, s3store.ErrNotShareable)
	})
}

// Whatever fails, its error tells of the place and not of the key to it.
func TestErrorsHoldNoCredentials(t *testing.T) {
	url := s3test.Start(t)
	good, nobody := client(t, url, nil), client(t, "http://127.0.0.1:1", nil)
	s := open(t, s3store.Config{Client: good})
	require.NoError(t, s.Update(t.Context(), "a.json", set("one")))
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary-wrong-secret")
	wrongSecret, err := s3store.NewClient(t.Context(), func(o *s3.Options) {
		o.BaseEndpoint, o.HTTPClient = aws.String(url), good.Options().HTTPClient
	})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		cfg  s3store.Config
		want string
	}{
		"a wrong secret": {s3store.Config{Client: wrongSecret, Bucket: bucket}, "SignatureDoesNotMatch"},
		"no such bucket": {s3store.Config{Client: good, Bucket: "nowhere"}, "NoSuchBucket"},
		"nobody there":   {s3store.Config{Client: nobody, Bucket: bucket, Timeout: 300 * time.Millisecond}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var errs []error
			_, err := s3store.Open(t.Context(), tt.cfg)
			errs = append(errs, err)
			tt.cfg.SingleWriter = true
			s := open(t, tt.cfg)
			errs = append(errs, s.Update(t.Context(), "a.json", set("two")), s.Delete(t.Context(), "a.json"))
			_, err = s.Get(t.Context(), "a.json")
			errs = append(errs, err)
			for _, err := range s.List(t.Context(), "") {
				errs = append(errs, err)
			}
			require.Len(t, errs, 5)
			for _, err := range errs {
				require.Error(t, err)
				assert.NotErrorIs(t, err, statuspage.ErrNotFound)
				assert.ErrorContains(t, err, tt.want)
				assert.ErrorContains(t, err, "s3://"+tt.cfg.Bucket)
				for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
					for _, secret := range []string{accessKey, secretKey, "canary"} {
						assert.NotContains(t, fmt.Sprintf(verb, err), secret)
					}
				}
			}
		})
	}
}

func TestNewClientRefuses(t *testing.T) {
	client(t, "http://127.0.0.1:1", nil) // for its environment
	require.NoError(t, os.Unsetenv("AWS_REGION"))
	for _, tt := range []struct{ endpoint, want string }{
		{"http://user:canary@127.0.0.1:1", "holds credentials"},
		{"ftp://127.0.0.1", "no http or https URL"},
		{"::canary", "no http or https URL"},
		{"", "no region"},
	} {
		t.Setenv("AWS_REGION", "")
		t.Setenv("AWS_DEFAULT_REGION", "")
		t.Setenv("AWS_ENDPOINT_URL_S3", tt.endpoint)
		_, err := s3store.NewClient(t.Context())
		require.ErrorContains(t, err, tt.want)
		assert.NotContains(t, err.Error(), "canary")
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	c, err := s3store.NewClient(t.Context())
	require.NoError(t, err)
	assert.True(t, c.Options().UsePathStyle)
	assert.Equal(t, "us-east-1", c.Options().Region)
}

// A server that never answers costs a request its timeout, and the call its own.
func TestAServerThatHangs(t *testing.T) {
	var requests atomic.Int64
	c := client(t, "http://127.0.0.1:1", func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			closeBody(r)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
	})
	s := open(t, s3store.Config{
		Client: c, SingleWriter: true,
		RequestTimeout: 20 * time.Millisecond, Timeout: 300 * time.Millisecond,
	})
	began := time.Now()
	assert.ErrorIs(t, s.Update(t.Context(), "a.json", set("one")), context.DeadlineExceeded)
	assert.Less(t, time.Since(began), 5*time.Second)
	assert.Greater(t, requests.Load(), int64(1), "it is tried again")

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := s.Get(ctx, "a.json")
	assert.ErrorIs(t, err, context.Canceled)
}

// What somebody else put there is not taken for a document.
func TestAForeignObject(t *testing.T) {
	c := client(t, s3test.Start(t), nil)
	s := open(t, s3store.Config{Client: c})
	for key, body := range map[string]string{"empty.json": "", ".hidden": "x", "ok.json": "{}"} {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(body)})
		require.NoError(t, err)
	}
	_, err := s.Get(t.Context(), "empty.json")
	assert.ErrorContains(t, err, "none of ours")
	doc, err := s.Get(t.Context(), "ok.json")
	require.NoError(t, err)
	assert.Equal(t, "{}", string(doc), "written by the reference, say")
	require.NoError(t, s.Update(t.Context(), "ok.json", set("[]")))
	for e, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		assert.NotEqual(t, ".hidden", e.Key)
	}
}

// carelessServer is a small S3 that knows nothing of conditions.
func carelessServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(&careless{objects: map[string][]byte{}, metadata: map[string]string{}})
	t.Cleanup(server.Close)
	return server.URL
}
