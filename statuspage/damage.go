package statuspage

import "errors"

// errDamaged is in the chain of the error for a document that cannot be read.
var errDamaged = errors.New("the document is damaged")

// damage is what is wrong with such a document.
type damage struct{ err error }

func (d damage) Error() string        { return errDamaged.Error() + ": " + d.err.Error() }
func (d damage) Is(target error) bool { return target == errDamaged }

// onlyDamage reports whether nothing is wrong but that documents are damaged: what
// is not in them is not to suffer.
func onlyDamage(err error) bool {
	switch e := err.(type) { //nolint:errorlint // it walks the whole tree itself
	case nil, damage:
		return true
	case interface{ Unwrap() error }:
		within := e.Unwrap()
		return within != nil && onlyDamage(within)
	case interface{ Unwrap() []error }:
		for _, within := range e.Unwrap() {
			if !onlyDamage(within) {
				return false
			}
		}
		return true
	}
	return false
}
