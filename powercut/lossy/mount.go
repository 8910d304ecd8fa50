//go:build fuse && linux

package lossy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// fsName is what the table of mounts calls our disks.
const fsName = "presenced-lossy"

// Mount is a disk in the tree of files.
type Mount struct{ dir string }

// Mount shows the disk at the directory until Close. It needs root or fusermount3,
// and /dev/fuse.
func (d *Disk) Mount(dir string) (*Mount, error) {
	keep := attrTimeout
	_, err := fs.Mount(dir, &node{disk: d, is: d.root}, &fs.Options{
		EntryTimeout: &keep,
		AttrTimeout:  &keep,
		MountOptions: fuse.MountOptions{
			DirectMount: true, FsName: fsName, Name: fsName,
			MaxWrite: 1 << 20, DisableXAttrs: true,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("mount a lossy disk at %s: %w: it needs /dev/fuse, and root or fusermount3", dir, err)
	}
	return &Mount{dir}, nil
}

// Close takes the disk out of the tree, also from under processes that have not
// ended; what they have open stays theirs until they close it.
func (m *Mount) Close() error { return detach(m.dir) }

func detach(dir string) error {
	err := syscall.Unmount(dir, syscall.MNT_DETACH)
	if err == nil {
		return nil
	}
	if out, errExec := exec.Command("fusermount3", "-u", "-z", dir).CombinedOutput(); errExec != nil {
		return fmt.Errorf("unmount %s: %w, and fusermount3: %w: %s", dir, err, errExec, out)
	}
	return nil
}

// Sweep unmounts the disks below dir that a process left when it was killed. It
// leaves those alone that still answer.
func Sweep(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return fmt.Errorf("look for old mounts: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != fsName || !strings.HasPrefix(fields[1], dir+"/") {
			continue
		}
		if _, err := os.Stat(fields[1]); !errors.Is(err, syscall.ENOTCONN) {
			continue
		}
		if err := detach(fields[1]); err != nil {
			return err
		}
	}
	return nil
}
