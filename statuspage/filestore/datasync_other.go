//go:build !linux

package filestore

func (f osFile) Datasync() error { return f.Sync() }
