package filestore

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxBacklog is how many times its size the journal may grow to while the files
// cannot be written. After that updates fail, before the disk is full.
const maxBacklog = 16

const journalPrefix = "journal-"

// committer is what the goroutine knows that writes the journal and the files.
// Nobody else touches it, but for Open before and a checkpoint, which has its own.
type committer struct {
	journal    *journal
	generation uint64
	old        []string        // journals before this one, whose files may not be synced
	dirty      map[string]bool // keys whose files changed since the journals in old ended
	backlog    map[string]*version
	fileErr    error // why there is a backlog
	checkpoint chan error
	syncErr    error // why there are no checkpoints any more
}

// recover reads the journals that are there, brings the files up to them, and
// begins a new one.
func (c *committer) recover(s *Store) error {
	c.dirty, c.backlog = map[string]bool{}, map[string]*version{}
	own := filepath.Join(s.cfg.Dir, ownFolder)
	entries, err := os.ReadDir(own) // in order
	if err != nil {
		return err
	}
	newest := map[string][]byte{}
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), journalPrefix)
		if !ok {
			continue
		}
		if c.generation, err = strconv.ParseUint(number, 16, 64); err != nil {
			return fmt.Errorf("%s is no journal of this store; move it away", filepath.Join(own, entry.Name()))
		}
		name := filepath.Join(own, entry.Name())
		c.old = append(c.old, name)
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		versions, torn, corrupt := scan(data)
		for _, v := range versions {
			newest[v.key] = v.data
		}
		s.recovery.Replayed += len(versions)
		s.recovery.Torn += torn
		s.recovery.Corrupt += corrupt
		if corrupt > 0 { // somebody may want to look at it
			if err := os.WriteFile(filepath.Join(own, "damaged-"+entry.Name()), data, 0o600); err != nil {
				return err
			}
		}
	}
	// All are written anew, also where the file is the same: what a crash has
	// left in memory alone is not always known to the next sync.
	for key, data := range newest {
		if err := s.writeFile(key, data); err != nil {
			return err
		}
		c.dirty[key] = true
	}
	return c.begin(s)
}

// begin begins a new journal.
func (c *committer) begin(s *Store) error {
	folder := filepath.Join(s.cfg.Dir, ownFolder)
	c.generation++
	j, err := createJournal(filepath.Join(folder, fmt.Sprintf(journalPrefix+"%016x", c.generation)), s.cfg.create)
	if err != nil {
		return fmt.Errorf("filestore: beginning a journal: %w", err)
	}
	if err := errors.Join(syncPath(folder), syncPath(s.cfg.Dir)); err != nil {
		return fmt.Errorf("filestore: beginning a journal: %w", errors.Join(err, j.file.Close(), os.Remove(j.name)))
	}
	if c.journal != nil {
		c.old = append(c.old, c.journal.name)
		c.journal.file.Close() // synced, or given up
	}
	c.journal = j
	return nil
}

// commitAll stores what is queued until the store is closed.
func (s *Store) commitAll() {
	defer close(s.stopped)
	c := &s.committer
	if len(c.old) > 0 {
		c.startCheckpoint(s)
	}
	for {
		select {
		case <-s.wake:
			s.commit()
			if c.journal.size > s.cfg.JournalSize {
				c.compact(s)
			}
		case err := <-c.checkpoint:
			c.endCheckpoint(s, err)
		case <-s.stop:
			s.commit()
			s.closeErr = c.close(s)
			return
		}
	}
}

// commit stores the queue as it is.
func (s *Store) commit() {
	s.mu.Lock()
	b := s.queue
	s.queue = nil
	s.mu.Unlock()
	c := &s.committer
	if b == nil {
		return
	}
	if err := c.store(s, b.versions); err != nil {
		s.fail(b, fmt.Errorf("%w (folder %q)", err, s.cfg.Dir))
		return
	}
	s.mu.Lock()
	for _, v := range b.versions {
		d := s.docs[v.key]
		s.rev++
		d.stored, d.rev = v, s.rev
		if v.data == nil {
			d.rev = 0
		}
		c.backlog[v.key] = v
	}
	s.mu.Unlock()
	c.writeFiles(s)
	close(b.done)
}

