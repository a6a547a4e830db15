package filestore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testJournal is a journal of a few records, and where each of them ends.
func testJournal() (data []byte, versions []*version, ends []int) {
	header := newHeader()
	data = bytes.Clone(header)
	for n := range 6 {
		v := &version{key: fmt.Sprintf("services/%d.json", n%4), data: []byte(strings.Repeat(recordMark, n) + "x")}
		if n == 4 {
			v.data = nil
		}
		versions = append(versions, v)
		data = appendRecord(data, header, v)
		ends = append(ends, len(data))
	}
	return data, versions, ends
}

func same(t *testing.T, want, got []*version, msg string) {
	t.Helper()
	if assert.Len(t, got, len(want), msg) {
		for i := range want {
			assert.Equal(t, want[i].key, got[i].key, msg)
			assert.Equal(t, want[i].data, got[i].data, msg)
		}
	}
}

func TestScanOfAJournalThatIsCut(t *testing.T) {
	data, versions, ends := testJournal()
	for size := range len(data) + 1 {
		whole := 0
		for whole < len(ends) && ends[whole] <= size {
			whole++
		}
		from := 0
		switch {
		case whole > 0:
			from = ends[whole-1]
		case size >= headerSize:
			from = headerSize
		}
		want := size - from
		if from > 0 {
			want = len(bytes.TrimRight(data[from:size], "\x00"))
		}
		for _, room := range []int{0, 1, 100} {
			if size < headerSize && room > 0 {
				continue // there is none before the header is synced
			}
			got, torn, corrupt := scan(append(bytes.Clone(data[:size]), make([]byte, room)...))
			same(t, versions[:whole], got, fmt.Sprintf("cut at %d, room for %d", size, room))
			assert.Zero(t, corrupt, "cut at %d, room for %d", size, room)
			assert.Equal(t, want, torn, "cut at %d, room for %d", size, room)
		}
	}
}

// Documents may end in zeros, or be nothing else, and are not taken for room.
func TestScanOfDocumentsOfZeros(t *testing.T) {
	header := newHeader()
	data := bytes.Clone(header)
	want := []*version{{key: "a", data: []byte("a\x00")}, {key: "b", data: make([]byte, 5000)}, {key: "c", data: make([]byte, 1)}}
	for _, v := range want {
		data = appendRecord(data, header, v)
	}
	for _, room := range []int{0, 1, 5000} {
		got, torn, corrupt := scan(append(bytes.Clone(data), make([]byte, room)...))
		same(t, want, got, fmt.Sprint("room for ", room))
		assert.Zero(t, torn)
		assert.Zero(t, corrupt)
	}
}

// A journal has room for more than it holds, makes it seldom, and what is read of
// it is what was written, wherever the room ended.
func TestAJournalMakesRoomSeldom(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal-1")
	var syncs, datasyncs int
	j, err := createJournal(name, func(name string) (journalFile, error) {
		f, err := createFile(name)
		return &countedFile{f, &syncs, &datasyncs}, err
	})
	require.NoError(t, err)
	defer j.file.Close()
	syncs = 0
	var want []*version
	for n := range 3000 {
		v := &version{key: fmt.Sprint(n), data: bytes.Repeat([]byte{byte(n)}, n%1500+1)}
		require.NoError(t, j.append([]*version{v}))
		want = append(want, v)
		if n%500 != 0 {
			continue
		}
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		got, torn, corrupt := scan(data)
		same(t, want, got, fmt.Sprint(n))
		assert.Zero(t, torn+corrupt)
		assert.EqualValues(t, len(data), j.room)
		assert.Less(t, len(data), 2*int(j.size)+minRoom+1)
	}
	assert.Equal(t, 3000, syncs+datasyncs, "one each")
	assert.Less(t, syncs, 10, "that make room")
}

type countedFile struct {
	journalFile
	syncs, datasyncs *int
}

func (f *countedFile) Sync() error {
	*f.syncs++
	return f.journalFile.Sync()
}

func (f *countedFile) Datasync() error {
	*f.datasyncs++
	return f.journalFile.Datasync()
}

// What a write has left that failed is not read where less is written after it.
func TestAJournalAfterAWriteThatFailed(t *testing.T) {
	for _, partial := range []int{1, 40, 41, 100, 1000} {
		name := filepath.Join(t.TempDir(), "journal-1")
		d := &disk{}
		j, err := createJournal(name, d.create)
		require.NoError(t, err)
		defer j.file.Close()
		put := func(key string, size int) *version { return &version{key: key, data: bytes.Repeat([]byte("x"), size)} }
		first, last := put("first", 10), put("last", 1)
		require.NoError(t, j.append([]*version{first}))
		d.set(func() { d.writeErr, d.partial = syscall.ENOSPC, partial })
		require.Error(t, j.append([]*version{put("failed", 10), put("failed too", 10), put("and this", 10)}))
		d.set(func() { d.writeErr = nil })
		require.False(t, j.broken)
		require.NoError(t, j.append([]*version{last}))
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		got, torn, corrupt := scan(data)
		same(t, []*version{first, last}, got, fmt.Sprint(partial))
		assert.Zero(t, torn+corrupt)
	}
}

