package pageexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Target takes files. Put replaces one as a whole: who reads sees the old or the
// new. Delete takes one away, by its Path and Type; that there is none is fine.
type Target interface {
	Put(ctx context.Context, f File) error
	Delete(ctx context.Context, f File) error
	String() string
}

// teller is a target that can tell whether it holds a file.
type teller interface {
	tell(ctx context.Context) (func(File) bool, error)
}

// Open returns the target that where names: s3://bucket/prefix, or a folder,
// which is made. A bucket is not asked for before the first Put.
func Open(ctx context.Context, where string) (Target, error) {
	if strings.HasPrefix(where, "s3://") {
		return openBucket(ctx, where)
	}
	dir := strings.TrimPrefix(where, "file:")
	if dir == "" || strings.Contains(dir, "://") {
		return nil, fmt.Errorf("%q: %w", where, errNoTarget)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir) // no name leads out of it, nor a link
	if err != nil {
		return nil, err
	}
	return &folder{root}, nil
}

// folder is a folder that a web server serves, with index.html and index.json as
// the index of a folder.
type folder struct{ root *os.Root }

func (d *folder) String() string { return d.root.Name() }

func (d *folder) Put(_ context.Context, f File) error {
	name := filepath.FromSlash(inFolder(f))
	if err := d.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	// Beside the file, so that renaming it is one step. The files are for
	// everybody to read.
	part := filepath.Join(filepath.Dir(name), ".part-"+filepath.Base(name))
	if len(filepath.Base(part)) > 255 {
		part = filepath.Join(filepath.Dir(name), ".part")
	}
	if err := d.root.WriteFile(part, f.Body, 0o644); err != nil {
		return err
	}
	return d.root.Rename(part, name)
}

func (d *folder) Delete(_ context.Context, f File) error {
	name := filepath.FromSlash(inFolder(f))
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_ = d.root.Remove(filepath.Dir(name)) // unless others are in it
	return nil
}
