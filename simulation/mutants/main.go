package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	seeds := flag.Int("seeds", 1000, "how many seeds a mutant may survive at most")
	jobs := flag.Int("jobs", 2, "how many mutants are tried at the same time")
	only := flag.String("only", "", "try only mutants with this in their name")
	from := flag.Int("from", 0, "begin with this place in the list")
	overlay := flag.String("overlay", "", "what to compile with, beside the mutant: the one that package steady writes has a seed go the same way each time")
	again := flag.Int("again", 2, "how often the seed that found a mutant has to find it again, with an overlay")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root, err := moduleRoot(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
	h := hunt{root: root, overlay: *overlay, seeds: *seeds, again: *again, jobs: *jobs}
	if !h.all(ctx, mutants[min(*from, len(mutants)):], *only) {
		os.Exit(1)
	}
}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// hunt is what is tried on each mutant.
type hunt struct {
	root    string // of the module
	overlay string // file; empty: none, and then nothing repeats
	seeds   int    // a mutant may survive
	again   int
	jobs    int
}

// all tries every mutant with only in its name and reports whether all were found.
func (h hunt) all(ctx context.Context, mutants []Mutant, only string) bool {
	began := time.Now()
	slots := make(chan struct{}, h.jobs)
	var trying sync.WaitGroup
	var mu sync.Mutex // guards found and the output
	found, tried := 0, 0
	for _, m := range mutants {
		if !strings.Contains(m.Name, only) {
			continue
		}
		tried++
		slots <- struct{}{}
		trying.Go(func() {
			defer func() { <-slots }()
			text, ok := h.try(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%-60s %s\n", m.Name, text)
			if ok {
				found++
			}
		})
	}
	trying.Wait()
	fmt.Printf("%d of %d mutants found in %v\n", found, tried, time.Since(began).Round(time.Second))
	return found == tried
}

// verdict is what a run prints of the first thing that is wrong.
var verdict = regexp.MustCompile(`seed (\d+): (.*)`)

// try compiles the mutant, runs seeds until one finds it, and has that one find it
// again.
func (h hunt) try(ctx context.Context, m Mutant) (text string, found bool) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return err.Error(), false
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(h.root, dir, h.overlay)
	if err != nil {
		return err.Error(), false
	}
	binary := filepath.Join(dir, "simulation.test")
	args := []string{"test", "-c", "-ldflags", "-s -w", "-overlay", overlay, "-o", binary}
	if h.overlay != "" {
		args = append(args, "-tags", "steady")
	}
	build := exec.CommandContext(ctx, "go", append(args, "./simulation")...)
	build.Dir = h.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Sprintf("does not compile: %v\n%s", err, out), false
	}
	out, err := exec.CommandContext(ctx, binary, "-test.run", "^TestSeeds$", "-test.timeout", "0", "-simulation.jobs", "1",
		"-simulation.seeds", strconv.Itoa(h.seeds), "-simulation.brief").CombinedOutput()
	if err == nil {
		return fmt.Sprintf("SURVIVED %d seeds", h.seeds), false
	}
	v := verdict.FindSubmatch(out)
	if v == nil {
		return fmt.Sprintf("found, but not by a judge: %v\n%.2000s", err, out), false
	}
	text = fmt.Sprintf("seed %4s: %.110s", v[1], v[2])
	if h.overlay == "" || h.again == 0 {
		return text, true
	}
	out, err = exec.CommandContext(ctx, binary, "-test.run", "^TestRunsRepeat$", "-test.timeout", "0", "-simulation.jobs", "1",
		"-simulation.first", string(v[1]), "-simulation.repeated", "1", "-simulation.times", strconv.Itoa(h.again)).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s\nDOES NOT REPEAT: %v\n%.2000s", text, err, out), false
	}
	return text, true
}
