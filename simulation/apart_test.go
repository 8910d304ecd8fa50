package simulation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// outcome is what a process tells of its run.
type outcome struct {
	Wrong     []string
	Simulated time.Duration
	Tally     map[string]int
	Digest    string
	Story     []string // if it was asked for
}

// apart runs a seed in a process of its own. It has one processor, because
// goroutines on two meet in no order, and is gone before it needs to collect
// garbage, which would have goroutines wait for as long as that takes. Maps hash in
// software, because not every processor has the instructions. STEADY_APART is for
// the patched runtime: nobody is interrupted because of real time that has passed.
func apart(ctx context.Context, t *testing.T, seed uint64, story bool) (o outcome, err error) {
	const patience = 5 * time.Minute // a run takes 0.2 s; a mutant may go in circles
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	name := filepath.Join(t.TempDir(), "outcome.json")
	child := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestSeed$", "-test.timeout", "0",
		"-simulation.first", fmt.Sprint(seed), "-simulation.result", name, fmt.Sprintf("-simulation.tell=%v", story))
	child.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=1GiB", "GODEBUG=cpu.aes=off", "STEADY_APART=1")
	out, err := child.CombinedOutput()
	if err != nil {
		return o, fmt.Errorf("%w\n%.4000s", err, out)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(data, &o)
}
