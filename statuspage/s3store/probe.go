package s3store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ErrNotShareable is in the chain of the error of [Open] where the bucket ignores
// the conditions of writes, so that writers would overwrite each other.
var ErrNotShareable = errors.New("the server ignores the conditions of writes (If-Match and If-None-Match), " +
	"so that several writers would lose each other's updates; " +
	"use it with a single writer, and say so, or use another server")

// probeTimeout bounds the probe: who starts a program wants to know soon.
const probeTimeout = 20 * time.Second

// probe finds out whether the bucket can be read, written and shared.
func (s *Store) probe(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, min(probeTimeout, s.cfg.Timeout))
	defer cancel()
	key := ".probe-" + rand.Text()
	defer func() {
		if e := s.wrap(ctx, "removing the probe", key, s.remove(ctx, key)); err == nil {
			err = e
		}
	}()
	probes := []struct {
		condition func(*s3.PutObjectInput)
		want      int // 0 is success
	}{
		{func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }, 0},
		{func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }, http.StatusPreconditionFailed},
		{func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"00000000000000000000000000000000"`) }, http.StatusPreconditionFailed},
	}
	for _, p := range probes {
		err := s.retry(ctx, func(ctx context.Context) error {
			in := &s3.PutObjectInput{
				Bucket: &s.cfg.Bucket, Key: aws.String(s.folder + key), Body: strings.NewReader("a probe; it may be deleted"),
			}
			p.condition(in)
			_, err := s.cfg.Client.PutObject(ctx, in, once)
			return err
		})
		switch {
		case err == nil && p.want == 0, status(err) == http.StatusPreconditionFailed:
			// The first may find itself there, where an answer got lost.
		case err == nil:
			return fmt.Errorf("s3store: sharing s3://%s/%s: %w", s.cfg.Bucket, s.cfg.Prefix, ErrNotShareable)
		case status(err) == http.StatusNotImplemented:
			return fmt.Errorf("s3store: sharing s3://%s/%s: %w: %w", s.cfg.Bucket, s.cfg.Prefix, ErrNotShareable, err)
		default:
			return s.wrap(ctx, "probing", key, err)
		}
	}
	return nil
}
