//go:build fuse && linux

package powercut_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"presenced/powercut/lossy"
	"presenced/trial"
)

var (
	cuts = flag.Int("cuts", 0, "how often the power is cut, in each test; 0: 25 times for one machine, 3 times for a cluster")
	seed = flag.Uint64("seed", 0, "decides the moments of the cuts and what survives them; 0: another one each time")
)

// The programs as users get them. TestMain builds them, once for all tests.
var presenced, natsServer string

// patience is how long anything here may take before it counts as stuck.
const patience = 3 * time.Minute

func TestMain(m *testing.M) {
	flag.Parse()
	if *cuts < 0 {
		fmt.Fprintf(os.Stderr, "-cuts: got %d, want 0 or more\n", *cuts)
		os.Exit(2)
	}
	code, err := prepare(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// scratch is where this run has the programs and its disks.
var scratch string

const scratchName = "presenced-powercut-"

func prepare(run func() int) (code int, err error) {
	if err := clearUp(); err != nil {
		return 1, err
	}
	if scratch, err = os.MkdirTemp("", scratchName); err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	lock, err := os.Create(filepath.Join(scratch, "running"))
	if err != nil {
		return 1, err
	}
	defer lock.Close()
	if !locked(lock) {
		return 1, fmt.Errorf("lock %s: somebody else has it", lock.Name())
	}
	presenced, natsServer = filepath.Join(scratch, "presenced"), filepath.Join(scratch, "nats-server")
	if err := trial.Build(scratch, trial.Presenced, trial.NATSServer); err != nil {
		return 1, err
	}
	return run(), nil
}

// clearUp removes what runs that were killed themselves have left: mounts without a
// server, and files. Their processes died with them, and the kernel gave up their
// locks.
func clearUp() error {
	locks, err := filepath.Glob(filepath.Join(os.TempDir(), scratchName+"*", "running"))
	if err != nil {
		return err
	}
	for _, path := range locks {
		lock, err := os.Open(path)
		if err != nil {
			continue // its run has just ended
		}
		dead := locked(lock)
		lock.Close()
		if !dead {
			continue
		}
		dir := filepath.Dir(path)
		fmt.Println("clearing up after an earlier run:", dir)
		if err := lossy.Sweep(dir); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func locked(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// times is how many cuts a test makes.
func times(byDefault int) int {
	if *cuts > 0 {
		return *cuts
	}
	return byDefault
}

// dice decides the moments of one test and what survives.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	return trial.Dice(t, "-seed", *seed)
}

// launch starts a program that does not outlive the tests. What waits for its end
// must not do so before the disk that it is on has given it an answer.
func launch(t *testing.T, cmd *exec.Cmd) *trial.Process {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return trial.Start(t, cmd)
}
