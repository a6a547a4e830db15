package statuspageio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/webapi"
)

// APIURL is where the management API lives.
const APIURL = "https://api.statuspage.io/v1"

const (
	defaultMaxSamples = 3000
	defaultInterval   = time.Second
)

// Config is what a [Client] needs: PageID and APIKey. It prints without its key
// in every way.
type Config struct {
	// PageID is the id of the page, as in the paths of the API.
	PageID string
	// APIKey is a key of the management API that may change the page. Blanks and
	// line breaks around it are taken off.
	APIKey string
	// APIURL is where the API lives: any https URL with a host and an optional
	// path. Plain http goes to loopback alone. Defaults to [APIURL].
	APIURL string
	// MaxSamples is how many samples one call may have, of all metrics together.
	// Defaults to 3000, which those who send many have found to work; the service
	// publishes no limit.
	MaxSamples int
	// Interval is the time from a call until the next: from its answer, or from
	// its beginning while there is none. Defaults to a second, since the service
	// takes 60 calls in any minute. It is waited for by all calls of the Client.
	Interval time.Duration
	// Timeout bounds each attempt at a call, to the end of its answer. A call
	// makes up to five. Defaults to 30 seconds.
	Timeout time.Duration
	// Transport carries the requests. Defaults to one of the client's own, with
	// the environment's proxy.
	Transport http.RoundTripper
}

// pageID is what an id of a page looks like. It becomes a part of paths.
var pageID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$`)

// checked returns c with its defaults, and where the API lives, or tells every
// mistake in c. No error shows the key.
func (c Config) checked() (Config, *url.URL, error) {
	var errs []error
	bad := func(field, format string, a ...any) {
		errs = append(errs, fmt.Errorf("statuspageio: "+field+": "+format, a...))
	}
	c.PageID, c.APIKey = strings.TrimSpace(c.PageID), strings.TrimSpace(c.APIKey)
	switch {
	case c.PageID == "":
		bad("PageID", "required")
	case !pageID.MatchString(c.PageID):
		bad("PageID", "has a form that no id of a page has, such as kctbh9vrtdwd; it is neither the page's name nor its address")
	}
	scheme, _, more := strings.Cut(c.APIKey, " ")
	switch {
	case c.APIKey == "":
		bad("APIKey", "required")
	case more && strings.EqualFold(scheme, "OAuth"):
		bad("APIKey", "give the key alone, without the word OAuth")
	case strings.ContainsFunc(c.APIKey, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		bad("APIKey", "holds a blank, a line break or another character that no key has")
	}
	if c.APIURL == "" {
		c.APIURL = APIURL
	}
	base, err := webapi.ParseBase(c.APIURL, true)
	if err != nil {
		bad("APIURL", "%w", err)
	}
	switch {
	case c.MaxSamples < 0:
		bad("MaxSamples", "%d is negative", c.MaxSamples)
	case c.MaxSamples == 0:
		c.MaxSamples = defaultMaxSamples
	}
	switch {
	case c.Interval < 0:
		bad("Interval", "%s is negative", c.Interval)
	case c.Interval == 0:
		c.Interval = defaultInterval
	}
	if c.Timeout < 0 {
		bad("Timeout", "%s is negative", c.Timeout)
	}
	return c, base, errors.Join(errs...)
}

// String returns c without its key.
func (c Config) String() string {
	where, key := "[redacted]", "" // not even a host is safe in a URL that is none
	if base, err := webapi.ParseBase(c.APIURL, true); err == nil {
		where = base.String()
	}
	if c.APIURL == "" {
		where = ""
	}
	if c.APIKey != "" {
		key = "[redacted]"
	}
	s := fmt.Sprintf("statuspageio.Config{PageID:%q APIKey:%q APIURL:%q MaxSamples:%d Interval:%s Timeout:%s Transport:%T}",
		c.PageID, key, where, c.MaxSamples, c.Interval, c.Timeout, c.Transport)
	return webapi.Cleaner(strings.TrimSpace(c.APIKey))(s, len(s))
}

// Format prints c without its key, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON returns c without its key, to be read and not to be loaded again.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
