package filestore

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/routewatch/routewatch/statuspage"
)

// A journal is a header and records, and zeros where there is room for more:
//
//	header  "rwjrnl1\n", 8 random bytes
//	record  4 bytes of recordMark, length of the body, CRC-32C, body
//	body    operation (1 byte), length of the key (2 bytes), key, document
//
// Numbers are big-endian; lengths and checksums have 4 bytes. The checksum is of
// the header's random bytes, the length and the body: no document can hold what
// passes for a record of the journal that it is in.
const (
	journalMagic = "rwjrnl1\n"
	headerSize   = len(journalMagic) + 8
	recordMark   = "\x00\xf5RW"
	recordHeader = len(recordMark) + 8
	bodyHeader   = 3
)

const (
	opPut    = 1
	opDelete = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newHeader() []byte {
	h := make([]byte, headerSize)
	copy(h, journalMagic)
	rand.Read(h[len(journalMagic):]) // never fails
	return h
}

func checksum(header, length, body []byte) uint32 {
	sum := crc32.Update(0, castagnoli, header[len(journalMagic):headerSize])
	sum = crc32.Update(sum, castagnoli, length)
	return crc32.Update(sum, castagnoli, body)
}

// appendRecord appends the record of a version to buf.
func appendRecord(buf, header []byte, v *version) []byte {
	buf = append(buf, recordMark...)
	at := len(buf)
	buf = append(buf, make([]byte, 8)...)
	op := byte(opPut)
	if v.data == nil {
		op = opDelete
	}
	buf = append(buf, op)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(v.key)))
	buf = append(buf, v.key...)
	buf = append(buf, v.data...)
	body := buf[at+8:]
	binary.BigEndian.PutUint32(buf[at:], uint32(len(body)))
	binary.BigEndian.PutUint32(buf[at+4:], checksum(header, buf[at:at+4], body))
	return buf
}

// scan reads a journal. What is unreadable is torn where nothing readable comes
// after it, and corrupt otherwise.
func scan(data []byte) (versions []*version, torn, corrupt int) {
	if len(data) < headerSize {
		return nil, len(data), 0
	}
	header, rest := data[:headerSize], data[headerSize:]
	if string(header[:len(journalMagic)]) != journalMagic {
		return nil, 0, 1
	}
	unread := 0 // bytes since the last record
	for len(rest) > 0 {
		if v, size := readRecord(header, rest); v != nil {
			if unread > 0 {
				corrupt++
			}
			versions, rest, unread = append(versions, v), rest[size:], 0
			continue
		}
		skip := len(rest)
		if at := bytes.Index(rest[1:], []byte(recordMark)); at >= 0 {
			skip = at + 1
		}
		rest, unread = rest[skip:], unread+skip
	}
	return versions, len(bytes.TrimRight(data[len(data)-unread:], "\x00")), corrupt
}

// readRecord reads the record that data begins with; nil where it does not.
func readRecord(header, data []byte) (v *version, size int) {
	if len(data) < recordHeader || string(data[:len(recordMark)]) != recordMark {
		return nil, 0
	}
	fields, body := data[len(recordMark):recordHeader], data[recordHeader:]
	length := binary.BigEndian.Uint32(fields)
	if length < bodyHeader || uint64(length) > uint64(len(body)) {
		return nil, 0
	}
	body = body[:length]
	if checksum(header, fields[:4], body) != binary.BigEndian.Uint32(fields[4:]) {
		return nil, 0
	}
	op, keyLen := body[0], int(binary.BigEndian.Uint16(body[1:]))
	if body = body[bodyHeader:]; keyLen > len(body) {
		return nil, 0
	}
	v = &version{key: string(body[:keyLen])}
	doc := body[keyLen:]
	switch {
	case statuspage.CheckKey(v.key) != nil:
		return nil, 0
	case op == opPut && len(doc) > 0:
		v.data = doc
	case op != opDelete:
		return nil, 0
	}
	return v, recordHeader + int(length)
}

// journalFile is what a journal needs of its file.
type journalFile interface {
	io.WriterAt
	Sync() error
	// Datasync syncs what was written within the file's length, which is less to
	// do than for Sync.
	Datasync() error
	Truncate(size int64) error
	io.Closer
}

// osFile is a journalFile.
type osFile struct{ *os.File }

func createFile(name string) (journalFile, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return osFile{f}, err
}

// The room that a journal makes for itself, in bytes: each time as much as it has.
const (
	minRoom = 64 << 10
	maxRoom = 8 << 20
)

// journal is a journal that is being written.
type journal struct {
	name   string
	file   journalFile
	header []byte
	size   int64 // of what is synced
	room   int64 // the file's length
	buf    []byte
	broken bool // its file is not to be written to any more
}

func createJournal(name string, create func(string) (journalFile, error)) (*journal, error) {
	f, err := create(name)
	if err != nil {
		return nil, err
	}
	j := &journal{name: name, file: f, header: newHeader()}
	if _, err = f.WriteAt(j.header, 0); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	j.size, j.room = int64(headerSize), int64(headerSize)
	return j, nil
}

// append stores versions: they survive when it returns nil. When it does not,
// those before are as safe as they were.
//
// A file that grows has its new length stored by each sync, and with it whatever
// else the file system has to store just then, such as the renames of files that
// an update before has left. So a journal grows rarely, by zeros for the records
// to come.
func (j *journal) append(versions []*version) error {
	j.buf = j.buf[:0]
	for _, v := range versions {
		j.buf = appendRecord(j.buf, j.header, v)
	}
	end := j.size + int64(len(j.buf))
	sync := j.file.Datasync
	_, err := j.file.WriteAt(j.buf, j.size)
	if err == nil && end > j.room {
		sync = j.file.Sync
		j.room = end + min(max(minRoom, end), maxRoom)
		err = writeZeros(j.file, end, j.room)
	}
	if err != nil {
		// What was written of it must not be read where less is written over it.
		j.room = j.size
		if e := j.file.Truncate(j.size); e != nil {
			j.broken = true
		}
		return fmt.Errorf("filestore: writing the journal: %w", err)
	}
	if err := sync(); err != nil {
		// The kernel forgets what it could not write, and a second sync would
		// say that all is well: https://wiki.postgresql.org/wiki/Fsync_Errors
		j.broken = true
		_ = j.file.Truncate(j.size) // it may fail too; what was not acknowledged may be stored
		return fmt.Errorf("filestore: syncing the journal: %w", err)
	}
	j.size = end
	if cap(j.buf) > 1<<20 {
		j.buf = nil
	}
	return nil
}

var zeros [64 << 10]byte

// writeZeros writes zeros to a file from one place to another.
func writeZeros(f io.WriterAt, from, to int64) error {
	for from < to {
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
