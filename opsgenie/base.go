package opsgenie

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/routewatch/routewatch/internal/webapi"
)

// base is where the API lives: a checked base URL.
type base struct {
	url *url.URL // no slash at the end, no user, query or fragment
	jsm bool
}

// parseBase checks a base URL. Its errors never repeat the URL itself: people
// put keys in user info and queries.
func parseBase(raw string) (base, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		raw = US
	}
	u, err := url.Parse(raw)
	if err != nil {
		return base{}, errors.New("opsgenie: BaseURL: not a URL")
	}
	fail := func(format string, a ...any) (base, error) {
		return base{}, fmt.Errorf("opsgenie: BaseURL: "+format, a...)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return fail("want https:// and a host, such as %s", US)
	case u.User != nil:
		return fail("holds a user name or password: leave it out")
	case u.Hostname() == "":
		return fail("has no host")
	case u.RawQuery != "" || u.ForceQuery:
		return fail("holds a query: leave it out")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return fail("holds a fragment: leave it out")
	case u.Scheme == "http" && !webapi.Loopback(u.Hostname()):
		return fail("plain http to %s would show the key to the network: use https", u.Hostname())
	}
	u.Host = strings.ToLower(u.Host)
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	u.Path = strings.TrimRight(u.Path, "/")
	switch {
	case u.Path != "" && path.Clean(u.Path) != u.Path:
		return fail("the path prefix holds empty or dot segments")
	case strings.HasSuffix(u.Path, "/v2"), strings.HasSuffix(u.Path, "/v2/alerts"):
		return fail("leave out /v2 and what follows: the base of api.opsgenie.com is %s", US)
	}
	return base{url: u, jsm: isJSM(u)}, nil
}

// at returns the URL of an API path, which is given escaped.
func (b base) at(escaped, query string) (*url.URL, error) {
	unescaped, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, err
	}
	u := *b.url
	u.RawPath = b.url.EscapedPath() + escaped
	u.Path = b.url.Path + unescaped
	u.RawQuery = query
	return &u, nil
}

// String is the base without what could be secret in one that was not checked.
func (b base) String() string {
	if b.url == nil {
		return ""
	}
	return b.url.Scheme + "://" + b.url.Host + b.url.EscapedPath()
}

func isJSM(u *url.URL) bool {
	return u.Hostname() == "api.atlassian.com" &&
		strings.HasPrefix(u.Path+"/", "/jsm/ops/integration/")
}
