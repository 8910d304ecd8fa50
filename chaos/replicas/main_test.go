//go:build replicas

package replicas_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"presenced/trial"
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
	os.Exit(trial.Main(func(dir string) int {
		presencedBinary, natsBinary = filepath.Join(dir, "presenced"), filepath.Join(dir, "nats-server")
		return m.Run()
	}, trial.Presenced, trial.NATSServer))
}

// dice decides what happens in one test.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	return trial.Dice(t, "SEED", *seed)
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
