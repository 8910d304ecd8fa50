package lossy

import (
	"math/rand/v2"
	"time"
)

// inode is a file or a directory.
type inode struct {
	number    uint64
	directory bool
	mode      uint32 // permissions; noted, not enforced
	modified  time.Time

	file                      // of a file
	entries map[string]*inode // of a directory, as processes see it
	kept    map[string]*inode // of a directory, as the disk has it
}

func newDirectory(number uint64, mode uint32) *inode {
	return &inode{number: number, directory: true, mode: mode, entries: make(map[string]*inode), kept: make(map[string]*inode)}
}

// left is what a cut leaves of the inode and all below it. An inode that a cut
// left under two names, by half a rename, becomes two.
func (n *inode) left(rng *rand.Rand, number func() uint64) *inode {
	if !n.directory {
		c := n.file.left(rng)
		return &inode{number: number(), mode: n.mode, modified: n.modified, file: file{now: c, synced: c.clone(), least: c.size}}
	}
	d := newDirectory(number(), n.mode)
	d.modified = n.modified
	for _, name := range names(n.kept) {
		is := n.kept[name].left(rng, number)
		d.entries[name], d.kept[name] = is, is
	}
	return d
}

// unsynced counts the pages below the inode that a sync of everything would write.
func (n *inode) unsynced() int {
	sum := len(n.dirty())
	for _, is := range n.entries {
		sum += is.unsynced()
	}
	return sum
}

// sync makes the content of all files below the inode durable.
func (n *inode) sync() {
	if !n.directory {
		n.file.sync()
	}
	for _, is := range n.entries {
		is.sync()
	}
}
