//go:build fuse && linux

package powercut_test

import (
	"context"
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
)

var (
	cuts = flag.Int("cuts", 0, "how often the power is cut, in each test; 0: 5 times for one machine, 3 times for a cluster")
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
	for target, pkg := range map[string]string{presenced: "presenced/cmd/presenced", natsServer: "github.com/nats-io/nats-server/v2"} {
		if out, err := exec.Command("go", "build", "-o", target, pkg).CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
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

// dice decides the moments of one test and what survives, which it tells how to
// repeat.
func dice(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = rand.Uint64N(1_000_000) + 1
	}
	t.Logf("moments: -seed=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

func between(rng *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(rng.Int64N(int64(to-from)))
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

// process is a program from its start to its end. It does not outlive the tests.
type process struct {
	*exec.Cmd
	ended chan struct{} // closed once it is reaped
}

func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd, make(chan struct{})}
	cmd.Env = []string{"TZ=UTC"} // this machine's AZURE_ and NATS_ variables are not for it
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		cmd.Wait() // its error is in ProcessState
	}()
	return p
}

// end is SIGTERM, after which a program finishes what is under way.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("signal: %v: it ended by itself (%v)", err, p.ProcessState)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s still runs after %v", p.Path, patience)
	}
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("process: %v, want exit code 0", p.ProcessState)
	}
}

func (p *process) isOver() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
