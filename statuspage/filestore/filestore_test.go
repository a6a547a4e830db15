package filestore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
	"github.com/routewatch/routewatch/statuspage/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(filestore.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func set(doc string) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return []byte(doc), nil }
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) statuspage.Store { return open(t, t.TempDir()) })
}

// Every few updates a new journal: compaction runs beside all rows.
func TestStoreWithASmallJournal(t *testing.T) {
	storetest.Run(t, func(t *testing.T) statuspage.Store {
		s, err := filestore.Open(filestore.Config{Dir: t.TempDir(), JournalSize: 200})
		require.NoError(t, err)
		return s
	})
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	foreign := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(foreign, ".routewatch"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(foreign, ".routewatch", "journal-mine"), nil, 0o600))
	for _, tt := range []struct{ name, dir, want string }{
		{"no folder", "", "Dir is missing"},
		{"a file", file, "not a directory"},
		{"below a file", filepath.Join(file, "x"), "not a directory"},
		{"a strange journal", foreign, "journal-mine is no journal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := filestore.Open(filestore.Config{Dir: tt.dir})
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, tt.dir)
		})
	}
}

func TestAFolderHasOneWriter(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := filestore.Open(filestore.Config{Dir: dir})
	require.ErrorIs(t, err, filestore.ErrLocked)
	assert.ErrorContains(t, err, strconv.Quote(dir))
	assert.ErrorContains(t, err, fmt.Sprintf("process %d has it", os.Getpid()))

	require.NoError(t, first.Update(t.Context(), "a.json", set("one")), "the first is not disturbed")
	require.NoError(t, first.Close())
	second := open(t, dir)
	doc, err := second.Get(t.Context(), "a.json")
	require.NoError(t, err)
	assert.Equal(t, "one", string(doc))
}

func TestFilesAreWhatKeysSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new", "folder")
		s := open(t, dir)
		docs := map[string]string{
			"services/API.json":          `{"state":"major","message":"<b>"}`,
			"services/A%2FB c.json":      `{"state":"green","message":""}`,
			"records/API.json":           `{"name":"API"}`,
			"incidents/2026/11/one.json": `{}`,
			"top.json":                   `{}`,
		}
		check := func(which string) {
			t.Helper()
			for key, doc := range docs {
				if !strings.HasPrefix(key, which) {
					continue
				}
				got, err := os.ReadFile(filepath.Join(dir, key))
				require.NoError(t, err)
				assert.Equal(t, doc, string(got), key)
				assert.True(t, json.Valid(got), key)
			}
		}
		for range 2 { // the folders are new, and are there
			for key, doc := range docs {
				require.NoError(t, s.Update(t.Context(), key, set("something else")))
				require.NoError(t, s.Update(t.Context(), key, set(doc)))
			}
			check("services/") // at once
			time.Sleep(time.Second)
			check("")
		}
		require.NoError(t, s.Close())
		check("")
		left, err := os.ReadDir(filepath.Join(dir, ".routewatch"))
		require.NoError(t, err)
		require.Len(t, left, 1, "after a proper end there is no journal")
		assert.Equal(t, "lock", left[0].Name())
	})
}

