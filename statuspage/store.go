package statuspage

import (
	"context"
	"errors"
	"iter"
)

// Store keeps documents. A key is a path of one or more segments, each made of
// the characters A-Z a-z 0-9 . _ - % and blank, none of them beginning with a
// dot; it is at most 300 bytes long. A document is at most 8 MiB, is given as a
// whole, and is never empty. All methods are safe for concurrent use.
//
// The rows of this contract are what storetest.Run holds a Store to.
type Store interface {
	// Update changes the document of a key. It calls change with the document
	// as it is, nil where there is none, and stores what change returns. No
	// update is lost: of two at the same time, in this process or where the
	// store is shared in another, one sees what the other left. So change may
	// be called more than once, and must depend on nothing but what it is
	// given; what it is given is its own to change.
	//
	// Where change returns the same bytes, or nil with no error, nothing is
	// stored. Where it returns an error, nothing is stored and Update returns
	// that error. When Update returns nil, the document survives the process;
	// when it returns another error, the document may or may not be stored.
	Update(ctx context.Context, key string, change func(doc []byte) ([]byte, error)) error

	// Get returns the document of a key, which is the caller's own, or an error
	// that is ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)

	// List yields the keys that begin with prefix, in any order, each once,
	// with a revision. What changes while the list is read may be in it or not.
	// An error ends the list and is yielded last.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes a document. That there is none is fine.
	Delete(ctx context.Context, key string) error

	// Close ends the use of the store. To close twice is fine.
	Close() error
}

// Entry is a document in a list.
type Entry struct {
	Key string
	// Rev changes whenever the document does. Opaque.
	Rev string
}

// ErrNotFound is in the chain of the error of Store.Get where there is no
// document.
var ErrNotFound = errors.New("statuspage: no such document")
