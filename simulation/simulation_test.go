package simulation_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/simulation"
)

var (
	seeds    = flag.Int("simulation.seeds", 30, "how many seeds to run")
	first    = flag.Uint64("simulation.first", 1, "the first of them")
	jobs     = flag.Int("simulation.jobs", 2, "how many processes run them")
	stride   = flag.Uint64("simulation.stride", 1, "every how manieth seed is run: the others are another process's")
	brief    = flag.Bool("simulation.brief", false, "end with the first seed that goes wrong")
	repeated = flag.Int("simulation.repeated", 3, "how many seeds to run again")
	times    = flag.Int("simulation.times", 2, "how often")
	trace    = flag.Bool("simulation.trace", false, "tell what happens, in fake time")
)

// TestMain has one processor do all work of a bubble: goroutines then take turns
// in an order that hardly varies, and there is nothing to win from a second one.
func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// run carries out one seed in a bubble of its own.
func run(t *testing.T, seed uint64) (wrong []string, r *simulation.Record) {
	plan := simulation.Draw(seed)
	synctest.Test(t, func(t *testing.T) {
		var say func(string, ...any)
		if *trace {
			say = t.Logf
		}
		var err error
		if r, err = simulation.Run(plan, say); err != nil {
			t.Fatal(err)
		}
		wrong = simulation.Judge(r)
		if *trace {
			for _, m := range r.Log {
				t.Logf("%d %s %s %s", m.Sequence, m.Stored.Format("15:04:05.000000000"), m.Subject, m.Data)
			}
		}
	})
	// nats.go keeps a pool of timers for all connections, and a timer must not move
	// from bubble to bubble. A pool is emptied by the second collection.
	runtime.GC()
	runtime.GC()
	return wrong, r
}

// TestSeeds runs one world after the other and judges each.
func TestSeeds(t *testing.T) {
	if *jobs > 1 {
		share(t)
		return
	}
	began := time.Now()
	var simulated time.Duration
	tally := map[string]int{}
	for seed := *first; seed < *first+uint64(*seeds); seed += *stride {
		wrong, r := run(t, seed)
		simulated += r.Plan.Length
		for what, n := range r.Tally() {
			tally[what] += n
		}
		for _, w := range wrong {
			t.Errorf("seed %d: %s", seed, w)
		}
		if *brief && t.Failed() {
			return
		}
	}
	took := time.Since(began)
	t.Logf("%v", tally)
	t.Logf("%v simulated in %v: %.0f times real time", simulated.Round(time.Minute), took.Round(time.Millisecond), float64(simulated)/float64(took))
}

// share has several processes run the seeds.
func share(t *testing.T) {
	var running sync.WaitGroup
	began := time.Now()
	for i := range *jobs {
		running.Go(func() {
			out, err := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestSeeds$", "-test.v", "-test.timeout", "0", "-simulation.jobs", "1",
				"-simulation.first", fmt.Sprint(*first+uint64(i)), "-simulation.seeds", fmt.Sprint(*seeds-i),
				"-simulation.stride", fmt.Sprint(*jobs), fmt.Sprintf("-simulation.trace=%v", *trace)).CombinedOutput()
			if err != nil {
				t.Errorf("process %d: %v\n%s", i, err, out)
				return
			}
			t.Logf("process %d: %s", i, out)
		})
	}
	running.Wait()
	t.Logf("%d seeds in %v", *seeds, time.Since(began).Round(time.Millisecond))
}

// TestRunsRepeat runs seeds again and compares the stories, to the nanosecond. Not
// all repeat: where a worker finds several channels ready at once, after a write
// that took long, Go's select throws dice of its own. If none does, something has
// chance in it that does not come from the seed.
func TestRunsRepeat(t *testing.T) {
	same, all := 0, 0
	for seed := *first; seed < *first+uint64(*repeated); seed++ {
		_, r := run(t, seed)
		for range *times {
			_, again := run(t, seed)
			if all++; again.Digest() == r.Digest() {
				same++
			} else {
				t.Logf("seed %d went another way", seed)
			}
		}
	}
	t.Logf("%d of %d runs went the same way", same, all)
	if same == 0 {
		t.Error("no run repeats")
	}
}
