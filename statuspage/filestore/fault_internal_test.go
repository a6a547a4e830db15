package filestore

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

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
