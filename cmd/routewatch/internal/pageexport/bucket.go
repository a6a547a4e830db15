package pageexport

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// cacheControl is what the page itself says of its answers.
const cacheControl = "public, max-age=15, stale-if-error=600"

// bucket is a bucket that S3 website hosting serves, with index.html as the
// index document.
type bucket struct {
	client       *s3.Client
	name, prefix string
}

// openBucket reads where and as whom from the environment, as the AWS tools do:
// AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL and the like.
func openBucket(ctx context.Context, rest string) (Target, error) {
	name, prefix, _ := strings.Cut(rest, "/")
	if name == "" {
		return nil, fmt.Errorf("%q: %w", "s3://"+rest, errNoTarget)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		// A server other than AWS has no names for its buckets in the DNS, and
		// may not know the newer checksums.
		if o.BaseEndpoint != nil {
			o.UsePathStyle = true
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		}
	})
	prefix = strings.Trim(prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{client, name, prefix}, nil
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
