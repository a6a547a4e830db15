package filestore

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// checkpoint makes the files stand for the journals before the current one, so
// that those can go. It runs beside the updates.
type checkpoint struct {
	behind   map[string]*version // their files are written first; what is left could not be
	dirty    map[string]bool     // the files that are synced
	journals []string

	fileErr error // why a file could not be written
	syncErr error // why one could not be synced, or a journal not be removed
}

// compact begins a new journal and lets those before it go.
func (c *committer) compact(s *Store) {
	if c.checkpoint != nil || c.syncErr != nil || c.fileErr != nil {
		return
	}
	if err := c.begin(s); err != nil {
		s.cfg.Logger.Error("filestore: the journal cannot begin anew, and grows", slog.Any("error", err))
		return
	}
	c.startCheckpoint(s)
}

func (c *committer) startCheckpoint(s *Store) {
	p := &checkpoint{behind: c.behind, dirty: c.dirty, journals: slices.Clone(c.old)}
	c.behind, c.dirty = map[string]*version{}, map[string]bool{}
	end := make(chan *checkpoint, 1)
	c.checkpoint = end
	go func() {
		p.run(s)
		end <- p
	}()
}

func (p *checkpoint) run(s *Store) {
	for key, v := range p.behind {
		if err := s.writeFile(key, v.data); err != nil {
			p.fileErr = err
			continue
		}
		delete(p.behind, key)
		p.dirty[key] = true
		s.wrote(v)
	}
	if p.fileErr == nil {
		p.syncErr = s.syncAndRemove(p.dirty, p.journals)
	}
}

func (c *committer) endCheckpoint(s *Store, p *checkpoint) {
	c.checkpoint = nil
	switch {
	case p.fileErr != nil:
		for key, v := range p.behind {
			if c.behind[key] == nil { // else there is a newer one
				c.behind[key] = v
			}
		}
		maps.Copy(c.dirty, p.dirty)
		c.failed(s, p.fileErr)
	case p.syncErr != nil:
		// The kernel has forgotten what it could not write, so that another try
		// would prove nothing. The next Open writes these files anew.
		c.syncErr = p.syncErr
		s.cfg.Logger.Error("filestore: files could not be synced; their journals stay", slog.Any("error", p.syncErr))
	default:
		c.old = slices.DeleteFunc(c.old, func(name string) bool { return slices.Contains(p.journals, name) })
	}
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
	return s.cfg.sync(filepath.Join(s.cfg.Dir, ownFolder))
}

// close ends the journal. Where all its files are synced, nothing stays of it.
func (c *committer) close(s *Store) error {
	if c.checkpoint != nil {
		c.endCheckpoint(s, <-c.checkpoint)
	}
	c.writeAll(s)
	err := errors.Join(c.syncErr, c.fileErr)
	if err == nil {
		err = s.syncAndRemove(c.dirty, append(c.old, c.journal.name))
	}
	if err = errors.Join(err, c.journal.file.Close()); err != nil {
		return fmt.Errorf("filestore: closing folder %q; its journal stays for the next Open: %w", s.cfg.Dir, err)
	}
	return nil
}
