package lossy

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// must fails the test if an operation failed.
func must(t interface {
	Helper()
	Fatalf(string, ...any)
}, errnos ...syscall.Errno,
) {
	t.Helper()
	for _, errno := range errnos {
		if errno != 0 {
			t.Fatalf("operation failed: %v", errno)
		}
	}
}

func makeFile(t *testing.T, d *Disk, dir *inode, name string) *inode {
	t.Helper()
	is, errno := d.create(dir, name, 0o600)
	must(t, errno)
	return is
}

func makeDir(t *testing.T, d *Disk, dir *inode, name string) *inode {
	t.Helper()
	is, errno := d.mkdir(dir, name, 0o700)
	must(t, errno)
	return is
}

func write(t *testing.T, d *Disk, f *inode, text string, off int64) {
	t.Helper()
	must(t, d.write(f, []byte(text), off, writing{}))
}

// tree lists a disk: a path and content a line.
func tree(d *Disk) string {
	var lines []string
	var walk func(path string, n *inode)
	walk = func(path string, n *inode) {
		if !n.directory {
			b := make([]byte, n.now.size)
			n.now.readAt(b, 0)
			lines = append(lines, path+"="+string(b))
			return
		}
		if len(n.entries) == 0 && path != "" {
			lines = append(lines, path+"/")
		}
		for _, name := range names(n.entries) {
			walk(path+"/"+name, n.entries[name])
		}
	}
	walk("", d.root)
	return strings.Join(lines, " ")
}

// TestCutForgets is the model in a table: what was done, and what is left with each
// kind of directories.
func TestCutForgets(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		do              func(t *testing.T, d *Disk)
		inOrder, strict string
	}{
		"nothing synced": {
			func(t *testing.T, d *Disk) { write(t, d, makeFile(t, d, d.root, "a"), "text", 0) },
			"", "",
		},
		"synced": {
			func(t *testing.T, d *Disk) {
				a := makeFile(t, d, d.root, "a")
				write(t, d, a, "text", 0)
				must(t, d.sync(a), d.sync(d.root))
			},
			"/a=text", "/a=text",
		},
		"a file, not its directory": {
			func(t *testing.T, d *Disk) {
				a := makeFile(t, d, d.root, "a")
				write(t, d, a, "text", 0)
				must(t, d.sync(a))
			},
			"/a=text", "",
		},
		"a directory, not the file in it": {
			func(t *testing.T, d *Disk) {
				write(t, d, makeFile(t, d, d.root, "a"), "text", 0)
				must(t, d.sync(d.root))
			},
			"/a=", "/a=",
		},
		"written after the sync": {
			func(t *testing.T, d *Disk) {
				a := makeFile(t, d, d.root, "a")
				write(t, d, a, "text", 0)
				must(t, d.sync(a), d.sync(d.root))
				write(t, d, a, "TEXT and more", 0)
			},
			"/a=text", "/a=text",
		},
		"truncated after the sync": {
			func(t *testing.T, d *Disk) {
				a := makeFile(t, d, d.root, "a")
				write(t, d, a, "text", 0)
				must(t, d.sync(a), d.sync(d.root), d.truncate(a, 1))
			},
			"/a=text", "/a=text",
		},
		"an O_SYNC write": {
			func(t *testing.T, d *Disk) {
				a := makeFile(t, d, d.root, "a")
				must(t, d.sync(d.root), d.write(a, []byte("text"), 0, writing{synced: true}))
			},
			"/a=text", "/a=text",
		},
		"renamed over, directory synced": {
			func(t *testing.T, d *Disk) {
				renameOver(t, d)
				must(t, d.sync(d.root))
			},
			"/a=new", "/a=new",
		},
		"renamed over, directory not synced": {
			func(t *testing.T, d *Disk) { renameOver(t, d) },
			"/a=old /b=new", "/a=old",
		},
		"renamed over, something else synced": {
			func(t *testing.T, d *Disk) {
				renameOver(t, d)
				must(t, d.sync(makeFile(t, d, d.root, "c")))
			},
			"/a=new /c=", "/a=old",
		},
		"unlinked": {
			func(t *testing.T, d *Disk) {
				must(t, d.sync(makeFile(t, d, d.root, "a")), d.sync(d.root), d.unlink(d.root, "a"))
			},
			"/a=", "/a=",
		},
		"moved from one directory to another, of which one is synced": {
			func(t *testing.T, d *Disk) {
				from, to := makeDir(t, d, d.root, "from"), makeDir(t, d, d.root, "to")
				makeFile(t, d, from, "a")
				must(t, d.sync(d.root), d.sync(from), d.rename(from, "a", to, "b"), d.sync(to))
			},
			"/from/ /to/b=", "/from/a= /to/b=",
		},
		"all written back": {
			func(t *testing.T, d *Disk) {
				dir := makeDir(t, d, d.root, "dir")
				a := makeFile(t, d, dir, "a")
				write(t, d, a, "text", 0)
				must(t, d.rename(dir, "a", d.root, "b"))
				d.WriteBack()
				write(t, d, a, "TEXT", 0)
			},
			"/b=text /dir/", "/b=text /dir/",
		},
		"a directory whose parent was not synced": {
			func(t *testing.T, d *Disk) {
				dir := makeDir(t, d, d.root, "dir")
				a := makeFile(t, d, dir, "a")
				must(t, d.sync(a), d.sync(dir))
			},
			"/dir/a=", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, want := range map[Directories]string{InOrder: tc.inOrder, Strict: tc.strict} {
				d := New(how)
				tc.do(t, d)
				d, _ = d.Cut(nil)
				if got := tree(d); got != want {
					t.Errorf("directories %d: %q is left, want %q", how, got, want)
				}
				again, f := d.Cut(nil)
				if got := tree(again); got != want || f != (Forgotten{}) {
					t.Errorf("directories %d: %q is left of that, %+v forgotten; want all of it", how, got, f)
				}
			}
		})
	}
}

