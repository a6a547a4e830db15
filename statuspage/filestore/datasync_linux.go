package filestore

import (
	"errors"
	"syscall"
)

func (f osFile) Datasync() error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
