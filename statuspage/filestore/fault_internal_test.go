package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

var quiet = slog.New(slog.DiscardHandler)

// disk makes journals' files fail, and counts what they are asked.
type disk struct {
	mu sync.Mutex
	faults
	syncs atomic.Int64
}

type faults struct {
	writeErr, syncErr, cutErr, beginErr error
	partial                             int           // bytes that a failing write writes
	hang                                chan struct{} // writes wait until it is closed
}

func (d *disk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *disk) create(name string) (journalFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.beginErr != nil {
		return nil, d.beginErr
	}
	f, err := createFile(name)
	return &diskFile{f, d}, err
}

type diskFile struct {
	journalFile
	disk *disk
}

func (f *diskFile) WriteAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	hang := f.disk.hang
	f.disk.mu.Unlock()
	if hang != nil {
		<-hang
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.writeErr != nil {
		n, _ := f.journalFile.WriteAt(b[:min(len(b), f.disk.partial)], at)
		return n, f.disk.writeErr
	}
	return f.journalFile.WriteAt(b, at)
}

func (f *diskFile) Sync() error     { return f.sync(f.journalFile.Sync) }
func (f *diskFile) Datasync() error { return f.sync(f.journalFile.Datasync) }

func (f *diskFile) sync(do func() error) error {
	f.disk.syncs.Add(1)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.syncErr != nil {
		return f.disk.syncErr
	}
	return do()
}

func (f *diskFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.cutErr != nil {
		return f.disk.cutErr
	}
	return f.journalFile.Truncate(size)
}

func set(doc string) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return []byte(doc), nil }
}

func setAll(doc string) func([][]byte) ([][]byte, error) {
	return func(docs [][]byte) ([][]byte, error) {
		for n := range docs {
			docs[n] = []byte(doc)
		}
		return docs, nil
	}
}

func TestAnUpdateIsOneSync(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	d.syncs.Store(0)
	for n := range 10 {
		require.NoError(t, s.Update(t.Context(), "a.json", set(fmt.Sprint(n))))
	}
	assert.EqualValues(t, 10, d.syncs.Load())
	require.NoError(t, s.Update(t.Context(), "a.json", set("9")))
	assert.EqualValues(t, 10, d.syncs.Load(), "nothing changed")

	keys := []string{"a.json", "services/b.json", "c/c.json"}
	require.NoError(t, s.UpdateAll(t.Context(), keys, setAll("10")))
	assert.EqualValues(t, 11, d.syncs.Load(), "of several documents too")
	require.NoError(t, s.UpdateAll(t.Context(), keys, setAll("10")))
	assert.EqualValues(t, 11, d.syncs.Load(), "nothing changed")
}

// While a sync is under way, all that comes waits for the next one together: also
// many changes of one document.
func TestUpdatesAtTheSameTimeShareASync(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	d.syncs.Store(0)
	d.mu.Lock() // the disk is slow
	var wg sync.WaitGroup
	const n = 64
	for range n {
		wg.Go(func() {
			assert.NoError(t, s.Update(t.Context(), "a.json", func(doc []byte) ([]byte, error) { return append(doc, 'x'), nil }))
		})
	}
	for { // until all are in the first batch or the second
		s.mu.Lock()
		queued := 0
		if s.docs["a.json"] != nil && s.docs["a.json"].newest != nil {
			queued = len(s.docs["a.json"].newest.data)
		}
		s.mu.Unlock()
		if queued == n {
			break
		}
	}
	d.mu.Unlock()
	wg.Wait()
	assert.LessOrEqual(t, d.syncs.Load(), int64(2))
	doc, err := s.Get(t.Context(), "a.json")
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("x", n), string(doc))
}

