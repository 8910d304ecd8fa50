package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// claimVersion notes in the store which server writes to it from now on. It
// refuses a store that a newer one has written to, because an older one may take
// what it cannot read for damage and drop it.
func claimVersion(dir, version string) error {
	path := filepath.Join(dir, "VERSION")
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writeVersion(path, version)
	case err != nil:
		return storeError("read", path, err)
	}
	last := strings.TrimSpace(string(text))
	if last == version {
		return nil
	}
	was, okWas := parseVersion(last)
	is, okIs := parseVersion(version)
	switch {
	case !okWas || !okIs:
		return fmt.Errorf("read %s: got %q, want a version such as %s: this is no store of presenced, or it is damaged", path, last, Version)
	case slices.Compare(was, is) > 0:
		return fmt.Errorf("open store %s: nats-server %s has written to it and this one is %s: run a presenced that is as new, or delete %s to take the risk", dir, last, version, path)
	}
	return writeVersion(path, version)
}

// parseVersion gives the three numbers of a version. What follows a dash does not
// count.
func parseVersion(s string) ([]int, bool) {
	s, _, _ = strings.Cut(s, "-")
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return nil, false
	}
	numbers := make([]int, len(parts))
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, false
		}
		numbers[i] = int(n)
	}
	return numbers, true
}

// writeVersion replaces the file as a whole, synced, so that a power cut leaves
// the old one or the new one.
func writeVersion(path, version string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "VERSION-")
	if err != nil {
		return storeError("write", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(version + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return storeError("write", path, err)
	}
	return nil
}
