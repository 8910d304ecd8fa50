package configs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCustody: a way on which somebody else could put another file in a secret's place is refused. What is called
// "theirs" belongs to another user here, so that the test needs no rights.
func TestCustody(t *testing.T) {
	t.Parallel()
	const me, mates, others = 1001, 1001, 2002
	c := custody{uid: me, gid: mates, owner: func(info fs.FileInfo) (int, int, bool) {
		switch {
		case strings.HasPrefix(info.Name(), "theirs"):
			return others, others, true
		case strings.HasPrefix(info.Name(), "group"):
			return me, others, true
		}
		return me, mates, true
	}}
	// Each step makes one thing in an empty directory: dir/ with a mode, a -> b, or a file.
	for name, tc := range map[string]struct{ tree, path, want string }{
		"plain":                               {"s", "s", ""},
		"directory of ours":                   {"d/700 d/s", "d/s", ""},
		"directory that others can read":      {"d/755 d/s", "d/s", ""},
		"directory of our own group":          {"d/775 d/s", "d/s", ""},
		"directory of another group":          {"group/775 group/s", "group/s", "another group can write"},
		"sticky directory of another group":   {"group/1775 group/s", "group/s", ""},
		"directory of everybody":              {"d/777 d/s", "d/s", "everybody can write"},
		"sticky directory of everybody":       {"d/1777 d/s", "d/s", ""},
		"directory above":                     {"d/777 d/e/700 d/e/s", "d/e/s", "everybody can write"},
		"directory of another user":           {"theirs/755 theirs/s", "theirs/s", "a directory of another user"},
		"file of another user":                {"theirs.txt", "theirs.txt", "a file of another user"},
		"link":                                {"s l->s", "l", ""},
		"link to an absolute path":            {"s l->/s", "l", ""},
		"link of a link, up and down":         {"d/700 s d/l->../m m->s", "d/l", ""},
		"link to a directory":                 {"d/700 d/s l->d", "l/s", ""},
		"link into a directory of everybody":  {"d/777 d/s l->d/s", "l", "everybody can write"},
		"link in a directory of everybody":    {"s d/777 d/l->../s", "d/l", "everybody can write"},
		"link in between, the ends are fine":  {"s d/777 d/m->../s l->d/m", "l", "everybody can write"},
		"link through a directory and back":   {"s d/777 d/e/700 l->d/e/../../s", "l", "everybody can write"},
		"link of ours in a sticky one":        {"s d/1777 d/l->../s", "d/l", ""},
		"link of another user in a sticky":    {"s d/1777 d/theirs->../s", "d/theirs", "a link of another user"},
		"file of another user in a sticky":    {"d/1777 d/theirs", "d/theirs", "a file of another user"},
		"Kubernetes":                          {"v/1777 v/..1/755 v/..1/s v/..data->..1 v/s->..data/s", "v/s", ""},
		"Kubernetes in a directory of others": {"v/777 v/..1/755 v/..1/s v/..data->..1 v/s->..data/s", "v/s", "everybody can write"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := plant(t, tc.tree)
			path := filepath.Join(dir, tc.path)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			x := c.check(path, info)
			switch {
			case tc.want == "" && x != nil:
				t.Errorf("got %v, want no fault", x)
			case tc.want != "" && (x == nil || !strings.Contains(x.got, tc.want)):
				t.Errorf("got %v, want %q", x, tc.want)
			}
		})
	}
}

func plant(t *testing.T, tree string) string {
	t.Helper()
	dir := t.TempDir()
	for step := range strings.FieldsSeq(tree) {
		var err error
		if link, target, isLink := strings.Cut(step, "->"); isLink {
			if strings.HasPrefix(target, "/") {
				target = dir + target
			}
			err = os.Symlink(target, filepath.Join(dir, link))
		} else if mode, isDir := modes[step[strings.LastIndex(step, "/")+1:]]; isDir {
			path := filepath.Join(dir, filepath.Dir(step))
			if err = os.Mkdir(path, 0o700); err == nil {
				err = os.Chmod(path, mode)
			}
		} else {
			err = os.WriteFile(filepath.Join(dir, step), []byte("x"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var modes = map[string]fs.FileMode{
	"700": 0o700, "755": 0o755, "775": 0o775, "777": 0o777, "1775": 0o775 | fs.ModeSticky, "1777": 0o777 | fs.ModeSticky,
}

// TestCustodyOfWhatMoves: a file that another one replaced after it was opened, and links without an end.
func TestCustodyOfWhatMoves(t *testing.T) {
	t.Parallel()
	dir := plant(t, "a b l->m m->l")
	opened, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"b": "leads elsewhere each time", "l": "cannot be followed", "none": "cannot be followed", "": "leads elsewhere each time"} {
		x := newCustody().check(filepath.Join(dir, path), opened)
		if x == nil || !strings.Contains(x.got, want) {
			t.Errorf("%q: got %v, want %q", path, x, want)
		}
	}
}
