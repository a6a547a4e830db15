package filestore

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

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
