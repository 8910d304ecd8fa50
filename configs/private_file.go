package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// maxPrivate bounds a secret, a key or a token.
const maxPrivate = 64 << 10

// credentialsVariable is set by systemd for LoadCredential=
// (https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html).
const credentialsVariable = "CREDENTIALS_DIRECTORY"

// ReadSecret reads a secret file under the rules of [Load]: it is a regular file, only its owner can read it, nobody but
// root and us can put another one in its place, it is not empty, and the line end after the text is no part of it. Call
// it again when the secret may have been renewed.
func (in Inputs) ReadSecret(path string) (Secret, error) {
	secret, x := readSecret(path, in.trusted())
	if x != nil {
		return Secret{}, fmt.Errorf("reading secret file %s: %w", oneLine(path), x)
	}
	return secret, nil
}

// trusted lists the directories where the platform, and not a person, chooses modes.
func (in Inputs) trusted() []string {
	dirs := in.SecretDirs
	if dirs == nil {
		dirs = []string{"/run/secrets", "/var/run/secrets"}
	}
	if credentials := environ(in.Environ)[credentialsVariable]; credentials != "" {
		dirs = append(slices.Clone(dirs), credentials)
	}
	return dirs
}

func readSecret(path string, trusted []string) (Secret, *fault) {
	data, x := readPrivate(path, trusted)
	if x != nil {
		return Secret{}, x
	}
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case strings.TrimSpace(text) == "":
		return Secret{}, emptyFile()
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		// a line end inside would become a second header on the wire
		return Secret{}, &fault{got: "several lines or binary data", want: "one line of text", mend: "write the secret alone into the file"}
	case strings.TrimSpace(text) != text:
		return Secret{}, &fault{got: "a secret with space around it", want: "the secret alone", mend: "remove the space"}
	}
	return NewSecret(text), nil
}

func emptyFile() *fault {
	return &fault{got: "an empty file", want: "a file that holds the secret", mend: "write the secret into it"}
}

// readPrivate reads a file that only its owner may read. Faults do not show the path: it may be the secret itself,
// written where the path belongs.
func readPrivate(path string, trusted []string) ([]byte, *fault) {
	if x := regular(os.Stat(path)); x != nil {
		return nil, x
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // never waits, if a pipe took the file's place
	if err != nil {
		return nil, &fault{"a file that cannot be read (" + cause(err).Error() + ")", "a readable file", "give it to the user of this process", cause(err)}
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if x := regular(info, err); x != nil {
		return nil, x
	}
	if x := tooOpen(path, info, trusted); x != nil {
		return nil, x
	}
	data, err := io.ReadAll(io.LimitReader(file, maxPrivate+1))
	switch {
	case err != nil:
		return nil, &fault{"a file that breaks off (" + cause(err).Error() + ")", "a readable file", "check the disk", cause(err)}
	case len(data) > maxPrivate:
		return nil, &fault{got: "more than 64 KiB", want: "a file that holds the secret alone", mend: "check that this is the right file"}
	case len(bytes.TrimSpace(data)) == 0:
		return nil, emptyFile()
	}
	return data, nil
}

// regular takes the results of Stat.
func regular(info fs.FileInfo, err error) *fault {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return &fault{"a path where no file is", "the path of a file", "check the path; in the configuration file it is relative to that file", cause(err)}
	case err != nil:
		return &fault{"a file that cannot be looked at (" + cause(err).Error() + ")", "a readable file", "check the rights on its directories", cause(err)}
	case info.IsDir():
		return &fault{"a directory", "the path of a file", "name the file in it", syscall.EISDIR}
	case !info.Mode().IsRegular():
		return &fault{got: "a device, pipe or socket", want: "a regular file", mend: "copy its content to a file with mode 0600"}
	}
	return nil
}

// tooOpen judges who else may read or replace the file.
func tooOpen(path string, info fs.FileInfo, trusted []string) *fault {
	if runtime.GOOS == "windows" {
		return nil // the mode bits there say nothing
	}
	mode := info.Mode().Perm()
	switch platform := fromPlatform(path, trusted); {
	case platform && mode&0o002 == 0:
		return nil
	case platform || fromKubelet(path) && mode&0o002 != 0:
		return &fault{got: fmt.Sprintf("a file that everybody can write (mode %04o)", mode), want: "mode 0400", mend: "correct the mode where the secret is mounted"}
	case !fromKubelet(path) && mode&0o077 != 0:
		return &fault{got: fmt.Sprintf("a file that others can use (mode %04o)", mode), want: "mode 0600 or 0400", mend: "chmod 600 it, and renew the secret if others may have read it"}
	}
	return newCustody().check(path, info)
}

// fromPlatform recognises secrets mounted by Docker and systemd, which choose the modes: Docker 0444. A link that leads
// out of the platform's directory is no such file.
func fromPlatform(path string, trusted []string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	target, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return false
	}
	below := func(dir, path string) bool {
		rest, err := filepath.Rel(dir, path)
		return err == nil && filepath.IsLocal(rest)
	}
	return slices.ContainsFunc(trusted, func(dir string) bool {
		real, err := filepath.EvalSymlinks(dir)
		return err == nil && below(dir, abs) && below(real, target)
	})
}

// fromKubelet recognises secrets of Kubernetes: links into ..data, which the kubelet swaps as a whole. It chooses the
// modes, 0640 where fsGroup is set.
func fromKubelet(path string) bool {
	target, err := os.Readlink(path)
	return err == nil && strings.HasPrefix(target, "..data"+string(filepath.Separator))
}
