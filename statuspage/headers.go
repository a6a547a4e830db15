package statuspage

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// cachePublic lets everybody keep an answer for a short time, and go on showing
// it for a while where we do not answer.
const cachePublic = "public, max-age=15, stale-if-error=600"

// The answers of the API run nothing and load nothing.
const dataCSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Values of headers that never change. They are shared by all answers, and
// nobody may write to them: http.Header.Set does not.
var (
	valueNosniff      = []string{"nosniff"}
	valueNoReferrer   = []string{"no-referrer"}
	valueDeny         = []string{"DENY"}
	valueDataCSP      = []string{dataCSP}
	valueHSTS         = []string{"max-age=31536000"}
	valueCachePublic  = []string{cachePublic}
	valueNoStore      = []string{"no-store"}
	valueAny          = []string{"*"}
	valueExpose       = []string{"ETag"}
	valueCrossOrigin  = []string{"cross-origin"}
	valueAllowRead    = []string{"GET, HEAD, OPTIONS"}
	valueAllowPost    = []string{"POST, OPTIONS"}
	valueAllowDelete  = []string{"DELETE, OPTIONS"}
	valueJSON         = []string{"application/json; charset=utf-8"}
	valuePreflight    = []string{"GET, HEAD"}
	valuePreflightHdr = []string{"If-None-Match, Last-Event-ID, Cache-Control"}
	valuePreflightAge = []string{"86400"}
)

// secure sets the headers that every answer has, errors too.
func (p *Page) secure(h http.Header, r *http.Request) {
	h["X-Content-Type-Options"] = valueNosniff
	h["Referrer-Policy"] = valueNoReferrer
	h["X-Frame-Options"] = valueDeny
	h["Content-Security-Policy"] = valueDataCSP
	// A browser takes it over TLS alone. Whether a proxy ends the TLS is told by
	// the configured address; the proxy's own headers could come from anybody.
	if r.TLS != nil || strings.HasPrefix(p.cfg.Site.URL, "https://") {
		h["Strict-Transport-Security"] = valueHSTS
	}
}

// share lets pages of any origin read an answer. None of ours depends on who
// asks, so there is nothing that they could find out.
func share(h http.Header) {
	h["Access-Control-Allow-Origin"] = valueAny
	h["Access-Control-Expose-Headers"] = valueExpose
	h["Cross-Origin-Resource-Policy"] = valueCrossOrigin
}

// preflight answers a browser that asks what pages of other origins may do.
func preflight(h http.Header) {
	h["Allow"] = valueAllowRead
	h["Access-Control-Allow-Methods"] = valuePreflight
	h["Access-Control-Allow-Headers"] = valuePreflightHdr
	h["Access-Control-Max-Age"] = valuePreflightAge
}

// answer is a body with what its headers say of it. It never changes.
type answer struct {
	body               []byte
	kind, etag, length []string
}

func newAnswer(kind string, body []byte) *answer {
	sum := sha256.Sum256(body)
	return &answer{
		body:   body,
		kind:   []string{kind},
		etag:   []string{`"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`},
		length: []string{strconv.Itoa(len(body))},
	}
}

// write answers a GET or HEAD with 200, or with 304 where the client has it.
func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"] = valueCachePublic
	h["Etag"] = a.etag
	if inm := r.Header["If-None-Match"]; len(inm) > 0 && matches(inm, a.etag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = a.kind
	h["Content-Length"] = a.length
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that has gone needs no answer
	}
}

// matches reports whether an If-None-Match names the tag. The comparison is
// weak: a proxy that compresses makes the tag a weak one.
// https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match
func matches(ifNoneMatch []string, etag string) bool {
	for _, line := range ifNoneMatch {
		for one := range strings.SplitSeq(line, ",") {
			one = strings.TrimSpace(one)
			if one == "*" || strings.TrimPrefix(one, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// fail answers with an error that nobody may keep. What it says is ours: nothing
// of the request is in it.
func fail(w http.ResponseWriter, r *http.Request, status int, why string) {
	h := w.Header()
	h["Cache-Control"] = valueNoStore
	h["Content-Type"] = valueJSON
	body, _ := json.Marshal(map[string]string{"error": why})
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n'))
	}
}

// base is where the page is mounted: "" or a path that begins with a slash and
// does not end with one.
func (s Site) base() string {
	clean := path.Clean("/" + s.BasePath)
	if clean == "/" {
		return ""
	}
	return clean
}

// address is the page's own for those outside, without a slash at the end. The
// path of a configured one is the whole path: a proxy may take off a prefix.
func (p *Page) address(r *http.Request) string {
	if u := strings.TrimRight(p.cfg.Site.URL, "/"); u != "" {
		return u
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + p.cfg.Site.base()
}
