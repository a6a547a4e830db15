package filestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const journalPrefix = "journal-"

// recover reads the journals that are there, brings the files up to them, and
// begins a new one.
func (c *committer) recover(s *Store) error {
	c.dirty, c.behind = map[string]bool{}, map[string]*version{}
	own := filepath.Join(s.cfg.Dir, ownFolder)
	s.removeSpares()
	entries, err := os.ReadDir(own) // in order
	if err != nil {
		return err
	}
	newest := map[string][]byte{}
	for _, entry := range entries {
		name := filepath.Join(own, entry.Name())
		number, ok := strings.CutPrefix(entry.Name(), journalPrefix)
		if !ok {
			continue
		}
		if c.generation, err = strconv.ParseUint(number, 16, 64); err != nil {
			return fmt.Errorf("%s is no journal of this store; move it away", name)
		}
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
