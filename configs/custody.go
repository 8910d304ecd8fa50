package configs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxLinks bounds the links on the way to a file, as the kernel does.
const maxLinks = 40

// custody judges whether anybody but root and the user of this process can put
// another file in a file's place. What counts is the way there: whoever can write
// one of the directories, or a link on the way, chooses the file.
type custody struct {
	uid, gid int // of this process
	// owner tells whose a file is; known is false where files have no owners.
	owner func(fs.FileInfo) (uid, gid int, known bool)
}

func newCustody() custody { return custody{os.Geteuid(), os.Getegid(), ownerOf} }

// check walks from the root to path, following links, and says who else could replace what is there. opened is the
// file that was opened under that path.
func (c custody) check(path string, opened fs.FileInfo) *fault {
	if _, _, known := c.owner(opened); !known {
		return nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return unsteady(err)
	}
	at, shared := string(filepath.Separator), false // shared: others may write at, but not replace what is not theirs
	links := 0
	for rest := steps(abs); ; {
		info, err := os.Lstat(at)
		if err != nil {
			return unsteady(err)
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if shared && !c.ours(info) {
				return &fault{got: "a link of another user (" + whole(at) + ")", want: "a path that nobody else can turn elsewhere", mend: "name the file itself"}
			}
			target, err := os.Readlink(at)
			if err != nil {
				return unsteady(err)
			}
			if links++; links > maxLinks {
				return unsteady(syscall.ELOOP)
			}
			rest = append(steps(target), rest...)
			if filepath.IsAbs(target) {
				at = string(filepath.Separator)
				continue
			}
			at = filepath.Dir(at)
		case info.IsDir():
			if x := c.directory(at, info); x != nil {
				return x
			}
			shared = info.Mode().Perm()&0o022 != 0
		case !os.SameFile(info, opened):
			return unsteady(nil)
		case !c.ours(info):
			uid, _, _ := c.owner(info)
			return &fault{got: fmt.Sprintf("a file of another user (uid %d)", uid), want: "a file of root or of the user of this process", mend: "chown it, and renew the secret if that user should not know it"}
		default:
			return nil
		}
		if len(rest) == 0 {
			return unsteady(nil) // it was a file a moment ago
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

// steps are the names in a path, one after the other. Each .. must wait for the links before it.
func steps(path string) []string {
	return slices.DeleteFunc(strings.Split(path, string(filepath.Separator)), func(name string) bool { return name == "" || name == "." })
}

// directory judges one directory on the way. Our own group may write it: many systems give every user one, and a umask
// that opens new directories to it.
func (c custody) directory(at string, info fs.FileInfo) *fault {
	mode, sticky := info.Mode().Perm(), info.Mode()&fs.ModeSticky != 0
	uid, gid, _ := c.owner(info)
	x := &fault{want: "directories where nobody else can replace it", mend: "move the file, or chmod the directory"}
	switch {
	case !c.ours(info):
		x.got = fmt.Sprintf("a file in a directory of another user (%s, uid %d)", whole(at), uid)
		x.mend = "move the file, or chown the directory"
	case mode&0o002 != 0 && !sticky:
		x.got = fmt.Sprintf("a file in a directory that everybody can write (%s, mode %04o)", whole(at), mode)
	case mode&0o020 != 0 && !sticky && gid != 0 && gid != c.gid:
		x.got = fmt.Sprintf("a file in a directory that another group can write (%s, mode %04o, gid %d)", whole(at), mode, gid)
	default:
		return nil
	}
	return x
}

// ours reports whether root or the user of this process owns the file.
func (c custody) ours(info fs.FileInfo) bool {
	uid, _, _ := c.owner(info)
	return uid == 0 || uid == c.uid
}

// unsteady is a path that changes under our eyes.
func unsteady(err error) *fault {
	x := &fault{got: "a path that leads elsewhere each time", want: "the path of a file", mend: "try again", cause: err}
	if err != nil {
		x.got, x.cause = "a path that cannot be followed ("+cause(err).Error()+")", cause(err)
	}
	return x
}