// renameOver writes a file as careful programs do: a is old and durable, b is
// synced and becomes a.
func renameOver(t *testing.T, d *Disk) {
	t.Helper()
	a := makeFile(t, d, d.root, "a")
	write(t, d, a, "old", 0)
	must(t, d.sync(a), d.sync(d.root))
	b := makeFile(t, d, d.root, "b")
	write(t, d, b, "new", 0)
	must(t, d.sync(b), d.rename(d.root, "b", d.root, "a"))
}

// TestTornCutLeavesOldOrNewPages writes at random and cuts with luck: each page
// that is left is the synced one or the newest, and nothing that was synced and not
// written to since is lost.
func TestTornCutLeavesOldOrNewPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := New(InOrder)
		f, errno := d.create(d.root, "f", 0o600)
		must(t, errno, d.sync(f))
		shadow, synced := []byte{}, []byte{} // the file and its synced state, as plain bytes
		least := 0
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				must(t, d.sync(f))
				synced, least = slices.Clone(shadow), len(shadow)
			case 1:
				size := rapid.IntRange(0, 6*pageSize).Draw(t, "size")
				must(t, d.truncate(f, int64(size)))
				shadow = resized(shadow, size)
				least = min(least, size)
			default:
				off := rapid.IntRange(0, 5*pageSize).Draw(t, "off")
				text := bytes.Repeat([]byte{byte(i + 1)}, rapid.IntRange(1, 2*pageSize).Draw(t, "length"))
				must(t, d.write(f, text, int64(off), writing{}))
				shadow = resized(shadow, max(len(shadow), off+len(text)))
				copy(shadow[off:], text)
			}
		}
		compare(t, "before the cut", f, shadow)
		seed := rapid.Uint64().Draw(t, "seed")
		plain := d.Copy()
		torn, _ := d.Cut(rand.New(rand.NewPCG(seed, 0)))
		compare(t, "on the disk", plain.root.entries["f"], synced)
		compareTorn(t, torn.root.entries["f"], synced, shadow, least)
	})
}