// TestFilesFollow: the file of a document that is nobody's but the store's may be
// behind, and what is known of the document never is.
func TestFilesFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, err := filestore.Open(filestore.Config{Dir: dir, JournalSize: 64 << 10})
		require.NoError(t, err)
		defer s.Close()
		onDisk := func() string {
			doc, err := os.ReadFile(filepath.Join(dir, "records/a.json"))
			if !errors.Is(err, fs.ErrNotExist) {
				require.NoError(t, err)
			}
			return string(doc)
		}
		reads := func(want string) {
			t.Helper()
			doc, err := s.Get(t.Context(), "records/a.json")
			if want == "" {
				assert.ErrorIs(t, err, statuspage.ErrNotFound)
			} else {
				assert.NoError(t, err)
				assert.Equal(t, want, string(doc))
			}
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			crashed := open(t, copied)
			doc, _ = crashed.Get(t.Context(), "records/a.json")
			assert.Equal(t, want, string(doc), "after a crash")
		}
		for _, want := range []string{"one", "two"} {
			before := onDisk()
			require.NoError(t, s.Update(t.Context(), "records/a.json", set(want+", half")))
			require.NoError(t, s.Update(t.Context(), "records/a.json", set(want)))
			assert.Equal(t, before, onDisk(), "nobody waited for it")
			reads(want)
			time.Sleep(time.Second)
			assert.Equal(t, want, onDisk())
			reads(want)
		}
		require.NoError(t, s.Delete(t.Context(), "records/a.json"))
		assert.Equal(t, "two", onDisk())
		reads("")
		require.NoError(t, s.Update(t.Context(), "records/a.json", set("three")))
		reads("three")
		require.NoError(t, s.Delete(t.Context(), "records/a.json"))
		time.Sleep(time.Second)
		assert.Empty(t, onDisk())
		reads("")

		// It is never quiet, and the journal gets full.
		for n := range 100 {
			require.NoError(t, s.Update(t.Context(), "records/a.json", set(strings.Repeat("x", 2000)+strconv.Itoa(n))))
		}
		synctest.Wait()
		assert.Contains(t, onDisk(), "xxx")
	})
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir)
	for _, key := range []string{"services/a.json", "records/a.json", "top.json"} {
		require.NoError(t, s.Update(t.Context(), key, set("one")))
		require.NoError(t, s.Update(t.Context(), key, set("two")))
	}
	require.NoError(t, s.Close())
	for name, want := range map[string]fs.FileMode{
		"":                 0o755,
		".routewatch":      0o700,
		".routewatch/lock": 0o600,
		"services":         0o755,
		"services/a.json":  0o644,
		"records":          0o700,
		"records/a.json":   0o600,
		"top.json":         0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm(), name)
	}
}

func TestOpenFindsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	for name, doc := range map[string]string{
		"services/API.json":         "the reference put it there",
		"services/.API.json.tmp":    "half",
		"services/.hidden":          "not ours",
		".git/config":               "not ours",
		"services/café.json":        "no key",
		"notes.txt":                 "a document too",
		".routewatch/damaged-2.txt": "not ours",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(doc), 0o600))
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "services", "link.json")))
	s := open(t, dir)
	var got []string
	for e, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		got = append(got, e.Key)
	}
	assert.ElementsMatch(t, []string{"services/API.json", "notes.txt"}, got)
	assert.NoFileExists(t, filepath.Join(dir, "services/.API.json.tmp"))
	assert.FileExists(t, filepath.Join(dir, "services/.hidden"))
	_, err := s.Get(t.Context(), "services/link.json")
	assert.ErrorIs(t, err, statuspage.ErrNotFound, "a link leads out of the folder")
}

func TestAnEmptyFileIsNoDocument(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.json"), nil, 0o600))
	s := open(t, dir)
	_, err := s.Get(t.Context(), "a.json")
	assert.ErrorContains(t, err, filepath.Join(dir, "a.json")+" is empty")
}

func TestTheJournalStaysSmall(t *testing.T) {
	dir := t.TempDir()
	const limit = 4096
	s, err := filestore.Open(filestore.Config{Dir: dir, JournalSize: limit})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 100 {
				doc := strings.Repeat(strconv.Itoa(n%10), 500)
				assert.NoError(t, s.Update(t.Context(), fmt.Sprintf("%d.json", w), set(doc)))
			}
		})
	}
	wg.Wait()
	require.NoError(t, s.Update(t.Context(), "last.json", set("x")))
	require.NoError(t, s.Close())
	reopened := open(t, dir)
	assert.Zero(t, reopened.Recovery())
	doc, err := reopened.Get(t.Context(), "3.json")
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("9", 500), string(doc))
}

// Updates at the same time share a sync, so that many take hardly longer than
// one; and the next can begin before the one that it stands on is stored.
func BenchmarkUpdate(b *testing.B) {
	for _, parallel := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("parallel=%d", parallel), func(b *testing.B) {
			s, err := filestore.Open(filestore.Config{Dir: b.TempDir()})
			require.NoError(b, err)
			defer s.Close()
			doc := bytes.Repeat([]byte("x"), 2048)
			b.SetParallelism(parallel)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for n := 0; pb.Next(); n++ {
					err := s.Update(b.Context(), "n.json", func(old []byte) ([]byte, error) {
						count := 0
						if old != nil {
							count, _ = strconv.Atoi(strings.TrimLeft(string(old[:16]), " "))
						}
						return append(fmt.Appendf(nil, "%16d", count+1), doc...), nil
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
