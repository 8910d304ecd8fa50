package natsembed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrLocked is the refusal of a store that another process has open, or another
// Server of this one.
var ErrLocked = errors.New("store is in use")

const lockName = "presenced.lock"

// lockStore takes the lock of a store, which the kernel gives up when its holder
// dies, however that happens: whoever has the lock knows that no earlier holder
// can write any more. The file says who holds it, for people.
func lockStore(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		if errOwner := checkOwner(dir, path); errOwner != nil {
			return nil, errOwner
		}
		return nil, storeError("open lock", path, err)
	}
	if err := claim(f, dir, path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func claim(f *os.File, dir, path string) error {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return fmt.Errorf("%w: %s is held by %s: stop it or set embedded.store_dir to another directory", ErrLocked, dir, holder(f))
	case err != nil:
		return fmt.Errorf("lock %s: %w: set embedded.store_dir to a local disk", path, err)
	}
	if err := checkOwner(dir, path); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return storeError("write lock", path, err)
	}
	text := fmt.Sprintf("pid %d since %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return storeError("write lock", path, err)
	}
	return nil
}

// InUse reports whether some process has the store open, as a Server has. If none
// has, it holds the lock itself for a moment, in which a start is refused.
func InUse(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at store %s: %w", dir, cause(err))
	}
	defer f.Close() // which gives up the lock too
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
		return false, fmt.Errorf("look at store %s: %w", dir, err)
	}
	return err != nil, nil
}

// holder is what the lock file says of the process that holds it.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 100))
	if line := strings.TrimSpace(string(text)); err == nil && line != "" {
		return line
	}
	return "a process that has not said its pid yet"
}

// checkOwner refuses a store that was made by another user: files that root adds
// to it by mistake would stop its owner for good. The lock file tells, not the
// directory, because a volume's top may well belong to root and be writable for a
// group.
func checkOwner(dir, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // no lock file, so nobody made the store
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return compareOwner(dir, int(stat.Uid), os.Geteuid())
	}
	return nil
}

func compareOwner(dir string, owner, self int) error {
	if owner == self {
		return nil
	}
	return fmt.Errorf("open store %s: it belongs to uid %d and this process runs as uid %d: %w: run as its owner or chown the store",
		dir, owner, self, fs.ErrPermission)
}
