package routewatch

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
)

// redacted stands where a secret would.
const redacted = "[redacted]"

// shown is a Config as it may be printed: without methods, and without the key.
type shown Config

func (c Config) shown() shown {
	if c.APIKey != "" {
		c.APIKey = redacted
	}
	c.APIURL = redactURL(c.APIURL)
	// What these print is not ours to know.
	c.Notifier, c.Logger = nil, nil
	return shown(c)
}

// redactURL takes out the parts of a URL in which people put secrets, legal
// here or not.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return redacted
	}
	if u.User != nil {
		u.User = url.User(redacted)
	}
	if u.RawQuery != "" {
		u.RawQuery = redacted
	}
	u.Fragment = ""
	if s, err := url.PathUnescape(u.String()); err == nil {
		return s
	}
	return u.String()
}

// String returns the configuration without its key.
func (c Config) String() string { return fmt.Sprintf("%+v", c.shown()) }

// Format prints the configuration without its key, whatever the verb.
func (c Config) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), c.shown())
}

// MarshalJSON encodes the configuration without its key.
func (c Config) MarshalJSON() ([]byte, error) {
	s := c.shown()
	return json.Marshal(struct {
		shown
		Logger   *struct{} `json:",omitempty"` // over shown's own: neither is data
		Notifier *struct{} `json:",omitempty"`
	}{shown: s})
}

// LogValue logs the configuration without its key.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