func resized(b []byte, size int) []byte {
	if size <= len(b) {
		return slices.Clone(b[:size])
	}
	return append(slices.Clone(b), make([]byte, size-len(b))...)
}

func bytesOf(n *inode) []byte {
	b := make([]byte, n.now.size)
	n.now.readAt(b, 0)
	return b
}

func compare(t *rapid.T, what string, n *inode, want []byte) {
	t.Helper()
	if got := bytesOf(n); !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes that are not the %d written", what, len(got), len(want))
	}
}

func compareTorn(t *rapid.T, n *inode, synced, newest []byte, least int) {
	t.Helper()
	got := bytesOf(n)
	if size := len(got); size < min(least, len(synced)) || size > max(len(synced), len(newest)) {
		t.Fatalf("%d bytes are left of %d synced and %d written, at least %d between", size, len(synced), len(newest), least)
	}
	whole := 8 * pageSize
	got, cut := resized(got, whole), resized(resized(synced, min(least, len(synced))), whole)
	synced, newest = resized(synced, whole), resized(newest, whole)
	for i := 0; i < whole; i += pageSize {
		page := got[i : i+pageSize]
		if !bytes.Equal(page, synced[i:i+pageSize]) && !bytes.Equal(page, newest[i:i+pageSize]) && !bytes.Equal(page, cut[i:i+pageSize]) {
			t.Fatalf("page %d is neither what was synced nor what was written", i/pageSize)
		}
	}
}

// TestTornCutIsOfAllKinds: a torn cut that always did the same would prove less
// than it seems to.
func TestTornCutIsOfAllKinds(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for seed := range uint64(300) {
		d := New(InOrder)
		f := makeFile(t, d, d.root, "f")
		must(t, d.sync(f))
		for i, text := range []string{"0", "1", "2"} {
			write(t, d, f, strings.Repeat(text, pageSize), int64(i)*pageSize)
		}
		makeFile(t, d, d.root, "g")
		must(t, d.rename(d.root, "g", d.root, "h"))
		d, f1 := d.Cut(rand.New(rand.NewPCG(seed, 0)))
		if want := (Forgotten{Pages: 3, Changes: 2}); f1 != want {
			t.Fatalf("forgot %+v, want %+v", f1, want)
		}
		text := tree(d)
		text = strings.ReplaceAll(text, strings.Repeat("\x00", pageSize), ".")
		for _, c := range []string{"0", "1", "2"} {
			text = strings.ReplaceAll(text, strings.Repeat(c, pageSize), c)
		}
		seen[text] = true
	}
	for _, want := range []string{"/f=", "/f=0", "/f=01", "/f=012", "/f=.1", "/f=0.2", "/f=..2", "/f=012 /g=", "/f= /h="} {
		if !seen[want] {
			t.Errorf("no cut left %q, only %v", want, seen)
		}
	}
	if seen["/f= /g= /h="] {
		t.Error("a cut left half a rename")
	}
}

// TestOffAfter counts changes, not looks.
func TestOffAfter(t *testing.T) {
	t.Parallel()
	d := New(InOrder)
	off := d.OffAfter(3)
	a := makeFile(t, d, d.root, "a")
	write(t, d, a, "text", 0)
	if _, errno := d.stat(a); errno != 0 {
		t.Fatal(errno)
	}
	select {
	case <-off:
		t.Fatal("off after 2 changes, want 3")
	default:
	}
	must(t, d.sync(a))
	<-off
	stuck := make(chan syscall.Errno)
	go func() { stuck <- d.unlink(d.root, "a") }()
	select {
	case errno := <-stuck:
		t.Fatalf("an operation without power: %v, want it to block", errno)
	default:
	}
	next, _ := d.Cut(nil)
	if errno := <-stuck; errno != syscall.EIO {
		t.Errorf("an operation during a cut: %v, want %v", errno, syscall.EIO)
	}
	if got := tree(next); got != "/a=text" {
		t.Errorf("%q is left, want the file", got)
	}
}
