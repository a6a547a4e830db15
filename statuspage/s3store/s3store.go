// Package s3store is a statuspage.Store in a bucket of S3, or of a server that
// speaks its protocol. Any number of processes may share it: every write is
// conditional on what was read, so that no update of theirs is lost.
//
//	client, err := s3store.NewClient(ctx)
//	if err != nil {
//		log.Fatal(err)
//	}
//	s, err := s3store.Open(ctx, s3store.Config{Client: client, Bucket: "status", Prefix: "shop"})
//
// # What the bucket must grant
//
// s3:GetObject, s3:PutObject and s3:DeleteObject on the objects below the prefix,
// and s3:ListBucket on the bucket; without the last one S3 answers 403, not 404,
// for an object that is not there. The store sets no ACL, which buckets refuse
// nowadays; grant the public s3:GetObject on services/ by a bucket policy where
// browsers read it.
//
// # Which servers can be shared
//
// Open probes whether the bucket honours If-Match and If-None-Match, and refuses
// it otherwise: S3 does, and so do versitygw and MinIO; rclone's server and Google's
// XML API do not.
package s3store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/internal/keylock"
)

// Config says which bucket a store is in, and how it is used. Client and Bucket
// are required.
type Config struct {
	// Client is used with retries of the store's own. See [NewClient].
	Client *s3.Client
	// Bucket is the name of a bucket that exists.
	Bucket string
	// Prefix is the folder of the store in the bucket. Defaults to all of it.
	Prefix string

	// SingleWriter promises that no other process writes here. Then the bucket
	// need not honour conditions, and Open does not probe it. Nothing checks the
	// promise: where it is broken, updates are lost.
	SingleWriter bool

	// RequestTimeout bounds a single request. Defaults to 10 seconds.
	RequestTimeout time.Duration
	// Timeout bounds a call of the store with all its tries; for List it is that
	// of a page. A context that ends sooner counts. Defaults to 1 minute.
	Timeout time.Duration
}

// Store is a statuspage.Store in a bucket. Make it with [Open].
type Store struct {
	cfg    Config
	folder string        // Prefix, with a slash where it is not empty
	locks  keylock.Locks // so that updates of one process do not race each other
	closed atomic.Bool
}

var _ statuspage.Store = (*Store)(nil)

// publicFolder is the folder of what browsers read.
const publicFolder = "services/"

// cacheControl is that of the page's own answers.
const cacheControl = "public, max-age=15, stale-if-error=600"

