//go:build !unix || solaris || illumos || aix

package filestore

import (
	"errors"
	"os"
	"runtime"
)

// lockFile refuses: two processes on one folder would lose each other's updates.
func lockFile(string) (*os.File, error) {
	return nil, errors.New("there is no lock for a folder on " + runtime.GOOS + "; use another store")
}
