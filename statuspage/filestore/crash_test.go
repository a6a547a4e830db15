package filestore_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage/filestore"
)

// childDir tells this test program to be the process that is killed.
const childDir = "FILESTORE_TEST_CHILD_DIR"

const crashKeys = 5

// crashDoc is a document that says which update of its key it is, and whether it
// is whole.
func crashDoc(n int) string {
	return fmt.Sprintf("%d %s %d", n, strings.Repeat("x", n%3000), n)
}

func crashNumber(doc []byte) (n int, whole bool) {
	if doc == nil {
		return 0, true
	}
	if _, err := fmt.Sscanf(string(doc), "%d ", &n); err != nil {
		return 0, false
	}
	return n, string(doc) == crashDoc(n)
}

// writeUntilKilled counts up documents, and prints each number as soon as it is
// acknowledged.
func writeUntilKilled(dir string) {
	s, err := filestore.Open(filestore.Config{Dir: dir, JournalSize: 16 << 10, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	fmt.Println("open")
	var wg sync.WaitGroup
	for k := range crashKeys {
		for range 2 {
			wg.Go(func() {
				for {
					var n int
					err := s.Update(context.Background(), fmt.Sprintf("services/%d.json", k), func(doc []byte) ([]byte, error) {
						old, whole := crashNumber(doc)
						if !whole {
							return nil, fmt.Errorf("torn: %q", doc)
						}
						n = old + 1
						return []byte(crashDoc(n)), nil
					})
					if err != nil {
						fmt.Println("update:", err)
						os.Exit(1)
					}
					// One write, so that what arrives is whole.
					_, _ = os.Stdout.WriteString(fmt.Sprintf("%d %d\n", k, n))
				}
			})
		}
	}
	wg.Wait()
}

// A process is killed again and again, at any point: within an update, within a
// compaction, within Open. What it had acknowledged is there every time.
func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	dir := t.TempDir()
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	acked := make([]int, crashKeys)
	replayed, total := 0, 0
	for range rounds {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewScanner(out)
		// Most die while they write, some while they open.
		if rand.N(5) > 0 {
			require.True(t, lines.Scan())
			require.Equal(t, "open", lines.Text())
			_, err := filestore.Open(filestore.Config{Dir: dir})
			require.ErrorIs(t, err, filestore.ErrLocked)
			assert.ErrorContains(t, err, fmt.Sprintf("process %d has it", child.Process.Pid))
		}
		kill := time.AfterFunc(rand.N(60*time.Millisecond), func() { _ = child.Process.Kill() })
		for lines.Scan() {
			if lines.Text() == "open" {
				continue
			}
			var k, n int
			_, err := fmt.Sscanf(lines.Text(), "%d %d", &k, &n)
			require.NoError(t, err, lines.Text())
			acked[k] = max(acked[k], n)
		}
		assert.Error(t, child.Wait(), "it was killed")
		kill.Stop()

		for k, n := range acked { // the files, as another program finds them
			doc, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("services/%d.json", k)))
			if n > 0 {
				require.NoError(t, err)
				_, whole := crashNumber(doc)
				assert.True(t, whole, "a file is torn: %q", doc)
			}
		}
		s, err := filestore.Open(filestore.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		replayed += s.Recovery().Replayed
		assert.Zero(t, s.Recovery().Corrupt)
		for k, n := range acked {
			doc, err := s.Get(t.Context(), fmt.Sprintf("services/%d.json", k))
			if n == 0 {
				continue
			}
			require.NoError(t, err)
			got, whole := crashNumber(doc)
			assert.True(t, whole, "torn: %q", doc)
			assert.GreaterOrEqual(t, got, n, "key %d: an acknowledged update is lost", k)
		}
		require.NoError(t, s.Close())
	}
	for _, n := range acked {
		total += n
	}
	t.Logf("%d kills, %d updates acknowledged, %d replayed", rounds, total, replayed)
	assert.Positive(t, replayed, "some died with a journal")
}
