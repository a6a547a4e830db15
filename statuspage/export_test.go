package statuspage

import (
	"net/http"
	"time"
)

// What tests from outside look at.
var (
	KeyOf    = keyOf
	EarlyKey = earlyKey
	Flatten  = flatten
	AddDays  = addDays
)

// Prune prunes a record as storing it does.
func (r *Record) Prune(now time.Time) { r.prune(now) }

// The bounds of what is kept.
const (
	MaxMarks     = maxMarks
	MaxEarlyNews = maxEarlyNews
	MaxKept      = maxKept
	MaxKeptBytes = maxKeptBytes
)

// Kept is how many answers an API keeps, and how many bytes they are.
func Kept(h http.Handler) (number, bytes int) {
	a := &h.(*api).kept
	for _, kept := range a.byKey {
		bytes += len(kept.body)
	}
	return len(a.byKey), bytes
}
