package filestore_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who reads a file while it is replaced, however often, has the whole of what it
// was when he opened it.
func TestReplacedBesideReaders(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	const key = "services/a.json"
	var readers []*os.File
	for n := range 100 {
		require.NoError(t, s.Update(t.Context(), key, set("document "+strconv.Itoa(n))))
		if n%3 == 0 { // others find it unused
			f, err := os.Open(filepath.Join(dir, key))
			require.NoError(t, err)
			defer f.Close()
			readers = append(readers, f)
		}
	}
	for n, f := range readers {
		doc, err := io.ReadAll(f)
		require.NoError(t, err)
		assert.Equal(t, "document "+strconv.Itoa(3*n), string(doc))
	}
}

// A file that somebody has linked elsewhere, as backups do, stays as it was there.
func TestReplacedBesideLinks(t *testing.T) {
	dir, links := t.TempDir(), t.TempDir()
	s := open(t, dir)
	defer s.Close()
	link := func(n int) string { return filepath.Join(links, strconv.Itoa(n)) }
	for n := range 10 {
		require.NoError(t, s.Update(t.Context(), "services/a.json", set("document "+strconv.Itoa(n))))
		require.NoError(t, os.Link(filepath.Join(dir, "services/a.json"), link(n)))
	}
	for n := range 10 {
		doc, err := os.ReadFile(link(n))
		require.NoError(t, err)
		assert.Equal(t, "document "+strconv.Itoa(n), string(doc))
	}
}

// A file and its spare take turns; what the one is longer by does not stay.
func TestTurns(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	var was []os.FileInfo
	for n, doc := range []string{"one", "two", "a longer one", "4", "five", "6"} {
		require.NoError(t, s.Update(t.Context(), "services/a.json", set(doc)))
		name := filepath.Join(dir, "services/a.json")
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, doc, string(got))
		info, err := os.Stat(name)
		require.NoError(t, err)
		if was = append(was, info); n >= 2 && runtime.GOOS == "linux" {
			assert.True(t, os.SameFile(was[n-2], info), "%d", n)
			assert.False(t, os.SameFile(was[n-1], info), "%d", n)
		}
	}
	// The spare of one document is none of another's.
	for n := range 6 {
		for _, key := range []string{"services/a.json", "services/b/a.json", "services/b.json"} {
			doc := fmt.Sprint(key, " ", n)
			require.NoError(t, s.Update(t.Context(), key, set(doc)))
			got, err := os.ReadFile(filepath.Join(dir, key))
			require.NoError(t, err)
			assert.Equal(t, doc, string(got))
		}
	}
	require.NoError(t, s.Close())
	left, err := filepath.Glob(filepath.Join(dir, ".routewatch", "spare-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// That spares are no good costs nothing but time.
func TestSpares(t *testing.T) {
	dir := t.TempDir()
	spare := filepath.Join(dir, ".routewatch", "spare-a.json")
	require.NoError(t, os.MkdirAll(filepath.Dir(spare), 0o700))
	require.NoError(t, os.WriteFile(spare, nil, 0o644))
	s := open(t, dir)
	defer s.Close()
	assert.NoFileExists(t, spare, "of a process that was killed")
	name := filepath.Join(dir, "services/a.json")
	for n, spoil := range []func() error{
		func() error { return nil },
		func() error { return nil },
		func() error { return os.Remove(spare) },
		func() error { return os.Truncate(spare, 0) },
		func() error { return os.Remove(name) },
		func() error { return os.RemoveAll(filepath.Dir(name)) },
		func() error { _ = os.Remove(spare); return os.MkdirAll(filepath.Join(spare, "x"), 0o700) },
		func() error { return os.RemoveAll(spare) },
		func() error { return nil },
	} {
		require.NoError(t, spoil(), "%d", n)
		doc := strconv.Itoa(n)
		require.NoError(t, s.Update(t.Context(), "services/a.json", set(doc)))
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, doc, string(got))
	}
}
