package soak_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/presence"
)

var length = flag.Duration("soak.for", 10*time.Second, "how long the daemon lives")

// patience is how long anything here may take before it counts as stuck.
const patience = time.Minute

// binary is the program as users get it. TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(build(m.Run))
}

func build(run func() int) int {
	dir, err := os.MkdirTemp("", "presenced-soak-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := lookAtSources(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "presenced")
	if out, err := exec.Command("go", "build", "-o", binary, "presenced/cmd/presenced").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build presenced: %v\n%s", err, out)
		return 1
	}
	return run()
}

// lookAtSources reads the module's directories, so that go test sees what this test
// depends on and does not report the result of an older program.
func lookAtSources() error {
	return filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
}

// span is a stretch of real time.
type span struct{ from, to time.Time }

// TestSoak is not parallel, because it measures.
func TestSoak(t *testing.T) {
	w := newWorld(t)
	w.awaitSweeps(2)
	var samples []sample
	var outages []span
	end := time.Now().Add(*length)
	period := min(*length/2, time.Minute) // of NATS going and coming, and of Graph failing in between
	for time.Now().Before(end) {
		w.wait(period / 4)
		samples = append(samples, w.sample())
		down := time.Now()
		w.stopNATS()
		w.wait(min(period/4, 15*time.Second))
		w.startNATS()
		w.await("NATS is connected", func() bool { return w.metric("presenced_nats_connected") == 1 })
		outages = append(outages, span{down, time.Now()})
		w.awaitSweeps(w.swept() + 1)
		w.inject(period / 4)
		w.wait(period / 4)
		w.awaitSweeps(w.swept() + 2)
		samples = append(samples, w.sample())
	}
	w.stop()

	wantFlat(t, samples)
	entries := w.log()
	wantNewestOnly(t, entries, outages)
	r := audit.Compare(w.served(), entries, audit.Rule{UnknownAfter: 3})
	if r.Missing+r.Duplicates+r.Invented+r.Broken+r.Lost > 0 || r.Changes == 0 || w.sim.Stats().MaxInWindow > 1500 {
		t.Errorf("%d missing, %d duplicates, %d invented, %d broken revisions, %d lost of %d changes; at most %d requests in 30 s",
			r.Missing, r.Duplicates, r.Invented, r.Broken, r.Lost, r.Served, w.sim.Stats().MaxInWindow)
	}
	t.Logf("%v, %d outages: %d changes served, %d change events, 0 missing, doubled, invented; at most %d requests in 30 s",
		length, len(outages), r.Served, r.Changes, w.sim.Stats().MaxInWindow)
}

// wantNewestOnly checks that of what was seen while NATS was away, nobody has more
// than one event: nothing is queued.
func wantNewestOnly(t *testing.T, entries []audit.Entry, outages []span) {
	t.Helper()
	for _, o := range outages {
		count := make(map[presence.UserID]int)
		for _, e := range entries {
			if at := e.Event.Observed.At; at.After(o.from) && at.Before(o.to) && e.Stored.After(o.from) {
				count[e.Event.User]++
			}
		}
		for user, n := range count {
			if n > 1 {
				t.Errorf("%d observations of user %s were held while NATS was away, want the newest at most", n, user)
			}
		}
	}
}

func (w *world) served() map[presence.UserID][]audit.Run {
	served := make(map[presence.UserID][]audit.Run)
	for id, runs := range w.sim.Served() {
		for _, r := range runs {
			served[presence.UserID(id)] = append(served[presence.UserID(id)], auditRun(r))
		}
	}
	return served
}

func auditRun(r graphsim.Run) audit.Run {
	return audit.Run{
		Presence: presence.Presence{Availability: presence.Canonical(r.Availability), Activity: presence.Canonical(r.Activity)},
		Since:    r.Since, First: r.First, Last: r.Last, Times: r.Times,
	}
}

// wait lets real time pass: that is what a soak is.
func (w *world) wait(d time.Duration) {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-w.ended:
		w.t.Fatalf("the daemon ended: %v\n%s", w.cmd.ProcessState, w.stderr.text())
	}
}
