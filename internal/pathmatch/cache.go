package pathmatch

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// cacheSlots bounds the memory of a Cache: at most so many paths of at most
// maxCachedPath bytes.
const (
	cacheSlots    = 1024
	maxCachedPath = 256
)

// Cache remembers what a function said of a path, in a fixed number of slots.
// It is safe for concurrent use and takes no lock. A path enters at its second
// sight: where every path is new, nothing is allocated and nothing useful is
// pushed out.
type Cache struct {
	of    func(path string) int
	seed  maphash.Seed
	seen  [cacheSlots]atomic.Uint32
	slots [cacheSlots]atomic.Pointer[entry]
}

type entry struct {
	path string
	says int
}

// NewCache makes a cache of the pure function of.
func NewCache(of func(path string) int) *Cache {
	return &Cache{of: of, seed: maphash.MakeSeed()}
}

// Get returns what the cached function says of path.
func (c *Cache) Get(path string) int {
	if len(path) > maxCachedPath {
		return c.of(path)
	}
	hash := maphash.String(c.seed, path)
	at := hash % cacheSlots
	if e := c.slots[at].Load(); e != nil && e.path == path {
		return e.says
	}
	says := c.of(path)
	tag := uint32(hash >> 32)
	if c.seen[at].Load() != tag {
		c.seen[at].Store(tag)
		return says
	}
	// The path is a piece of the request's own buffer: keep a copy of it alone.
	c.slots[at].Store(&entry{strings.Clone(path), says})
	return says
}
