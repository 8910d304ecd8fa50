//go:build fuse && linux

package lossy

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
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
	return &Mount{dir}, closeOnExec()
}

// closeOnExec keeps connections to the kernel from child processes, which inherit
// them where the library mounts by itself. A child that is on the disk would keep
// its own open and wait for an answer for ever, when we are killed.
func closeOnExec() error {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("look for connections to /dev/fuse: %w", err)
	}
	for _, entry := range fds {
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err != nil || target != "/dev/fuse" {
			continue
		}
		if fd, err := strconv.Atoi(entry.Name()); err == nil {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// Close takes the disk out of the tree, also from under processes that have not
// ended; what they ask of it fails from then on.
func (m *Mount) Close() error { return detach(m.dir) }

func detach(dir string) error {
	// To force it is to end the connection: nobody waits for an answer any more.
	err := syscall.Unmount(dir, syscall.MNT_FORCE|syscall.MNT_DETACH)
	if err == nil {
		return nil
	}
	if out, errExec := exec.Command("fusermount3", "-u", "-z", dir).CombinedOutput(); errExec != nil {
		return fmt.Errorf("unmount %s: %w, and fusermount3: %w: %s", dir, err, errExec, out)
	}
	return nil
}

// Sweep unmounts the disks below dir, which a process left that was killed.
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
		if err := detach(fields[1]); err != nil {
			return err
		}
	}
	return nil
}
