package statuspage

import (
	"errors"
	"fmt"
)

// maxFailures ends a reconciliation: the Alert API is not well, or the store.
const maxFailures = 5

// failures are the alerts that could not be compared with the Alert API. The
// others are not to suffer.
type failures struct {
	services map[string]bool // that they concern
	errs     []error
	serious  int
}

// add notes what became of an alert, and reports whether to end. A damaged
// document is no reason to, however many alerts it concerns.
func (f *failures) add(id string, services []string, err error) (end bool) {
	if err == nil {
		return false
	}
	f.concern(services)
	if !onlyDamage(err) {
		f.serious++
	}
	if len(f.errs) < 2*maxFailures {
		f.errs = append(f.errs, fmt.Errorf("alert %s: %w", id, err))
	}
	return f.serious >= maxFailures
}

// concern notes services that have alerts which could not be compared.
func (f *failures) concern(services []string) {
	for _, name := range services {
		f.services[name] = true
	}
}

func (f *failures) err() error { return errors.Join(f.errs...) }
