package filestore

import (
	"os"
	"path/filepath"
	"strconv"
)

// spares are empty files, open for writing, that are there before they are needed.
// Replacing a file costs mostly the making of the new one: ext4, for one, looks
// for an inode past all those that were freed within the last minute. So those
// that an update waits for are made beside.
type spares struct {
	dir   string
	ready chan *os.File // nil where none could be made
	stop  chan struct{}
	ended chan struct{}
}

const (
	sparePrefix = "spare-"
	maxSpares   = 32 // more than an alert of Opsgenie can name services
)

func newSpares(dir string) *spares {
	return &spares{dir, make(chan *os.File, maxSpares), make(chan struct{}), make(chan struct{})}
}

// make makes spares until close.
func (p *spares) make() {
	defer close(p.ended)
	for n := 0; ; n++ {
		f, err := os.OpenFile(filepath.Join(p.dir, sparePrefix+strconv.Itoa(n)), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, publicMode)
		if err != nil {
			f = nil // whoever takes it makes a file himself, and finds out why not
		}
		select {
		case p.ready <- f:
		case <-p.stop:
			discard(f)
			return
		}
	}
}

// take returns a spare file, or nil where there is none just now.
func (p *spares) take() *os.File {
	select {
	case f := <-p.ready:
		return f
	default:
		return nil
	}
}

// close removes what is left. Nobody takes any more.
func (p *spares) close() {
	close(p.stop)
	<-p.ended
	close(p.ready)
	for f := range p.ready {
		discard(f)
	}
}

func discard(f *os.File) {
	if f != nil {
		f.Close()
		os.Remove(f.Name()) // what cannot be removed goes with the next Open
	}
}
