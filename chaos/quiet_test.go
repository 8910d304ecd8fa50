package chaos_test

import (
	"testing"
	"time"
)

// TestQuietSweepWritesNothing watches 10,000 users who do not change: however
// often they are asked for, the log gets the owner's heartbeat and nothing else.
func TestQuietSweepWritesNothing(t *testing.T) {
	t.Parallel()
	n := frozenTenant(t, 10_000)
	first := n.start(t)
	first.awaitSweeps(1)
	first.stop()
	before := read(t, n.store)

	second := n.start(t)
	second.awaitSweeps(7)
	second.stop()
	lived := time.Since(second.Started)
	after := read(t, n.store)

	if len(before.Entries) != 10_000 || len(after.Public) != len(before.Public) {
		t.Errorf("%d messages for consumers, %d before: want as many, and one for each of 10,000 users (%d)", len(after.Public), len(before.Public), len(before.Entries))
	}
	grown := after.last - before.last
	heartbeats := uint64(lived / (3 * time.Second))
	if grown < 2 || grown > 2+heartbeats {
		t.Errorf("the log grew by %d messages in %v, want one to acquire, one to release and %d heartbeats at most", grown, lived, heartbeats)
	}
	t.Logf("10,000 quiet users, %d sweeps in %v: %d messages, all of them the owner's", second.front.answers()/n.chunks(), lived.Round(time.Millisecond), grown)
}
