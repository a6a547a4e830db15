// Package openstore opens the store that a command line names.
package openstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
	"github.com/routewatch/routewatch/statuspage/memstore"
	"github.com/routewatch/routewatch/statuspage/s3store"
)

// Open opens a store:
//
//	mem:                  in memory
//	file:DIR              in a folder
//	s3://BUCKET/PREFIX    in a bucket, by AWS's environment and files
//
// A bucket may be followed by ?endpoint=URL for a server other than AWS,
// ?region=NAME, and ?single-writer=true where the server cannot be shared.
func Open(ctx context.Context, name string) (statuspage.Store, error) {
	switch scheme, rest, _ := strings.Cut(name, ":"); scheme {
	case "mem":
		if rest != "" {
			return nil, fmt.Errorf("store %q: mem: has nothing after it", name)
		}
		return memstore.New(), nil
	case "file":
		if rest == "" {
			return nil, fmt.Errorf("store %q: the folder is missing, as in file:/var/lib/routewatch", name)
		}
		return wrap(filestore.Open(filestore.Config{Dir: folder(rest)}))
	case "s3":
		return openS3(ctx, name)
	}
	return nil, fmt.Errorf("store %q: is none of mem:, file:DIR and s3://BUCKET/PREFIX", name)
}

// Present returns an error where a store is in a folder that is not there, which
// Open would make.
func Present(name string) error {
	if dir, ok := strings.CutPrefix(name, "file:"); ok {
		_, err := os.Stat(folder(dir))
		return err
	}
	return nil
}

// folder takes file:///DIR, which is what a URL would be, as well.
func folder(path string) string {
	if dir, ok := strings.CutPrefix(path, "///"); ok {
		return "/" + dir
	}
	return path
}

func openS3(ctx context.Context, name string) (statuspage.Store, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, errors.New("the store s3:… is no URL") // which may hold a password
	}
	if u.User != nil {
		return nil, errors.New("the store s3:… holds credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead")
	}
	if u.Host == "" {
		return nil, fmt.Errorf("store %q: the bucket is missing, as in s3://bucket/prefix", name)
	}
	cfg := s3store.Config{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	var options []func(*s3.Options)
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("store s3://%s%s: what follows the ? cannot be read", u.Host, u.Path)
	}
	for key := range query {
		switch value := query.Get(key); {
		case key == "endpoint":
			options = append(options, func(o *s3.Options) { o.BaseEndpoint = aws.String(value) })
		case key == "region":
			options = append(options, func(o *s3.Options) { o.Region = value })
		case key == "single-writer" && (value == "true" || value == "false"):
			cfg.SingleWriter = value == "true"
		default:
			return nil, fmt.Errorf("store s3://%s%s: ?%s is none of endpoint=URL, region=NAME and single-writer=true", u.Host, u.Path, key)
		}
	}
	if cfg.Client, err = s3store.NewClient(ctx, options...); err != nil {
		return nil, err
	}
	return wrap(s3store.Open(ctx, cfg))
}

// wrap keeps a nil pointer from becoming a Store that is not nil.
func wrap[S statuspage.Store](s S, err error) (statuspage.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
