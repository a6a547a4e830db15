package awslambda

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// request makes of an event of an HTTP API (payload format 2.0) the request that
// a server would have read.
func request(ctx context.Context, e *events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("its body is no base64: %w", err)
		}
	}
	path := e.RawPath
	// A stage that has a name is the path's first segment.
	if stage := e.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, found := strings.CutPrefix(path, "/"+stage); found && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	r := &http.Request{
		Method:        e.RequestContext.HTTP.Method,
		URL:           pathURL(path),
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        make(http.Header, len(e.Headers)+1),
		Host:          e.RequestContext.DomainName,
		ContentLength: int64(len(body)),
		Body:          http.NoBody,
		// What API Gateway says, not a header, which anybody may send.
		RemoteAddr: net.JoinHostPort(e.RequestContext.HTTP.SourceIP, "0"),
		// An HTTP API is not to be had without TLS.
		TLS: &tls.ConnectionState{HandshakeComplete: true},
	}
	if len(body) > 0 {
		r.Body = readCloser{bytes.NewReader(body)}
	}
	r.URL.RawQuery = e.RawQueryString
	r.RequestURI = r.URL.RequestURI()
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	if r.Host == "" {
		r.Host = r.Header.Get("Host")
	}
	r.Header.Del("Host")
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return r.WithContext(ctx), nil
}

// pathURL is the URL of a path. API Gateway passes some paths on as they were
// sent, and some decoded, so that a lone % stands for itself.
func pathURL(raw string) *url.URL {
	if !strings.HasPrefix(raw, "/") {
		raw = "/" + raw
	}
	path, err := url.PathUnescape(raw)
	if err != nil {
		return &url.URL{Path: raw}
	}
	return &url.URL{Path: path, RawPath: raw} // RawPath is used only where it says the same
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
