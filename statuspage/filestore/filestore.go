// Package filestore is a statuspage.Store in a folder: every document is a file
// whose name is its key, which a person can read and a web server can serve.
//
//	s, err := filestore.Open(filestore.Config{Dir: "/var/lib/routewatch"})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close()
//
// # What survives what
//
// An update is first appended to a journal, in .routewatch in the folder, and
// synced; updates at the same time, and all documents of one [Store.UpdateAll],
// share one sync. Then the files are replaced, each in one step. So a reader of
// the files sees whole documents, and what [Store.Update] has acknowledged
// survives kill -9 and the loss of power at any point: Open reads the journal and
// writes the files that are behind. (A loss of power can leave files old, empty or
// torn until then.) Where the disk is full, or fails, Update returns an error, and
// nothing that it acknowledged is lost.
//
// The files of services/ are there for others: every user of the machine can read
// them, and each is replaced before the update of its document returns. Those of
// other folders can be read by their owner alone, and follow: within a second
// once nothing more is stored, and at the latest when the journal is full.
//
// A folder has one writer, which a lock enforces; other programs may read the
// files. Change them by hand only while nobody has the folder open. After a crash
// Open writes what the journal holds over them.
package filestore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/internal/keylock"
	"github.com/routewatch/routewatch/statuspage/internal/listing"
)

// Config says where a store is. Dir is required.
type Config struct {
	// Dir is the folder. It is made where it is not there.
	Dir string
	// JournalSize is how many bytes the journal may grow to before the files
	// are synced and it begins anew. Defaults to 16 MiB: some hundreds of events of
	// services with a long history, many thousands of others.
	JournalSize int64
	// Logger is told what Open had to mend, and of files that cannot be
	// written. Defaults to slog.Default().
	Logger *slog.Logger

	create func(name string) (journalFile, error) // for tests, as is
	sync   func(name string) error                // of a file or a folder
}

// Recovery is what Open found in the journal of a process that did not end well.
type Recovery struct {
	Replayed int // updates that were read from it
	Torn     int // bytes at its end that a crash cut off; none of it was acknowledged
	Corrupt  int // places in its midst that could not be read, and were skipped
}

// Store is a statuspage.Store, and a statuspage.Batch, in a folder. Make it with
// [Open].
type Store struct {
	cfg       Config
	lock      *os.File
	recovery  Recovery
	foldsCase bool          // the file system takes a.json for A.json
	locks     keylock.Locks // held from the reading of a document to the queueing of the next

	mu     sync.Mutex
	docs   map[string]*document // all there are
	rev    uint64
	queue  *batch // nil while it is empty
	closed bool

	wake      chan struct{} // the queue is not empty
	stop      chan struct{} // closed by Close
	stopped   chan struct{} // closed when the committer has ended
	closeErr  error         // of the committer
	committer committer
}

var _ statuspage.Batch = (*Store)(nil)

// ErrLocked is in the chain of the error of [Open] where somebody else has the
// folder open.
var ErrLocked = errors.New("it is in use, and has one writer only")

// Open opens the folder and takes its lock. It fails where another process, or
// another Store of this one, has it.
func Open(cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("filestore: Dir is missing")
	}
	cfg.JournalSize = cmp.Or(cfg.JournalSize, 16<<20)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.create == nil {
		cfg.create = createFile
	}
	if cfg.sync == nil {
		cfg.sync = syncPath
	}
	s := &Store{
		cfg: cfg, docs: map[string]*document{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := s.open(); err != nil {
		if s.lock != nil {
			s.lock.Close()
		}
		return nil, fmt.Errorf("filestore: opening folder %q: %w", cfg.Dir, err)
	}
	go s.commitAll()
	return s, nil
}

func (s *Store) open() error {
	own := filepath.Join(s.cfg.Dir, ownFolder)
	if err := makeFolder(s.cfg.Dir, 0o755); err != nil {
		return err
	}
	if err := makeFolder(own, 0o700); err != nil {
		return err
	}
	var err error
	if s.lock, err = lockFile(filepath.Join(own, "lock")); err != nil {
		return err
	}
	_, err = os.Lstat(filepath.Join(own, "LOCK"))
	s.foldsCase = err == nil
	if err := s.committer.recover(s); err != nil {
		return err
	}
	keys, err := readFolder(s.cfg.Dir)
	if err != nil {
		return err
	}
	for _, key := range keys {
		s.rev++
		s.docs[key] = &document{rev: s.rev}
	}
	if r := s.recovery; r != (Recovery{}) {
		s.cfg.Logger.Warn("filestore: the last process did not close the folder; its journal was read",
			slog.String("dir", s.cfg.Dir), slog.Int("updates", r.Replayed),
			slog.Int("torn_bytes", r.Torn), slog.Int("corrupt", r.Corrupt))
	}
	return nil
}

// Recovery tells what Open had to mend.
func (s *Store) Recovery() Recovery { return s.recovery }

// Get implements statuspage.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := statuspage.CheckKey(key); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return s.read(key)
}

// read returns the document as it is stored. The bytes are the caller's own.
func (s *Store) read(key string) ([]byte, error) {
	s.mu.Lock()
	d := s.docs[key]
	switch {
	case s.closed:
		s.mu.Unlock()
		return nil, statuspage.ErrClosed
	case d != nil && d.stored != nil && d.stored.data != nil:
		defer s.mu.Unlock()
		return bytes.Clone(d.stored.data), nil
	case d == nil || d.rev == 0:
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: %s", statuspage.ErrNotFound, key)
	}
	s.mu.Unlock()
	doc, err := os.ReadFile(s.path(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s", statuspage.ErrNotFound, key)
	case err != nil:
		return nil, fmt.Errorf("filestore: %w", err)
	case len(doc) == 0:
		return nil, fmt.Errorf("filestore: %s is empty, which no document is; remove it", s.path(key))
	}
	return doc, nil
}

// List implements statuspage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[statuspage.Entry, error] {
	return listing.Of(ctx, func() ([]statuspage.Entry, error) { return s.entries(prefix) })
}

func (s *Store) entries(prefix string) (entries []statuspage.Entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, statuspage.ErrClosed
	}
	for key, d := range s.docs {
		if d.rev != 0 && strings.HasPrefix(key, prefix) {
			entries = append(entries, statuspage.Entry{Key: key, Rev: strconv.FormatUint(d.rev, 10)})
		}
	}
	return entries, nil
}

// Close implements statuspage.Store. It stores what is queued, syncs the files,
// and gives the folder free.
func (s *Store) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if !first {
		<-s.stopped
		return nil
	}
	close(s.stop)
	<-s.stopped
	s.removeSpares()
	return errors.Join(s.closeErr, s.lock.Close())
}

func (s *Store) path(key string) string { return filepath.Join(s.cfg.Dir, filepath.FromSlash(key)) }
