package statuspage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Store keeps documents. A key is a path of one or more segments, parted by
// slashes; [CheckKey] says which there are. No key is the folder of another:
// with a/b in the store, a need not work. A document is given as a whole, is
// never empty and at most MaxDocument long. What is no key and what is no
// document is an error of every method that is given it, and changes nothing.
// All methods are safe for concurrent use, and return soon after their context
// has ended.
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
	// with a revision. A prefix need not end at a slash; "" is in all keys. What
	// changes while the list is read may be in it or not.
	// An error ends the list and is yielded last.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]

	// Delete removes a document. That there is none is fine.
	Delete(ctx context.Context, key string) error

	// Close ends the use of the store: every other method returns an error
	// afterwards. What Update has stored stays so. To close twice is fine.
	Close() error
}

// Batch is a Store that can store several documents at once. It is for those to
// whom one more document costs next to nothing once they wait for the disk
// anyway; a Page that has such a store waits once for an event, however many
// documents it changes. storetest.Run holds a Store that is a Batch to these
// rows too.
type Batch interface {
	Store

	// UpdateAll changes the documents of several keys, each of them given once.
	// It calls change with the documents, nil where there is none, in the order
	// of the keys, and stores what change returns in that order. All that is
	// said of Update holds here: a document that is nil or the same stays as it
	// is, and nothing is stored where change returns an error, where a document
	// is none, or where change does not return one for each key.
	//
	// Nobody changes any of the documents between what change sees and what it
	// leaves. Whoever reads beside may find some of them new and others old; and
	// where the process ends on the way, those that are first in keys may be
	// stored and the others not, but never the other way round.
	UpdateAll(ctx context.Context, keys []string, change func(docs [][]byte) ([][]byte, error)) error
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

// The limits of a Store.
const (
	MaxDocument = 8 << 20 // bytes of a document
	MaxKey      = 300     // bytes of a key
	MaxSegment  = 240     // bytes of a part of a key; file systems end at 255, and need some for themselves
)

// CheckKey returns an error that says why key is not one. The segments of a key
// are made of the characters A-Z a-z 0-9 . _ - % and blank, are not empty, and
// do not begin with a dot: dots are for a store's own files.
func CheckKey(key string) error {
	if len(key) > MaxKey {
		return fmt.Errorf("statuspage: a key of %d bytes; %d is the most", len(key), MaxKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "":
			return fmt.Errorf("statuspage: key %q has an empty segment", key)
		case segment[0] == '.':
			return fmt.Errorf("statuspage: key %q has a segment that begins with a dot", key)
		case len(segment) > MaxSegment:
			return fmt.Errorf("statuspage: a segment of %d bytes in a key; %d is the most", len(segment), MaxSegment)
		}
		for i := range len(segment) {
			if c := segment[i]; !isKeyByte(c) {
				return fmt.Errorf("statuspage: key %q has %q in it, which no key has", key, c)
			}
		}
	}
	return nil
}

func isKeyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-% ", c) >= 0
}

// CheckDocument returns an error that says why doc is not a document.
func CheckDocument(doc []byte) error {
	switch {
	case len(doc) == 0:
		return errors.New("statuspage: an empty document")
	case len(doc) > MaxDocument:
		return fmt.Errorf("statuspage: a document of %d bytes; %d is the most", len(doc), MaxDocument)
	}
	return nil
}

// ErrClosed is in the chain of the errors of a Store that was closed.
var ErrClosed = errors.New("statuspage: the store is closed")
