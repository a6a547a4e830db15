// Package listing is the List of a store that knows all its documents.
package listing

import (
	"context"
	"iter"

	"github.com/routewatch/routewatch/statuspage"
)

// Of yields what entries returns, which it calls whenever the list is read, until
// ctx ends. An error comes last.
func Of(ctx context.Context, entries func() ([]statuspage.Entry, error)) iter.Seq2[statuspage.Entry, error] {
	return func(yield func(statuspage.Entry, error) bool) {
		all, err := entries()
		for _, e := range all {
			if context.Cause(ctx) != nil {
				break
			}
			if !yield(e, nil) {
				return
			}
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			yield(statuspage.Entry{}, err)
		}
	}
}