func TestAFailingDisk(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault faults
		want  error
	}{
		{"full", faults{writeErr: syscall.ENOSPC}, syscall.ENOSPC},
		{"full, after a part", faults{writeErr: syscall.ENOSPC, partial: 20}, syscall.ENOSPC},
		{"full, and cannot cut", faults{writeErr: syscall.ENOSPC, partial: 20, cutErr: syscall.EIO}, syscall.ENOSPC},
		{"full, nor a new journal", faults{writeErr: syscall.ENOSPC, cutErr: syscall.EIO, beginErr: syscall.ENOSPC}, syscall.ENOSPC},
		{"read-only", faults{writeErr: syscall.EROFS, cutErr: syscall.EROFS, beginErr: syscall.EROFS}, syscall.EROFS},
		{"sync fails", faults{syncErr: syscall.EIO}, syscall.EIO},
		{"sync fails, and cannot cut", faults{syncErr: syscall.EIO, cutErr: syscall.EIO}, syscall.EIO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			d := &disk{}
			s, err := Open(Config{Dir: dir, Logger: quiet, create: d.create})
			require.NoError(t, err)
			require.NoError(t, s.Update(t.Context(), "services/a.json", set("one")))
			require.NoError(t, s.Update(t.Context(), "services/b.json", set("one")))

			d.set(func() { d.faults = tt.fault })
			for range 3 {
				err := s.Update(t.Context(), "services/a.json", set("two"))
				require.ErrorIs(t, err, tt.want)
				assert.ErrorContains(t, err, dir)
				assert.ErrorIs(t, s.Update(t.Context(), "services/new.json", set("two")), tt.want)
				assert.ErrorIs(t, s.Delete(t.Context(), "services/b.json"), tt.want)
				assert.ErrorIs(t, s.UpdateAll(t.Context(), []string{"services/a.json", "services/new.json"}, setAll("two")), tt.want)
			}
			check := func(s *Store, key, want string) {
				t.Helper()
				doc, err := s.Get(t.Context(), key)
				if want == "" {
					assert.ErrorIs(t, err, statuspage.ErrNotFound)
					return
				}
				assert.NoError(t, err)
				assert.Equal(t, want, string(doc), key)
			}
			check(s, "services/a.json", "one")
			check(s, "services/b.json", "one")
			check(s, "services/new.json", "")

			// A disk that lives again is used again.
			d.set(func() { d.faults = faults{} })
			require.NoError(t, s.Update(t.Context(), "services/a.json", func(doc []byte) ([]byte, error) {
				assert.Equal(t, "one", string(doc))
				return []byte("three"), nil
			}))
			check(s, "services/a.json", "three")

			crashed := crash(t, s, dir)
			check(crashed, "services/a.json", "three")
			check(crashed, "services/b.json", "one")
			require.NoError(t, crashed.Close())
		})
	}
}

// crash opens a copy of the folder as a loss of power may leave it: the journals
// are there as far as they were synced, and the files are empty.
func crash(t *testing.T, s *Store, dir string) *Store {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	left := t.TempDir()
	require.NoError(t, os.CopyFS(left, os.DirFS(dir)))
	files, err := filepath.Glob(filepath.Join(left, "services", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		require.NoError(t, os.Truncate(name, 0))
	}
	opened, err := Open(Config{Dir: left, Logger: quiet})
	require.NoError(t, err)
	return opened
}

// What stands on an update that failed fails too, and what comes after it stands
// on what is stored.
func TestUpdatesOnOneThatFails(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	var stored atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := s.UpdateAll(t.Context(), []string{"twin.json", "a.json"}, func(docs [][]byte) ([][]byte, error) {
					return [][]byte{append(docs[0], 'x'), append(docs[1], 'x')}, nil
				})
				if err == nil {
					stored.Add(1)
				} else {
					assert.ErrorIs(t, err, syscall.ENOSPC)
				}
			}
		})
	}
	for n := range 60 {
		d.set(func() { d.writeErr = syscall.ENOSPC; d.partial = n })
		_ = s.Update(t.Context(), "b.json", set(fmt.Sprint(n)))
		d.set(func() { d.writeErr = nil })
		// It fails too where it was queued before the one before had failed.
		_ = s.Update(t.Context(), "c.json", set(fmt.Sprint(n)))
	}
	close(stop)
	wg.Wait()
	require.NoError(t, s.Update(t.Context(), "c.json", set("last")))
	doc, err := s.Get(t.Context(), "a.json")
	require.NoError(t, err)
	assert.Len(t, doc, int(stored.Load()), "each update that was acknowledged, and no other")
	twin, err := s.Get(t.Context(), "twin.json")
	require.NoError(t, err)
	assert.Equal(t, doc, twin, "both or none")
}

// memory is what of a folder survives a loss of power: the names that a folder had
// when it was last synced, and of each file what it held when it was last synced
// itself. What it held since then is torn.
type memory struct {
	mu            sync.Mutex
	dir           string
	synced, whole map[string][]byte
}

func (m *memory) sync(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, err := os.ReadFile(name); err == nil {
		m.synced[name] = data
		return syncPath(name)
	}
	entries, _ := os.ReadDir(name) // none where it is a file that is gone
	maps.DeleteFunc(m.whole, func(file string, _ []byte) bool { return filepath.Dir(file) == name })
	for _, entry := range entries {
		file := filepath.Join(name, entry.Name())
		if entry.IsDir() || entry.Name()[0] == '.' {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has just gone
		}
		if m.whole[file] = data; !bytes.Equal(data, m.synced[file]) {
			m.whole[file] = []byte("torn")
		}
	}
	return syncPath(name)
}

