package graphclient

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// readRefreshToken reads the file that DeviceLogin wrote. A file that others can
// read is refused: who holds a refresh token is the account for 90 days.
func readRefreshToken(path string) (string, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("refresh token file %s does not exist: run presenced login", path)
	case err != nil:
		return "", fmt.Errorf("open refresh token file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", fmt.Errorf("look at refresh token file: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("refresh token file %s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("refresh token file %s has mode %04o, others can read it: chmod 600 it", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(f, maxToken+1024))
	if err != nil {
		return "", fmt.Errorf("read refresh token file: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("refresh token file %s: %w: run presenced login", path, err)
	}
	return token, nil
}

// writeRefreshToken replaces the file as a whole: after a crash the old token or
// the new one is there, never half of one.
func writeRefreshToken(path, token string) (err error) {
	if err := checkToken(token); err != nil {
		return fmt.Errorf("write refresh token: %w", err)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a rename would replace the link
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write refresh token file %s: %w", path, err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(path), ".refresh-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in vain after the rename
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
