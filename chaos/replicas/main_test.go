//go:build replicas

package replicas_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	chaosFor = flag.Duration("replicas.for", time.Minute, "how long each run has faults")
	seed     = flag.Uint64("replicas.seed", 0, "decides the faults and their moments; 0: others each time")
	people   = flag.Int("replicas.people", 2600, "people in each of the three tenants")
)

// The programs, as users get them. TestMain builds both, once for all tests.
var presencedBinary, natsBinary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(build(m.Run))
}

func build(run func() int) int {
	dir, err := os.MkdirTemp("", "presenced-replicas-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	presencedBinary, natsBinary = filepath.Join(dir, "presenced"), filepath.Join(dir, "nats-server")
	for path, pkg := range map[string]string{presencedBinary: "presenced/cmd/presenced", natsBinary: "github.com/nats-io/nats-server/v2"} {
		if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", pkg, err, out)
			return 1
		}
	}
	return run()
}

// dice decides what happens in one test, which it tells how to repeat.
func dice(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = rand.Uint64N(1_000_000) + 1
	}
	t.Logf("faults: SEED=%d", n)
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

// rest waits for d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
