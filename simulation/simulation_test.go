package simulation_test

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"presenced/simulation"
)

var (
	seeds = flag.Int("simulation.seeds", 40, "how many seeds to run")
	first = flag.Uint64("simulation.first", 1, "the first of them")
	trace = flag.Bool("simulation.trace", false, "tell what happens, in fake time")
)

// run carries out one seed in a bubble of its own.
func run(t *testing.T, seed uint64) (wrong []string, r *simulation.Record) {
	synctest.Test(t, func(t *testing.T) {
		var say func(string, ...any)
		if *trace {
			say = t.Logf
		}
		var err error
		if r, err = simulation.Run(simulation.Draw(seed), say); err != nil {
			t.Fatal(err)
		}
		wrong = simulation.Judge(r)
	})
	return wrong, r
}

// TestSeeds runs one world after the other, two at a time, and judges each.
func TestSeeds(t *testing.T) {
	began := time.Now()
	var simulated atomic.Int64
	var turn sync.Mutex
	next := *first
	take := func() (uint64, bool) {
		turn.Lock()
		defer turn.Unlock()
		if next >= *first+uint64(*seeds) || t.Failed() {
			return 0, false
		}
		next++
		return next - 1, true
	}
	t.Run("seeds", func(t *testing.T) {
		for i := range 2 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for seed, ok := take(); ok; seed, ok = take() {
					wrong, r := run(t, seed)
					simulated.Add(int64(r.Plan.Length))
					for _, w := range wrong {
						t.Errorf("seed %d: %s", seed, w)
					}
				}
			})
		}
	})
	took := time.Since(began)
	t.Logf("%v simulated in %v: %.0f times real time", time.Duration(simulated.Load()).Round(time.Minute), took.Round(time.Millisecond), float64(simulated.Load())/float64(took))
}
