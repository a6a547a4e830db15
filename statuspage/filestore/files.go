package filestore

import (
	"errors"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/routewatch/routewatch/statuspage"
)

// ownFolder is where the store keeps what is no document. No key begins with a
// dot.
const ownFolder = ".routewatch"

// publicFolder is the folder of what visitors see anyway.
const publicFolder = "services/"

// makeFolder makes a folder and those above it, so that they survive a loss of
// power.
func makeFolder(name string, mode fs.FileMode) error {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(filepath.Clean(name))
	if parent != name {
		if err := makeFolder(parent, 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncPath(parent)
}

func isPublic(key string) bool { return strings.HasPrefix(key, publicFolder) }

const publicMode fs.FileMode = 0o644

// modes are the permissions of a document's file and folder, before the umask.
func modes(key string) (file, folder fs.FileMode) {
	if isPublic(key) {
		return publicMode, 0o755
	}
	return 0o600, 0o700
}

// writeFile makes a document's file hold data, or removes it where data is nil.
// It does not sync: the journal has the data.
func (s *Store) writeFile(key string, data []byte) error {
	name := s.path(key)
	if data == nil {
		if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	// Its folder may not be there, or be on another file system: then a new file
	// is made where it belongs.
	if isPublic(key) && s.takeTurns(key, data) {
		return nil
	}
	fileMode, folderMode := modes(key)
	temp := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+tempSuffix)
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	f, err := os.OpenFile(temp, flags, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(name), folderMode); err != nil {
			return err
		}
		f, err = os.OpenFile(temp, flags, fileMode)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		os.Remove(temp) // what cannot be removed either goes with the next Open
	}
	return err
}

const tempSuffix = ".tmp"

// readFolder returns the keys of the files in dir, and removes what a crash has
// left half written.
func readFolder(dir string) (keys []string, err error) {
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		switch {
		case name == dir:
			return nil
		case entry.IsDir() && base[0] == '.':
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case base[0] == '.' && strings.HasSuffix(base, tempSuffix):
			return os.Remove(name)
		case !entry.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if key := filepath.ToSlash(rel); statuspage.CheckKey(key) == nil {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// syncFiles makes the files of keys, and their folders, survive a loss of power.
func (s *Store) syncFiles(keys map[string]bool) error {
	folders := map[string]bool{}
	var files []string
	for key := range keys {
		name := s.path(key)
		files = append(files, name)
		for folder := filepath.Dir(name); !folders[folder]; folder = filepath.Dir(folder) {
			folders[folder] = true
			if folder == filepath.Clean(s.cfg.Dir) {
				break
			}
		}
	}
	if err := s.syncAll(slices.Values(files)); err != nil {
		return err
	}
	return s.syncAll(maps.Keys(folders))
}

// syncAll syncs several at a time, which a file system does together.
func (s *Store) syncAll(names iter.Seq[string]) error {
	const atOnce = 8
	todo := make(chan string)
	errs := make(chan error, atOnce)
	for range atOnce {
		go func() {
			var first error
			for name := range todo {
				if err := s.cfg.sync(name); first == nil {
					first = err
				}
			}
			errs <- first
		}()
	}
	for name := range names {
		todo <- name
	}
	close(todo)
	var all error
	for range atOnce {
		all = errors.Join(all, <-errs)
	}
	return all
}

// syncPath syncs a file or a folder. That it is gone is fine.
func syncPath(name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
