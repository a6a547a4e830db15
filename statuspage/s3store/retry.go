package s3store

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// once keeps the SDK from repeating a request: it cannot know that a condition
// that fails the second time was met the first time.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }

const (
	firstWait = 20 * time.Millisecond
	longWait  = time.Second
)

// tries counts 0, 1, 2 … until ctx ends, and waits before each try but the first:
// a random part of a time that doubles, so that those who met once do not meet
// again.
func tries(ctx context.Context) iter.Seq[int] {
	return func(yield func(int) bool) {
		wait := firstWait
		for n := 0; ; n++ {
			if !yield(n) {
				return
			}
			t := time.NewTimer(mathrand.N(wait))
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
			wait = min(2*wait, longWait)
		}
	}
}

// retry does do until it succeeds, fails for good, or ctx ends.
func (s *Store) retry(ctx context.Context, do func(context.Context) error) (err error) {
	for range tries(ctx) {
		last := err
		err = func() error {
			ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
			defer cancel()
			return do(ctx)
		}()
		if err != nil && ctx.Err() != nil && last != nil {
			return last // tells more than that the time is over
		}
		if err == nil || ctx.Err() != nil || !retryable(err) {
			break
		}
	}
	return err
}

// cutError is that a body ended before it was whole.
type cutError struct{ error }

func (e *cutError) Unwrap() error { return e.error }

// retryable reports whether the same request may succeed a little later.
func retryable(err error) bool {
	var (
		signing *v4.SigningError
		cert    *tls.CertificateVerificationError
		dns     *net.DNSError
		send    *smithyhttp.RequestSendError
		parse   *smithy.DeserializationError
		cut     *cutError
		network net.Error
	)
	switch {
	case errors.As(err, &signing), errors.As(err, &cert), errors.As(err, &dns) && dns.IsNotFound:
		return false
	}
	switch errorCode(err) {
	case "RequestTimeout", "RequestTimeTooSkewed", "SlowDown", "InternalError", "ServiceUnavailable":
		return true
	}
	if code := status(err); code >= 300 {
		return code >= 500 && code != http.StatusNotImplemented ||
			code == http.StatusTooManyRequests || code == http.StatusRequestTimeout ||
			code == http.StatusConflict // somebody else was at it at the same time
	}
	return errors.As(err, &send) || errors.As(err, &parse) || errors.As(err, &cut) || errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF)
}

// lostRace reports whether a conditional write failed because of another that
// came before: 412, or 404 where that was a deletion. What came at the same time
// answers 409, which is worth another try in any request.
func lostRace(err error) bool {
	switch status(err) {
	case http.StatusPreconditionFailed:
		return true
	case http.StatusNotFound:
		return errorCode(err) != noSuchBucket
	}
	return false
}

const noSuchBucket = "NoSuchBucket"

// status is that of the answer, or 0 where there was none.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// An object carries the names of the last writes that led to it. So a writer
// whose answer was lost, and whose write was followed by others, still finds out
// that it is done; to do it again would count twice. There is room for 160: more than
// others write to one object until an answer is given up, which takes ten seconds.
const (
	writesKey = "routewatch-writes"
	maxWrites = 1760 // bytes; S3 allows 2 KB with the key
)

func newWrite() string { return rand.Text()[:10] } // 50 bits

func addWrite(writes, write string) string {
	all := strings.TrimSpace(write + " " + writes)
	if len(all) > maxWrites {
		all = all[:strings.LastIndexByte(all[:maxWrites+1], ' ')]
	}
	return all
}

func hasWrite(writes, write string) bool { return slices.Contains(strings.Fields(writes), write) }
