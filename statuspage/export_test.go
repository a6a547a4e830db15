package statuspage

import "time"

// What tests from outside look at.
var (
	KeyOf   = keyOf
	Flatten = flatten
	AddDays = addDays
)

// Prune prunes a record as storing it does.
func (r *Record) Prune(now time.Time) { r.prune(now) }
