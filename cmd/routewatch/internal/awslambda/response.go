package awslambda

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// recorder keeps an answer until it is whole: a Lambda function behind an HTTP
// API cannot send it in pieces.
type recorder struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return // only the first final status counts
	}
	w.status, w.sent = status, w.header.Clone()
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		if w.header.Get("Content-Type") == "" && w.header.Get("Content-Encoding") == "" {
			w.header.Set("Content-Type", http.DetectContentType(b))
		}
		w.WriteHeader(http.StatusOK)
	}
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.body.Write(b)
}

// response is what an HTTP API makes an answer of.
func (w *recorder) response(r *http.Request) events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK) // of a handler that wrote nothing
	out := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: make(map[string]string, len(w.sent))}
	for name, values := range w.sent {
		switch name {
		case "Set-Cookie":
			out.Cookies = values
		case "Content-Length", "Connection", "Transfer-Encoding":
			// API Gateway's own affair.
		default:
			out.Headers[name] = strings.Join(values, ", ")
		}
	}
	switch {
	case r.Method == http.MethodHead:
	case w.sent.Get("Content-Encoding") == "" && utf8.Valid(w.body.Bytes()):
		out.Body = w.body.String()
	default:
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return out
}
