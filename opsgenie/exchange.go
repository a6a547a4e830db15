package opsgenie

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/hashicorp/go-retryablehttp"
	sdk "github.com/opsgenie/opsgenie-go-sdk-v2/client"
	"github.com/sirupsen/logrus"
)

// maxBody bounds what is read of an answer.
const maxBody = 1 << 20

// sharedSDK makes the configuration that all calls of all clients give the SDK.
// The SDK's constructor writes a package variable that its calls read, so it
// runs once in a process; what it leaves in the configuration (an unexported
// host) cannot be had in another way. The key in it is none: the real one is
// set beneath, in [exchange.RoundTrip]. The SDK logs each failure to stderr
// unless it is given a logger that discards.
var sharedSDK = sync.OnceValues(func() (*sdk.Config, error) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.SetLevel(logrus.PanicLevel)
	cfg := &sdk.Config{ApiKey: "set-beneath", Logger: log}
	_, err := sdk.NewOpsGenieClient(cfg)
	return cfg, err
})

// exchange is one request and its answer. It stands beneath the SDK as the
// http.RoundTripper of one call, and puts right what the SDK cannot:
//
//   - the URL, of which the SDK only takes a host, and the escapes in its path,
//     which the SDK escapes again;
//   - the context, which the SDK drops with go-retryablehttp 0.7.1 and later;
//   - the key and the User-Agent;
//   - the answer's headers, which the SDK drops from errors, and the length of
//     its body, which the SDK reads without a limit.
type exchange struct {
	client *Client
	ctx    context.Context

	status int // 0 while no answer came
	header http.Header
	body   []byte
	err    error // what the transport said
}

// call makes one attempt at a request through the SDK. Whether it succeeded is
// read from the exchange, not from the SDK's error, which says less and names a
// URL that was never called.
//
// All calls go this way, the lists as well: a result of our own type that embeds
// the SDK's metadata is filled by the SDK, with the paging that its own result
// types leave out and times and details that they refuse.
func (c *Client) call(ctx context.Context, op string, req sdk.ApiRequest, result sdk.ApiResult) *Error {
	if err := ctx.Err(); err != nil {
		return c.newError(op, err)
	}
	callCtx, cancel := c.within(ctx)
	defer cancel()
	x := &exchange{client: c, ctx: callCtx}
	api := &sdk.OpsGenieClient{
		Config: c.sdk,
		RetryableClient: &retryablehttp.Client{
			HTTPClient: &http.Client{
				Transport: x,
				// A redirect would carry the key and turn POST into GET.
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			// The SDK repeats four times when told not to repeat, POST too.
			CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
		},
	}
	err := api.Exec(callCtx, req, result)
	switch {
	case x.err != nil:
		return c.failed(ctx, op, x)
	case x.status == 0: // the SDK refused to make a request
		return c.newError(op, fmt.Errorf("%w: %w", ErrInvalid, c.cause(err)))
	case x.status < 200 || x.status > 299:
		return c.refused(op, x)
	case err != nil || !bytes.HasPrefix(bytes.TrimSpace(x.body), []byte("{")):
		e := c.newError(op, errForeign)
		e.Status = x.status
		return e
	}
	return nil
}

// RoundTrip sends the SDK's request as it should be and reads the answer whole.
func (x *exchange) RoundTrip(in *http.Request) (*http.Response, error) {
	if in.Body != nil {
		defer in.Body.Close()
	}
	// The SDK escapes its path once more, so its Path is what we escaped.
	u, err := x.client.base.at(in.URL.Path, in.URL.RawQuery)
	if err != nil {
		x.err = err
		return nil, err
	}
	req := in.Clone(x.ctx)
	req.URL, req.Host = u, u.Host
	req.Header.Set("Authorization", "GenieKey "+x.client.key())
	req.Header.Set("User-Agent", x.client.userAgent)
	if in.Body == nil {
		req.Header.Del("Content-Type") // the SDK sends it empty
	}
	resp, err := x.send(req)
	if err != nil {
		x.err = err
		return nil, err
	}
	return &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode,
		Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header: resp.Header.Clone(), ContentLength: int64(len(x.body)), Request: in,
		Body: io.NopCloser(bytes.NewReader(x.body)),
	}, nil
}

// send carries the request and keeps the answer. A transport that panics must
// not take down the process whose alert this is: the panic becomes an error.
func (x *exchange) send(req *http.Request) (resp *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			resp, err = nil, fmt.Errorf("the transport panicked: %v", v)
		}
	}()
	resp, err = x.client.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp == nil || resp.Body == nil {
		return nil, errors.New("the transport returned neither an answer nor an error")
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 {
		return nil, fmt.Errorf("the transport returned status %d, which is no answer", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case resp.StatusCode >= 300: // the status says enough, with what there is of a body
		body = body[:min(len(body), maxBody)]
	case len(body) > maxBody:
		return nil, fmt.Errorf("the answer is longer than %d bytes; a smaller limit may help", maxBody)
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	x.status, x.header, x.body = resp.StatusCode, resp.Header, body
	return resp, nil
}

func (c *Client) newError(op string, err error) *Error {
	return &Error{Op: op, Host: c.base.url.Hostname(), Err: err}
}

// failed is the error of a call that got no answer. A cancellation counts as one
// only when it is the caller's.
func (c *Client) failed(ctx context.Context, op string, x *exchange) *Error {
	switch {
	case ctx.Err() != nil:
		return c.newError(op, ctx.Err())
	case x.ctx.Err() != nil:
		return c.newError(op, fmt.Errorf("no answer within %s: %w", c.timeout, context.DeadlineExceeded))
	}
	return c.newError(op, c.cause(x.err))
}

// cause makes an error of a transport fit to be shown: without its URL, which
// names aliases, and without the key, which a transport that prints requests
// knows. Where the key was in it, nothing can be unwrapped from it.
func (c *Client) cause(err error) error {
	if err == nil {
		return errors.New("unknown")
	}
	for ue := (*url.Error)(nil); errors.As(err, &ue) && ue.Err != nil; {
		err = ue.Err
	}
	safe := &transportError{text: c.safe(err.Error(), 500), err: err}
	for _, show := range []string{"%v", "%+v", "%#v"} {
		if s := fmt.Sprintf(show, err); c.redact(s) != s {
			safe.err = nil
		}
	}
	if errors.Is(err, context.Canceled) {
		safe.err = nil // not the caller's
	}
	return safe
}

// transportError is an error of a transport with its text made fit.
type transportError struct {
	text string
	err  error
}

func (e *transportError) Error() string { return e.text }
func (e *transportError) Unwrap() error { return e.err }

// pathSegment escapes s as one segment of a path.
func pathSegment(s string) (string, error) {
	switch strings.TrimSpace(s) {
	case "":
		return "", fmt.Errorf("%w: the identifier is empty", ErrInvalid)
	case ".", "..":
		// Clients, proxies and servers all resolve these, escaped or not: the
		// call would go to another path.
		return "", fmt.Errorf("%w: %q cannot be an identifier", ErrInvalid, s)
	}
	return url.PathEscape(s), nil
}
