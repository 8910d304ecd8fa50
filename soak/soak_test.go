package soak_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"presenced/audit"
	"presenced/presence"
	"presenced/trial"
)

var length = flag.Duration("soak.for", 10*time.Second, "how long the daemon lives")

// patience is how long anything here may take before it counts as stuck.
const patience = time.Minute

// binary is the program as users get it. TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(trial.Main(func(dir string) int {
		binary = filepath.Join(dir, "presenced")
		return m.Run()
	}, trial.Presenced))
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
	var a trial.Account
	a.Close(w.sim.Served())
	r := a.Compare(entries)
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

// wait lets real time pass: that is what a soak is.
func (w *world) wait(d time.Duration) {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-w.Ended:
		w.t.Fatalf("the daemon ended: %v\n%s", w.ProcessState, w.stderr.text())
	}
}
