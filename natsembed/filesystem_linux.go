package natsembed

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// forget drops what memory holds of a file that is synced. It is a wish: where the
// system does not grant it, reads go on to be answered from memory.
func forget(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }

// volatile says why an acknowledged message may be lost on the store's file
// system, "" if nothing is known against it.
func (s *store) volatile() string {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &disk); err != nil {
		return "" // the quota's own call has told
	}
	return volatile(uint32(disk.Type))
}

// volatile knows the file systems by their magic numbers, as statfs gives them.
//
// Source: https://man7.org/linux/man-pages/man2/statfs.2.html
func volatile(magic uint32) string {
	switch magic {
	case 0x01021994, 0x858458f6: // tmpfs, ramfs
		return "it is in memory: everything is gone after a reboot"
	case 0x794c7630: // overlayfs
		return "it belongs to a container: everything is gone with it; mount a volume"
	case 0x6969, 0xff534d42, 0xfe534d42, 0x01021997: // nfs, cifs, smb2, 9p
		return "it is on the network: locks and syncs are only as good as its server"
	}
	return ""
}
