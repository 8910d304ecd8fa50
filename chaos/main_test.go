package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	kills = flag.Int("chaos.kills", 8, "how often the daemon is killed")
	seed  = flag.Uint64("chaos.seed", 0, "decides the moments of the kills; 0: another one each time")
)

// binary is the program as users get it. TestMain builds it, once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	if *kills < 1 {
		fmt.Fprintf(os.Stderr, "-chaos.kills: got %d, want 1 or more\n", *kills)
		os.Exit(2)
	}
	os.Exit(build(m.Run))
}

func build(run func() int) int {
	dir, err := os.MkdirTemp("", "presenced-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := lookAtSources(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "presenced")
	if out, err := exec.Command("go", "build", "-o", binary, "presenced/cmd/presenced").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build presenced: %v\n%s", err, out)
		return 1
	}
	return run()
}

// lookAtSources reads the module's directories, so that go test sees what these
// tests depend on: it knows nothing of the program that they build, and would
// report the result of an older one.
func lookAtSources() error {
	return filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
}

// dice decides the moments of one test, which it tells how to repeat.
func dice(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = rand.Uint64N(1_000_000) + 1
	}
	t.Logf("moments: -chaos.seed=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

// eventually asks again and again until cond holds; false if ctx ends first. The
// processes here are real, so that fake time cannot wait for them.
func eventually(ctx context.Context, every time.Duration, cond func() bool) bool {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
