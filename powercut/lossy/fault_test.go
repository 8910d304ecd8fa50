//go:build fuse && linux

package lossy_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"presenced/powercut/lossy"
)

// operations are what a process may do with a disk that has the files old, which is
// open, and spare.
func operations() map[string]func(m *machine, old *os.File) error {
	return map[string]func(m *machine, old *os.File) error{
		"read": func(m *machine, _ *os.File) error {
			_, err := os.ReadFile(m.path("old")) // to open it makes the kernel forget what it has of it
			return err
		},
		"write over":   func(_ *machine, old *os.File) error { _, err := old.WriteAt([]byte("OLD"), 0); return err },
		"write behind": func(_ *machine, old *os.File) error { _, err := old.WriteAt([]byte("more"), 4096); return err },
		"sync":         func(_ *machine, old *os.File) error { return old.Sync() },
		"truncate":     func(_ *machine, old *os.File) error { return old.Truncate(2) },
		"create":       func(m *machine, _ *os.File) error { return os.WriteFile(m.path("new"), nil, 0o600) },
		"mkdir":        func(m *machine, _ *os.File) error { return os.Mkdir(m.path("dir"), 0o700) },
		"rename":       func(m *machine, _ *os.File) error { return os.Rename(m.path("spare"), m.path("other")) },
		"remove":       func(m *machine, _ *os.File) error { return os.Remove(m.path("spare")) },
	}
}

// TestFaults is what each fault refuses, and that a cut then leaves what was synced
// before.
func TestFaults(t *testing.T) {
	t.Parallel()
	writes := []string{"create", "mkdir", "remove", "rename", "truncate", "write behind", "write over"}
	for name, tc := range map[string]struct {
		fault lossy.Fault
		errno syscall.Errno
		fail  []string // sorted
	}{
		"reads":     {lossy.Fault{Reads: syscall.EIO}, syscall.EIO, []string{"read"}},
		"writes":    {lossy.Fault{Writes: syscall.EIO}, syscall.EIO, writes},
		"syncs":     {lossy.Fault{Syncs: syscall.EIO}, syscall.EIO, []string{"sync"}},
		"read-only": {lossy.Fault{Writes: syscall.EROFS}, syscall.EROFS, writes},
		"full":      {lossy.Fault{Writes: syscall.ENOSPC}, syscall.ENOSPC, []string{"create", "mkdir", "write behind"}},
		"none":      {lossy.Fault{}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var failed []string
			for what, do := range operations() {
				m := start(t, lossy.InOrder)
				old := m.open("old", os.O_RDWR|os.O_CREATE)
				m.check(say(old, "old"), old.Sync(), m.open("spare", os.O_RDWR|os.O_CREATE).Sync())
				m.disk.Break(tc.fault)
				if err := do(m, old); errors.Is(err, tc.errno) && err != nil {
					failed = append(failed, what)
				} else if err != nil {
					t.Errorf("%s: %v, want %v or success", what, err, tc.errno)
				}
				m.cut(nil)
				m.want("after the cut", "old", "old")
			}
			slices.Sort(failed)
			if !slices.Equal(failed, tc.fail) {
				t.Errorf("refused: %q, want %q", failed, tc.fail)
			}
		})
	}
}

// TestMended: what was refused never happened, and it can be done again.
func TestMended(t *testing.T) {
	t.Parallel()
	m := start(t, lossy.InOrder)
	f := m.open("a", os.O_RDWR|os.O_CREATE)
	m.check(say(f, "one"), f.Sync())
	m.disk.Break(lossy.Fault{Writes: syscall.EIO})
	if err := say(f, " two"); !errors.Is(err, syscall.EIO) {
		t.Errorf("write: %v, want %v", err, syscall.EIO)
	}
	m.disk.Break(lossy.Fault{Syncs: syscall.EIO})
	if err := errors.Join(say(f, " three"), f.Sync()); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync: %v, want %v", err, syscall.EIO)
	}
	if n := strings.Count(left(m), "three"); n != 0 {
		t.Error("what a sync was refused for is durable")
	}
	m.disk.Break(lossy.Fault{})
	m.check(f.Sync())
	m.cut(nil)
	m.want("after the cut", "a", "one three")
}

// left is what a cut would leave of the file a.
func left(m *machine) string {
	other := &machine{t: m.t, disk: m.disk.Copy(), dir: m.t.TempDir()}
	other.on()
	defer other.mount.Close()
	text, err := os.ReadFile(other.path("a"))
	m.check(err)
	return string(text)
}

// TestSlow: a slow disk does all, later, and without power it makes nobody wait
// longer than the cut.
func TestSlow(t *testing.T) {
	t.Parallel()
	m := start(t, lossy.InOrder)
	const slow = 200 * time.Millisecond
	f := m.open("a", os.O_RDWR|os.O_CREATE)
	m.disk.Break(lossy.Fault{SlowWrites: slow, SlowSyncs: slow})
	began := time.Now()
	m.check(say(f, "one"), f.Sync())
	if took := time.Since(began); took < 2*slow {
		t.Errorf("a write and a sync took %v, want %v or more", took, 2*slow)
	}
	m.disk.Break(lossy.Fault{SlowWrites: time.Hour})
	answer := make(chan error, 1)
	go func() { answer <- say(f, "two") }()
	m.cut(nil)
	if err := <-answer; err == nil {
		t.Error("a write that the cut came before succeeded")
	}
	m.want("after the cut", "a", "one")
}
