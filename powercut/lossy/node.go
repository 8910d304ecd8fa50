//go:build fuse && linux

package lossy

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is an inode as the kernel knows it.
type node struct {
	fs.Inode
	disk *Disk
	is   *inode
}

var _ interface {
	fs.NodeLookuper
	fs.NodeReaddirer
	fs.NodeCreater
	fs.NodeMkdirer
	fs.NodeUnlinker
	fs.NodeRmdirer
	fs.NodeRenamer
	fs.NodeOpener
	fs.NodeReader
	fs.NodeWriter
	fs.NodeFsyncer
	fs.NodeGetattrer
	fs.NodeSetattrer
	fs.NodeStatfser
} = (*node)(nil)

// child presents an inode below the node to the kernel.
func (n *node) child(ctx context.Context, is *inode, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	a, errno := n.disk.stat(is)
	if errno != 0 {
		return nil, errno
	}
	a.fill(&out.Attr)
	return n.NewInode(ctx, &node{disk: n.disk, is: is}, fs.StableAttr{Mode: a.kind(), Ino: a.number}), 0
}

func (a attributes) kind() uint32 {
	if a.directory {
		return syscall.S_IFDIR
	}
	return syscall.S_IFREG
}

func (a attributes) fill(out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink = a.number, a.kind()|a.mode, 1
	out.Size, out.Blksize, out.Blocks = uint64(a.size), pageSize, uint64((a.size+511)/512)
	out.Uid, out.Gid = uint32(os.Geteuid()), uint32(os.Getegid())
	out.SetTimes(&a.modified, &a.modified, &a.modified)
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	is, errno := n.disk.lookup(n.is, name)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, is, out)
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	var all []fuse.DirEntry
	errno := n.disk.list(n.is, func(name string, is *inode) {
		all = append(all, fuse.DirEntry{Name: name, Mode: is.attributes().kind(), Ino: is.number})
	})
	return fs.NewListDirStream(all), errno
}

// Create is asked for names that the kernel has just looked up in vain.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	is, errno := n.disk.create(n.is, name, mode&0o7777)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	child, errno := n.child(ctx, is, out)
	return child, openedWith(flags), 0, errno
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	is, errno := n.disk.mkdir(n.is, name, mode&0o7777)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, is, out)
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.disk.unlink(n.is, name)
}

func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return n.disk.rmdir(n.is, name)
}

func (n *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL // to exchange two names, for instance
	}
	return n.disk.rename(n.is, name, parent.(*node).is, newName)
}

// openedWith is the handle of an open file. The inode has all the rest.
func openedWith(flags uint32) writing {
	return writing{
		atEnd:  flags&syscall.O_APPEND != 0,
		synced: flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0,
	}
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		if errno := n.disk.truncate(n.is, 0); errno != 0 {
			return nil, 0, errno
		}
	}
	return openedWith(flags), 0, 0
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, b []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	size, errno := n.disk.read(n.is, b, off)
	return fuse.ReadResultData(b[:size]), errno
}

func (n *node) Write(_ context.Context, f fs.FileHandle, b []byte, off int64) (uint32, syscall.Errno) {
	how, _ := f.(writing)
	if errno := n.disk.write(n.is, b, off, how); errno != 0 {
		return 0, errno
	}
	return uint32(len(b)), 0
}

func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return n.disk.sync(n.is)
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	a, errno := n.disk.stat(n.is)
	a.fill(&out.Attr)
	return errno
}

func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	var errno syscall.Errno
	if size, ok := in.GetSize(); ok {
		errno = n.disk.truncate(n.is, int64(size))
	}
	if mode, ok := in.GetMode(); ok && errno == 0 {
		errno = n.disk.chmod(n.is, mode&0o7777)
	}
	if at, ok := in.GetMTime(); ok && errno == 0 {
		errno = n.disk.touch(n.is, at)
	}
	if errno != 0 {
		return errno
	}
	return n.Getattr(ctx, f, out)
}

// Statfs says that there is much room: how much is known before a disk is full is
// natsembed's tests' matter.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const blocks = 64 << 30 / pageSize
	out.Blocks, out.Bfree, out.Bavail = blocks, blocks, blocks
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	return 0
}

// attrTimeout lets the kernel keep what it was told: nobody else changes the disk.
const attrTimeout = time.Minute
