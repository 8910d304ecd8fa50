package lossy

import (
	"math/rand/v2"
	"slices"
)

const pageSize = 4096

// page is what a disk keeps or forgets as a whole.
type page [pageSize]byte

// content is a file's bytes. A page that is nil is a hole.
type content struct {
	pages []*page
	size  int64
}

func (c *content) readAt(b []byte, off int64) (n int) {
	b = b[:max(0, min(int64(len(b)), c.size-off))]
	for n < len(b) {
		from := int(off % pageSize)
		part := b[n:min(len(b), n+pageSize-from)]
		if p := c.pages[off/pageSize]; p != nil {
			copy(part, p[from:])
		} else {
			clear(part)
		}
		n += len(part)
		off += int64(len(part))
	}
	return n
}

func (c *content) resize(size int64) {
	c.size = size
	n := int((size + pageSize - 1) / pageSize)
	if n <= len(c.pages) {
		c.pages = c.pages[:n:n]
		return
	}
	c.pages = append(c.pages, make([]*page, n-len(c.pages))...)
}

func (c *content) page(i int) *page {
	if i < len(c.pages) {
		return c.pages[i]
	}
	return nil
}

// lacks reports whether n bytes at off need pages that there are none of yet.
func (c *content) lacks(off, n int64) bool {
	for i := off / pageSize; i*pageSize < off+n; i++ {
		if c.page(int(i)) == nil {
			return true
		}
	}
	return false
}

func (c *content) clone() content { return content{slices.Clone(c.pages), c.size} }

// file is a regular file, twice: as processes see it and as the disk has it. Pages
// that the two share are never written to.
type file struct {
	now    content
	synced content
	least  int64 // smallest size since the last sync
}

func (f *file) writeAt(b []byte, off int64) {
	if end := off + int64(len(b)); end > f.now.size {
		f.now.resize(end)
	}
	for len(b) > 0 {
		n := copy(f.own(int(off / pageSize))[off%pageSize:], b)
		b, off = b[n:], off+int64(n)
	}
}

// own is a page that may be written to.
func (f *file) own(i int) *page {
	p := f.now.pages[i]
	switch {
	case p == nil:
		p = new(page)
	case p == f.synced.page(i):
		p = new(*p)
	}
	f.now.pages[i] = p
	return p
}

func (f *file) truncate(size int64) {
	if size < f.now.size && size%pageSize != 0 {
		clear(f.own(int(size / pageSize))[size%pageSize:]) // it must not come back when the file grows
	}
	f.now.resize(size)
	f.least = min(f.least, size)
}

func (f *file) sync() {
	f.synced = f.now.clone()
	f.least = f.now.size
}

// dirty are the pages that a sync would write, in order.
func (f *file) dirty() []int {
	var dirty []int
	for i, p := range f.now.pages {
		if p != f.synced.page(i) {
			dirty = append(dirty, i)
		}
	}
	return dirty
}

// left is what a cut leaves of the file; rng nil: what was synced.
func (f *file) left(rng *rand.Rand) content {
	c := f.synced.clone()
	if rng == nil {
		return c
	}
	if f.least < c.size && rng.IntN(2) == 0 {
		shorter := file{now: c, synced: f.synced, least: c.size}
		shorter.truncate(f.least)
		c = shorter.now
	}
	for _, i := range survivors(f.dirty(), rng) {
		end := min(f.now.size, int64(i+1)*pageSize)
		if end > c.size {
			c.resize(end)
		}
		c.pages[i] = f.now.pages[i]
	}
	return c
}

// survivors are none of the pages, the first of them, or any.
func survivors(dirty []int, rng *rand.Rand) []int {
	switch rng.IntN(3) {
	case 0:
		return nil
	case 1:
		return dirty[:rng.IntN(len(dirty)+1)]
	}
	return slices.DeleteFunc(dirty, func(int) bool { return rng.IntN(2) == 0 })
}
