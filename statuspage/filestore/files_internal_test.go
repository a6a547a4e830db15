package filestore

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