// lose returns a folder that has what survives just now. A journal does, as far
// as it goes: it is synced by its own means.
func (m *memory) lose(t *testing.T) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(left, ownFolder), 0o700))
	journals, err := filepath.Glob(filepath.Join(m.dir, ownFolder, journalPrefix+"*"))
	require.NoError(t, err)
	files := maps.Clone(m.whole)
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return filepath.Base(filepath.Dir(name)) == ownFolder })
	for _, name := range journals {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		files[name] = data
	}
	for name, data := range files {
		rel, err := filepath.Rel(m.dir, name)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(left, rel)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(left, rel), data, 0o600))
	}
	return left
}

// What was acknowledged survives a loss of power at any time: in a journal, or in
// a file that was synced before its journal went.
func TestLossOfPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{dir: t.TempDir(), synced: map[string][]byte{}, whole: map[string][]byte{}}
		s, err := Open(Config{Dir: m.dir, Logger: quiet, JournalSize: 2000, sync: m.sync})
		require.NoError(t, err)
		defer s.Close()
		acked := map[string]string{}
		check := func() {
			t.Helper()
			synctest.Wait() // for the checkpoint: journals go one by one
			left, err := Open(Config{Dir: m.lose(t), Logger: quiet})
			require.NoError(t, err)
			for key, want := range acked {
				doc, err := left.Get(t.Context(), key)
				if want == "" {
					require.ErrorIs(t, err, statuspage.ErrNotFound, key)
					continue
				}
				require.NoError(t, err, key)
				require.Equal(t, want, string(doc), key)
			}
			require.NoError(t, left.Close())
		}
		for n := range 400 {
			record, mirror := fmt.Sprintf("records/%d.json", n%17), fmt.Sprintf("services/%d.json", n%17)
			doc := fmt.Sprint(n, strings.Repeat("x", n%50))
			require.NoError(t, s.UpdateAll(t.Context(), []string{record, mirror}, setAll(doc)))
			acked[record], acked[mirror] = doc, doc
			if n%10 == 0 {
				require.NoError(t, s.Delete(t.Context(), mirror))
				acked[mirror] = ""
			}
			if n%23 == 0 {
				check()
			}
		}
		require.NoError(t, s.Close())
		check()
	})
}

// An update that changes nothing has still seen something: it returns when that is
// stored, and fails where it is not.
func TestAnUpdateWaitsForWhatItHasSeen(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		err  error
	}{
		{"stored", []string{"a.json"}, nil},
		{"not stored", []string{"a.json"}, syscall.ENOSPC},
		{"stored, of several", []string{"other.json", "a.json"}, nil},
		{"not stored, of several", []string{"other.json", "a.json"}, syscall.ENOSPC},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &disk{}
				s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
				require.NoError(t, err)
				defer s.Close()
				hang := make(chan struct{})
				d.set(func() { d.hang, d.writeErr = hang, tt.err })
				first, second := make(chan error, 1), make(chan error, 1)
				go func() { first <- s.Update(t.Context(), "a.json", set("one")) }()
				synctest.Wait()
				go func() {
					second <- s.UpdateAll(t.Context(), tt.keys, func(docs [][]byte) ([][]byte, error) {
						assert.Equal(t, "one", string(docs[len(docs)-1]))
						return docs, nil
					})
				}()
				synctest.Wait()
				assert.Empty(t, second, "it waits")
				close(hang)
				assert.ErrorIs(t, <-first, tt.err)
				assert.ErrorIs(t, <-second, tt.err)
			})
		})
	}
}

// What fails while a change is at work is not what the change was made of: it is
// asked again.
func TestAChangeOfWhatFailsMeanwhile(t *testing.T) {
	for _, keys := range [][]string{{"a.json"}, {"a.json", "b.json"}} {
		synctest.Test(t, func(t *testing.T) {
			d := &disk{}
			s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
			require.NoError(t, err)
			defer s.Close()
			hang := make(chan struct{})
			d.set(func() { d.hang, d.writeErr = hang, syscall.ENOSPC })
			first := make(chan error, 1)
			go func() { first <- s.Update(t.Context(), "a.json", set("one")) }()
			synctest.Wait()
			var seen []string
			require.NoError(t, s.UpdateAll(t.Context(), keys, func(docs [][]byte) ([][]byte, error) {
				if seen = append(seen, string(docs[0])); len(seen) == 1 {
					close(hang)
					assert.ErrorIs(t, <-first, syscall.ENOSPC)
					d.set(func() { d.hang, d.writeErr = nil, nil })
				}
				docs[0] = append(docs[0], "two"...)
				return docs, nil
			}))
			assert.Equal(t, []string{"one", ""}, seen)
			doc, err := s.Get(t.Context(), "a.json")
			require.NoError(t, err)
			assert.Equal(t, "two", string(doc))
		})
	}
}

