package simulation_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/simulation"
)

var (
	seeds    = flag.Int("simulation.seeds", 30, "how many seeds to run")
	first    = flag.Uint64("simulation.first", 1, "the first of them")
	jobs     = flag.Int("simulation.jobs", 2, "how many are run at the same time, each in a process of its own")
	brief    = flag.Bool("simulation.brief", false, "end with the first seed that goes wrong")
	tell     = flag.Bool("simulation.tell", false, "tell what happens, in fake time")
	repeated = flag.Int("simulation.repeated", 50, "how many seeds are run again")
	times    = flag.Int("simulation.times", 1, "how often")
	result   = flag.String("simulation.result", "", "where TestSeed writes down what came of the first seed")
)

// TestSeed runs the first seed in this process. The other tests have it run each of
// theirs, in processes of their own: what a run leaves behind in a process, in
// pools, caches and counters of libraries, is then nothing to the next one.
func TestSeed(t *testing.T) {
	o := run(t, *first)
	if *result != "" {
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(*result, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, w := range o.Wrong {
		t.Errorf("seed %d: %s", *first, w)
	}
}

// run carries out one seed in a bubble.
func run(t *testing.T, seed uint64) (o outcome) {
	plan := simulation.Draw(seed)
	runtime.Gosched() // the bubble begins with a time slice of its own
	synctest.Test(t, func(t *testing.T) {
		r, err := simulation.Run(plan)
		if err != nil {
			t.Fatal(err)
		}
		o = outcome{Wrong: simulation.Judge(r), Simulated: plan.Length, Tally: r.Tally(), Digest: r.Digest()}
		if *tell {
			o.Story = r.Story
		}
	})
	return o
}

// TestSeeds runs one world after the other and judges each.
func TestSeeds(t *testing.T) {
	if !repeats {
		t.Log("the runtime throws dice of its own, so a seed need not go the same way twice; make simulate, where it does")
	}
	began := time.Now()
	var simulated time.Duration
	tally := map[string]int{}
	each(t, *seeds, func(ctx context.Context, seed uint64) func() bool {
		o, err := apart(ctx, t, seed, *tell)
		return func() bool {
			if err != nil {
				t.Errorf("seed %d ends without a verdict: %v; to see it: make replay SEED=%d", seed, err, seed)
				return !*brief
			}
			simulated += o.Simulated
			for what, n := range o.Tally {
				tally[what] += n
			}
			for _, line := range o.Story {
				t.Log(line)
			}
			for _, w := range o.Wrong {
				t.Errorf("seed %d: %s", seed, w)
			}
			if len(o.Wrong) > 0 {
				t.Errorf("to see it: make replay SEED=%d", seed)
			}
			return !*brief || !t.Failed()
		}
	})
	took := time.Since(began)
	t.Logf("%v", tally)
	t.Logf("%v simulated in %v: %.0f times real time", simulated.Round(time.Minute), took.Round(time.Millisecond), float64(simulated)/float64(took))
}

// each has the seeds run, a few at a time, and takes what came of them one after
// the other, until take says that it is enough.
func each(t *testing.T, n int, run func(ctx context.Context, seed uint64) (take func() bool)) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	queue := make(chan uint64)
	var running sync.WaitGroup
	defer running.Wait()
	var mu sync.Mutex // held by who takes
	for range *jobs {
		running.Go(func() {
			for seed := range queue {
				take := run(ctx, seed)
				mu.Lock()
				if ctx.Err() == nil && !take() {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	defer close(queue)
	for seed := *first; seed < *first+uint64(n) && ctx.Err() == nil; seed++ {
		select {
		case queue <- seed:
		case <-ctx.Done():
		}
	}
}
