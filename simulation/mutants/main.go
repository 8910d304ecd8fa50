package main

import (
	"bufio"
	"bytes"
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
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root, err := moduleRoot(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
	if !hunt(ctx, root, mutants[min(*from, len(mutants)):], *seeds, *jobs, *only) {
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

// hunt tries every mutant and reports whether all were found.
func hunt(ctx context.Context, root string, mutants []Mutant, seeds, jobs int, only string) bool {
	began := time.Now()
	slots := make(chan struct{}, jobs)
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
			text, ok := m.try(ctx, root, seeds)
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

// try compiles the mutant and runs seeds until one finds it.
func (m Mutant) try(ctx context.Context, root string, seeds int) (text string, found bool) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return err.Error(), false
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(root, dir)
	if err != nil {
		return err.Error(), false
	}
	binary := filepath.Join(dir, "simulation.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags", "-s -w", "-overlay", overlay, "-o", binary, "./simulation")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Sprintf("does not compile: %v\n%s", err, out), false
	}
	run := exec.CommandContext(ctx, binary, "-test.run", "^TestSeeds$", "-test.timeout", "0", "-simulation.jobs", "1",
		"-simulation.first", "1", "-simulation.seeds", strconv.Itoa(seeds), "-simulation.brief")
	out, err := run.CombinedOutput()
	if err == nil {
		return fmt.Sprintf("SURVIVED %d seeds", seeds), false
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if v := verdict.FindStringSubmatch(lines.Text()); v != nil {
			return fmt.Sprintf("seed %4s: %.110s", v[1], v[2]), true
		}
	}
	return fmt.Sprintf("found, but not by a judge: %v\n%s", err, out[:min(len(out), 2000)]), false
}
