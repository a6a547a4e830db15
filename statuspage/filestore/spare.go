package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// A file that is there for others has a spare, which was that file before it was
// last replaced, and the two take turns. To make a new file and to free the old one
// each time is most of what replacing it costs, and an update waits for it.
const sparePrefix = "spare-"

// takeTurns makes the spare of a document's file hold data and puts it in the
// file's place. It reports whether it did: what does not work with a spare may work
// without.
func (s *Store) takeTurns(key string, data []byte) bool {
	base := strings.TrimPrefix(key, publicFolder)
	if strings.Contains(base, "/") {
		return false // its spare would be that of others too
	}
	name, spare := s.path(key), filepath.Join(s.cfg.Dir, ownFolder, sparePrefix+base)
	if !writeSpare(spare, data) {
		os.Remove(spare)
		return false
	}
	// A folder could be exchanged too, and it is not ours to move.
	if old, err := os.Lstat(name); err == nil && old.Mode().IsRegular() && exchange(spare, name) == nil {
		return true
	}
	// There is no file to exchange it with, or this system does not exchange.
	if os.Rename(spare, name) != nil {
		os.Remove(spare)
		return false
	}
	return true
}

// writeSpare writes a spare, and makes it where there is none that is unused.
func writeSpare(name string, data []byte) bool {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err == nil && !unused(f) {
		f.Close()
		os.Remove(name) // whoever has it keeps it
		err = os.ErrNotExist
	}
	if err != nil {
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, publicMode)
	}
	if err != nil {
		return false
	}
	_, err = f.WriteAt(data, 0)
	return errors.Join(err, f.Truncate(int64(len(data))), f.Close()) == nil
}

// removeSpares removes all spares. One that cannot be removed does no harm.
func (s *Store) removeSpares() {
	own := filepath.Join(s.cfg.Dir, ownFolder)
	entries, _ := os.ReadDir(own)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), sparePrefix) {
			os.Remove(filepath.Join(own, entry.Name()))
		}
	}
}
