package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// The programs that can be on trial, as packages. Their file names are the last
// word of the path that is no version: presenced, nats-server.
const (
	Presenced  = "presenced/cmd/presenced"
	NATSServer = "github.com/nats-io/nats-server/v2"
)

// Build builds programs into the directory, as users get them.
func Build(dir string, programs ...string) error { return build(dir, programs) }

// BuildOver builds programs as if the files had the texts given, by their paths:
// files of the module or of Go itself, or new ones.
func BuildOver(dir string, files map[string]string, programs ...string) error {
	replace := make(map[string]string)
	for path, text := range files {
		path, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return err
	}
	return build(dir, programs, "-overlay", list)
}

func build(dir string, programs []string, flags ...string) error {
	args := slices.Concat([]string{"build", "-o", dir + string(filepath.Separator)}, flags, programs)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build %q: %w\n%s", programs, err, out)
	}
	return nil
}

// Main is for TestMain: it builds programs into a directory of their own, which it
// gives to run and removes afterwards, and returns the exit code.
func Main(run func(dir string) int, programs ...string) (code int) {
	dir, err := os.MkdirTemp("", "presenced-trial-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = Build(dir, programs...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run(dir)
}

// lookAtSources reads the module's directories, so that go test sees what a test
// depends on: it knows nothing of the program that was built, and would report the
// result of an older one. It has to be in a test: what TestMain reads goes unseen.
func lookAtSources() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
}

// moduleRoot is the nearest directory above the test that has a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("find go.mod: there is none above the test")
		}
		dir = up
	}
}
