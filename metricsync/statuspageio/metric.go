package statuspageio

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// metric is what the API says of one.
type metric struct {
	ID         string
	Name       string
	Identifier string          `json:"metric_identifier"`
	Backfilled any             // true, false or null
	Newest     json.RawMessage `json:"most_recent_data_at"`
}

// layouts are those of RFC 3339, which takes a fraction of a second or none, and
// of other ways in which Ruby writes a time.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04:05 UTC",
}

// parseTime reads a time: as text with its zone, or in seconds or milliseconds
// since 1970. Null, nothing, "" and 0 are none, the zero time.
func parseTime(raw []byte) (time.Time, error) {
	s := string(raw)
	if strings.HasPrefix(s, `"`) {
		if err := json.Unmarshal(raw, &s); err != nil {
			return time.Time{}, fmt.Errorf("%.40q is no text", raw)
		}
	}
	switch s = strings.ToUpper(strings.TrimSpace(s)); s {
	case "", "NULL", "0":
		return time.Time{}, nil
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		const firstMillis = 1e11 // as seconds, a time in the year 5138
		if n < firstMillis {
			n *= 1000
		}
		if n > 0 && n < maxMillis {
			return time.UnixMilli(int64(math.Round(n))).UTC(), nil
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 && t.UnixMilli() < maxMillis {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time", s)
}

// maxMillis is the year 10000.
const maxMillis = 253402300800000
