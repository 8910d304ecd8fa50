//go:build fuse && linux

package lossy_test

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"presenced/powercut/lossy"
)

// machine is a disk and where it is mounted.
type machine struct {
	t     *testing.T
	disk  *lossy.Disk
	mount *lossy.Mount
	dir   string
}

func start(t *testing.T, how lossy.Directories) *machine {
	t.Helper()
	m := &machine{t: t, disk: lossy.New(how), dir: t.TempDir()}
	m.on()
	t.Cleanup(func() {
		m.disk.Cut(nil)
		if err := m.mount.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func (m *machine) on() {
	m.t.Helper()
	mount, err := m.disk.Mount(m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	m.mount = mount
}

// cut is a power cut and the start after it.
func (m *machine) cut(rng *rand.Rand) {
	m.t.Helper()
	m.disk, _ = m.disk.Cut(rng)
	if err := m.mount.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.on()
}

func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

func (m *machine) open(name string, flags int) *os.File {
	m.t.Helper()
	f, err := os.OpenFile(m.path(name), flags, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { f.Close() })
	return f
}

func (m *machine) want(what, name, text string) {
	m.t.Helper()
	got, err := os.ReadFile(m.path(name))
	if err != nil || string(got) != text {
		m.t.Errorf("%s: %s holds %.60q (%d bytes, %v), want %.60q", what, name, got, len(got), err, text)
	}
}

func (m *machine) check(errs ...error) {
	m.t.Helper()
	for _, err := range errs {
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

func say(f *os.File, text string) error {
	_, err := io.WriteString(f, text)
	return err
}

func TestFileSystem(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(m *machine){
		"written, synced, written": func(m *machine) {
			f := m.open("a", os.O_RDWR|os.O_CREATE)
			m.check(say(f, "one "), f.Sync(), say(f, "two"))
			m.want("before the cut", "a", "one two")
			m.cut(nil)
			m.want("after it", "a", "one ")
		},
		"appended": func(m *machine) {
			m.check(os.WriteFile(m.path("a"), []byte("one "), 0o600))
			f := m.open("a", os.O_WRONLY|os.O_APPEND)
			_, err := f.Seek(0, io.SeekStart)
			m.check(err, say(f, "two "), f.Sync(), say(f, "three"))
			m.want("before the cut", "a", "one two three")
			m.cut(nil)
			m.want("after it", "a", "one two ")
		},
		"O_SYNC": func(m *machine) {
			f := m.open("a", os.O_WRONLY|os.O_CREATE|os.O_SYNC)
			m.check(say(f, "one"))
			m.cut(nil)
			m.want("after the cut", "a", "one")
		},
		"truncated": func(m *machine) {
			f := m.open("a", os.O_RDWR|os.O_CREATE)
			m.check(say(f, "one two"), f.Sync(), f.Truncate(3))
			m.want("before the cut", "a", "one")
			m.cut(nil)
			m.want("after it", "a", "one two")
			m.check(os.Truncate(m.path("a"), 3))
			f = m.open("a", os.O_RDWR)
			m.check(f.Truncate(5), f.Sync())
			m.cut(nil)
			m.want("after the next", "a", "one\x00\x00")
		},
		"O_TRUNC": func(m *machine) {
			f := m.open("a", os.O_RDWR|os.O_CREATE)
			m.check(say(f, "one"), f.Sync(), os.WriteFile(m.path("a"), []byte("two"), 0o600))
			m.want("before the cut", "a", "two")
			m.cut(nil)
			m.want("after it", "a", "one")
		},
		"renamed over": func(m *machine) {
			a, b := m.open("a", os.O_RDWR|os.O_CREATE), m.open("b", os.O_RDWR|os.O_CREATE)
			m.check(say(a, "old"), a.Sync(), say(b, "new"), b.Sync(), os.Rename(m.path("b"), m.path("a")))
			m.want("before the cut", "a", "new")
			m.cut(nil)
			m.want("after it", "a", "old")
			m.check(os.Rename(m.path("b"), m.path("a")), m.open(".", os.O_RDONLY).Sync())
			m.cut(nil)
			m.want("after the next", "a", "new")
		},
		"a big file, in pieces": func(m *machine) {
			text := strings.Repeat("0123456789abcde\n", 200_000)
			f := m.open("a", os.O_RDWR|os.O_CREATE)
			m.check(say(f, text), f.Sync())
			_, err := f.WriteAt([]byte("HERE"), 1_000_001)
			m.check(err)
			m.want("before the cut", "a", text[:1_000_001]+"HERE"+text[1_000_005:])
			m.cut(nil)
			m.want("after it", "a", text)
		},
		"unlinked and open": func(m *machine) {
			f := m.open("a", os.O_RDWR|os.O_CREATE)
			m.check(say(f, "one"), os.Remove(m.path("a")))
			b := make([]byte, 3)
			if _, err := f.ReadAt(b, 0); err != nil || string(b) != "one" {
				m.t.Errorf("read %q, %v; want what was written", b, err)
			}
		},
		"directories": func(m *machine) {
			m.check(os.MkdirAll(m.path("x/y/z"), 0o700), os.WriteFile(m.path("x/y/z/a"), nil, 0o600))
			if err := os.Remove(m.path("x")); err == nil {
				m.t.Error("removed a directory that is not empty")
			}
			m.check(m.open("x", os.O_RDONLY).Sync())
			m.cut(nil)
			var got []string
			m.check(filepath.WalkDir(m.dir, func(path string, _ os.DirEntry, err error) error {
				got = append(got, strings.TrimPrefix(path, m.dir))
				return err
			}))
			if want := []string{"", "/x", "/x/y", "/x/y/z", "/x/y/z/a"}; !slices.Equal(got, want) {
				m.t.Errorf("%q is left, want %q", got, want)
			}
			m.check(os.RemoveAll(m.path("x")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			do(start(t, lossy.InOrder))
		})
	}
}

// TestStrictDirectories is the difference of the other mode: a synced file is lost
// with its name.
func TestStrictDirectories(t *testing.T) {
	t.Parallel()
	m := start(t, lossy.Strict)
	a, b := m.open("a", os.O_RDWR|os.O_CREATE), m.open("b", os.O_RDWR|os.O_CREATE)
	m.check(say(a, "one"), a.Sync(), m.open(".", os.O_RDONLY).Sync(), say(b, "two"), b.Sync())
	m.check(m.open("c", os.O_RDWR|os.O_CREATE).Sync())
	m.cut(nil)
	m.want("after the cut", "a", "one")
	m.want("after the cut", "b", "two")
	if _, err := os.Stat(m.path("c")); !os.IsNotExist(err) {
		t.Errorf("c, whose directory was not synced: %v, want it gone", err)
	}
}

// TestTornWrites sees all that may be left of three pages written after a sync.
func TestTornWrites(t *testing.T) {
	t.Parallel()
	left := make(map[int]bool)
	m := start(t, lossy.InOrder)
	for seed := range uint64(40) {
		f := m.open("a", os.O_RDWR|os.O_CREATE|os.O_TRUNC)
		m.check(f.Sync(), say(f, strings.Repeat("x", 3*4096)))
		m.cut(rand.New(rand.NewPCG(seed, 1)))
		text, err := os.ReadFile(m.path("a"))
		m.check(err)
		left[strings.Count(string(text), "x")/4096] = true
	}
	if len(left) != 4 {
		t.Errorf("pages left: %v, want 0 to 3", left)
	}
}

// TestNoPowerNoAnswer: whoever uses the disk when the power goes off hears nothing
// until the cut, then an error; a disk that is off takes no mount with it.
func TestNoPowerNoAnswer(t *testing.T) {
	t.Parallel()
	m := start(t, lossy.InOrder)
	f := m.open("a", os.O_RDWR|os.O_CREATE)
	off := m.disk.OffAfter(2)
	m.check(say(f, "one"), f.Sync())
	<-off
	answer := make(chan error, 1)
	var writing sync.WaitGroup
	writing.Go(func() { answer <- say(f, "two") })
	select {
	case err := <-answer:
		t.Fatalf("write without power: %v, want no answer", err)
	default:
	}
	next, _ := m.disk.Cut(nil)
	writing.Wait()
	if err := <-answer; !strings.Contains(err.Error(), syscall.EIO.Error()) {
		t.Errorf("write during the cut: %v, want %v", err, syscall.EIO)
	}
	m.disk = next
	m.check(m.mount.Close())
	m.on()
	m.want("after the cut", "a", "one")
}

// TestCopyIsAnotherDisk: what is done to one is not seen on the other.
func TestCopyIsAnotherDisk(t *testing.T) {
	t.Parallel()
	m := start(t, lossy.InOrder)
	f := m.open("a", os.O_RDWR|os.O_CREATE)
	m.check(say(f, "one"), f.Sync(), say(f, " two"))
	other := &machine{t: t, disk: m.disk.Copy(), dir: t.TempDir()}
	other.on()
	t.Cleanup(func() { other.mount.Close() })
	other.want("on the copy", "a", "one")
	g := other.open("a", os.O_RDWR)
	other.check(say(g, "ONE and more"), g.Sync())
	m.want("on the disk", "a", "one two")
}

// TestBusyMountIsClosed: processes that still have files open do not keep a disk.
func TestBusyMountIsClosed(t *testing.T) {
	t.Parallel()
	m := start(t, lossy.InOrder)
	f := m.open("a", os.O_RDWR|os.O_CREATE)
	m.cut(nil)
	if err := say(f, "late"); err == nil {
		t.Error("a file of before the cut took a write")
	}
	if _, err := os.Stat(m.path("a")); !os.IsNotExist(err) {
		t.Errorf("a file that was never synced: %v, want it gone", err)
	}
}
