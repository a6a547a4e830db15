package filestore

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

var quiet = slog.New(slog.DiscardHandler)

// disk makes journals' files fail, and counts what they are asked.
type disk struct {
	mu sync.Mutex
	faults
	syncs atomic.Int64
}

type faults struct {
	writeErr, syncErr, cutErr, beginErr error
	partial                             int           // bytes that a failing write writes
	hang                                chan struct{} // writes wait until it is closed
}

func (d *disk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *disk) create(name string) (journalFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.beginErr != nil {
		return nil, d.beginErr
	}
	f, err := createFile(name)
	return &diskFile{f, d}, err
}

type diskFile struct {
	journalFile
	disk *disk
}

func (f *diskFile) WriteAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	hang := f.disk.hang
	f.disk.mu.Unlock()
	if hang != nil {
		<-hang
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.writeErr != nil {
		n, _ := f.journalFile.WriteAt(b[:min(len(b), f.disk.partial)], at)
		return n, f.disk.writeErr
	}
	return f.journalFile.WriteAt(b, at)
}

func (f *diskFile) Sync() error     { return f.sync(f.journalFile.Sync) }
func (f *diskFile) Datasync() error { return f.sync(f.journalFile.Datasync) }

func (f *diskFile) sync(do func() error) error {
	f.disk.syncs.Add(1)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.syncErr != nil {
		return f.disk.syncErr
	}
	return do()
}

func (f *diskFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.cutErr != nil {
		return f.disk.cutErr
	}
	return f.journalFile.Truncate(size)
}

func set(doc string) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return []byte(doc), nil }
}

func setAll(doc string) func([][]byte) ([][]byte, error) {
	return func(docs [][]byte) ([][]byte, error) {
		for n := range docs {
			docs[n] = []byte(doc)
		}
		return docs, nil
	}
}
