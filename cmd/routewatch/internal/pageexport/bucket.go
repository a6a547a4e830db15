package pageexport

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/routewatch/routewatch/statuspage/s3store"
)

// cacheControl is what the page itself says of its answers.
const cacheControl = "public, max-age=15, stale-if-error=600"

// bucket is a bucket that S3 website hosting serves, with index.html as the
// index document.
type bucket struct {
	client       *s3.Client
	name, prefix string
}

// openBucket reads where and as whom from the environment, as the AWS tools do.
// A server other than AWS is named by ?endpoint=URL behind the prefix, as in the
// name of a store, or by AWS_ENDPOINT_URL_S3.
func openBucket(ctx context.Context, where string) (Target, error) {
	u, err := url.Parse(where)
	if err != nil || u.User != nil || u.Host == "" {
		return nil, errNoTarget // without the URL, which may hold a password
	}
	var options []func(*s3.Options)
	for key, values := range u.Query() {
		switch key {
		case "endpoint":
			options = append(options, func(o *s3.Options) { o.BaseEndpoint = &values[0] })
		case "region":
			options = append(options, func(o *s3.Options) { o.Region = values[0] })
		default:
			return nil, fmt.Errorf("s3://%s%s: ?%s is none of endpoint=URL and region=NAME", u.Host, u.Path, key)
		}
	}
	client, err := s3store.NewClient(ctx, options...)
	if err != nil {
		return nil, err
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{client, u.Host, prefix}, nil
}

func (b *bucket) String() string { return "s3://" + b.name + "/" + b.prefix }

// Put writes an object. It says nothing of who may read: buckets of today refuse
// lists of rights, and say it in their policy.
func (b *bucket) Put(ctx context.Context, f File) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: aws.String(b.prefix + inBucket(f)), Body: bytes.NewReader(f.Body),
		ContentType: &f.Type, CacheControl: aws.String(cacheControl),
	})
	return err
}

// Delete deletes an object. S3 does not mind where there is none.
func (b *bucket) Delete(ctx context.Context, f File) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: aws.String(b.prefix + inBucket(f))})
	return err
}

// tell lists the bucket. An object's tag is the MD5 sum of what is in it, unless
// it is encrypted with a key of the customer's; then all of them look different.
// The tag knows nothing of the type, which changes with the path alone.
func (b *bucket) tell(ctx context.Context) (func(File) bool, error) {
	tags := map[string]string{}
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &b.prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			tags[aws.ToString(o.Key)] = strings.Trim(aws.ToString(o.ETag), `"`)
		}
	}
	return func(f File) bool {
		sum := md5.Sum(f.Body)
		return tags[b.prefix+inBucket(f)] == hex.EncodeToString(sum[:])
	}, nil
}
