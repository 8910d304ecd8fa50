package natsembed

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCheckStore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		harm func(dir string) error
		gone bool
		want string // in the error; "": there is none
	}{
		"nothing happened": {func(string) error { return nil }, false, ""},
		"it was deleted":   {os.RemoveAll, true, "no such file or directory"},
		"it was deleted and made again": {func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, lockName), nil, 0o600))
		}, true, "was replaced"},
		"a stream of it was deleted": {func(dir string) error {
			return os.RemoveAll(filepath.Join(dir, "jetstream", "$G", "streams", "TEST"))
		}, true, "streams/TEST was deleted"},
		"something is in the way": {func(dir string) error { return os.MkdirAll(filepath.Join(dir, "presenced.probe", "x"), 0o700) },
			false, "write to store"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "store")
			s, err := Start(t.Context(), Config{StoreDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			create(t, s)
			if err := s.CheckStore(); err != nil {
				t.Fatalf("CheckStore of a store that is well = %v", err)
			}
			if err := tc.harm(dir); err != nil {
				t.Fatal(err)
			}
			err = s.CheckStore()
			if (err == nil) != (tc.want == "") || errors.Is(err, ErrStoreGone) != tc.gone {
				t.Fatalf("CheckStore = %v, want %q; gone %v", err, tc.want, tc.gone)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), dir)) {
				t.Errorf("CheckStore = %v, want %q and the path", err, tc.want)
			}
		})
	}
}

func TestProbeTellsErrno(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT, syscall.EFBIG} {
		s := &store{dir: t.TempDir()}
		err := s.mark(nil, func(path string, _ []byte, _ fs.FileMode) error {
			return &fs.PathError{Op: "write", Path: path, Err: errno}
		})
		if !errors.Is(err, errno) || !strings.Contains(err.Error(), s.dir) {
			t.Errorf("probe on %v = %v, want errno and path", errno, err)
		}
	}
}
