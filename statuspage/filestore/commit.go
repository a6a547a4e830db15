package filestore

import (
	"fmt"
	"log/slog"
	"time"
)

// committer is what the goroutine knows that writes the journal and the files.
// Nobody else touches it, but for Open before and a checkpoint, which has its own.
type committer struct {
	journal    *journal
	generation uint64
	old        []string            // journals before this one, whose files may not be synced
	behind     map[string]*version // the newest of each key whose file has not got it yet
	dirty      map[string]bool     // keys whose files changed since the journals in old ended
	fileErr    error               // why a file could not be written
	checkpoint chan *checkpoint    // its end; nil while there is none
	syncErr    error               // why there are no checkpoints any more
}

// quietFor is how long nothing is stored before the files that are behind are
// written: those that nobody waits for keep nobody waiting.
const quietFor = 100 * time.Millisecond

// maxBacklog is how many times its size the journal may grow to while the files
// cannot be written. After that updates fail, before the disk is full.
const maxBacklog = 16

// commitAll stores what is queued until the store is closed.
func (s *Store) commitAll() {
	defer close(s.stopped)
	c := &s.committer
	if len(c.old) > 0 {
		c.startCheckpoint(s)
	}
	quiet := time.NewTimer(quietFor)
	defer quiet.Stop()
	for {
		select {
		case <-s.wake:
			s.commit()
			if c.journal.size > s.cfg.JournalSize {
				c.compact(s)
			}
			quiet.Reset(quietFor)
		case <-quiet.C:
			c.catchUp(s)
		case end := <-c.checkpoint:
			c.endCheckpoint(s, end)
			quiet.Reset(quietFor)
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
		c.behind[v.key] = v
	}
	s.mu.Unlock()
	if c.fileErr != nil {
		c.writeAll(s)
	} else {
		for _, v := range b.versions {
			if isPublic(v.key) && c.behind[v.key] == v {
				c.writeFile(s, v)
			}
		}
	}
	close(b.done)
}

// store writes versions to the journal.
func (c *committer) store(s *Store, versions []*version) error {
	if c.journal.size > maxBacklog*s.cfg.JournalSize {
		if c.fileErr != nil {
			c.writeAll(s)
		}
		switch {
		case c.fileErr != nil:
			return fmt.Errorf("filestore: its files cannot be written: %w", c.fileErr)
		case c.syncErr != nil:
			return fmt.Errorf("filestore: its files could not be synced: %w", c.syncErr)
		}
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

// writeFile brings the file of a version up to it. One that cannot be written is
// tried again with the next update: its document is safe, and Get knows it.
func (c *committer) writeFile(s *Store, v *version) {
	err := s.writeFile(v.key, v.data)
	if err != nil {
		c.failed(s, err)
		return
	}
	delete(c.behind, v.key)
	c.dirty[v.key] = true
	s.wrote(v)
}

// failed notes that a file cannot be written.
func (c *committer) failed(s *Store, err error) {
	if c.fileErr == nil {
		s.cfg.Logger.Error("filestore: a file cannot be written; its document is safe in the journal",
			slog.Any("error", err))
	}
	c.fileErr = err
}

// writeAll brings all files up to the journal, after one could not be written.
func (c *committer) writeAll(s *Store) {
	if c.checkpoint != nil {
		return // it writes some of them
	}
	before := c.fileErr
	for _, v := range c.behind {
		c.writeFile(s, v)
	}
	if len(c.behind) == 0 {
		c.fileErr = nil
	}
	if before != nil && c.fileErr == nil {
		s.cfg.Logger.Info("filestore: all files are written again", slog.String("dir", s.cfg.Dir))
	}
}

// catchUp writes the files that are behind until there is something to store.
func (c *committer) catchUp(s *Store) {
	if c.checkpoint != nil {
		return
	}
	for _, v := range c.behind {
		if len(s.wake) > 0 {
			return
		}
		c.writeFile(s, v)
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
