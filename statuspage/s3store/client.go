package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// NewClient returns a client by AWS's environment and files: AWS_REGION,
// AWS_PROFILE, the role of an instance, a container or a function, and so on.
// With an endpoint of its own, in options or in AWS_ENDPOINT_URL_S3, it speaks to
// a server other than AWS: buckets are paths there, checksums are sent only where
// they must be, and the region defaults to us-east-1.
func NewClient(ctx context.Context, options ...func(*s3.Options)) (*s3.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("s3store: reading AWS's configuration: %w", err)
	}
	cfg.Logger = logging.Nop{} // else the SDK writes to stderr by itself
	client := s3.NewFromConfig(cfg, append(options, forOtherServers)...)
	o := client.Options()
	if o.Region == "" {
		return nil, errors.New("s3store: no region: set AWS_REGION")
	}
	if o.BaseEndpoint != nil {
		u, err := url.Parse(*o.BaseEndpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("s3store: the endpoint is no http or https URL") // which may hold a password
		}
		if u.User != nil {
			return nil, errors.New("s3store: the endpoint holds credentials, which errors would show: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
		}
	}
	return client, nil
}

func forOtherServers(o *s3.Options) {
	if o.BaseEndpoint == nil {
		return
	}
	o.UsePathStyle = true
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	if o.Region == "" {
		o.Region = "us-east-1"
	}
}
