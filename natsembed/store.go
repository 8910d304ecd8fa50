package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// minFree is how much of the disk must be free to start. A stream that meets a
// full disk stops for good and its publishers see time-outs only; not to start at
// all says more.
const minFree = 16 << 20

// store is a directory that this process alone writes to.
type store struct {
	dir  string
	lock *os.File
}

// openStore makes the directory if there is none, locks it, and refuses it if a
// newer server has written to it.
func openStore(dir string) (*store, error) {
	if dir == "" {
		return nil, fmt.Errorf("embedded.store_dir: got nothing, want a directory")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve store %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, storeError("create store", dir, err)
	}
	lock, err := lockStore(dir)
	if err != nil {
		return nil, err
	}
	if err := claimVersion(dir, Version); err != nil {
		lock.Close()
		return nil, err
	}
	return &store{dir: dir, lock: lock}, nil
}

// close gives the store free, even if a child that somebody is just starting still
// has the lock file open. The file stays: to remove it would let two processes lock
// two files of the same name.
func (s *store) close() {
	_ = syscall.Flock(int(s.lock.Fd()), syscall.LOCK_UN) // closing does it, if a little later
	s.lock.Close()
}

// quota is how many bytes the streams may use: what is wanted, but no more than a
// share of the disk, which it is for 0. JetStream refuses a message beyond its quota
// and takes the next one when there is room again, whereas a full disk stops it until
// a restart.
func (s *store) quota(want int64) (int64, error) {
	if want < 0 {
		return 0, fmt.Errorf("start embedded nats: got a quota of %d bytes, want 0 or more", want)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &disk); err != nil {
		return 0, storeError("measure disk of store", s.dir, err)
	}
	free := int64(disk.Bavail) * int64(disk.Bsize) //nolint:unconvert // Bsize has another type elsewhere
	if err := checkFree(s.dir, free); err != nil {
		return 0, err
	}
	used, err := s.used()
	if err != nil {
		return 0, storeError("measure store", s.dir, err)
	}
	if most := share(free, used); want == 0 || want > most {
		return most, nil
	}
	return want, nil
}

func checkFree(dir string, free int64) error {
	if free >= minFree {
		return nil
	}
	return fmt.Errorf("start embedded nats: %d MiB are free on the disk of store %s, want %d: %w%s",
		free>>20, dir, minFree>>20, syscall.ENOSPC, advice(syscall.ENOSPC))
}

// share counts what the store has already, so that the quota is the same at every
// start and does not creep towards a full disk.
func share(free, used int64) int64 { return (free + used) / 5 * 4 }

func (s *store) used() (sum int64, err error) {
	err = filepath.WalkDir(s.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}

// advice is what to do about an errno, with a colon in front, or nothing.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return ": free some space or set embedded.store_dir to another disk"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return ": set embedded.store_dir to a directory"
	case errors.Is(err, syscall.EROFS):
		return ": mount it writable or set embedded.store_dir to another disk"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf(": give uid %d the right to write there", os.Geteuid())
	}
	return ""
}
