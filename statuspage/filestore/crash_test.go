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

// crashPair are the keys of two documents that change together: the file of the
// second is written at once, and that of the first when it is quiet, which it
// never is.
func crashPair(k int) []string {
	return []string{fmt.Sprintf("records/%d.json", k), fmt.Sprintf("services/%d.json", k)}
}

// writeUntilKilled counts up pairs of documents, and prints each number as soon as it is
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
					err := s.UpdateAll(context.Background(), crashPair(k), func(docs [][]byte) ([][]byte, error) {
						for i := range docs {
							old, whole := crashNumber(docs[i])
							if !whole {
								return nil, fmt.Errorf("torn: %q", docs[i])
							}
							n = old + 1
							docs[i] = []byte(crashDoc(n))
						}
						return docs, nil
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
			doc, err := os.ReadFile(filepath.Join(dir, crashPair(k)[1]))
			if n > 0 {
				require.NoError(t, err)
				got, whole := crashNumber(doc)
				assert.True(t, whole, "a file is torn: %q", doc)
				assert.GreaterOrEqual(t, got, n, "the file is not what was acknowledged")
			}
		}
		s, err := filestore.Open(filestore.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		replayed += s.Recovery().Replayed
		assert.Zero(t, s.Recovery().Corrupt)
		for k, n := range acked {
			if n == 0 {
				continue
			}
			var numbers []int
			for _, key := range crashPair(k) {
				doc, err := s.Get(t.Context(), key)
				require.NoError(t, err)
				got, whole := crashNumber(doc)
				assert.True(t, whole, "torn: %q", doc)
				assert.GreaterOrEqual(t, got, n, "%s: an acknowledged update is lost", key)
				numbers = append(numbers, got)
			}
			// One of a pair may be stored without the other; but only the first.
			assert.GreaterOrEqual(t, numbers[0], numbers[1], "pair %d", k)
		}
		require.NoError(t, s.Close())
	}
	for _, n := range acked {
		total += n
	}
	t.Logf("%d kills, %d updates acknowledged, %d replayed", rounds, total, replayed)
	assert.Positive(t, replayed, "some died with a journal")
}