// Open returns the store in a bucket, once the bucket was seen to be fit for it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg.Prefix = strings.Trim(cfg.Prefix, "/")
	var errs []error
	if cfg.Client == nil {
		errs = append(errs, errors.New("s3store: Client is missing"))
	}
	if cfg.Bucket == "" {
		errs = append(errs, errors.New("s3store: Bucket is missing"))
	}
	if cfg.Prefix != "" {
		if err := statuspage.CheckKey(cfg.Prefix); err != nil {
			errs = append(errs, fmt.Errorf("s3store: Prefix: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, 10*time.Second)
	cfg.Timeout = cmp.Or(cfg.Timeout, time.Minute)
	s := &Store{cfg: cfg}
	if cfg.Prefix != "" {
		s.folder = cfg.Prefix + "/"
	}
	if !cfg.SingleWriter {
		if err := s.probe(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// object is a document as the bucket has it.
type object struct {
	doc    []byte // nil where there is none
	etag   string
	writes string // the writes that led to it, the newest first
}

// Update implements statuspage.Store.
func (s *Store) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	if err := s.check(ctx, key); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	unlock, err := s.locks.Lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()

	write := newWrite()
	var last error
	for try := range tries(ctx) {
		o, err := s.get(ctx, key)
		if err != nil {
			return s.wrap(ctx, "reading", key, err)
		}
		// The answer to a write may get lost, and so the write counts where it
		// shows, whatever was answered.
		if try > 0 && hasWrite(o.writes, write) {
			return nil
		}
		doc, err := change(bytes.Clone(o.doc))
		if err != nil || doc == nil {
			return err
		}
		if err := statuspage.CheckDocument(doc); err != nil || bytes.Equal(doc, o.doc) {
			return err
		}
		err = s.put(ctx, key, doc, o, write)
		if err == nil {
			return nil
		}
		if !lostRace(err) && !retryable(err) || ctx.Err() != nil {
			return s.wrap(ctx, "storing", key, err)
		}
		last = err
	}
	return s.wrap(ctx, "storing", key, last)
}

// put stores a document on top of o.
func (s *Store) put(ctx context.Context, key string, doc []byte, o object, write string) error {
	in := &s3.PutObjectInput{
		Bucket: &s.cfg.Bucket, Key: aws.String(s.folder + key), Body: bytes.NewReader(doc),
		Metadata: map[string]string{writesKey: addWrite(o.writes, write)},
	}
	if strings.HasSuffix(key, ".json") {
		in.ContentType = aws.String("application/json")
	}
	if strings.HasPrefix(key, publicFolder) {
		in.CacheControl = aws.String(cacheControl)
	}
	switch {
	case s.cfg.SingleWriter:
	case o.doc == nil:
		in.IfNoneMatch = aws.String("*")
	default:
		in.IfMatch = &o.etag
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	_, err := s.cfg.Client.PutObject(ctx, in, once)
	return err
}

// Get implements statuspage.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := s.check(ctx, key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	o, err := s.get(ctx, key)
	if err != nil {
		return nil, s.wrap(ctx, "reading", key, err)
	}
	if o.doc == nil {
		return nil, fmt.Errorf("%w: %s", statuspage.ErrNotFound, key)
	}
	return o.doc, nil
}

// get reads an object. That there is none is no error.
func (s *Store) get(ctx context.Context, key string) (o object, err error) {
	err = s.retry(ctx, func(ctx context.Context) error {
		o = object{}
		out, err := s.cfg.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.cfg.Bucket, Key: aws.String(s.folder + key)}, once)
		if status(err) == http.StatusNotFound && errorCode(err) != noSuchBucket {
			return nil
		}
		if err != nil {
			return err
		}
		defer out.Body.Close()
		doc, err := io.ReadAll(io.LimitReader(out.Body, statuspage.MaxDocument+1))
		if err != nil {
			return &cutError{err}
		}
		if err := statuspage.CheckDocument(doc); err != nil {
			return fmt.Errorf("what is there is none of ours: %w", err)
		}
		o = object{doc, aws.ToString(out.ETag), out.Metadata[writesKey]}
		return nil
	})
	return o, err
}

// List implements statuspage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[statuspage.Entry, error] {
	return func(yield func(statuspage.Entry, error) bool) {
		var token *string
		for {
			if s.closed.Load() {
				yield(statuspage.Entry{}, statuspage.ErrClosed)
				return
			}
			page, err := s.page(ctx, prefix, token)
			if err != nil {
				yield(statuspage.Entry{}, err)
				return
			}
			for _, o := range page.Contents {
				key := strings.TrimPrefix(aws.ToString(o.Key), s.folder)
				if statuspage.CheckKey(key) != nil {
					continue // somebody else's
				}
				if !yield(statuspage.Entry{Key: key, Rev: aws.ToString(o.ETag)}, nil) {
					return
				}
			}
			if token = page.NextContinuationToken; token == nil {
				return
			}
		}
	}
}

func (s *Store) page(ctx context.Context, prefix string, token *string) (page *s3.ListObjectsV2Output, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = s.retry(ctx, func(ctx context.Context) (err error) {
		page, err = s.cfg.Client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket: &s.cfg.Bucket, Prefix: aws.String(s.folder + prefix), ContinuationToken: token,
		}, once)
		return err
	})
	return page, s.wrap(ctx, "listing", prefix, err)
}

// Delete implements statuspage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check(ctx, key); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	unlock, err := s.locks.Lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	return s.wrap(ctx, "deleting", key, s.remove(ctx, key))
}

func (s *Store) remove(ctx context.Context, key string) error {
	return s.retry(ctx, func(ctx context.Context) error {
		_, err := s.cfg.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.cfg.Bucket, Key: aws.String(s.folder + key)}, once)
		if status(err) == http.StatusNotFound && errorCode(err) != noSuchBucket {
			return nil
		}
		return err
	})
}

// Close implements statuspage.Store. The Client stays as it is.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

func (s *Store) check(ctx context.Context, key string) error {
	if s.closed.Load() {
		return statuspage.ErrClosed
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return statuspage.CheckKey(key)
}

// wrap says what was being done. The SDK's errors name operation, address and
// request, never a credential.
func (s *Store) wrap(ctx context.Context, doing, key string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w; the last try: %w", cause, err)
	}
	return fmt.Errorf("s3store: %s s3://%s/%s: %w", doing, s.cfg.Bucket, s.folder+key, err)
}
