package chaos_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"presenced/trial"
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
	os.Exit(trial.Main(func(dir string) int {
		binary = filepath.Join(dir, "presenced")
		return m.Run()
	}, trial.Presenced))
}

// dice decides the moments of one test.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	return trial.Dice(t, "-chaos.seed", *seed)
}
