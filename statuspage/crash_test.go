package statuspage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/filestore"
)

// childDir tells this test program to be the process that is killed.
const childDir = "STATUSPAGE_TEST_CHILD_DIR"

const crashAlerts = 4

// crashServices are those that an alert of the crash tests concerns.
func crashServices(alert int) []string {
	return []string{fmt.Sprint("one ", alert), fmt.Sprint("two ", alert)}
}

// crashEvent changes the message of an alert to a number.
func crashEvent(alert, n int) opsgenie.Event {
	services := crashServices(alert)
	e := event(opsgenie.EventUpdateMessage, fmt.Sprint("alert ", alert), float64(n), tagged(services[0], "major", "servicename:"+services[1])...)
	return said(e, strconv.Itoa(n))
}

func openFolder(t testing.TB, dir string) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(filestore.Config{Dir: dir, JournalSize: 16 << 10, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return s
}

// applyUntilKilled is a page on a folder that counts up the messages of its
// alerts, and prints each number as soon as Apply has returned.
func applyUntilKilled(dir string) {
	fail := func(doing string, err error) {
		if err != nil {
			fmt.Println(doing, err)
			os.Exit(1)
		}
	}
	log := slog.New(slog.DiscardHandler)
	s, err := filestore.Open(filestore.Config{Dir: dir, JournalSize: 16 << 10, Logger: log})
	fail("open:", err)
	p, err := statuspage.New(context.Background(), statuspage.Config{Store: s, InsecureWebhook: true, Logger: log})
	fail("new:", err)
	var wg sync.WaitGroup
	for alert := range crashAlerts {
		wg.Go(func() {
			n := 0
			if r := p.Snapshot().Service(crashServices(alert)[0]); r != nil {
				n, _ = strconv.Atoi(r.Message)
			}
			for {
				n++
				fail("apply:", p.Apply(context.Background(), crashEvent(alert, n)))
				_, _ = os.Stdout.WriteString(fmt.Sprintf("%d %d\n", alert, n)) // one write, so that what arrives is whole
			}
		})
	}
	wg.Wait()
}

// mirrorNumber is the number that services/NAME.json says, 0 where there is none.
func mirrorNumber(t *testing.T, doc []byte, err error) int {
	t.Helper()
	if err != nil {
		return 0
	}
	var m struct {
		State   statuspage.State
		Message string
	}
	require.NoError(t, json.Unmarshal(doc, &m), "%q", doc)
	require.Equal(t, statuspage.Major, m.State)
	n, err := strconv.Atoi(m.Message)
	require.NoError(t, err)
	return n
}

// A page is killed again and again while it takes in events. What Apply had
// returned for is in services/NAME.json, as other programs read it, at once; and
// when the next page has read its store, all services of an alert know the same,
// and each mirror says it.
func TestNoEventIsLostByKill(t *testing.T) {
	dir := t.TempDir()
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	acked := make([]int, crashAlerts)
	for range rounds {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewScanner(out)
		require.True(t, lines.Scan())
		kill := time.AfterFunc(rand.N(60*time.Millisecond), func() { _ = child.Process.Kill() })
		for more := true; more; more = lines.Scan() {
			var alert, n int
			_, err := fmt.Sscanf(lines.Text(), "%d %d", &alert, &n)
			require.NoError(t, err, lines.Text())
			acked[alert] = max(acked[alert], n)
		}
		assert.Error(t, child.Wait(), "it was killed")
		kill.Stop()

		for alert, n := range acked {
			for _, name := range crashServices(alert) {
				doc, err := os.ReadFile(filepath.Join(dir, statuspage.KeyOf("services/", name)))
				assert.GreaterOrEqual(t, mirrorNumber(t, doc, err), n, "the file of %s, while no process runs", name)
			}
		}
		s := openFolder(t, dir)
		p := newPage(t, s, nil)
		require.NoError(t, p.Refresh(t.Context()))
		for alert, n := range acked {
			for _, name := range crashServices(alert) {
				if n == 0 {
					continue
				}
				r := p.Snapshot().Service(name)
				require.NotNil(t, r, name)
				got, err := strconv.Atoi(r.Message)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, got, n, "%s: an event is lost", name)
				doc, err := s.Get(t.Context(), statuspage.KeyOf("services/", name))
				assert.Equal(t, got, mirrorNumber(t, doc, err), "the mirror of %s", name)
				assert.Equal(t, p.Snapshot().Service(crashServices(alert)[0]).Message, r.Message, "its alert has another service")
			}
		}
		require.NoError(t, s.Close())
	}
	t.Logf("%d kills, %d events acknowledged", rounds, acked[0]+acked[1]+acked[2]+acked[3])
}

// A journal that a crash has cut may hold a record and not its mirror, or one
// service of an alert and not the other. Whatever is cut off, the next page mends
// it by itself.
func TestATornEventIsMended(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	p := newPage(t, s, nil)
	apply(t, p, crashEvent(0, 1))
	before := t.TempDir()
	require.NoError(t, os.CopyFS(before, os.DirFS(dir)))
	apply(t, p, crashEvent(0, 2))
	journals, err := filepath.Glob(filepath.Join(dir, ".routewatch", "journal-*"))
	require.NoError(t, err)
	require.Len(t, journals, 1)
	journal, err := os.ReadFile(journals[0])
	require.NoError(t, err)
	old, err := os.ReadFile(filepath.Join(before, ".routewatch", filepath.Base(journals[0])))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	old, journal = bytes.TrimRight(old, "\x00"), bytes.TrimRight(journal, "\x00") // there is room for more in it

	seen := map[string]int{}
	for size := len(old); size < len(journal)+31; size += 31 {
		cut := t.TempDir()
		require.NoError(t, os.CopyFS(cut, os.DirFS(before)))
		require.NoError(t, os.WriteFile(filepath.Join(cut, ".routewatch", filepath.Base(journals[0])), journal[:min(size, len(journal))], 0o600))
		s := openFolder(t, cut)
		state := ""
		for _, name := range crashServices(0) {
			record, err := s.Get(t.Context(), statuspage.KeyOf("records/", name))
			require.NoError(t, err)
			var r statuspage.Record
			require.NoError(t, json.Unmarshal(record, &r))
			mirror, err := s.Get(t.Context(), statuspage.KeyOf("services/", name))
			state += fmt.Sprint(r.Message, mirrorNumber(t, mirror, err), " ")
		}
		seen[state]++
		p := newPage(t, s, nil)
		require.NoError(t, p.Refresh(t.Context()))
		want := "major 2"
		if state == "11 11 " {
			want = "major 1"
		}
		assert.Equal(t, map[string]string{"one 0": want, "two 0": want}, look(p), state)
		for _, name := range crashServices(0) {
			mirror, err := s.Get(t.Context(), statuspage.KeyOf("services/", name))
			assert.Equal(t, want, fmt.Sprint("major ", mirrorNumber(t, mirror, err)), "the mirror of %s in %s", name, state)
		}
		require.NoError(t, s.Close())
	}
	t.Log(seen)
	for _, state := range []string{"11 11 ", "21 11 ", "22 11 ", "22 21 ", "22 22 "} {
		assert.Positive(t, seen[state], "record and mirror of both services: %s", state)
	}
	assert.Len(t, seen, 5, "a mirror is never ahead")
}
