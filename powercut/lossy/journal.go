package lossy

import "slices"

// Directories says when a change of a directory is durable.
type Directories int

// The ways of file systems.
const (
	InOrder Directories = iota // with the next sync of anything, as with ext4 and XFS
	Strict                     // with a sync of the directory, and not before
)

// entry is one name in one directory from now on; nil: no longer there.
type entry struct {
	dir  *inode
	name string
	is   *inode
}

// change is what one system call does to directories.
type change []entry

// journal is the changes that processes see and the disk does not have, in order.
type journal []change

// settle writes to the disk what a sync of the inode makes durable.
func (j *journal) settle(synced *inode, how Directories) {
	if how == InOrder {
		for _, c := range *j {
			c.settle()
		}
		*j = nil
		return
	}
	for i, c := range *j {
		rest := change{}
		for _, e := range c {
			if e.dir == synced {
				change{e}.settle()
			} else {
				rest = append(rest, e)
			}
		}
		(*j)[i] = rest
	}
	*j = slices.DeleteFunc(*j, func(c change) bool { return len(c) == 0 })
}

func (c change) apply() {
	for _, e := range c {
		set(e.dir.entries, e)
	}
}

func (c change) settle() {
	for _, e := range c {
		set(e.dir.kept, e)
	}
}

func set(entries map[string]*inode, e entry) {
	if e.is == nil {
		delete(entries, e.name)
		return
	}
	entries[e.name] = e.is
}
