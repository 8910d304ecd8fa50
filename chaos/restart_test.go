package chaos_test

import (
	"testing"
	"time"
)

// TestRestartIsQuick is not parallel, because it measures: how long 10,000 users
// are out of sight when their daemon dies.
func TestRestartIsQuick(t *testing.T) {
	n := frozenTenant(t, 10_000)
	first := n.start(t)
	first.awaitSweeps(1)
	first.kill()

	second := n.start(t)
	second.awaitSweeps(1)
	took := time.Since(second.Started)
	own, _ := second.journal.Said("owning the tenant")
	t.Logf("10,000 users, from exec: owning the tenant after %v, all answers compared after %v",
		own.At.Sub(second.Started).Round(time.Millisecond), took.Round(time.Millisecond))
	if took > time.Minute { // the figure is what it prints
		t.Errorf("restart took %v, want a minute at the most", took)
	}
	second.awaitSweeps(3)
	second.stop()
	wantOneSnapshotEach(t, read(t, n.store).Entries, n.UserIDs(), n.UserIDs())
}
