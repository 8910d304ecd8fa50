package lossy

import (
	"syscall"
	"time"
)

// The operations of a file system, as the kernel asks for them. errno 0 is success.

func (d *Disk) lookup(dir *inode, name string) (found *inode, errno syscall.Errno) {
	errno = d.do(func() syscall.Errno {
		if found = dir.entries[name]; found == nil {
			return syscall.ENOENT
		}
		return 0
	})
	return found, errno
}

// list calls fn for every entry, in order.
func (d *Disk) list(dir *inode, fn func(name string, is *inode)) syscall.Errno {
	return d.do(func() syscall.Errno {
		for _, name := range names(dir.entries) {
			fn(name, dir.entries[name])
		}
		return 0
	})
}

func (d *Disk) create(dir *inode, name string, mode uint32) (made *inode, errno syscall.Errno) {
	return d.add(dir, name, &inode{mode: mode})
}

func (d *Disk) mkdir(dir *inode, name string, mode uint32) (made *inode, errno syscall.Errno) {
	return d.add(dir, name, newDirectory(0, mode))
}

func (d *Disk) add(dir *inode, name string, is *inode) (*inode, syscall.Errno) {
	return is, d.change(func() syscall.Errno {
		if dir.entries[name] != nil {
			return syscall.EEXIST
		}
		if errno := d.fault.fails(true); errno != 0 {
			return errno
		}
		is.number, is.modified = d.number(), time.Now()
		return d.enter(change{{dir, name, is}})
	})
}

func (d *Disk) unlink(dir *inode, name string) syscall.Errno {
	return d.change(func() syscall.Errno {
		switch is := dir.entries[name]; {
		case is == nil:
			return syscall.ENOENT
		case is.directory:
			return syscall.EISDIR
		}
		return d.enter(change{{dir, name, nil}})
	})
}

func (d *Disk) rmdir(dir *inode, name string) syscall.Errno {
	return d.change(func() syscall.Errno {
		switch is := dir.entries[name]; {
		case is == nil:
			return syscall.ENOENT
		case !is.directory:
			return syscall.ENOTDIR
		case len(is.entries) > 0:
			return syscall.ENOTEMPTY
		}
		return d.enter(change{{dir, name, nil}})
	})
}

// rename replaces what the new name stood for, as rename(2) does.
func (d *Disk) rename(dir *inode, name string, newDir *inode, newName string) syscall.Errno {
	return d.change(func() syscall.Errno {
		is, old := dir.entries[name], newDir.entries[newName]
		switch {
		case is == nil:
			return syscall.ENOENT
		case is == old:
			return 0
		case old != nil && old.directory && !is.directory:
			return syscall.EISDIR
		case old != nil && !old.directory && is.directory:
			return syscall.ENOTDIR
		case old != nil && len(old.entries) > 0:
			return syscall.ENOTEMPTY
		}
		return d.enter(change{{dir, name, nil}, {newDir, newName, is}})
	})
}

func (d *Disk) read(f *inode, b []byte, off int64) (n int, errno syscall.Errno) {
	errno = d.do(func() syscall.Errno {
		if d.fault.Reads == 0 {
			n = f.now.readAt(b, off)
		}
		return d.fault.Reads
	})
	return n, errno
}

// writing is how a file was opened.
type writing struct {
	atEnd  bool // O_APPEND
	synced bool // O_SYNC or O_DSYNC
}

func (d *Disk) write(f *inode, b []byte, off int64, how writing) syscall.Errno {
	d.drag(func(f Fault) time.Duration { return f.SlowWrites })
	return d.change(func() syscall.Errno {
		if how.atEnd {
			off = f.now.size
		}
		if errno := d.fault.fails(f.now.lacks(off, int64(len(b)))); errno != 0 {
			return errno
		}
		f.writeAt(b, off)
		f.modified = time.Now()
		if how.synced {
			return d.settle(f)
		}
		return 0
	})
}

func (d *Disk) truncate(f *inode, size int64) syscall.Errno {
	return d.change(func() syscall.Errno {
		if errno := d.fault.fails(false); errno != 0 {
			return errno
		}
		f.truncate(size)
		f.modified = time.Now()
		return 0
	})
}

func (d *Disk) sync(n *inode) syscall.Errno {
	d.drag(func(f Fault) time.Duration { return f.SlowSyncs })
	return d.change(func() syscall.Errno { return d.settle(n) })
}

// settle makes a file or directory durable, or says why not.
func (d *Disk) settle(n *inode) syscall.Errno {
	if d.fault.Syncs != 0 {
		return d.fault.Syncs
	}
	if !n.directory {
		n.file.sync()
	}
	d.journal.settle(n, d.how)
	return 0
}

// change other attributes: they are durable at once, nobody here depends on them.
func (d *Disk) chmod(n *inode, mode uint32) syscall.Errno {
	return d.do(func() syscall.Errno { n.mode = mode; return 0 })
}

func (d *Disk) touch(n *inode, at time.Time) syscall.Errno {
	return d.do(func() syscall.Errno { n.modified = at; return 0 })
}

// attributes are what stat tells.
type attributes struct {
	number    uint64
	directory bool
	mode      uint32
	size      int64
	modified  time.Time
}

func (d *Disk) stat(n *inode) (a attributes, errno syscall.Errno) {
	errno = d.do(func() syscall.Errno {
		a = n.attributes()
		return 0
	})
	return a, errno
}

func (n *inode) attributes() attributes {
	return attributes{n.number, n.directory, n.mode, n.now.size, n.modified}
}
