package filestore

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// exchange gives each of two files the name of the other, in one step. It fails
// where one is not there, and on a file system that cannot do it, such as NFS.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// unused reports whether f may be written to, although it was there for all to
// read: it has no other name, and nobody else has it open. The kernel grants a
// lease for writing to none but those who are alone with a file, and keeps who
// comes later waiting until f is closed: fcntl(2), "Leases".
func unused(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Nlink != 1 {
		return false
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK)
	return err == nil
}