func TestAFileThatCannotBeWritten(t *testing.T) {
	for _, key := range []string{"services/a.json", "records/a.json"} {
		t.Run(key, func(t *testing.T) {
			dir := t.TempDir()
			var log bytes.Buffer
			s, err := Open(Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil)), JournalSize: 100})
			require.NoError(t, err)
			// A folder where the file belongs: that stops root too.
			require.NoError(t, os.MkdirAll(filepath.Join(dir, key, "x"), 0o755))
			require.NoError(t, s.Update(t.Context(), key, set("one")), "the journal has it")
			require.NoError(t, s.Update(t.Context(), "services/b.json", set("one")))
			doc, err := s.Get(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, "one", string(doc))

			var failed error
			for n := range 1000 {
				if failed = s.Update(t.Context(), "services/b.json", set(fmt.Sprint(n, strings.Repeat("x", 100)))); failed != nil {
					break
				}
			}
			require.ErrorContains(t, failed, "its files cannot be written")
			require.ErrorContains(t, failed, "a.json")
			doc, err = s.Get(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, "one", string(doc))

			// A crash now loses nothing: the journals that have it stay.
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			require.NoError(t, os.RemoveAll(filepath.Join(copied, key)))
			crashed, err := Open(Config{Dir: copied, Logger: quiet})
			require.NoError(t, err)
			doc, err = crashed.Get(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, "one", string(doc))
			require.NoError(t, crashed.Close())

			require.NoError(t, os.RemoveAll(filepath.Join(dir, key)))
			require.NoError(t, s.Update(t.Context(), "services/b.json", set("two")))
			onDisk, err := os.ReadFile(filepath.Join(dir, key))
			require.NoError(t, err)
			assert.Equal(t, "one", string(onDisk))
			require.NoError(t, s.Close())
			assert.Equal(t, 1, strings.Count(log.String(), "a file cannot be written"), "it is said once")
			assert.Contains(t, log.String(), "all files are written again")
			left, err := os.ReadDir(filepath.Join(dir, ownFolder))
			require.NoError(t, err)
			assert.Len(t, left, 1, "after a proper end there is no journal")
		})
	}
}

// It is tried again with the next update, and not only when the journal is full.
func TestAFileThatCouldNotBeWritten(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Config{Dir: dir, Logger: quiet})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "services/a.json", "x"), 0o755))
	require.NoError(t, s.Update(t.Context(), "services/a.json", set("one")))
	require.NoError(t, s.Update(t.Context(), "services/b.json", set("one")), "the others are not to suffer")
	onDisk, err := os.ReadFile(filepath.Join(dir, "services/b.json"))
	require.NoError(t, err)
	assert.Equal(t, "one", string(onDisk))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "services/a.json")))
	require.NoError(t, s.Update(t.Context(), "services/b.json", set("two")))
	onDisk, err = os.ReadFile(filepath.Join(dir, "services/a.json"))
	require.NoError(t, err)
	assert.Equal(t, "one", string(onDisk))
}

// What a checkpoint could not write is not the newest any more where an update came
// meanwhile, and must not be written over that.
func TestACheckpointThatFailsBesideAnUpdate(t *testing.T) {
	s := &Store{cfg: Config{Logger: quiet}}
	older, newer, other := &version{key: "a"}, &version{key: "a"}, &version{key: "b"}
	c := committer{behind: map[string]*version{"a": newer}, dirty: map[string]bool{"c": true}}
	c.endCheckpoint(s, &checkpoint{
		behind: map[string]*version{"a": older, "b": other}, dirty: map[string]bool{"d": true}, fileErr: syscall.ENOSPC,
	})
	assert.Same(t, newer, c.behind["a"])
	assert.Same(t, other, c.behind["b"])
	assert.Equal(t, map[string]bool{"c": true, "d": true}, c.dirty)
	assert.ErrorIs(t, c.fileErr, syscall.ENOSPC)
}

func TestAFileSystemThatFoldsCase(t *testing.T) {
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet})
	require.NoError(t, err)
	defer s.Close()
	s.foldsCase = true
	require.NoError(t, s.Update(t.Context(), "services/API.json", set("one")))
	assert.ErrorContains(t, s.Update(t.Context(), "services/api.json", set("two")), "does not tell")
	require.NoError(t, s.Update(t.Context(), "services/API.json", set("three")))
}

func TestAnUpdateWhoseContextEndsOnTheWay(t *testing.T) {
	d := &disk{}
	s, err := Open(Config{Dir: t.TempDir(), Logger: quiet, create: d.create})
	require.NoError(t, err)
	defer s.Close()
	d.mu.Lock() // the disk hangs
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Update(ctx, "a.json", set("one")) }()
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)
	d.mu.Unlock()
	require.NoError(t, s.Update(t.Context(), "b.json", set("one")), "it goes on")
	_, err = s.Get(t.Context(), "a.json")
	if !errors.Is(err, statuspage.ErrNotFound) {
		assert.NoError(t, err)
	}
}