// store writes versions to the journal.
func (c *committer) store(s *Store, versions []*version) error {
	if len(c.backlog) > 0 && c.journal.size > maxBacklog*s.cfg.JournalSize {
		if c.writeFiles(s); len(c.backlog) > 0 {
			return fmt.Errorf("filestore: its files cannot be written: %w", c.fileErr)
		}
	}
	if c.syncErr != nil && c.journal.size > maxBacklog*s.cfg.JournalSize {
		return fmt.Errorf("filestore: its files could not be synced: %w", c.syncErr)
	}
	if c.journal.broken {
		if err := c.begin(s); err != nil {
			return err
		}
	}
	return c.journal.append(versions)
}

// fail takes a batch out of the documents, and what was queued since: it may
// stand on what is not stored.
func (s *Store) fail(b *batch, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range []*batch{b, s.queue} {
		if b == nil {
			continue
		}
		for _, v := range b.versions {
			d := s.docs[v.key]
			if d == nil {
				continue
			}
			d.newest = d.stored
			if d.rev == 0 && d.stored == nil {
				delete(s.docs, v.key)
			}
		}
		b.err = err
		close(b.done)
	}
	s.queue = nil
}

// writeFiles brings the files up to the journal. One that cannot be written is
// tried again with the next update: its document is safe, and Get knows it.
func (c *committer) writeFiles(s *Store) {
	before := c.fileErr
	c.fileErr = nil
	for key, v := range c.backlog {
		if err := s.writeFile(key, v.data); err != nil {
			c.fileErr = err
			continue
		}
		delete(c.backlog, key)
		c.dirty[key] = true
		s.wrote(v)
	}
	switch {
	case c.fileErr != nil && before == nil:
		s.cfg.Logger.Error("filestore: a file cannot be written; its document is safe in the journal",
			slog.Any("error", c.fileErr))
	case c.fileErr == nil && before != nil:
		s.cfg.Logger.Info("filestore: all files are written again", slog.String("dir", s.cfg.Dir))
	}
}

// wrote forgets the bytes of a version, which its file has now.
func (s *Store) wrote(v *version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.docs[v.key]
	if d.stored == v {
		d.stored = nil
	}
	if d.newest == v {
		d.newest = nil
	}
	if d.rev == 0 && d.stored == nil && d.newest == nil {
		delete(s.docs, v.key)
	}
}

// compact begins a new journal and lets those before it go.
func (c *committer) compact(s *Store) {
	if c.checkpoint != nil || c.syncErr != nil || len(c.backlog) > 0 {
		return
	}
	if err := c.begin(s); err != nil {
		s.cfg.Logger.Error("filestore: the journal cannot begin anew, and grows", slog.Any("error", err))
		return
	}
	c.startCheckpoint(s)
}

// startCheckpoint syncs the files that the old journals stand for, beside the
// updates, and removes those journals.
func (c *committer) startCheckpoint(s *Store) {
	dirty, old, result := c.dirty, c.old, make(chan error, 1)
	c.dirty, c.checkpoint = map[string]bool{}, result
	go func() { result <- s.syncAndRemove(dirty, old) }()
}

func (c *committer) endCheckpoint(s *Store, err error) {
	c.checkpoint = nil
	if err != nil {
		// The kernel has forgotten what it could not write, so that another try
		// would prove nothing. The next Open writes these files anew.
		c.syncErr = err
		s.cfg.Logger.Error("filestore: files could not be synced; their journals stay", slog.Any("error", err))
		return
	}
	c.old = slices.DeleteFunc(c.old, func(name string) bool {
		_, err := os.Lstat(name)
		return errors.Is(err, os.ErrNotExist)
	})
}

func (s *Store) syncAndRemove(dirty map[string]bool, journals []string) error {
	if err := s.syncFiles(dirty); err != nil {
		return err
	}
	// The oldest goes first: what stays must be the end of the history.
	for _, name := range journals {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return syncPath(filepath.Join(s.cfg.Dir, ownFolder))
}

// close ends the journal. Where all its files are synced, nothing stays of it.
func (c *committer) close(s *Store) error {
	if c.checkpoint != nil {
		c.endCheckpoint(s, <-c.checkpoint)
	}
	c.writeFiles(s)
	err := errors.Join(c.syncErr, c.fileErr)
	if err == nil {
		err = s.syncAndRemove(c.dirty, append(c.old, c.journal.name))
	}
	if err = errors.Join(err, c.journal.file.Close()); err != nil {
		return fmt.Errorf("filestore: closing folder %q; its journal stays for the next Open: %w", s.cfg.Dir, err)
	}
	return nil
}
