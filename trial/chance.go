package trial

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Dice decides what happens in one test: by the seed, or by one that is drawn if it
// is 0. The test tells how to repeat that: flag is such as "-chaos.seed".
func Dice(t testing.TB, flag string, seed uint64) *rand.Rand {
	t.Helper()
	if seed == 0 {
		seed = rand.Uint64N(1_000_000) + 1
	}
	t.Logf("drawn with %s=%d", flag, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Between is a time from the one to the other, the later excluded.
func Between(rng *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(rng.Int64N(int64(to-from)))
}
