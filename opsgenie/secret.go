package opsgenie

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/text"
)

const redacted = "[redacted]"

// minSecret is how long a key must be to be looked for in text. Real ones have
// 36 characters; replacing a test's "k" would only garble every message.
const minSecret = 8

// parseKey checks a key. Its errors never repeat the key.
func parseKey(raw string) (string, error) {
	key := strings.TrimSpace(raw) // files and environment variables end in line breaks
	if key == "" {
		return "", errors.New("opsgenie: APIKey: required")
	}
	if first, _, more := strings.Cut(key, " "); more && strings.EqualFold(first, "GenieKey") {
		return "", errors.New("opsgenie: APIKey: give the key alone, without the word GenieKey")
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] >= 0x7f {
			return "", errors.New("opsgenie: APIKey: holds a blank, a line break or another character that no key has")
		}
	}
	return key, nil
}

// redactor returns a function that takes the key out of a text, as it is and as
// it is escaped in URLs.
func redactor(key string) func(string) string {
	if len(key) < minSecret {
		return func(s string) string { return s }
	}
	// The longest form goes first, so that no form leaves a part of another.
	r := strings.NewReplacer(url.QueryEscape(key), redacted, url.PathEscape(key), redacted, key, redacted)
	return r.Replace
}

// safe makes one line of at most max runes of text from a server or a transport.
// Cleaning comes first, since it can join what invisible characters part, and
// cutting last, since it would leave the beginning of a key.
func (c *Client) safe(s string, max int) string {
	return text.Cut(c.redact(text.CleanLine(s)), max)
}

// String returns c without its key.
func (c Config) String() string {
	p := c.printable()
	return fmt.Sprintf("opsgenie.Config{APIKey:%q BaseURL:%q Transport:%s Timeout:%s UserAgent:%q}",
		p.APIKey, p.BaseURL, p.Transport, c.Timeout, p.UserAgent)
}

// GoString returns c without its key.
func (c Config) GoString() string { return c.String() }

// Format prints c without its key, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns c without its key.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON returns c without its key. What it returns is to be read, not to
// be loaded again.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.printable()) }

type printableConfig struct {
	APIKey    string
	BaseURL   string
	Transport string
	Timeout   time.Duration
	UserAgent string
}

func (c Config) printable() printableConfig {
	p := printableConfig{Transport: fmt.Sprintf("%T", c.Transport), Timeout: c.Timeout}
	if c.APIKey != "" {
		p.APIKey = redacted
	}
	if c.BaseURL != "" {
		p.BaseURL = redacted // not even a host is safe in a URL that is none
		if b, err := parseBase(c.BaseURL); err == nil {
			p.BaseURL = b.String()
		}
	}
	redact := redactor(strings.TrimSpace(c.APIKey))
	p.BaseURL, p.UserAgent = redact(p.BaseURL), redact(text.CleanLine(c.UserAgent))
	return p
}

// String returns where c talks to.
func (c Client) String() string {
	where := c.base.String()
	if c.redact != nil { // not in a zero Client
		where = c.redact(where)
	}
	return fmt.Sprintf("opsgenie.Client{BaseURL:%q}", where)
}

// GoString returns where c talks to.
func (c Client) GoString() string { return c.String() }

// Format prints where c talks to, whatever the verb.
func (c Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns where c talks to.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
