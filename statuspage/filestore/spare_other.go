//go:build !linux

package filestore

import (
	"errors"
	"os"
)

func exchange(string, string) error { return errors.ErrUnsupported }

func unused(*os.File) bool { return false }