func TestScanOfAJournalWithAFlippedBit(t *testing.T) {
	data, versions, ends := testJournal()
	for at := headerSize; at < len(data); at++ {
		for bit := range 8 {
			flipped := bytes.Clone(data)
			flipped[at] ^= 1 << bit
			hit := 0
			for ends[hit] <= at {
				hit++
			}
			got, torn, corrupt := scan(flipped)
			want := append(append([]*version{}, versions[:hit]...), versions[hit+1:]...)
			same(t, want, got, fmt.Sprintf("bit %d of byte %d", bit, at))
			if hit == len(ends)-1 {
				assert.Zero(t, corrupt)
				assert.Positive(t, torn)
				continue
			}
			assert.Equal(t, 1, corrupt, "bit %d of byte %d", bit, at)
			assert.Zero(t, torn)
		}
	}
	for at := range headerSize {
		flipped := bytes.Clone(data)
		flipped[at] ^= 1
		got, torn, corrupt := scan(flipped)
		assert.Empty(t, got, "a header that is not this journal's")
		assert.Positive(t, torn+corrupt)
	}
}

// A document may hold anything, also a record: of another journal, or of this one
// as far as its writer can know it.
func TestScanDoesNotReadRecordsInDocuments(t *testing.T) {
	header := newHeader()
	inner := appendRecord(nil, newHeader(), &version{key: "services/evil.json", data: []byte("evil")})
	data := appendRecord(bytes.Clone(header), header, &version{key: "a.json", data: inner})
	data = appendRecord(data, header, &version{key: "b.json", data: []byte("two")})
	data[headerSize+recordHeader] ^= 0xff // the outer one is corrupt now
	got, _, corrupt := scan(data)
	assert.Equal(t, 1, corrupt)
	require.Len(t, got, 1)
	assert.Equal(t, "b.json", got[0].key)
}

func FuzzScan(f *testing.F) {
	data, _, ends := testJournal()
	f.Add(data)
	f.Add(data[:ends[2]+5])
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		versions, torn, corrupt := scan(data)
		if torn < 0 || corrupt < 0 || torn > len(data) {
			t.Errorf("torn %d, corrupt %d of %d bytes", torn, corrupt, len(data))
		}
		// What was read is what writing it makes.
		if len(data) >= headerSize && torn == 0 && corrupt == 0 {
			again := bytes.Clone(data[:headerSize])
			for _, v := range versions {
				again = appendRecord(again, data[:headerSize], v)
			}
			assert.True(t, bytes.HasPrefix(data, again))
			assert.Empty(t, bytes.TrimRight(data[len(again):], "\x00"), "room")
		}
	})
}

func TestOpenReadsWhatIsLeftOfAJournal(t *testing.T) {
	data, _, ends := testJournal()
	torn := data[:len(data)-3]
	corrupt := bytes.Clone(torn)
	corrupt[ends[0]+recordHeader+1] ^= 1 // of services/1.json; a later record of it is torn
	for _, tt := range []struct {
		name string
		data []byte
		want Recovery
		docs map[string]string
	}{
		{"torn", torn, Recovery{Replayed: 5, Torn: len(torn) - ends[4]}, map[string]string{
			"services/0.json": "", "services/1.json": recordMark + "x",
			"services/2.json": strings.Repeat(recordMark, 2) + "x", "services/3.json": strings.Repeat(recordMark, 3) + "x",
		}},
		{"torn and corrupt", corrupt, Recovery{Replayed: 4, Torn: len(torn) - ends[4], Corrupt: 1}, map[string]string{
			"services/0.json": "", "services/1.json": "old",
			"services/2.json": strings.Repeat(recordMark, 2) + "x", "services/3.json": strings.Repeat(recordMark, 3) + "x",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			own := filepath.Join(dir, ownFolder)
			require.NoError(t, os.MkdirAll(own, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(own, "journal-00000000000000ff"), tt.data, 0o600))
			for n := range 4 {
				require.NoError(t, os.MkdirAll(filepath.Join(dir, "services"), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("services/%d.json", n)), []byte("old"), 0o600))
			}
			s, err := Open(Config{Dir: dir, Logger: quiet})
			require.NoError(t, err)
			defer s.Close()
			assert.Equal(t, tt.want, s.Recovery())
			for key, want := range tt.docs {
				doc, err := s.Get(t.Context(), key)
				if want == "" {
					assert.Error(t, err, key)
					continue
				}
				assert.NoError(t, err, key)
				assert.Equal(t, want, string(doc), key)
			}
			_, err = os.Stat(filepath.Join(own, "damaged-journal-00000000000000ff"))
			assert.Equal(t, tt.want.Corrupt > 0, err == nil, "what was damaged is kept to be looked at")
			require.NoError(t, s.Close())
			again, err := Open(Config{Dir: dir, Logger: quiet})
			require.NoError(t, err)
			assert.Zero(t, again.Recovery(), "it is mended")
			require.NoError(t, again.Close())
		})
	}
}
