package lossy

import (
	"syscall"
	"time"
)

// Fault is what is wrong with a disk that has power. An errno is the answer to
// every operation of its kind, which then does nothing; 0: there is nothing wrong.
//
// EIO in Writes is a disk whose cables are loose, EROFS one that the kernel has
// mounted anew read-only, ENOSPC one that is full: it still takes what needs no
// room, which is to write over what was written and to rename and remove.
type Fault struct {
	Reads  syscall.Errno // of files' bytes
	Writes syscall.Errno // of files' bytes and sizes, and changes of directories
	Syncs  syscall.Errno // of files and directories, and the sync of an O_SYNC write

	SlowWrites, SlowSyncs time.Duration // how much longer a write takes, and a sync
}

// Break gives the disk a fault in place of the one that it had. The zero Fault
// mends it.
func (d *Disk) Break(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// fails is the errno of a change; needsRoom: a full disk cannot make it.
func (f Fault) fails(needsRoom bool) syscall.Errno {
	if f.Writes == syscall.ENOSPC && !needsRoom {
		return 0
	}
	return f.Writes
}

// drag is how long a slow disk takes over an operation before it begins. Others go
// on meanwhile. Without power it takes no time: [Disk.do] waits.
func (d *Disk) drag(slow func(Fault) time.Duration) {
	d.mu.Lock()
	long := slow(d.fault)
	d.mu.Unlock()
	if long == 0 {
		return
	}
	select {
	case <-time.After(long):
	case <-d.off:
	}
}
