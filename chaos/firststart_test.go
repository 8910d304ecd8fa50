package chaos_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"presenced/trial"
)

// TestKillDuringTheFirstStart kills daemons while they make their store, the log
// and the table. The next one has to come up with whatever there is.
func TestKillDuringTheFirstStart(t *testing.T) {
	t.Parallel()
	rng := dice(t)
	for range *kills {
		n := frozenTenant(t, 20)
		var a trial.Account
		first := n.start(t)
		<-time.After(trial.Between(rng, 0, 150*time.Millisecond))
		first.kill()
		a.Die(n.Served())
		second := n.start(t)
		second.awaitSweeps(1)
		second.stop()
		a.Close(n.Served())
		s := read(t, n.store)
		wantClean(t, a.Compare(s.Entries), &a, s.Entries)
		wantOneSnapshotEach(t, s.Entries, n.UserIDs(), n.UserIDs())
	}
}

// TestStreamsHalfMade is the rarest of those deaths, made certain: between the two
// files by which the NATS server knows a stream. It takes none up at any later
// start unless it is made again, and must then still have its messages.
func TestStreamsHalfMade(t *testing.T) {
	t.Parallel()
	n := frozenTenant(t, 20)
	first := n.start(t)
	first.await("the streams", func() bool { _, ok := first.journal.Said("owning the tenant"); return ok })
	first.kill()
	sums, err := filepath.Glob(filepath.Join(n.store, "jetstream", "*", "streams", "*", "meta.sum"))
	if err != nil || len(sums) != 2 {
		t.Fatalf("checksums of the log and the table: found %q, %v", sums, err)
	}
	for _, path := range sums {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	second := n.start(t)
	second.awaitSweeps(1)
	second.kill()
	third := n.start(t)
	third.awaitSweeps(1)
	third.stop()
	wantOneSnapshotEach(t, read(t, n.store).Entries, n.UserIDs(), n.UserIDs())
}
